"""The capture as the vantage node sees it: who the other side of a connection is, and which way a
message goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.vantage import Node
from monerotraffic.tables.frames import Frames, categorical
from monerotraffic.tables.interning import NamesView

__all__ = ["Perspective"]

_CONNECTION = pd.CategoricalDtype(pd.Index(["incoming", "outgoing"], dtype=str))
_MESSAGE = pd.CategoricalDtype(pd.Index(["sent", "received"], dtype=str))


class Perspective:
    """Answers for rows that have the fields connection, client and server. Where both ends are
    vantage addresses, the client is taken for the vantage node.
    """

    def __init__(self, rows: NDArray[Any], nodes: Sequence[Node], names: NamesView) -> None:
        self._rows = rows
        self._labels = [node.label for node in nodes]
        self._node = np.full(len(rows), -1, dtype=np.int64)
        self._client = np.zeros(len(rows), dtype=np.bool_)  # the vantage node is the client
        self._server = np.zeros(len(rows), dtype=np.bool_)  # it is the server
        for number, node in enumerate(nodes):
            is_host = names.is_any(node.hosts)
            ours = (rows["connection"] >= node.first) & (rows["connection"] < node.end)
            self._client |= ours & is_host[rows["client"]]
            self._server |= ours & is_host[rows["server"]]
            self._node[ours & (self._client | self._server)] = number
        self._server &= ~self._client

    def peer(self) -> NDArray[Any]:
        """Address codes of the other side, -1 where the vantage node is not part of the
        connection.
        """
        return np.where(
            self._client,
            self._rows["server"],
            np.where(self._server, self._rows["client"], np.int32(-1)),
        )

    def connection_direction(self) -> pd.Categorical:
        """incoming, outgoing or missing, for rows of connections."""
        return categorical(np.where(self._client, 1, np.where(self._server, 0, -1)), _CONNECTION)

    def message_direction(self) -> pd.Categorical:
        """sent, received or missing, for rows with from_client (0, 1, -1 for neither)."""
        from_client = self._rows["from_client"]
        known = (self._client | self._server) & (from_client >= 0)
        return categorical(np.where(known, (from_client != 0) != self._client, -1), _MESSAGE)

    def vantage(self, frames: Frames) -> pd.Categorical:
        """Which vantage node: its label, or its address on that connection where there are no
        labels.
        """
        if all(label is None for label in self._labels):
            return frames.addresses(
                np.where(
                    self._client,
                    self._rows["client"],
                    np.where(self._server, self._rows["server"], np.int32(-1)),
                )
            )
        return categorical(
            self._node,
            pd.CategoricalDtype(pd.Index([str(label) for label in self._labels], dtype=str)),
        )
