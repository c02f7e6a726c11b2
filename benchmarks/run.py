"""Runs contenders in rounds A B C, each a process of its own on one core, and summarizes the
results.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender, Task, Unavailable, build, environment, make

_LOOP, _ALL, _KECCAK = "libpcap", "all", "keccak"


class BenchmarkError(Exception):
    """A contender failed, or read another capture than the others."""


@dataclass(frozen=True)
class Sample:
    """One run of one contender."""

    round: int
    # by the clock, start of the process to its end; scaled to the whole file if only a part was
    # read
    seconds: float
    cpu: float
    peak: int  # bytes resident
    report: dict[str, Any] = field(default_factory=dict)  # what the process said of itself

    @property
    def within(self) -> "Sample":
        """The main part, as measured by the process."""
        return replace(self, seconds=self.report["within_seconds"], cpu=self.report["within_cpu"])

    def less(self, other: "Sample") -> "Sample":
        """The difference to another process of the same round."""
        return replace(self, seconds=self.seconds - other.seconds, cpu=self.cpu - other.cpu)


@dataclass(frozen=True)
class Summary:
    """A line of the table, with one time and ratio per round."""

    key: str
    title: str
    seconds: tuple[float, ...]  # by the clock
    cpu: tuple[float, ...]  # of the processor: what a busy machine does not change
    loop: tuple[Sample, ...]  # the bare loop of the same rounds
    bytes: int  # gone through: those of the file, or of the blobs
    peak: int | None = None
    peak_before: int | None = None
    table_bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        ratios = [mine / loop.seconds for mine, loop in zip(self.seconds, self.loop, strict=True)]
        cpu_ratios = [
            mine / loop.cpu for mine, loop in zip(self.cpu, self.loop, strict=True) if loop.cpu
        ]
        return {
            "key": self.key,
            "title": self.title,
            "runs": len(self.seconds),
            "seconds_min": min(self.seconds),
            "seconds_median": statistics.median(self.seconds),
            "cpu_min": min(self.cpu),
            # a difference may be none
            "megabytes_per_second": self.bytes / min(self.seconds) / 1e6
            if min(self.seconds) > 0
            else None,
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "cpu_ratio_median": statistics.median(cpu_ratios) if cpu_ratios else None,
            "peak_bytes": self.peak,
            "peak_before_read_bytes": self.peak_before,
            "table_bytes": self.table_bytes,
        }


class Bench:
    """Runs contenders over one capture."""

    def __init__(self, capture: Path, folder: Path, core: int) -> None:
        """`folder` for what is compiled and other small files."""
        self._capture = capture
        self._folder = folder
        self._core = core
        self._measure = build("measure.c", folder)
        self._packets = 0
        self.samples: dict[str, list[Sample]] = {}

    def once(self, contender: Contender, round_: int) -> Sample:
        """One process, from start to end."""
        result = self._folder / "result.json"
        output, errors = self._folder / "output", self._folder / "errors"
        command = [str(self._measure), str(self._core), str(result), *contender.command]
        with output.open("wb") as out, errors.open("wb") as err:
            ran = subprocess.run(
                command,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                check=False,
                env=environment(),
            )
        text = errors.read_text(errors="replace").strip()
        if ran.returncode:
            raise BenchmarkError(f"{contender.title} could not be measured: {text}")
        measured = json.loads(result.read_text())
        if measured["status"]:
            raise BenchmarkError(
                f"{contender.title} failed (status {measured['status']}): {text or 'no message'}"
            )
        report = json.loads(output.read_text()) if contender.reports else {}
        if "packets" in report:
            self._packets = self._packets or report["packets"]
            if report["packets"] != self._packets:
                raise BenchmarkError(
                    f"{contender.title} saw {report['packets']} packets, others {self._packets}"
                )
        scale = 1.0 if contender.packets is None else max(1.0, self._packets / contender.packets)
        return Sample(
            round_,
            measured["seconds"] * scale,
            (measured["user"] + measured["system"]) * scale,
            measured["peak"],
            report,
        )

    def rounds(
        self,
        contenders: Sequence[Contender],
        runs: int,
        slow_runs: int,
        report: Callable[[str], None],
    ) -> None:
        """Runs one round that does not count (of the fast contenders), so that capture and programs
        are in the page cache, and then the others.
        """
        for contender in contenders:
            if not contender.slow:
                report(f"warm-up: {contender.title}")
                self.once(contender, -1)
        for round_ in range(runs):
            for contender in contenders:
                if contender.slow and round_ >= slow_runs:
                    continue
                report(f"round {round_ + 1} of {runs}: {contender.title}")
                self.samples.setdefault(contender.key, []).append(self.once(contender, round_))

    def summaries(self, contenders: Sequence[Contender]) -> list[Summary]:
        """The whole process of each contender, and its main part if it measured one; after the
        Keccak pass, all tables without its time.
        """
        lines: list[Summary] = []
        for contender in contenders:
            samples = self.samples[contender.key]
            last = samples[-1].report
            lines.append(
                replace(
                    self._line(contender.key, contender.title, samples),
                    peak=max(sample.peak for sample in samples),
                    peak_before=last.get("peak_before"),
                    table_bytes=last.get("table_bytes"),
                )
            )
            if contender.within:
                key, title = contender.within
                lines.append(
                    self._line(
                        f"{contender.key}:{key}",
                        f"  {title}",
                        [sample.within for sample in samples],
                    )
                )
            if contender.key == _KECCAK and _ALL in self.samples:
                lines += self._without_keccak()
        return lines

    def _line(self, key: str, title: str, samples: Sequence[Sample]) -> Summary:
        """The samples with the libpcap loop of the same rounds."""
        loops = {sample.round: sample for sample in self.samples[_LOOP]}
        size = samples[-1].report.get("blob_bytes", self._capture.stat().st_size)
        seconds, cpu = (
            tuple(sample.seconds for sample in samples),
            tuple(sample.cpu for sample in samples),
        )
        return Summary(
            key, title, seconds, cpu, tuple(loops[sample.round] for sample in samples), size
        )

    def _without_keccak(self) -> list[Summary]:
        """The time of all tables without the minimum of hashing, of which only the hashing itself
        counts, not the process.
        """
        hashing = [sample.within for sample in self.samples[_KECCAK]]
        whole = self.samples[_ALL]
        within = [sample.within for sample in whole]
        return [
            self._line(
                "all-keccak",
                "all tables − the hashing alone",
                list(map(Sample.less, whole, hashing)),
            ),
            self._line(
                "all-keccak:read", "  within read()", list(map(Sample.less, within, hashing))
            ),
        ]

    @property
    def packets(self) -> int:
        return self._packets


def run(
    capture: Path,
    blobs: Path | None,
    keys: Sequence[str],
    runs: int,
    slow_runs: int,
    tshark_packets: int,
    core: int | None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Builds, runs and summarizes. Contenders that cannot run, such as the Keccak pass without the
    file of blobs, are skipped with a message. Raises BenchmarkError, and Unavailable if the libpcap
    loop cannot run.
    """
    if core is None:
        core = max(os.sched_getaffinity(0))
    missing: dict[str, str] = {}
    contenders: list[Contender] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        bench = Bench(capture, folder, core)
        task = Task(str(capture), folder, tshark_packets, str(blobs) if blobs else None)
        for key in dict.fromkeys((_LOOP, *keys)):
            try:
                contenders.append(make(key, task))
            except Unavailable as error:
                if key == _LOOP:
                    raise
                missing[key] = str(error)
        bench.rounds(contenders, runs, slow_runs, report)
    summaries = bench.summaries(contenders)
    return {
        "capture": {
            "name": capture.name,
            "bytes": capture.stat().st_size,
            "packets": bench.packets,
        },
        "machine": machine(core),
        "left_out": missing,
        "summary": [line.as_json() for line in summaries],
        "samples": {
            key: [
                {
                    "round": s.round,
                    "seconds": s.seconds,
                    "cpu": s.cpu,
                    "peak": s.peak,
                    "report": s.report,
                }
                for s in samples
            ]
            for key, samples in bench.samples.items()
        },
        "tshark_packets": tshark_packets if "tshark" in bench.samples else None,
    }


def machine(core: int) -> dict[str, Any]:
    """The machine of the measurement."""
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            model = next(
                (line.split(":", 1)[1].strip() for line in file if line.startswith("model name")),
                "",
            )
    except OSError:
        pass
    return {
        "processor": model or platform.machine(),
        "core": core,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
    }


def _megabytes(number: int | None) -> str:
    return "" if number is None else f"{number / 1e6:.1f}"


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    capture, host = result["capture"], result["machine"]
    head = (
        "",
        "runs",
        "s min",
        "s median",
        "MB/s",
        "× loop",
        "min to max",
        "cpu s",
        "× loop cpu",
        "peak MB",
        "tables MB",
        "peak − tables",
        "before read",
    )
    rows = [head]
    for line in result["summary"]:
        beyond = None if line["table_bytes"] is None else line["peak_bytes"] - line["table_bytes"]
        rows.append((
            line["title"],
            str(line["runs"]),
            f"{line['seconds_min']:.3f}",
            f"{line['seconds_median']:.3f}",
            "" if line["megabytes_per_second"] is None else f"{line['megabytes_per_second']:.1f}",
            f"{line['ratio_median']:.2f}",
            f"{line['ratio_min']:.2f} to {line['ratio_max']:.2f}",
            f"{line['cpu_min']:.3f}",
            "" if line["cpu_ratio_median"] is None else f"{line['cpu_ratio_median']:.2f}",
            _megabytes(line["peak_bytes"]),
            _megabytes(line["table_bytes"]),
            _megabytes(beyond),
            _megabytes(line["peak_before_read_bytes"]),
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    text = [
        f"{capture['name']}: {capture['bytes'] / 1e6:.1f} MB, {capture['packets']:,} packets.",
        f"One core (number {host['core']}) of {host['processor']}, Python {host['python']}.",
        "",
    ]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        text.append("  ".join(cells).rstrip())
    if result["tshark_packets"]:
        text += (
            "",
            (
                f"tshark read the first {min(result['tshark_packets'], capture['packets']):,} "
                "packets; its time is scaled to all of them."
            ),
        )
    text += (f"left out: {key}: {why}" for key, why in result["left_out"].items())
    return "\n".join(text)
