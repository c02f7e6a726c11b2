"""Compressed captures, rings of files and recorded captures, cut at any byte."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from pathlib import Path

import pytest

import monerotraffic as mt
from cases._build import zstd as zstd_frame
from support import craft, truth
from support.comparison import check_accounting
from support.truncated import (
    Capture,
    Parts,
    capture_of_format,
    check_messages,
    check_prefix,
    check_refused,
    conversations,
    pcap,
    read,
    same_rows,
)

# ---------------------------------------------------------------- compressed


def inflated(data: bytes) -> int:
    """The bytes that zlib makes of a cut gzip file of any number of members."""
    size = 0
    while data:
        member = zlib.decompressobj(wbits=31)
        size += len(member.decompress(data))
        data = member.unused_data
    return size


def test_every_cut_of_a_gzip_file_of_two_members(tmp_path: Path) -> None:
    """All that zlib gets out of it is read. Between the members nothing is cut: the file ends
    there.
    """
    capture, header = capture_of_format("pcap-le-us")
    middle = capture.whole_until(len(capture.data) // 2)
    first = gzip.compress(capture.data[:middle], mtime=0)
    data = first + gzip.compress(capture.data[middle:], mtime=0)
    parts = Parts(capture, tmp_path / "cut.pcap.gz")
    for cut in range(len(data) + 1):
        size = inflated(data[:cut])
        if size < header:
            check_refused(parts, data[:cut])
        else:
            parts.check(
                data[:cut],
                capture.whole_until(size),
                None if cut in (len(first), len(data)) else r"gzip.*near byte \d+",
            )


def test_every_cut_of_a_zstd_file(tmp_path: Path) -> None:
    """Blocks of 300 bytes: those that are whole are read, and of a cut one as much as zstd
    gives.
    """
    capture, header = capture_of_format("pcapng-be")
    data = zstd_frame(capture.data, most=300)
    parts = Parts(capture, tmp_path / "cut.pcapng.zst")
    reached = 0
    for cut in range(len(data) + 1):
        # a frame's header of 6 bytes, and 3 of each block
        blocks, rest = divmod(max(cut - 6, 0), 303)
        least, most = (
            min(size, len(capture.data)) for size in (blocks * 300, blocks * 300 + max(rest - 3, 0))
        )
        parts.write(data[:cut])
        try:
            traffic = read(parts.paths)
        except mt.CaptureError:
            assert least < header
            continue
        count = int(traffic.arrays["files"]["packets"][0])
        ends = [
            end
            for end in capture.ends
            if capture.whole_until(least) <= end <= most and capture.ends[end] == count
        ]
        assert ends and count >= reached
        parts.check(data[:cut], ends[-1], None if cut == len(data) else r"zstd.*near byte \d+")
        reached = count
    assert reached == capture.count


# ---------------------------------------------------------------- a ring of files


def check_left_out(paths: list[Path], unreadable: Path) -> None:
    """The file that cannot be read has a row and a problem; the others are read as without it."""
    with pytest.warns(mt.CaptureWarning, match=unreadable.name):
        traffic = mt.read([str(path) for path in paths], host="198.51.100.10")
    others = read([path for path in paths if path != unreadable])
    assert len(traffic.messages) == len(others.messages) > 0
    assert (traffic.messages["end_time"] == others.messages["end_time"]).all()
    (row,) = traffic.problems[traffic.problems["kind"] == "file"].to_dict("records")
    assert traffic.files["path"][row["file"]] == str(unreadable)


def test_every_cut_of_a_file_in_the_middle_of_a_ring(tmp_path: Path) -> None:
    """What the cut took is missing in the stream as if it had not been captured; what was settled
    before is as in the whole ring.
    """
    packets = conversations()
    edges = [30, 42]
    before, after = tmp_path / "a.pcap", tmp_path / "c.pcap"
    before.write_bytes(craft.pcap(packets[: edges[0]]))
    after.write_bytes(craft.pcap(packets[edges[1] :]))
    capture = pcap(packets[edges[0] : edges[1]], "<", False)
    parts = Parts(capture, tmp_path / "b.pcap", [before], [after])
    whole = parts.of(len(capture.data))
    for cut in range(len(capture.data) + 1):
        end = capture.whole_until(cut)
        if cut < 24:
            parts.write(capture.data[:cut])
            check_left_out(parts.paths, tmp_path / "b.pcap")
        else:
            parts.check(capture.data[:cut], end, None if cut == end else rf"begins at byte {end}\b")
    first_two = Parts(capture, tmp_path / "b.pcap", [before])
    for end in capture.ends:
        if capture.ends[end]:  # a file without packets stands before all others
            part = first_two.of(end)
            settled = check_messages(
                part, whole, lambda row, last=part["files"][1]["last_time"]: row["end_time"] <= last
            )
            assert (
                same_rows(parts.of(end)["messages"], whole["messages"], but=["reply_to"])
                >= settled
                > 0
            )


# ---------------------------------------------------------------- recorded captures at a few places


def records_of(data: bytes) -> Capture:
    """A recorded pcap or pcapng file and its ends."""
    capture = Capture(data)
    at = 0
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        while at + 12 <= len(data):
            kind, size = struct.unpack_from(order + "II", data, at)
            at += size
            capture.count += kind in (2, 3, 6)
            capture.ends[at] = capture.count
    else:
        order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        at = 24
        capture.ends[at] = 0
        while at + 16 <= len(data) and (
            end := at + 16 + struct.unpack_from(order + "I", data, at + 8)[0]
        ) <= len(data):
            at = end
            capture.count += 1
            capture.ends[at] = capture.count
    capture.data = data[:at]
    return capture


def recorded() -> list[Path]:
    return sorted(
        {path for scenario in truth.scenarios() for path in scenario.parts}
        | {path for path, _ in truth.derived()}
    )


@pytest.mark.parametrize(
    "path",
    recorded(),
    ids=lambda path: "-".join(
        [*(["full"] if truth.FULL in path.parents else []), path.parent.name, path.name]
    ),
)
def test_recorded_captures_cut_anywhere(path: Path, tmp_path: Path) -> None:
    """Each file by itself, at places that its name chooses."""
    data = path.read_bytes()
    capture = records_of(gzip.decompress(data) if path.suffix == ".gz" else data)
    places = random.Random(path.name)
    parts = Parts(capture, tmp_path / "cut.pcap")
    whole = parts.of(len(capture.data))
    ends = sorted(capture.ends)
    for cut in [places.randrange(ends[len(ends) // 4], len(capture.data)) for _ in range(2)]:
        end = capture.whole_until(cut)
        parts.check(capture.data[:cut], end, None if cut == end else rf"begins at byte {end}\b")
        check_accounting(read(parts.paths))
        check_prefix(
            parts.of(end), whole, lambda row, until=capture.ends[end]: row["end_frame"] <= until
        )
