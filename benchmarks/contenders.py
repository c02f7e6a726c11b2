"""Who runs: each is a command of its own, which prints one JSON object or nothing that matters."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PLAIN_FIELDS = ("frame.number", "frame.time_epoch", "ip.src", "ip.dst", "tcp.segment.count", "tcp.len", "tcp.srcport", "tcp.dstport")
_MONERO_FIELDS = (
    "monero.command",
    "monero.flags",
    *(f"monero.payload.item.{name}" for name in ("key", "type", "value.uint64", "value.uint32", "value.uint16", "value.uint8", "value.string")),
)


class Unavailable(Exception):
    """Cannot run here; the text says why."""


@dataclass(frozen=True)
class Contender:
    key: str
    title: str
    command: tuple[str, ...]
    slow: bool = False  # runs in the first rounds only
    packets: int | None = None  # reads no more than this many packets; its time is scaled to the whole file
    checked: bool = True  # prints the packets it saw


def build(source: str, folder: Path, *libraries: str) -> Path:
    """Compiles one of the C programs beside this file with the system's compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Unavailable("no C compiler found (cc, gcc or clang)")
    program = folder / Path(source).stem
    command = [*compiler.split(), "-std=c11", "-O2", "-o", str(program), str(_HERE / source), *(f"-l{library}" for library in libraries)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Unavailable(f"{source} cannot be compiled:\n{result.stderr.strip()}")
    return program


def environment() -> dict[str, str]:
    """What processes of ours need to find this package, wherever one stands. Their own path stays before it."""
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join((*((path,) if path else ()), str(_HERE.parent)))}


def _python(*arguments: str) -> tuple[str, ...]:
    """-P: the working directory is not searched for modules."""
    return (sys.executable, "-P", *arguments)


def _loop(capture: str, folder: Path, packets: int) -> Contender:
    return Contender("libpcap", "bare libpcap loop", (str(build("pcap_loop.c", folder, "pcap")), capture))


def _ours(key: str, title: str, tables: str) -> Callable[[str, Path, int], Contender]:
    def make(capture: str, folder: Path, packets: int) -> Contender:
        result = subprocess.run(_python("-c", "import monerotraffic"), capture_output=True, text=True, check=False, env=environment())
        if result.returncode:
            raise Unavailable(f"monerotraffic cannot be imported: {result.stderr.strip().splitlines()[-1]}")
        return Contender(key, title, _python("-m", "benchmarks.ours", capture, tables))

    return make


def _dpkt(capture: str, folder: Path, packets: int) -> Contender:
    if importlib.util.find_spec("dpkt") is None:
        raise Unavailable("dpkt is not installed")
    return Contender("dpkt", "dpkt, headers only", _python("-m", "benchmarks.dpkt_loop", capture), slow=True)


def _tshark(capture: str, folder: Path, packets: int) -> Contender:
    """The first pass of the published pipeline. Before Wireshark 4.4 there is no Monero dissector: then the TCP fields alone."""
    program = shutil.which("tshark")
    if not program:
        raise Unavailable("tshark is not installed")
    known = subprocess.run([program, "-G", "fields"], capture_output=True, text=True, check=False).stdout
    dissects = "\tmonero.payload.item.key\t" in known
    fields = _PLAIN_FIELDS + _MONERO_FIELDS if dissects else _PLAIN_FIELDS
    # no -o monero.desegment: it is the default
    command = [program, "-n", "-r", capture, "-c", str(packets), "-Y", "monero" if dissects else "tcp", "-T", "fields"]
    for field in fields:
        command += ("-e", field)
    title = "tshark, pipeline's fields" if dissects else "tshark, no Monero dissector"
    return Contender("tshark", title, tuple(command), slow=True, packets=packets, checked=False)


_MAKERS: dict[str, Callable[[str, Path, int], Contender]] = {
    "libpcap": _loop,
    "all": _ours("all", "all tables", "all"),
    "peer_lists": _ours("peer_lists", "peer lists only", "peer_lists"),
    "messages": _ours("messages", "messages only", "messages"),
    "dpkt": _dpkt,
    "tshark": _tshark,
}

KEYS = tuple(_MAKERS)
DEFAULT = tuple(key for key in KEYS if key != "tshark")


def make(key: str, capture: str, folder: Path, packets: int) -> Contender:
    """`folder` for what is compiled; `packets`: how many tshark reads. Raises Unavailable."""
    return _MAKERS[key](capture, folder, packets)
