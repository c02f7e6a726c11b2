"""Line coverage of csrc by file, out of gcovr's summary: python tools/coverage.py SUMMARY.json.

Fails where a file that parses what an adversary sends falls below what SECURITY.md promises.
"""

import json
import sys
from pathlib import Path

PROMISED = 95.0
ROOMS = {
    "tcp": ("tcp", "connection", "reassembly"),
    "levin": ("levin", "header", "carry", "assembly", "dialog"),
    "epee": ("epee", "epee_value", "fields"),
    "p2p": (
        "command",
        "shape",
        "section",
        "p2p",
        "p2p_peers",
        "p2p_notify",
        "p2p_blobs",
        "complaints",
    ),
    "blobs": ("blob", "transaction", "block", "tree_hash", "keccak", "digest", "known"),
}


def _line(room: str, name: str, covered: int, total: int) -> str:
    return f"{room:6} {name:18} {covered:5} of {total:5} lines  {100 * covered / total:6.1f} %"


def main(path: Path) -> int:
    files = {
        Path(file["filename"]).stem: file
        for file in json.loads(path.read_text())["files"]
        if file["filename"].endswith(".c")
    }
    room_of = {name: room for room, names in ROOMS.items() for name in names}
    missing = sorted(set(room_of) - set(files))
    low = [name for name in room_of if name in files and files[name]["line_percent"] <= PROMISED]
    for name, file in sorted(files.items(), key=lambda item: (room_of.get(item[0], "~"), item[0])):
        print(
            _line(room_of.get(name, ""), name, file["line_covered"], file["line_total"]),
            "< promised" if name in low else "",
        )
    print(
        _line(
            "",
            "all",
            *(sum(file[key] for file in files.values()) for key in ("line_covered", "line_total")),
        )
    )
    if missing:
        print(f"not measured: {', '.join(missing)}", file=sys.stderr)
    return 1 if low or missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
