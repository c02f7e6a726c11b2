"""The two Parquet files that the published analysis reads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.atomic import replacing
from monerotraffic.compat.packet_rows import packet_rows
from monerotraffic.compat.peer_rows import peer_rows
from monerotraffic.compat.whole import whole
from monerotraffic.tables.traffic import Traffic

__all__ = ["COMMANDS", "write_parquet"]

COMMANDS = (1001, 1002, 1003, 1007, 2001, 2002, 2003, 2004, 2006, 2007, 2008, 2009, 2010)
"""Commands that load_clean_data.py keeps.

>>> from monerotraffic import compat
>>> compat.COMMANDS[:4]
(1001, 1002, 1003, 1007)
"""


def write_parquet(
    traffic: Traffic, folder: str | os.PathLike[str], node: str, run: str, *, ipv4_only: bool = True
) -> tuple[Path, Path]:
    """Writes two files to `folder` and returns their paths: `peer_packets_<node>_<run>.parquet`
    with the rows of packets() whose command is in COMMANDS, and `peers_<node>_<run>.parquet` with
    the rows of peers().

    `node`: the name of a vantage node, if several were read by name; selects its connections.
    Otherwise it only names the files, which contain the connections of the vantage node, or all
    connections if the vantage node is unknown. `run`: the name of the measurement in the pipeline
    (`with` or `without` a ban list). `ipv4_only` excludes connections over IPv6 and peers without
    an IPv4 address, because the published analysis converts every address to an IPv4 network and
    fails for any other. `peerlist_length` counts all entries of a list in both cases.

    Creates the folder if it does not exist, and replaces existing files. Requires pyarrow, and the
    tables messages, peer_lists, node_data and sync_data. Raises ValueError for a part of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> packets, peers = compat.write_parquet(traffic, "data/dataframes", "ams", "with")
    >>> packets.name, peers.name
    ('peer_packets_ams_with.parquet', 'peers_ams_with.parquet')
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "write_parquet requires pyarrow: pip install 'monerotraffic[parquet]'"
        ) from error
    messages = _of_node(whole(traffic), traffic, node)
    if ipv4_only:
        messages = messages[_is_ipv4(messages["source"]) & _is_ipv4(messages["destination"])]
    packets = packet_rows(
        traffic, messages[messages["command"].isin(COMMANDS)].reset_index(drop=True)
    )
    peers = peer_rows(traffic, messages.reset_index(drop=True))
    if ipv4_only:
        peers = peers[(peers["type"] == 1) & peers["ip"].notna()]
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = (
        Path(folder, f"peer_packets_{node}_{run}.parquet"),
        Path(folder, f"peers_{node}_{run}.parquet"),
    )
    for path, frame in zip(paths, (packets, peers), strict=True):
        with replacing(path, "wb") as file:
            frame.drop(columns="message").to_parquet(file, engine="pyarrow", index=False)
    return paths


def _of_node(messages: pd.DataFrame, traffic: Traffic, node: str) -> pd.DataFrame:
    if traffic.vantages:
        if node not in traffic.vantages:
            raise ValueError(
                f"no vantage node {node!r}: must be one of {', '.join(map(repr, traffic.vantages))}"
            )
        return messages[messages["vantage"] == node]
    return messages[messages["vantage"].notna()] if traffic.hosts else messages


def _is_ipv4(addresses: pd.Series) -> NDArray[np.bool_]:
    """Which values of an address column are IPv4. Each category is tested once."""
    matching = addresses.cat.categories[
        addresses.cat.categories.str.fullmatch(r"[0-9]+(\.[0-9]+){3}")
    ]
    result: NDArray[np.bool_] = addresses.isin(matching).to_numpy()
    return result
