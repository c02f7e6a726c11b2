"""Compares what two versions of the package make of captures: all tables, findings and verdicts.

    PYTHONPATH=OLD_TREE python tools/compare_results.py dump before captures/
    PYTHONPATH=NEW_TREE python tools/compare_results.py dump after captures/
    python tools/compare_results.py compare before after

`dump` uses the interface that all versions share, so the same script serves both. It reads every
capture file below the arguments by itself, and the files of each folder named `--together` as one
capture. `compare` maps renamed tables, columns and values (tools/renamed_results.json), prints the
figures and the first differences, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import PRESETS, find_anomalies, verdicts

RENAMED = Path(__file__).with_name("renamed_results.json")
SHOWN = 5
"""Differences printed of one column or table."""
MAGICS = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
    b"\x28\xb5\x2f\xfd",  # zstd
)

Names = Mapping[str, Mapping[str, Any]]


# ---------------------------------------------------------------- dump


def captures(path: Path) -> list[Path]:
    """The file itself, or the captures anywhere below a folder."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and is_capture(file))


def is_capture(path: Path) -> bool:
    """Whether the file begins as captures do, without the help of a version of the package."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return file.read(4) in MAGICS
    except (OSError, EOFError):
        return False


def cells(column: pd.Series[Any]) -> list[str]:
    """Canonical text of a column. `-` is a missing value, text is JSON, times are nanoseconds."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        values: list[Any] = column.dt.as_unit("ns").astype("int64").tolist()
    elif column.dtype.kind == "m":
        values = column.dt.as_unit("ns").astype("int64").tolist()
    else:
        values = column.tolist()
    missing = column.isna().tolist()
    return ["-" if none else cell(value) for value, none in zip(values, missing, strict=True)]


def cell(value: Any) -> str:
    if isinstance(value, bytes):
        return "x" + value.hex()
    if isinstance(value, float):
        return format(value, ".12g")  # sums of floats depend on the order
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(cell(part) for part in value) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, pd.Timestamp | pd.Timedelta):
        return str(value.value)
    return str(value)


def write(path: Path, frame: pd.DataFrame) -> None:
    """A line of column names and a line per row, separated by tabs, gzipped."""
    columns = [cells(frame[name]) for name in frame.columns]
    rows = zip(*columns, strict=True)
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.write("\t".join(map(str, frame.columns)) + "\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


def dump_capture(files: list[Path], target: Path) -> None:
    """Tables of one capture, findings and verdicts of each preset, or the error."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", mt.CaptureWarning)
            traffic = mt.read([str(path) for path in files], tables=mt.TABLES)
    except mt.CaptureError as error:
        write(target / "error.tsv.gz", pd.DataFrame({"error": [str(error)]}))
        return
    for name in mt.TABLES:
        write(target / f"{name}.tsv.gz", getattr(traffic, name))
    write(target / "accounting.tsv.gz", traffic.accounting().reset_index())
    for preset in PRESETS:
        findings = find_anomalies(traffic, preset)
        write(target / f"findings-{preset}.tsv.gz", findings)
        write(target / f"verdicts-{preset}.tsv.gz", verdicts(findings))


def dump(folder: Path, sources: Iterable[Path], together: Iterable[Path]) -> int:
    count = 0
    for source in sources:
        for path in captures(source):
            dump_capture([path], folder / str(path.resolve()).strip("/").replace("/", "~"))
            count += 1
    for source in together:
        files = [path for path in sorted(source.iterdir()) if path.is_file() and is_capture(path)]
        dump_capture(files, folder / (str(source.resolve()).strip("/").replace("/", "~") + "~all"))
        count += 1
    print(f"{count} captures")
    return int(count == 0)


# ---------------------------------------------------------------- compare


@dataclass
class Report:
    """Counts of what was compared, and the differences by table and column."""

    counts: Counter[str] = field(default_factory=Counter)
    differing: dict[str, list[str]] = field(default_factory=dict)

    def differ(self, what: str, text: str) -> None:
        self.differing.setdefault(what, []).append(text)


def load(path: Path) -> dict[str, list[str]]:
    """Columns of a dumped table."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        names = file.readline().rstrip("\n").split("\t")
        rows = [line.rstrip("\n").split("\t") for line in file]
    turned: Iterable[Iterable[str]] = zip(*rows, strict=True) if rows else [[] for _ in names]
    return {name: list(column) for name, column in zip(names, turned, strict=True)}


def renamed(table: str, columns: Mapping[str, list[str]], names: Names) -> dict[str, list[str]]:
    """Columns and values by the names of the new version, also those of a version between the two
    that has some of the new names.
    """
    kind, kept = table.partition("-")[0], {}
    for name, values in columns.items():
        after = names.get("columns", {}).get(f"{kind}.{name}", name)
        values_after = names.get("values", {}).get(f"{kind}.{after}", {})
        texts = {json.dumps(old): json.dumps(text) for old, text in values_after.items()}
        kept[after] = [texts.get(value, value) for value in values]
    return kept


def compare_table(
    where: str, table: str, old: dict[str, list[str]], new: dict[str, list[str]], report: Report
) -> None:
    rows, after = (len(next(iter(columns.values()), [])) for columns in (old, new))
    report.counts["tables"] += 1
    report.counts["rows"] += rows
    for name in sorted(old.keys() - new.keys()):
        report.differ(f"{table}.{name}", f"{where}: the column is gone")
    for name in sorted(new.keys() - old.keys()):
        report.counts[f"new column {table}.{name}"] += 1
    if rows != after:
        report.differ(table, f"{where}: {rows} rows before, {after} after")
        return
    for name in old.keys() & new.keys():
        report.counts["cells"] += rows
        if old[name] != new[name]:
            pairs = zip(old[name], new[name], strict=True)
            rows_differing = [(at, *pair) for at, pair in enumerate(pairs) if pair[0] != pair[1]]
            at, before, now = rows_differing[0]
            text = f"{len(rows_differing)} of {rows} rows, row {at}: {before} → {now}"
            report.differ(f"{table}.{name}", f"{where}: {text}")


def dumped(folder: Path) -> Iterator[tuple[str, str]]:
    """Capture and table of all files of a dump."""
    for path in sorted(folder.glob("*/*.tsv.gz")):
        yield path.parent.name, path.name.removesuffix(".tsv.gz")


def compare(before: Path, after: Path, names: Names) -> int:
    report = Report()
    old, new = set(dumped(before)), set(dumped(after))
    tables = names.get("tables", {})
    report.counts["captures"] = len({capture for capture, _ in old & new})
    for capture, table in sorted(old):
        new_table = tables.get(table, table)
        if (capture, new_table) not in new:
            report.differ(table, f"{capture}: the table is gone")
            continue
        new.discard((capture, new_table))
        left = load(before / capture / f"{table}.tsv.gz")
        right = load(after / capture / f"{new_table}.tsv.gz")
        left, right = (renamed(new_table, columns, names) for columns in (left, right))
        compare_table(capture, new_table, left, right, report)
    for capture, table in sorted(new):
        report.differ(table, f"{capture}: the table is new")
    return show(report)


def show(report: Report) -> int:
    for name, count in sorted(report.counts.items()):
        print(f"{count:>12,} {name}")
    for name, texts in sorted(report.differing.items()):
        print(f"\n{name} differs in {len(texts)} captures")
        for text in texts[:SHOWN]:
            print(f"  {text}")
    print(f"\n{len(report.differing)} tables or columns differ")
    return int(bool(report.differing))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("dump", help="write the tables of captures to a folder")
    making.add_argument("folder", type=Path)
    making.add_argument("sources", type=Path, nargs="*", help="capture files, folders of them")
    making.add_argument("--together", type=Path, nargs="+", default=[], help="read as one capture")
    comparing = commands.add_parser("compare", help="compare two folders written by dump")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--map", type=Path, default=RENAMED, help="renamed tables, columns, …")
    options = parser.parse_args()
    if options.command == "dump":
        return dump(options.folder, options.sources, options.together)
    return compare(options.before, options.after, json.loads(options.map.read_text()))


if __name__ == "__main__":
    sys.exit(main())
