"""Monero P2P traffic out of packet captures, as numpy arrays and pandas DataFrames.

import monerotraffic as mt

traffic = mt.read("captures/*.pcapng")
traffic.messages
"""

from monerotraffic import epee
from monerotraffic._core import libpcap_version, limits
from monerotraffic.errors import CaptureError, CaptureNotFoundError, CaptureWarning
from monerotraffic.io.reading import DEFAULT_PORTS, read, scan
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic

__all__ = [
    "DEFAULT_PORTS",
    "TABLES",
    "CaptureError",
    "CaptureNotFoundError",
    "CaptureWarning",
    "Traffic",
    "__version__",
    "epee",
    "libpcap_version",
    "limits",
    "read",
    "scan",
]

__version__ = "0.1.0"

TABLES = tuple(SCHEMA)
"""Names of all tables, `fields` among them: what `tables=` takes."""
