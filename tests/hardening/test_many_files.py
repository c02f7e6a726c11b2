"""Many files that overlap in time: descriptors, memory, and that nothing is lost."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import monerotraffic as mt
from support import craft
from support.captures import HOST, conversation, put

READ = """
import json, resource, sys, warnings
import monerotraffic as mt

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    traffic = mt.read(sys.argv[1])
print(json.dumps({
    "packets": int(traffic.arrays["files"]["packets"].sum()),
    "messages": len(traffic.arrays["messages"]),
    "limits": traffic.limits_reached,
}))
"""


def interleaved(folder: Path, count: int) -> int:
    """`count` files of one conversation each, which all overlap. Returns their packets."""
    packets = 0
    for i in range(count):
        talk = conversation(f"192.0.2.{i % 250 + 1}", 40000 + i, HOST, start=craft.START + i)
        late = craft.Packet(
            craft.START + 10**12 + i, bytes(12) + b"\x08\x06" + i.to_bytes(46, "big")
        )
        put(folder / f"{i:04}.pcap", [*talk.packets, late])
        packets += len(talk.packets) + 1
    return packets


def test_more_files_than_descriptors(tmp_path: Path) -> None:
    packets = interleaved(tmp_path, 300)
    run = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=True
    )
    result = json.loads(run.stdout)
    assert result["packets"] == packets
    assert result["messages"] == 4 * 300
    assert result["limits"]["open_files"] > 0


def test_files_that_wait_are_reported(tmp_path: Path) -> None:
    packets = interleaved(tmp_path, 9)
    with pytest.warns(mt.CaptureWarning, match="limits open_files and open_file_bytes"):
        traffic = mt.read(tmp_path, limits={"open_files": 4})
    assert traffic.files["packets"].sum() == packets
    assert not traffic.files["truncated"].any()
    assert (traffic.problems["kind"] == "file").sum() == 5
    assert (traffic.messages["status"] == "complete").all()
    assert len(traffic.messages) == 4 * 9


def zstd_with_window(content: bytes, window_log: int) -> bytes:
    """Raw blocks in a frame that declares a window, whatever the content needs."""
    frame = struct.pack("<IBB", 0xFD2FB528, 0, (window_log - 10) << 3)
    for at in range(0, len(content), 65536):
        part = content[at : at + 65536]
        header = len(part) << 3 | (at + 65536 >= len(content))
        frame += header.to_bytes(3, "little") + part
    return frame


def test_zstd_windows_count(tmp_path: Path) -> None:
    """Each frame asks for 128 MiB: only as many files as the limit allows are open at once."""
    packets = interleaved(tmp_path, 8)
    for path in sorted(tmp_path.glob("*.pcap")):
        path.with_suffix(".zst").write_bytes(zstd_with_window(path.read_bytes(), 27))
        path.unlink()
    with pytest.warns(mt.CaptureWarning, match="limits open_files and open_file_bytes"):
        traffic = mt.read(tmp_path, limits={"open_file_bytes": 300 << 20})
    assert traffic.files["packets"].sum() == packets
    assert traffic.limits_reached["open_file_bytes"] > 0
    assert (traffic.problems["kind"] == "file").sum() == 6
    with pytest.raises(mt.CaptureError, match="limit open_file_bytes"):
        mt.read(tmp_path, limits={"open_file_bytes": 100 << 20})


def test_a_window_beyond_the_cap(tmp_path: Path, capture: Path) -> None:
    big = tmp_path / "big.zst"
    big.write_bytes(zstd_with_window(capture.read_bytes(), 28))
    with pytest.raises(mt.CaptureError, match=r"big\.zst.*memory"):
        mt.read(big)
