"""Real transactions and blocks; tests/data/vectors/README.md says where each was published."""

from __future__ import annotations

import gzip
import json
from typing import Any

from support.paths import DATA

Vector = dict[str, Any]


VECTORS = DATA / "vectors"


def vectors(name: str) -> list[Vector]:
    labels: list[Vector] = json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))
    return labels
