"""Hand-made cases, grouped by the layer that they try: every value they expect was worked out by
hand.
"""

from . import (
    blobs,
    connections,
    entries,
    epee,
    fields,
    files,
    fingerprint,
    holes,
    levin,
    network,
    streams,
)
from ._case import CASES, Case, Expect

__all__ = [
    "CASES",
    "Case",
    "Expect",
    "blobs",
    "connections",
    "entries",
    "epee",
    "fields",
    "files",
    "fingerprint",
    "holes",
    "levin",
    "network",
    "streams",
]
