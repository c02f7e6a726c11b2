"""What a hand-made case is: capture files and the values that reading them must give, written down
by hand.

A case function is decorated with `@case`, builds its files and returns `Expect`. Only the columns
that are named are looked at; a table that is not
named is not looked at. Labels (`id=`, `reply=`) stand for message ids, whose numbers depend on the
order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

HOST = "198.51.100.10"  # the vantage node of nearly all cases: the server of Wire.talk()
ANY = object()  # a column that must be there, whatever its value


@dataclass
class Expect:
    """Files (name → content) and what reading them must give."""

    files: Mapping[str, bytes]
    # all of them: complete ones in the order in which they became whole, the others anywhere
    messages: Sequence[Row] | None = None
    # False: complete messages in any order, where it hangs on when a hole is given up
    ordered: bool = True
    connections: Sequence[Row] | None = None  # in order of appearance
    peer_lists: Sequence[Row] | None = None
    node_data: Sequence[Row] | None = None
    sync_data: Sequence[Row] | None = None
    transactions: Sequence[Row] | None = None
    blocks: Sequence[Row] | None = None
    inventories: Sequence[Row] | None = None
    fields: Sequence[Row] | None = None  # only with options={"tables": mt.TABLES}
    # the complete messages in that order, whatever else there is
    complete: Sequence[Row] | None = None
    problems: Sequence[Row] | None = None  # exactly these, in any order
    # kind of problem → sum of its bytes; no other kind occurs
    totals: Mapping[str, int] | None = None
    some_problems: Sequence[Row] = ()  # these at least
    file_rows: Sequence[Row] | None = None
    error: str | None = None  # CaptureError whose text matches this pattern
    # the one CaptureWarning matches this pattern; None: there is no warning; "": no matter
    warning: str | None = None
    # bytes of the Levin buckets around joined messages, beyond 33 + length of these
    envelopes: int = 0
    host: str | None = HOST
    inferred: bool = False  # do not pass host=
    # what to hand to read(), relative to the folder of the files; default: all files in that order
    read: Sequence[str] | str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # further arguments of read()
    stdin: str | None = None  # the file to feed through standard input
    check: Callable[[Any], None] | None = None  # anything else, given the Traffic


@dataclass(frozen=True)
class Case:
    name: str
    group: str
    build: Callable[[], Expect]


CASES: list[Case] = []


def case(build: Callable[[], Expect]) -> Callable[[], Expect]:
    """Registers a case under its function's name, grouped by its module."""
    CASES.append(Case(build.__name__, build.__module__.rsplit(".", 1)[-1], build))
    return build


def cases(
    table: Mapping[str, Any] | Sequence[Any],
) -> Callable[[Callable[..., Expect]], Callable[..., Expect]]:
    """Registers one case per row of a table: {suffix: arguments} or a sequence of values that name
    themselves.
    """
    rows = table if isinstance(table, Mapping) else {str(value): value for value in table}

    def register(build: Callable[..., Expect]) -> Callable[..., Expect]:
        for suffix, arguments in rows.items():
            given = arguments if isinstance(arguments, tuple) else (arguments,)

            def bound(given: tuple[Any, ...] = given) -> Expect:
                return build(*given)

            CASES.append(
                Case(f"{build.__name__}[{suffix}]", build.__module__.rsplit(".", 1)[-1], bound)
            )
        return build

    return register


def message(command: int, kind: str | None = None, status: str = "complete", **columns: Any) -> Row:
    """A row of messages. `id` labels it, `reply` is the label of the request it answers (None:
    answers nothing).
    """
    row: Row = {"command": command, "status": status, **columns}
    if kind is not None:
        row["kind"] = kind
    return row


def request(command: int, **columns: Any) -> Row:
    return message(
        command,
        "request",
        **{"levin_flags": 1, "expects_response": True, "return_code": 0, "reply": None, **columns},
    )


def response(command: int, **columns: Any) -> Row:
    return message(
        command,
        "response",
        **{"levin_flags": 2, "expects_response": False, "return_code": 1, **columns},
    )


def notification(command: int, **columns: Any) -> Row:
    return message(
        command,
        "notification",
        **{"levin_flags": 1, "expects_response": False, "return_code": 0, "reply": None, **columns},
    )


def pair(first: int = 4, label: str = "ping", **columns: object) -> list[Row]:
    """A ping in that frame and its pong in the next."""
    return [
        request(1003, frame=first, id=label, **columns),
        response(1003, frame=first + 1, reply=label, **columns),
    ]


def problem(kind: str, size: int | None = None, **columns: Any) -> Row:
    row: Row = {"kind": kind, **columns}
    if size is not None:
        row["bytes"] = size
    return row
