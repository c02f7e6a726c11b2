"""Evidence of the commands that apply rules: captures in memory, captures that are decoded into a
temporary data set because they are large, or a data set.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from monerotraffic.cli.arguments import tunnel_options
from monerotraffic.cli.output import (
    Failed,
    captured,
    complain_about,
    hosts,
    listed,
    opened,
    shows_progress,
)
from monerotraffic.errors import CaptureError, CaptureWarning
from monerotraffic.io.progress import size_of
from monerotraffic.io.reading import scan
from monerotraffic.io.sources import Listing, is_rereadable
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = ["LARGE", "Evidence", "contents", "evidence"]

LARGE = 200_000_000
"""Bytes of captures from which they are not read into memory. They can be compressed."""

_PART = 500_000  # rows


class Evidence(NamedTuple):
    """What the rules are applied to, and what is reported of it."""

    traffic: Traffic
    """All of it; of a data set connections, problems and files only."""
    source: Traffic | Dataset

    def of_peer(self, address: str) -> Traffic:
        """The rows of one peer; of captures in memory all rows."""
        if isinstance(self.source, Traffic):
            return self.source
        return self.source.of_peer(address)

    @property
    def view(self) -> View:
        """The View of all vantage nodes."""
        return viewed(self.source) if isinstance(self.source, Traffic) else self.source.view()


def contents(options: argparse.Namespace, tables: Iterable[str] | None = None) -> Traffic | Dataset:
    """Captures in memory, read as by `captured`, or a data set. Large captures become a data set in
    the folder of temporary files, until the command ends. With `tables` these at least.
    """
    dataset = opened(options)
    if dataset is not None:
        return dataset
    files = listed(options)
    return _kept(options, files, tables) if _are_large(files) else captured(options, files, tables)


def evidence(options: argparse.Namespace) -> Evidence:
    """All of the captures or of the data set, see contents."""
    source = contents(options)
    if isinstance(source, Traffic):
        return Evidence(source, source)
    return Evidence(source.traffic(("connections", "problems", "files")), source)


def _are_large(files: Listing) -> bool:
    """Whether the captures are files, large, and can be written to a data set."""
    if importlib.util.find_spec("pyarrow") is None:
        return False
    return is_rereadable(files.files) and size_of(files.files) >= LARGE


def _kept(options: argparse.Namespace, files: Listing, tables: Iterable[str] | None) -> Dataset:
    from monerotraffic.store import keep

    folder = options.closing.enter_context(tempfile.TemporaryDirectory(prefix="monerotraffic-"))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptureWarning)
            parts = scan(
                files,
                rows=_PART,
                host=hosts(options),
                tables=tables,
                ports=options.port,
                **tunnel_options(options),
                threads=options.threads,
                progress=shows_progress(options),
            )
            dataset = keep(parts, folder)
    except (CaptureError, ValueError, ImportError) as error:
        raise Failed(error) from None
    complain_about(options, caught, dataset.traffic(("connections", "problems", "files")))
    return dataset.select(since=options.since, until=options.until)
