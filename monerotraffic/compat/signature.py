"""TCP segments with the Levin signature alone: the signature-only command of the pipeline, and its
results/signature_only_ips.csv.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from monerotraffic.compat.packet_bytes import begins_alone
from monerotraffic.compat.tshark import epoch, write_rows
from monerotraffic.compat.whole import TEXT, ends, text
from monerotraffic.net.addresses import Host, canonical_hosts
from monerotraffic.tables.traffic import Traffic

__all__ = ["signature_only", "signature_rows", "write_signature_tsv"]

_SIGNATURE = bytes.fromhex("0121010101010101")


def signature_only(traffic: Traffic) -> pd.Series:
    """Returns the distinct addresses that sent a TCP segment of exactly the 8 bytes of the Levin
    signature, sorted, as text, named `ip.src`.

    The result equals the output of `tshark -Y "tcp.len == 8 && tcp.payload contains
    01:21:01:01:01:01:01:01" -T fields -e ip.src | sort -u`, and includes IPv6. Such a segment
    begins a message, or is everything that was sent. `signature_only(traffic).to_csv(path,
    index=False, header=False)` writes the file of the pipeline.

    Requires the table messages. Raises ValueError for a part of a scan.

        >>> import monerotraffic as mt
        >>> from monerotraffic import compat
        >>> compat.signature_only(mt.read("tests/data/honest")).tolist()
        []
    """
    sources = np.asarray(_segments(traffic)["source"], dtype=object)
    return pd.Series(np.unique(sources), dtype=TEXT, name="ip.src")


def signature_rows(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> pd.DataFrame:
    """Returns what `tshark -Y "tcp.len == 8 && tcp.payload contains 01:21:01:01:01:01:01:01"
    -T fields` prints: one row per TCP segment with the Levin signature alone, in order of time, all
    columns as text: `frame.time_epoch`, `ip.src`, `ip.dst`, `tcp.len` (8), `tcp.payload` (hex).

    A retransmission of the segment is not a row. `to`: only segments to these addresses. Requires
    the table messages. Raises ValueError for a part of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> len(compat.signature_rows(traffic))
    0
    """
    rows = _segments(traffic)
    if to is not None:
        rows = rows[rows["destination"].isin(canonical_hosts(to))].reset_index(drop=True)
    return pd.DataFrame(
        {
            "frame.time_epoch": epoch(rows["time"]),
            "ip.src": text(rows["source"]),
            "ip.dst": text(rows["destination"]),
            "tcp.len": pd.Series([str(len(_SIGNATURE))] * len(rows), dtype=TEXT),
            "tcp.payload": pd.Series([_SIGNATURE.hex()] * len(rows), dtype=TEXT),
        }
    )


def write_signature_tsv(
    traffic: Traffic,
    path: str | os.PathLike[str],
    *,
    to: Host | Iterable[Host] | None = None,
) -> None:
    """Writes the rows of signature_rows() as tshark prints them: tabs, no header, UTF-8.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> compat.write_signature_tsv(traffic, "signatures.tsv")
    >>> open("signatures.tsv").read()
    ''
    """
    write_rows(signature_rows(traffic, to=to), path)


def _segments(traffic: Traffic) -> pd.DataFrame:
    """`time`, `source` and `destination` of the segments, in order of time."""
    rows = traffic.arrays["messages"]
    alone = (rows["first_segment"] == len(_SIGNATURE)) & begins_alone(rows)
    begun = traffic.messages.loc[alone, ["connection", "from_client", "time"]]
    problems = traffic.problems
    of_stream = traffic.arrays["problems"]["from_client"]
    cut = (
        (problems["kind"] == "unframed")
        & (problems["detail"] == "a header that was cut")
        & (problems["bytes"] == len(_SIGNATURE))
        & (of_stream >= 0)
    )
    left = problems.loc[cut, ["connection", "time"]].assign(from_client=of_stream[cut] == 1)
    segments = pd.concat([begun, left[begun.columns]], ignore_index=True)
    segments = segments.assign(**ends(traffic, segments))
    return segments.sort_values("time", kind="stable", ignore_index=True)
