"""Runs the hand-made cases of `cases/`: writes the files of each, reads them, and holds the tables
against what the case expects.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from cases import CASES, Case, Expect
from cases._case import ANY, Row

TABLES = (
    "connections",
    "peer_lists",
    "node_data",
    "sync_data",
    "transactions",
    "blocks",
    "inventories",
    "fields",
)
# problems that account for bytes of streams
IN_STREAMS = (
    "unframed",
    "truncated",
    "gap",
    "snapped",
    "oversize",
    "malformed",
    "not_levin",
    "proxy_prefix",
    "tls",
    "out_of_window",
    "after_end",
    "bad_checksum",
)


def plain(value: Any) -> Any:
    """A cell of a DataFrame as a plain Python value: nanoseconds for times, None for whatever is
    missing.
    """
    name = type(value).__name__
    if name in ("NoneType", "NAType", "NaTType"):
        return None
    if name in ("Timestamp", "Timedelta"):
        return int(value.value)
    if isinstance(value, float) and value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def rows(frame: Any, wanted: Sequence[Row]) -> list[Row]:
    """The rows of a DataFrame, in the columns that the expected rows name and those needed to tell
    them apart.
    """
    names = {
        name
        for row in wanted
        for name in row
        if name not in ("id", "reply") or name in frame.columns
    } | ({"message", "reply_to", "status", "command"} & set(frame.columns))
    names.discard("reply")
    missing = names - set(frame.columns)
    assert not missing, f"no such columns: {sorted(missing)}"
    columns = {name: [plain(value) for value in frame[name].tolist()] for name in names}
    return [{name: column[i] for name, column in columns.items()} for i in range(len(frame))]


def agrees(row: Row, wanted: Row, skip: tuple[str, ...] = ()) -> bool:
    return all(
        row[name] == value and isinstance(row[name], bool) == isinstance(value, bool)
        for name, value in wanted.items()
        if name not in skip and value is not ANY
    )


def compare(what: str, got: list[Row], wanted: Sequence[Row], skip: tuple[str, ...] = ()) -> None:
    """Row by row."""
    differences = [
        f"row {i}: {name} is {a[name]!r}, expected {b[name]!r}"
        for i, (a, b) in enumerate(zip(got, wanted, strict=False))
        for name in b
        if not agrees(a, {name: b[name]}, skip)
    ]
    assert len(got) == len(wanted) and not differences, "\n".join(
        [
            f"{what}: {len(got)} rows, expected {len(wanted)}",
            *differences,
            "got:",
            *map(str, got[:30]),
        ]
    )


def find(what: str, got: list[Row], wanted: Sequence[Row], exactly: bool) -> list[Row]:
    """A distinct row for each expected one, in any order; `exactly`: and no row more. Returns them
    in the order of `wanted`.
    """
    left = list(got)
    cases = []
    for row in wanted:
        match = next(
            (candidate for candidate in left if agrees(candidate, row, ("id", "reply"))), None
        )
        assert match is not None, "\n".join([f"{what}: no row {row}", "got:", *map(str, got[:30])])
        left.remove(match)
        cases.append(match)
    assert not (exactly and left), "\n".join(
        [f"{what}: rows that nothing expects:", *map(str, left[:30])]
    )
    return cases


def compare_messages(frame: Any, wanted: Sequence[Row], ordered: bool) -> None:
    """Complete messages in order, the others anywhere; then the pairing of requests and responses
    through the labels.
    """
    got = rows(frame, wanted)
    complete = [row for row in got if row["status"] == "complete"]
    expected = [row for row in wanted if row["status"] == "complete"]
    if ordered:
        compare("complete messages", complete, expected, ("id", "reply"))
    else:
        complete = find("complete messages", complete, expected, True)
    others = [row for row in got if row["status"] != "complete"]
    broken = [row for row in wanted if row["status"] != "complete"]
    pairs = list(zip(complete, expected, strict=True)) + list(
        zip(find("messages not complete", others, broken, True), broken, strict=True)
    )
    ids = {row["id"]: match["message"] for match, row in pairs if "id" in row}
    for match, row in pairs:
        if "reply" in row and row["reply"] is not ANY:
            answer = -1 if row["reply"] is None else ids[row["reply"]]
            assert match["reply_to"] == answer, (
                f"reply_to of {match} should be {row['reply']!r} = {answer}"
            )


def check_accounts(traffic: Any, envelopes: int) -> None:
    """What holds for every capture: no byte is dropped in silence, and the counts agree with the
    rows.
    """
    arrays = traffic.arrays
    connections, files = arrays["connections"], arrays["files"]
    complete = traffic.messages[traffic.messages["status"] == "complete"]
    lost = undecoded = 0
    for kind, size in zip(
        traffic.problems["kind"].tolist(), traffic.problems["bytes"].tolist(), strict=True
    ):
        if kind == "lost":
            lost += size
        elif kind in IN_STREAMS:
            undecoded += size
    seen = int(connections["client_bytes"].sum() + connections["server_bytes"].sum())
    decoded = 33 * len(complete) + sum(complete["length"].tolist()) + envelopes
    assert seen == decoded + undecoded, (
        f"{seen} bytes seen, {decoded} decoded, {undecoded} in problems"
    )
    assert int(connections["client_lost"].sum() + connections["server_lost"].sum()) == lost, (
        "lost bytes of connections and of problems"
    )
    assert arrays["messages"]["message"].tolist() == list(range(len(arrays["messages"])))
    assert connections["connection"].tolist() == list(range(len(connections)))
    assert int(connections["client_messages"].sum() + connections["server_messages"].sum()) == len(
        arrays["messages"]
    )
    assert (files["packets"] == files["tcp_packets"] + files["skipped_packets"]).all()


def piped(path: Path, expect: Expect) -> Any:
    """Reads "-" while a thread writes the file into a pipe that stands in for standard input."""
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as pipe, contextlib.suppress(BrokenPipeError):
            pipe.write(path.read_bytes())

    saved = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    thread = threading.Thread(target=feed)
    thread.start()
    try:
        return mt.read("-", **arguments(expect))
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        thread.join()


def arguments(expect: Expect) -> dict[str, Any]:
    return {**({} if expect.inferred else {"host": expect.host}), **expect.options}


def inputs(folder: Path, expect: Expect) -> Any:
    """What to hand to read()."""
    if isinstance(expect.read, str):
        return str(folder / expect.read)
    names = list(expect.files) if expect.read is None else expect.read
    return str(folder / names[0]) if len(names) == 1 else [str(folder / name) for name in names]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}-{case.name}")
def test_case(case: Case, tmp_path: Path) -> None:
    expect = case.build()
    for name, content in expect.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    def run() -> Any:
        return (
            piped(tmp_path / expect.stdin, expect)
            if expect.stdin
            else mt.read(inputs(tmp_path, expect), **arguments(expect))
        )

    if expect.error is not None:
        with pytest.raises(mt.CaptureError, match=expect.error):
            run()
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        traffic = run()
    texts = [
        str(warning.message)
        for warning in caught
        if issubclass(warning.category, mt.CaptureWarning)
    ]
    if expect.warning is None:
        assert not texts
    elif expect.warning:
        assert len(texts) == 1, f"one CaptureWarning expected, got {texts}"
        assert re.search(expect.warning, texts[0]), texts
    if expect.messages is not None:
        compare_messages(traffic.messages, expect.messages, expect.ordered)
    if expect.complete is not None:
        compare_messages(
            traffic.messages[traffic.messages["status"] == "complete"],
            expect.complete,
            expect.ordered,
        )
    if expect.totals is not None:
        totals: dict[str, int] = {}
        for kind, size in zip(
            traffic.problems["kind"].tolist(), traffic.problems["bytes"].tolist(), strict=True
        ):
            totals[kind] = totals.get(kind, 0) + size
        assert totals == expect.totals, traffic.problems.to_string()
    for table in TABLES:
        wanted = getattr(expect, table)
        if wanted is not None:
            compare(table, rows(getattr(traffic, table), wanted), wanted)
    if expect.file_rows is not None:
        compare("files", rows(traffic.files, expect.file_rows), expect.file_rows)
    if expect.problems is not None:
        find(
            "problems",
            rows(
                traffic.problems,
                expect.problems
                or [{"kind": 0, "bytes": 0, "connection": 0, "frame": 0, "detail": 0}],
            ),
            expect.problems,
            True,
        )
    find("problems", rows(traffic.problems, expect.some_problems), expect.some_problems, False)
    if expect.check is not None:
        expect.check(traffic)
    check_accounts(traffic, expect.envelopes)
