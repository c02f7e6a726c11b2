"""Monero P2P traffic out of packet captures, as numpy arrays and pandas DataFrames.

import monerotraffic as mt

traffic = mt.read("captures/*.pcapng")
traffic.messages
"""

from monerotraffic import levin
from monerotraffic._core import libpcap_version, limits
from monerotraffic.errors import CaptureError, CaptureNotFoundError, CaptureWarning
from monerotraffic.reading import DEFAULT_PORTS, read, scan
from monerotraffic.schema import SCHEMA
from monerotraffic.traffic import Traffic

__all__ = [
    "DEFAULT_PORTS",
    "TABLES",
    "CaptureError",
    "CaptureNotFoundError",
    "CaptureWarning",
    "Traffic",
    "__version__",
    "levin",
    "libpcap_version",
    "limits",
    "read",
    "scan",
]

__version__ = "0.1.0"

TABLES = tuple(SCHEMA)
"""Names of all tables, `fields` among them: what `tables=` takes."""
