"""The View of all peers, whose rows are read in groups: of peers, or of transactions or blocks.

Owns how results of groups are joined. Knows neither metrics nor files. Used by metrics and rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol, TypeVar

import pandas as pd

from monerotraffic.tables.part_metrics import PartMetric, joined
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["Groups", "PopulationView"]


T = TypeVar("T")


_PEERS = ("peer", "source", "next_peer", "fluff_peer")
"""Columns of addresses in the results of metrics."""


class Groups(Protocol):
    """The rows of vantage nodes in groups of peers, or in groups of transactions or blocks. All
    peers of a site are in one group.
    """

    def map(
        self, function: Callable[[View], T], tables: Sequence[str] | None = None
    ) -> Iterable[T]:
        """The result of the function for the View of each group, with these tables (all if None),
        in the same order in every call.
        """

    def map_contents(self, function: Callable[[View], T], table: str, column: str) -> Iterable[T]:
        """The result of the function for the View of each group of values of a column of a table
        (`transactions`, `blocks`), with that table and the connections and messages of its rows.
        """

    def of_vantage(self, name: str) -> Groups:
        """The groups of one of several vantage nodes."""


class _Collected(NamedTuple):
    """What is computed for one group."""

    pieces: list[pd.DataFrame]
    """The result of each metric."""
    sure: list[pd.DataFrame] | None
    """The same for the evidence; None if that is the View itself."""
    heard: int
    visited: Any


class PopulationView(View):
    """A View of all peers that holds connections, files and problems only. Metrics that can be
    computed in parts (per_peer, per_content) are computed group by group; other metrics and rules
    use their results. Messages and their contents raise AttributeError.
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
        self._evidence: PopulationView = (
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

    @cached_property
    def by_vantage(self) -> dict[str, View]:
        """By vantage node the View of its peers: this View if there is one node only."""
        return dict(self._parts)

    @cached_property
    def _parts(self) -> dict[str, PopulationView]:
        if len(self.vantages) < 2:
            return dict.fromkeys(self.vantages, self)
        if self._base is not self:
            return {name: part._evidence for name, part in self._base._parts.items()}
        return {
            name: PopulationView(self.traffic, self._groups.of_vantage(name), name)
            for name in self.vantages
        }

    def compute(self, metric: PartMetric) -> pd.DataFrame:
        """The result of a metric, by reading all groups."""
        if metric.content is None:
            self._base.collect([metric], tables=metric.tables)
            return self.results[metric.key]
        work = partial(_of_contents, population=self, metric=metric)
        pieces = self._groups.map_contents(work, *metric.content)
        return _joined([self._placed(piece) for piece in pieces], metric)

    def collect(
        self,
        metrics: Sequence[PartMetric],
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
            for name in _PEERS
            if name in piece and isinstance(piece[name].dtype, pd.CategoricalDtype)
        ]
        return piece.assign(**{name: piece[name].astype(dtype) for name in names})


def _of_group(
    view: View,
    population: PopulationView,
    metrics: Sequence[PartMetric],
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


def _of_contents(view: View, population: PopulationView, metric: PartMetric) -> pd.DataFrame:
    """The result of a metric for one group of transactions or blocks."""
    part = View(view.traffic, population.accepted_only, view.vantage)
    part.population = population
    return metric.compute(part)


def _result(view: View, metric: PartMetric) -> pd.DataFrame:
    if metric.key not in view.results:
        view.results[metric.key] = metric.compute(view)
    return view.results[metric.key]


def _joined(pieces: Sequence[pd.DataFrame], metric: PartMetric) -> pd.DataFrame:
    """All pieces as one frame, in the order of the metric."""
    if not pieces:
        raise ValueError("there is no group of peers")
    frame = joined(pieces)
    if not metric.order:
        return frame
    return frame.sort_values(list(metric.order), kind="stable", ignore_index=True)
