"""Several Traffics as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from monerotraffic.net.vantage import Node
from monerotraffic.tables.coded_lists import CodedLists
from monerotraffic.tables.interning import CodeMap, Names
from monerotraffic.tables.renumbering import ID_FIELDS, shift_ids, translate_codes
from monerotraffic.tables.traffic import Traffic

__all__ = ["concat"]


def concat(traffics: Iterable[Traffic]) -> Traffic:
    """Returns the rows of several Traffics as one, in their order.

    Ids of connections, messages and files continue from one Traffic to the next. Vantage nodes of
    the same name are one node; a node without a name is named by its addresses if others have
    names. Parts of one scan keep their ids: all of them together are the result of read.

    All must have the same tables. Raises ValueError if they do not, for an empty argument, and if a
    part of a scan is given twice or together with another Traffic; TypeError for anything else.

        >>> import monerotraffic as mt
        >>> honest, spies = mt.read("tests/data/honest"), mt.read("tests/data/spies")
        >>> both = mt.concat([honest, spies])
        >>> len(both.messages) == len(honest.messages) + len(spies.messages)
        True
    """
    parts = list(traffics)
    _check(parts)
    if len({id(part.names.run) for part in parts}) == 1:
        return _of_one_run(parts)
    names = Names()
    bases = dict.fromkeys(("connections", "messages", "files"), 0)
    nodes: list[Node] = []
    pieces: list[dict[str, Any]] = []
    for part in parts:
        pieces.append(_renumbered(part, names, bases))
        used = _used(part)
        nodes += [
            node._replace(
                first=node.first + bases["connections"],
                end=min(node.end, used["connections"]) + bases["connections"],
            )
            for node in part.nodes
        ]
        bases = {kind: base + used[kind] for kind, base in bases.items()}
    arrays = {table: _joined([piece[table] for piece in pieces]) for table in pieces[0]}
    return Traffic(arrays, names.view(), _named(nodes), _limits(parts))


def _check(parts: Sequence[Traffic]) -> None:
    if not parts:
        raise ValueError("there is no Traffic to join")
    for part in parts:
        if not isinstance(part, Traffic):
            raise TypeError(f"{type(part).__name__} is not a Traffic")
        if set(part.stored) != set(parts[0].stored):
            differing = ", ".join(sorted(set(part.stored) ^ set(parts[0].stored)))
            raise ValueError(f"not all have the same tables: {differing}")
    runs = Counter(id(part.names.run) for part in parts)
    if len(runs) > 1 and max(runs.values()) > 1:
        raise ValueError("several parts of one scan cannot be joined with another Traffic")


def _of_one_run(parts: Sequence[Traffic]) -> Traffic:
    """Parts of one scan. Connections are in the part in which they ended: in read, by id."""
    if len(parts) == 1:
        return parts[0]
    arrays = {table: _joined([part.stored[table] for part in parts]) for table in parts[0].stored}
    for table, key in (("connections", "connection"), ("messages", "message")):
        if table in arrays:
            ids = arrays[table][key]
            if len(np.unique(ids)) < len(ids):
                raise ValueError(f"some {table} are in several of the parts")
    arrays["connections"] = arrays["connections"][np.argsort(arrays["connections"]["connection"])]
    last = max(parts, key=lambda part: (part.names.address_count, part.names.string_count))
    return Traffic(arrays, last.names, parts[-1].nodes, _limits(parts))


def _joined(pieces: Sequence[Any]) -> Any:
    """Rows of one table of several Traffics."""
    if isinstance(pieces[0], CodedLists):
        return CodedLists.joined(pieces)
    return np.concatenate(pieces)


def _renumbered(part: Traffic, names: Names, bases: dict[str, int]) -> dict[str, Any]:
    """The rows of a Traffic with the codes of these names and ids from these bases."""
    codes = CodeMap(names)
    codes.learn(part.names.addresses(), part.names.strings())
    piece = {table: rows.copy() for table, rows in part.stored.items()}
    maps = None if codes.identity else codes.maps()
    for table, rows in piece.items():
        shift_ids(rows, bases)
        if maps is not None:
            translate_codes(table, rows, *maps)
    return piece


def _used(part: Traffic) -> dict[str, int]:
    """The number of ids of each kind, one more than the highest."""
    used = dict.fromkeys(("connections", "messages", "files"), 0)
    for rows in part.stored.values():
        if isinstance(rows, CodedLists):
            used["messages"] = max(used["messages"], int(rows.message.max(initial=-1)) + 1)
            continue
        for field, kind in ID_FIELDS.items():
            if field in (rows.dtype.names or ()) and len(rows):
                used[kind] = max(used[kind], int(rows[field].max()) + 1)
    return used


def _named(nodes: Sequence[Node]) -> list[Node]:
    """The nodes; those without a name get one if others have names."""
    if all(node.label is None for node in nodes):
        return list(nodes)
    return [
        node if node.label is not None else node._replace(label=", ".join(node.hosts) or "unknown")
        for node in nodes
    ]


def _limits(parts: Sequence[Traffic]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.limits_reached)
    return dict(total)
