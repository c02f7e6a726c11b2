"""Results of a metric for groups of rows, one after the other, as they become one frame.

Owns what is kept of each group. Used by population.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from monerotraffic.tables.part_metrics import PartMetric, joined
from monerotraffic.tables.spool import Spool

__all__ = ["Pieces", "pieces_of"]


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


def pieces_of(metrics: Iterable[PartMetric]) -> list[Pieces]:
    """For each metric the pieces that its groups will have."""
    return [_SpooledPieces(one) if one.spooled else Pieces(one) for one in metrics]


def _joined(pieces: Sequence[pd.DataFrame], metric: PartMetric) -> pd.DataFrame:
    """All pieces as one frame, in the order of the metric."""
    if not pieces:
        raise ValueError("there is no group of peers")
    frame = joined(pieces)
    if not metric.order:
        return frame
    return frame.sort_values(list(metric.order), kind="stable", ignore_index=True)
