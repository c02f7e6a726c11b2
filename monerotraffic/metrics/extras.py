"""Libraries of the extra `analysis`, imported when a metric needs them."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["analysis"]


def analysis(module: str, metric: str) -> Any:
    """The module. Raises ImportError with the metric and the extra if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{metric} requires {module.partition('.')[0]}: pip install 'monerotraffic[analysis]'"
        ) from error
