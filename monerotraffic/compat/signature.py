"""Peers that send the Levin signature alone: results/signature_only_ips.csv of the pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.compat.packet_bytes import begins_alone
from monerotraffic.compat.whole import TEXT, ends
from monerotraffic.tables.traffic import Traffic

__all__ = ["signature_only"]

_SIGNATURE = 8
"""Bytes of a Levin signature."""


def signature_only(traffic: Traffic) -> pd.Series:
    """Returns the distinct addresses that sent a TCP segment of exactly the 8 bytes of the Levin
    signature, sorted, as text, named `ip.src`.

    The result equals the output of `tshark -Y "tcp.len == 8 && tcp.payload contains
    01:21:01:01:01:01:01:01" -T fields -e ip.src | sort -u`, and includes IPv6. Such a segment
    begins a message, or is everything that was sent. `signature_only(traffic).to_csv(path,
    index=False, header=False)` writes the file of the pipeline.

    Requires the table messages. Raises ValueError for a part of a scan.
    """
    rows = traffic.arrays["messages"]
    begun = traffic.messages[(rows["first_segment"] == _SIGNATURE) & begins_alone(rows)]
    problems = traffic.problems
    of_stream = traffic.arrays["problems"]["from_client"]
    cut = (
        (problems["kind"] == "unframed")
        & (problems["detail"] == "a header that was cut")
        & (problems["bytes"] == _SIGNATURE)
        & (of_stream >= 0)
    )
    left = problems[cut].assign(from_client=of_stream[cut] == 1)
    sources = [np.asarray(ends(traffic, rows)["source"], dtype=object) for rows in (begun, left)]
    return pd.Series(np.unique(np.concatenate(sources)), dtype=TEXT, name="ip.src")
