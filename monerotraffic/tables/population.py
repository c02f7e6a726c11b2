"""The View of all peers of a vantage node, whose rows are read in groups of peers.

Owns how results of groups are joined. Knows neither metrics nor files. Used by rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import PeerMetric, View

__all__ = ["Groups", "PopulationView"]


T = TypeVar("T")


class Groups(Protocol):
    """The peers of a vantage node in groups. All peers of a site are in one group."""

    def map(
        self, function: Callable[[View], T], tables: Sequence[str] | None = None
    ) -> Iterable[T]:
        """The result of the function for the View of each group, with these tables (all if None),
        in the same order in every call.
        """


class _Collected(NamedTuple):
    """What is computed for one group."""

    pieces: list[pd.DataFrame]
    """The result of each metric."""
    sure: list[pd.DataFrame] | None
    """The same for the evidence; None if that is the View itself."""
    heard: int
    visited: Any


class PopulationView(View):
    """A View of all peers that holds connections, files and problems only. Metrics whose rows
    depend on one peer each are computed group by group; metrics and rules that compare peers use
    their results. Messages and their contents raise AttributeError.
    """

    def __init__(
        self,
        traffic: Traffic,
        groups: Groups,
        vantage: str | None = None,
        accepted_only: bool = False,
    ) -> None:
        super().__init__(traffic, accepted_only, vantage)
        self._groups = groups
        self._heard = 0
        self._differs = False
        self._evidence = (
            self if accepted_only else PopulationView(traffic, groups, vantage, accepted_only=True)
        )
        self._base: PopulationView = self
        self._evidence._base = self

    @property
    def evidence(self) -> View:
        """The View with accepted messages only; itself if that makes no difference. Known after
        `collect`.
        """
        return self._evidence if self._differs else self

    @property
    def heard(self) -> int:
        """The number of peers with accepted messages. Known after `collect`."""
        return self._base._heard

    def compute(self, metric: PeerMetric) -> pd.DataFrame:
        """The result of a metric, by reading all groups."""
        self._base.collect([metric])
        return self.results[metric.key]

    def collect(
        self,
        metrics: Sequence[PeerMetric],
        visit: Callable[[View], T] | None = None,
        tables: Sequence[str] | None = None,
    ) -> list[T]:
        """Reads all groups once: computes these metrics, which the View then has, and returns the
        result of `visit` for the View of each group.
        """
        work = partial(_of_group, population=self, metrics=metrics, visit=visit)
        collected = [
            one._replace(
                pieces=[self._placed(piece) for piece in one.pieces],
                sure=None if one.sure is None else [self._placed(piece) for piece in one.sure],
            )
            for one in self._groups.map(work, tables)
        ]
        self._heard = sum(one.heard for one in collected)
        self._differs |= any(one.sure is not None for one in collected)
        for number, metric in enumerate(metrics):
            self.results[metric.key] = _joined([one.pieces[number] for one in collected], metric)
            self._evidence.results[metric.key] = _joined(
                [(one.sure or one.pieces)[number] for one in collected], metric
            )
        return [one.visited for one in collected]

    def _placed(self, piece: pd.DataFrame) -> pd.DataFrame:
        """A piece whose columns of addresses have the categories of all peers."""
        dtype = self.connections["peer"].dtype
        names = [
            name
            for name in ("peer",)
            if name in piece and isinstance(piece[name].dtype, pd.CategoricalDtype)
        ]
        return piece.assign(**{name: piece[name].astype(dtype) for name in names})


def _of_group(
    view: View,
    population: PopulationView,
    metrics: Sequence[PeerMetric],
    visit: Callable[[View], Any] | None,
) -> _Collected:
    """What is collected of one group."""
    evidence = view.evidence
    view.population = population
    sure = None
    if evidence is not view:
        evidence.population = population._evidence
        sure = [_result(evidence, metric) for metric in metrics]
    pieces = [_result(view, metric) for metric in metrics]
    return _Collected(pieces, sure, view.heard, None if visit is None else visit(view))


def _result(view: View, metric: PeerMetric) -> pd.DataFrame:
    if metric.key not in view.results:
        view.results[metric.key] = metric.compute(view)
    return view.results[metric.key]


def _joined(pieces: Sequence[pd.DataFrame], metric: PeerMetric) -> pd.DataFrame:
    """All pieces as one frame, in the order of the metric."""
    filled = [piece for piece in pieces if len(piece)] or list(pieces[:1])
    if not filled:
        raise ValueError("there is no group of peers")
    columns: dict[str, Any] = {}
    for name in filled[0].columns:
        values = [piece[name] for piece in filled]
        if isinstance(values[0].dtype, pd.CategoricalDtype):
            columns[name] = pd.api.types.union_categoricals(
                [value.array for value in values], ignore_order=True
            )
        else:
            columns[name] = pd.concat(values, ignore_index=True).array
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = filled[0].attrs
    if not metric.order:
        return frame
    return frame.sort_values(list(metric.order), kind="stable", ignore_index=True)
