"""Measures the commands on captures of growing size, and on a data set of the size of the published
study: `python -m benchmarks scale`.

Owns which commands are measured and how. Each command is a process of its own; its memory is that
of the process, as the kernel counted it. The generator is a process too, and is not measured.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.generate import Setting, generate_ring
from benchmarks.run import BenchmarkError
from benchmarks.shares import Shares

__all__ = ["COMMANDS", "PAPER", "measure", "measure_paper", "table"]

COMMANDS = ("read", "findings", "banlist", "summary", "report", "decode")

PAPER = Shares(
    messages=3_370_000,
    full_lists=140_000,
    peers=150,
    lifetime=7_200,
    repeating=0.2,
    single=1,
    smallest=1,
    segment=60_000,
)
"""A vantage-day of the published study: a tenth of 33.7 million messages and of 1.4 million peer
lists of 250. The capture has receive offload, as on a host, which makes it 7 GB instead of 12.
"""
_COUNTED = ("messages", "peer_lists_of_250", "peer_list_entries")
_NODES = 5
"""Vantage nodes of the study."""

_SCAN = """
import sys
import monerotraffic
for part in monerotraffic.scan(sys.argv[1:], rows=500_000):
    pass
"""
_OWN = [sys.executable, "-m", "monerotraffic"]


class Usage(NamedTuple):
    """What a process needed."""

    seconds: float
    cpu: float
    """Processor seconds, user and system."""
    peak: int
    """Bytes of memory."""
    load: float
    """Load average of the machine at its end."""


def measure(
    sizes: Sequence[int], folder: Path, commands: Sequence[str], report: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Generates a ring of captures of the largest size in a folder and runs each command on its
    first files, of each size in turn. Returns a row for each size and command.
    """
    largest = max(sizes)
    file_bytes = max(1, min(largest // 12, min(sizes)))
    report(f"generating {largest / 1e6:,.0f} MB in files of {file_bytes / 1e6:,.0f} MB")
    ring = folder / "ring"
    ring.mkdir()
    _generate(ring / "node.pcapng", largest, file_bytes, Setting())
    rows = []
    for size in sizes:
        files = _first_files(sorted(ring.iterdir()), size)
        for command in commands:
            report(f"{size / 1e6:,.0f} MB: {command}")
            output = folder / "output"
            usage = _run(_arguments(command, files, output))
            rows.append({"command": command, "bytes": _bytes(files), **usage._asdict()})
            shutil.rmtree(output, ignore_errors=True)
    return rows


def measure_paper(
    folder: Path,
    report: Callable[[str], None],
    vantage_days: int = 10,
    size: int | None = None,
    shares: Shares = PAPER,
    dataset: Path | None = None,
) -> list[dict[str, Any]]:
    """Generates so many vantage-days (of `size` bytes each; whole days if None), decodes each into
    one data set and deletes its captures, then applies the rules to the data set and writes the
    report. Returns a row for each step. `dataset` is the folder of the data set, if it is kept.
    """
    rows = []
    dataset, captures = dataset or folder / "traffic", folder / "captures"
    for number in range(vantage_days):
        day, node = divmod(number, _NODES)
        report(f"vantage-day {number + 1} of {vantage_days}: generating")
        captures.mkdir()
        setting = Setting(number + 1, shares, day=day, node=node)
        manifest = _generate(captures / "node.pcapng", size, 500_000_000, setting)
        report(f"vantage-day {number + 1} of {vantage_days}: decode")
        source = ["--node", f"node{node}={captures}", "-o", os.fspath(dataset)]
        usage = _run([*_OWN, "decode", *source])
        counts = {name: manifest[name] for name in _COUNTED}
        rows.append(
            {"command": "decode", "bytes": manifest["file_bytes"], **counts, **usage._asdict()}
        )
        shutil.rmtree(captures)
    whole = {name: sum(row[name] for row in rows) for name in ("bytes", *_COUNTED)}
    for command in ("findings", "report"):
        report(f"{command} of the data set")
        usage = _run(_arguments(command, [dataset], folder / "output"))
        rows.append({"command": command, **whole, **usage._asdict()})
    return rows


def _generate(path: Path, size: int | None, file_bytes: int, setting: Setting) -> dict[str, Any]:
    """Generates a ring in a process of its own, whose memory does not count for later processes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(generate_ring, (path, size, file_bytes, setting))


def _first_files(files: Sequence[Path], size: int) -> list[Path]:
    """As many of the files as are needed for a size."""
    chosen: list[Path] = []
    for file in files:
        if _bytes(chosen) >= size:
            break
        chosen.append(file)
    return chosen


def _bytes(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _arguments(command: str, captures: Sequence[Path], output: Path) -> list[str]:
    paths = [os.fspath(path) for path in captures]
    if command == "read":
        return [sys.executable, "-c", _SCAN, *paths]
    written = ["-o", os.fspath(output)] if command in ("report", "decode") else ["--json"]
    return [*_OWN, command, *paths, *written]


def _run(arguments: Sequence[str]) -> Usage:
    """Runs a process to its end. Raises BenchmarkError if it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines() or ["no message"]
        raise BenchmarkError(f"{' '.join(arguments[:4])} failed: {lines[-1]}")
    return Usage(
        time.perf_counter() - begin,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
        os.getloadavg()[0],
    )


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| captures | command | seconds | processor seconds | peak memory | load |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    return "\n".join([*lines, *_lines(rows)])


def _lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield (
            f"| {row['bytes'] / 1e9:.2f} GB | {row['command']} | {row['seconds']:.0f} "
            f"| {row['cpu']:.0f} | {row['peak'] / 1e6:.0f} MB | {row['load']:.0f} |"
        )
