"""The View of all peers, whose rows are read in groups: of peers, or of transactions or blocks.

Owns how results of groups are joined. Knows neither metrics nor files. Used by metrics and rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol, TypeVar

import pandas as pd

from monerotraffic.tables.part_metrics import PartMetric
from monerotraffic.tables.pieces import Pieces, pieces_of
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

    def of_peer(self, peer: str) -> View:
        """The View of one peer."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that were decoded."""


class _Collected(NamedTuple):
    """What is computed for one group."""

    pieces: list[pd.DataFrame]
    """The result of each metric."""
    planned: list[pd.DataFrame]
    """The result of each metric that was planned: for the View itself only."""
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
        self._planned: list[PartMetric] = []
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
        pieces = Pieces(metric)
        for piece in self._groups.map_contents(work, *metric.content):
            pieces.add(self._placed(piece))
        return pieces.result()

    def collect(
        self,
        metrics: Sequence[PartMetric],
        visit: Callable[[View], T] | None = None,
        tables: Sequence[str] | None = None,
    ) -> list[T]:
        """Reads all groups once: computes these metrics, which the View then has, and returns the
        result of `visit` for the View of each group.
        """
        planned = [] if tables is not None else self._left_to_do(metrics)
        work = partial(_of_group, population=self, metrics=metrics, planned=planned, visit=visit)
        base, sure, more = pieces_of(metrics), None, pieces_of(planned)
        self._heard, visited = 0, []
        for number, one in enumerate(self._groups.map(work, tables)):
            if one.sure is not None and sure is None:
                sure = [pieces.copy() for pieces in base] if number else pieces_of(metrics)
            self._add(base, one.pieces)
            self._add(more, one.planned)
            if sure is not None:
                self._add(sure, one.pieces if one.sure is None else one.sure)
            self._heard += one.heard
            visited.append(one.visited)
        self._differs |= sure is not None
        for metric, pieces in zip([*metrics, *planned], [*base, *more], strict=True):
            self.results[metric.key] = pieces.result()
        for place, metric in enumerate(metrics):
            self._evidence.results[metric.key] = (
                self.results[metric.key] if sure is None else sure[place].result()
            )
        return visited

    def _add(self, collected: Sequence[Pieces], pieces: Sequence[pd.DataFrame]) -> None:
        for one, piece in zip(collected, pieces, strict=True):
            one.add(self._placed(piece))

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that were decoded."""
        return self._groups.tables

    def plan(self, metrics: Sequence[PartMetric]) -> None:
        """Says which metrics will be asked for: the next pass over all tables computes them too."""
        self._base._planned += metrics

    def _left_to_do(self, metrics: Sequence[PartMetric]) -> list[PartMetric]:
        """The planned metrics that neither exist nor are computed anyway."""
        done = {*self.results, *(metric.key for metric in metrics)}
        planned = {metric.key: metric for metric in self._planned if metric.key not in done}
        return list(planned.values())

    def of_peer(self, peer: str) -> View:
        """The View of one peer, whose rows are in memory."""
        return self._groups.of_peer(peer)

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
    planned: Sequence[PartMetric],
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
    more = [_result(view, metric) for metric in planned]
    return _Collected(pieces, more, sure, view.heard, None if visit is None else visit(view))


def _of_contents(view: View, population: PopulationView, metric: PartMetric) -> pd.DataFrame:
    """The result of a metric for one group of transactions or blocks."""
    part = View(view.traffic, population.accepted_only, view.vantage)
    part.population = population
    return metric.compute(part)


def _result(view: View, metric: PartMetric) -> pd.DataFrame:
    if metric.key not in view.results:
        view.results[metric.key] = metric.compute(view)
    return view.results[metric.key]
