"""Monero P2P traffic from packet captures, as numpy arrays and pandas DataFrames.

import monerotraffic as mt

traffic = mt.read("captures/*.pcapng")
traffic.messages
"""

import importlib
from typing import TYPE_CHECKING, Any

from monerotraffic._core import libpcap_version, limits
from monerotraffic._version import __version__
from monerotraffic.errors import CaptureError, CaptureNotFoundError, CaptureWarning
from monerotraffic.io.reading import DEFAULT_PORTS, read, scan
from monerotraffic.tables.joining import concat
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic

if TYPE_CHECKING:
    from monerotraffic import banlist, epee, metrics, rules, store
    from monerotraffic.report import plots
    from monerotraffic.rules import find_anomalies
    from monerotraffic.store import Dataset, decode, open

__all__ = [
    "DEFAULT_PORTS",
    "TABLES",
    "CaptureError",
    "CaptureNotFoundError",
    "CaptureWarning",
    "Dataset",
    "Traffic",
    "__version__",
    "banlist",
    "concat",
    "decode",
    "epee",
    "find_anomalies",
    "libpcap_version",
    "limits",
    "metrics",
    "open",
    "plots",
    "read",
    "rules",
    "scan",
    "store",
]

TABLES = tuple(SCHEMA)
"""Names of all tables that `tables=` accepts, `fields` included.

>>> import monerotraffic as mt
>>> mt.TABLES[:4]
('connections', 'messages', 'peer_lists', 'node_data')
"""

_MODULES = {
    "banlist": "monerotraffic.banlist",
    "epee": "monerotraffic.epee",
    "metrics": "monerotraffic.metrics",
    "plots": "monerotraffic.report.plots",
    "rules": "monerotraffic.rules",
    "store": "monerotraffic.store",
}
"""Imported when first used: pandas and matplotlib take longer to import than a capture to read."""


_FUNCTIONS = {
    "Dataset": "monerotraffic.store",
    "decode": "monerotraffic.store",
    "find_anomalies": "monerotraffic.rules",
    "open": "monerotraffic.store",
}
"""Names of these modules that this module offers too."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
