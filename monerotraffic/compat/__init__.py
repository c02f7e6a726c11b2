"""The tables and files of the tshark pipeline (`ykpyck/monero-traffic-analysis`), each from one
call, with the names of fields and columns of the pipeline.

    from monerotraffic import compat

    traffic = mt.read("captures/ams/")
    compat.packets(traffic)  # packet rows, one per message
    compat.peers(traffic)  # peer rows, one per peer-list entry
    compat.write_parquet(traffic, "data/dataframes", "ams", "with")

    # as `tshark -T fields` of the extraction script
    traffic = mt.read("captures/ams/", tables=["messages", "fields"])
    compat.write_tsv(traffic, "ams_packets.tsv")

Where tshark or the pipeline return wrong values, these functions return correct ones: every message
is a row, whatever segment or file it begins in; every peer is kept, whatever its type of address;
ids are exact; times are UTC. docs/migrating.md lists the differences and their causes.
"""

from monerotraffic.compat.documents import packets_json, peer_lists_json
from monerotraffic.compat.packet_rows import PACKET_COLUMNS, packets
from monerotraffic.compat.parquet import COMMANDS, write_parquet
from monerotraffic.compat.peer_rows import PEER_COLUMNS, peers
from monerotraffic.compat.signature import signature_only, signature_rows, write_signature_tsv
from monerotraffic.compat.tshark import (
    PACKET_FIELDS,
    PEER_LIST_COMMANDS,
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
    "PEER_LIST_COMMANDS",
    "PEER_LIST_FIELDS",
    "TESTING_FIELDS",
    "packets",
    "packets_json",
    "peer_lists_json",
    "peers",
    "signature_only",
    "signature_rows",
    "tsv",
    "write_parquet",
    "write_signature_tsv",
    "write_tsv",
]
