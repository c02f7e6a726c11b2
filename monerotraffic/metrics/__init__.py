"""Metrics: pure functions from Traffic to DataFrames. docs/metrics.md defines each, with its unit."""

from monerotraffic.metrics.view import View

__all__ = ["View"]
