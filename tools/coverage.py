"""Line coverage of csrc by file, from gcovr's summary: python tools/coverage.py SUMMARY.json.

Fails if a file of a layer that parses hostile input is below what SECURITY.md promises.
"""

import json
import sys
from pathlib import Path

PROMISED = 95.0
LAYERS = ("net", "tcp", "levin", "epee", "p2p", "chain")  # layers that parse hostile input


def _line(layer: str, name: str, covered: int, total: int) -> str:
    return f"{layer:8} {name:18} {covered:5} of {total:5} lines  {100 * covered / total:6.1f} %"


def main(path: Path) -> int:
    files = {
        Path(file["filename"]): file
        for file in json.loads(path.read_text())["files"]
        if file["filename"].endswith(".c")
    }
    low = [
        name
        for name, file in files.items()
        if name.parent.name in LAYERS and file["line_percent"] <= PROMISED
    ]
    for name, file in sorted(files.items()):
        print(
            _line(name.parent.name, name.stem, file["line_covered"], file["line_total"]),
            "< promised" if name in low else "",
        )
    print(
        _line(
            "",
            "all",
            *(sum(file[key] for file in files.values()) for key in ("line_covered", "line_total")),
        )
    )
    missing = sorted(set(LAYERS) - {name.parent.name for name in files})
    if missing:
        print(f"not measured: {', '.join(missing)}", file=sys.stderr)
    return 1 if low or missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
