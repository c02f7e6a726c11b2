"""The View of all peers of a vantage node, whose rows are read in groups of peers.

Owns how results of groups are joined. Knows neither metrics nor files. Used by rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import PeerMetric, View

__all__ = ["Groups", "PopulationView"]


class Groups(Protocol):
    """The peers of a vantage node in groups. All peers of a site are in one group."""

    def views(self, tables: Sequence[str] | None = None) -> Iterator[View]:
        """The View of each group, with these tables (all if None). Can be called again."""


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
        visit: Callable[[View], object] | None = None,
        tables: Sequence[str] | None = None,
    ) -> None:
        """Reads all groups once: computes these metrics, which the View then has, and calls `visit`
        with the View of each group.
        """
        sure = self._evidence
        pieces: dict[object, list[pd.DataFrame]] = {metric.key: [] for metric in metrics}
        sure_pieces: dict[object, list[pd.DataFrame]] = {metric.key: [] for metric in metrics}
        heard = 0
        for view in self._groups.views(tables):
            evidence = view.evidence
            view.population = self
            if evidence is not view:
                evidence.population = sure
                self._differs = True
            heard += view.heard
            for metric in metrics:
                piece = self._placed(_result(view, metric))
                pieces[metric.key].append(piece)
                sure_pieces[metric.key].append(
                    piece if evidence is view else self._placed(_result(evidence, metric))
                )
            if visit is not None:
                visit(view)
        self._heard = heard
        for metric in metrics:
            for population, parts in ((self, pieces), (sure, sure_pieces)):
                population.results[metric.key] = _joined(parts[metric.key], metric)

    def _placed(self, piece: pd.DataFrame) -> pd.DataFrame:
        """A piece whose columns of addresses have the categories of all peers."""
        dtype = self.connections["peer"].dtype
        names = [
            name
            for name in ("peer",)
            if name in piece and isinstance(piece[name].dtype, pd.CategoricalDtype)
        ]
        return piece.assign(**{name: piece[name].astype(dtype) for name in names})


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
