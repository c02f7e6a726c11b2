"""Results of a metric for groups of rows, one after the other, as they become one frame.

Owns what is kept of each group. Used by population.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from monerotraffic.tables.part_metrics import PartMetric, in_order, joined
from monerotraffic.tables.spool import Spool

__all__ = ["Pieces", "pieces_of"]

_WAITING = 1 << 20
"""Rows that wait until rows of equal values become one, in addition to as many as there are."""
_WAITING_TEXTS = 1 << 16
"""The same of metrics with `reduce`, whose rows have texts."""


class Pieces:
    """The results of a metric for groups, which become one frame in the order of the metric."""

    def __init__(self, metric: PartMetric) -> None:
        self._metric = metric
        self._pieces: list[pd.DataFrame] = []

    def add(self, piece: pd.DataFrame) -> None:
        if len(piece) or not self._pieces:
            self._pieces.append(piece)

    def copy(self) -> Pieces:
        other = Pieces(self._metric)
        other._pieces = list(self._pieces)
        return other

    def result(self) -> pd.DataFrame:
        """All pieces; to be called once. Raises ValueError without a group."""
        pieces, self._pieces = self._pieces, []
        return _joined(pieces, self._metric)


class _SpooledPieces(Pieces):
    """The same for a metric that is spooled."""

    def __init__(self, metric: PartMetric) -> None:
        super().__init__(metric)
        self._columns: dict[str, Spool] = {}
        self._codes: dict[str, dict[str, int]] = {}

    def add(self, piece: pd.DataFrame) -> None:
        for name in piece:
            values = piece[name]
            if isinstance(values.dtype, pd.CategoricalDtype):
                known = self._codes.setdefault(str(name), {})
                codes = [known.setdefault(text, len(known)) for text in values.cat.categories]
                table = np.array([*codes, -1], dtype=np.int32)
                numbers = table[values.cat.codes.to_numpy()]
            else:
                numbers = values.to_numpy()
            self._columns.setdefault(str(name), Spool(numbers.dtype)).add(numbers)

    def copy(self) -> _SpooledPieces:
        other = _SpooledPieces(self._metric)
        other._columns = {name: column.copy() for name, column in self._columns.items()}
        other._codes = {name: dict(codes) for name, codes in self._codes.items()}
        return other

    def result(self) -> pd.DataFrame:
        frame = pd.DataFrame(
            {name: column.array() for name, column in self._columns.items()}, copy=False
        )
        frame.attrs = {name: list(codes) for name, codes in self._codes.items()}
        return frame


class _ReducedPieces(Pieces):
    """The same for a metric that is summed or reduced. There are at most about twice as many rows
    in memory as the result has.
    """

    def __init__(self, metric: PartMetric) -> None:
        super().__init__(metric)
        self._kept = 0
        self._rows = 0

    def add(self, piece: pd.DataFrame) -> None:
        super().add(piece)
        self._rows += len(piece)
        if self._rows > self._kept + (_WAITING if self._metric.summed else _WAITING_TEXTS):
            self._pieces = [self._reduced()]
            self._kept = len(self._pieces[0])
            self._rows = 0

    def copy(self) -> _ReducedPieces:
        other = _ReducedPieces(self._metric)
        other._pieces, other._kept, other._rows = list(self._pieces), self._kept, self._rows
        return other

    def _reduced(self) -> pd.DataFrame:
        if self._metric.reduce is not None:
            return self._metric.reduce(_joined(self._pieces, self._metric))
        order = list(self._metric.order)
        frame = joined(self._pieces)
        sums = frame.groupby(order, observed=True, sort=False, dropna=False).sum()
        return sums.reset_index()[list(frame)]

    def result(self) -> pd.DataFrame:
        self._pieces = [self._reduced()] if len(self._pieces) > 1 else self._pieces
        return super().result()


def pieces_of(metrics: Iterable[PartMetric]) -> list[Pieces]:
    """For each metric the pieces that its groups will have."""
    return [_kind(one)(one) for one in metrics]


def _kind(metric: PartMetric) -> type[Pieces]:
    if metric.spooled:
        return _SpooledPieces
    return _ReducedPieces if metric.summed or metric.reduce else Pieces


def _joined(pieces: Sequence[pd.DataFrame], metric: PartMetric) -> pd.DataFrame:
    """All pieces as one frame, in the order of the metric."""
    if not pieces:
        raise ValueError("there is no group of peers")
    frame = joined(pieces)
    if not metric.order:
        return frame
    return in_order(frame, metric.order)
