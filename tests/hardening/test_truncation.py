"""Any capture cut at any byte: what is read is a prefix of what the whole capture gives, and then
what the cut left unfinished, marked as such.

Two steps. A file that was cut at byte k holds n whole packets, and every table of it has to be, in
every column, that of a file which ends behind its n-th packet; but for `files.truncated` and a row
of
`problems` of kind `file` if k is inside something (`test_every_cut_*`). And for every n the tables
of the first n packets (the part) are, against those of all (the whole):

messages
    The first s rows are those of the whole, in every column. One exception: a response that was
    captured before its request has `reply_to` -1 in the part if its request is not among those s
    rows;
    the whole has there the request's, which is a later row. A row that every byte of had come is
    among the s, unless it waited behind a hole that the cut left open.
    Behind them stand, in each direction, what waited behind such a hole, whole or not, and what was
    under way: status `truncated`, or `gap`, `snapped` or `oversize` if it was that already.
    Each of those is a row of the whole as well: what waited behind a hole is there in the columns
    that say what was said, what was under way with the same header and no fewer bytes captured.
peer_lists, node_data, sync_data, transactions, blocks, inventories, fields
    The rows of the first s messages are those of the whole, in every column. All others belong to a
    whole message that waited behind an open hole.
connections
    Made at the end, one for each connection that had begun: the first rows of the whole's, each
    with the same ends, the same `opened` and `start`. What counts up (packets, bytes,
    retransmitted, out of order) is no
    more than in the whole, `closed` no later; `end` is `open` or that of the whole; rtt, MSS, TTL
    are those of the whole or missing. `lost` and `messages` may be more: a hole that the cut left
    open is lost,
    and what it cut is a row.
problems
    The first rows are those of the whole. Behind them stand those made at the end: holes left open
    (`lost`), what was cut (`truncated`, `gap`, `snapped`, `oversize`, `unframed`), what stands
    behind an open hole
    (those, `malformed`, `blob`), the totals of each direction of foreign connections, and fragments
    of IP that lack the rest.
files
    One row for each file that can be read: the same path and link types; no more packets and bytes,
    `last` no later.

And of every part each byte is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.comparison import check_accounting
from support.truncated import (
    FORMATS,
    Parts,
    capture_of_format,
    check_prefix,
    check_refused,
    read,
    tables_of,
)

# ---------------------------------------------------------------- capture files, and where
# something in them ends


@pytest.mark.parametrize("name", FORMATS)
def test_every_cut_of_a_file(name: str, tmp_path: Path) -> None:
    capture, header = capture_of_format(name)
    parts = Parts(capture, tmp_path / "cut")
    for cut in range(len(capture.data) + 1):
        end = capture.whole_until(cut)
        if cut < header:
            check_refused(parts, capture.data[:cut])
        else:
            # the other is how libpcap tells it
            parts.check(
                capture.data[:cut],
                end,
                None if cut == end else rf"begins at byte {end}\b|^truncated dump file",
            )


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_packets_give_the_first_rows(name: str, tmp_path: Path) -> None:
    capture, header = capture_of_format(name)
    path = tmp_path / "part"
    whole = Parts(capture, path).of(len(capture.data))
    for end, packets in capture.ends.items():
        if end >= header:
            path.write_bytes(capture.data[:end])
            traffic = read([path])
            check_accounting(traffic)
            check_prefix(
                tables_of(traffic), whole, lambda row, packets=packets: row["end_frame"] <= packets
            )
