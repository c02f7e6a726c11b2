"""Evidence of the commands that apply rules: captures in memory, or a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from monerotraffic.cli.output import captured, opened
from monerotraffic.tables.traffic import Traffic

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = ["Evidence", "evidence"]


class Evidence(NamedTuple):
    """What the rules are applied to, and what is reported of it."""

    traffic: Traffic
    """All of it; of a data set connections, problems and files only."""
    source: Traffic | Dataset

    def of_peer(self, address: str) -> Traffic:
        """The rows of one peer; of captures all rows."""
        if isinstance(self.source, Traffic):
            return self.source
        return self.source.of_peer(address)


def evidence(options: argparse.Namespace) -> Evidence:
    """Captures, read as by `captured`, or a data set, whose rows are read as they are needed."""
    dataset = opened(options)
    if dataset is None:
        traffic = captured(options)
        return Evidence(traffic, traffic)
    return Evidence(dataset.traffic(("connections", "problems", "files")), dataset)
