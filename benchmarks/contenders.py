"""The contenders. Each is a command of its own, which prints one JSON object or output that is
ignored.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_CORE = _HERE.parent / "csrc"
_PLAIN_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "tcp.segment.count",
    "tcp.len",
    "tcp.srcport",
    "tcp.dstport",
)
_MONERO_FIELDS = (
    "monero.command",
    "monero.flags",
    *(
        f"monero.payload.item.{name}"
        for name in (
            "key",
            "type",
            "value.uint64",
            "value.uint32",
            "value.uint16",
            "value.uint8",
            "value.string",
        )
    ),
)


class Unavailable(Exception):
    """The contender cannot run on this machine; the text states the reason."""


@dataclass(frozen=True)
class Contender:
    key: str
    title: str
    command: tuple[str, ...]
    slow: bool = False  # runs in the first rounds only
    # reads no more than this many packets; its time is scaled to the whole file
    packets: int | None = None
    reports: bool = True  # prints a JSON object
    # key and title of the time of its main part: within_seconds, within_cpu
    within: tuple[str, str] | None = None


@dataclass(frozen=True)
class Task:
    """The inputs of a run."""

    capture: str
    folder: Path  # for what is compiled
    tshark_packets: int
    blobs: str | None  # the file of the capture's distinct blobs, as generate writes it


def build(source: str, folder: Path, *options: str) -> Path:
    """Compiles one of the C programs in this folder with the compiler of the system. `options`:
    additional sources and libraries.
    """
    compiler = (
        os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    )
    if not compiler:
        raise Unavailable("no C compiler found (cc, gcc or clang)")
    program = folder / Path(source).stem
    command = [
        *compiler.split(),
        "-std=c11",
        "-O2",
        "-o",
        str(program),
        str(_HERE / source),
        *options,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Unavailable(f"{source} cannot be compiled:\n{result.stderr.strip()}")
    return program


def environment() -> dict[str, str]:
    """The environment in which processes find this package, wherever it is installed. Their own
    path has priority.
    """
    path = os.environ.get("PYTHONPATH")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join((*((path,) if path else ()), str(_HERE.parent)))
    }


def _python(*arguments: str) -> tuple[str, ...]:
    """-P: the working directory is not searched for modules."""
    return (sys.executable, "-P", *arguments)


def _loop(task: Task) -> Contender:
    return Contender(
        "libpcap",
        "bare libpcap loop",
        (str(build("pcap_loop.c", task.folder, "-lpcap")), task.capture),
    )


def _keccak(task: Task) -> Contender:
    """Compiled with the options of the package, because a slower program would make the difference
    look better.
    """
    if task.blobs is None:
        raise Unavailable("requires the file that `generate --blobs` writes, given by --blobs")
    program = build(
        "keccak_pass.c", task.folder, "-O3", f"-I{_CORE}", str(_CORE / "chain" / "keccak.c")
    )
    return Contender(
        "keccak",
        "one Keccak pass, distinct blobs",
        (str(program), task.blobs),
        within=("hash", "the hashing alone"),
    )


def _ours(key: str, title: str, tables: str) -> Callable[[Task], Contender]:
    def make(task: Task) -> Contender:
        result = subprocess.run(
            _python("-c", "import monerotraffic"),
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        if result.returncode:
            raise Unavailable(
                f"monerotraffic cannot be imported: {result.stderr.strip().splitlines()[-1]}"
            )
        return Contender(
            key,
            title,
            _python("-m", "benchmarks.ours", task.capture, tables),
            within=("read", "within read()"),
        )

    return make


def _dpkt(task: Task) -> Contender:
    if importlib.util.find_spec("dpkt") is None:
        raise Unavailable("dpkt is not installed")
    return Contender(
        "dpkt", "dpkt, headers only", _python("-m", "benchmarks.dpkt_loop", task.capture), slow=True
    )


def _tshark(task: Task) -> Contender:
    """The first pass of the published pipeline. Wireshark before 4.4 has no Monero dissector; then
    only the TCP fields are requested.
    """
    program = shutil.which("tshark")
    if not program:
        raise Unavailable("tshark is not installed")
    known = subprocess.run(
        [program, "-G", "fields"], capture_output=True, text=True, check=False
    ).stdout
    dissects = "\tmonero.payload.item.key\t" in known
    fields = _PLAIN_FIELDS + _MONERO_FIELDS if dissects else _PLAIN_FIELDS
    # no -o monero.desegment: it is the default
    command = [
        program,
        "-n",
        "-r",
        task.capture,
        "-c",
        str(task.tshark_packets),
        "-Y",
        "monero" if dissects else "tcp",
        "-T",
        "fields",
    ]
    for field in fields:
        command += ("-e", field)
    title = "tshark, pipeline's fields" if dissects else "tshark, no Monero dissector"
    return Contender(
        "tshark", title, tuple(command), slow=True, packets=task.tshark_packets, reports=False
    )


_MAKERS: dict[str, Callable[[Task], Contender]] = {
    "libpcap": _loop,
    "all": _ours("all", "all tables", "all"),
    "keccak": _keccak,
    "without_blobs": _ours(
        "without_blobs", "without transactions and blocks", "-transactions,blocks,inventories"
    ),
    "peer_lists": _ours("peer_lists", "peer lists only", "peer_lists"),
    "messages": _ours("messages", "messages only", "messages"),
    "dpkt": _dpkt,
    "tshark": _tshark,
}

KEYS = tuple(_MAKERS)
DEFAULT = tuple(key for key in KEYS if key != "tshark")


def make(key: str, task: Task) -> Contender:
    """Raises Unavailable."""
    return _MAKERS[key](task)
