"""The report: one self-contained HTML page, the findings as CSV, and the ban list.

Needs matplotlib and jinja2 (`pip install 'monerotraffic[report]'`); `report.text` and
`report.summary` need neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monerotraffic.report.page import Written, write

__all__ = ["Written", "write"]


def __getattr__(name: str) -> Any:
    """Loads the page's modules only when they are asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from monerotraffic.report import page

    return getattr(page, name)
