"""What the tshark-based pipeline extracted (`ykpyck/monero-traffic-analysis`), as one call each on
top of our tables, with its names of fields and columns.

    from monerotraffic import compat

    traffic = mt.read("captures/ams/")
    compat.packets(traffic)                                   # the packet rows, one per message
    compat.peers(traffic)                                     # the peer rows, one per peer-list
    entry
    compat.write_parquet(traffic, "data/dataframes", "ams", "with")

    traffic = mt.read("captures/ams/", tables=["messages", "fields"])
    compat.write_tsv(traffic, "ams_packets.tsv")              # as `tshark -T fields` of the
    extraction script

Where the values of tshark or of the pipeline are wrong, these are right: every message is a row,
whatever segment or file it begins in; every peer is kept,
whatever its type of address; ids are exact; times are UTC. docs/migrating.md tells, field by field,
what differs and why.
"""

from monerotraffic.compat.documents import packets_json, peer_lists_json
from monerotraffic.compat.packet_rows import PACKET_COLUMNS, packets
from monerotraffic.compat.parquet import COMMANDS, write_parquet
from monerotraffic.compat.peer_rows import PEER_COLUMNS, peers
from monerotraffic.compat.signature import signature_only
from monerotraffic.compat.tshark import (
    PACKET_FIELDS,
    PEER_LIST_FIELDS,
    TESTING_FIELDS,
    tsv,
    write_tsv,
)

__all__ = [
    "COMMANDS",
    "PACKET_COLUMNS",
    "PACKET_FIELDS",
    "PEER_COLUMNS",
    "PEER_LIST_FIELDS",
    "TESTING_FIELDS",
    "packets",
    "packets_json",
    "peer_lists_json",
    "peers",
    "signature_only",
    "tsv",
    "write_parquet",
    "write_tsv",
]
