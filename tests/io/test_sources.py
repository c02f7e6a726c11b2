"""From a source to files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import CaptureError, CaptureNotFoundError
from monerotraffic.io.sources import LeftOut, files_of, is_capture, is_rereadable, nodes_of
from support import craft

PCAP = craft.pcap([])
PCAPNG = craft.pcapng([])


def put(folder: Path, **content: bytes) -> Path:
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def names(files: list[str]) -> list[str]:
    return [Path(file).name for file in files]


# ---------------------------------------------------------------- kinds of sources


def test_one_file(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP)
    wanted = [str(tmp_path / "a")]
    assert files_of(tmp_path / "a") == wanted
    assert files_of(str(tmp_path / "a")) == wanted
    assert files_of([tmp_path / "a"]) == wanted
    assert files_of(os.fsencode(tmp_path / "a")) == wanted  # type: ignore[arg-type]


def test_a_named_file_is_taken_whatever_it_holds(tmp_path: Path) -> None:
    put(tmp_path, a=b"no capture")
    assert names(files_of(tmp_path / "a")) == ["a"]


def test_folder(tmp_path: Path) -> None:
    put(
        tmp_path,
        **{
            "b.pcap": PCAP,
            "a.pcapng": PCAPNG,
            "notes.txt": b"read me",
            "empty.pcap": b"",
            "short": b"\x0a\x0d",
            "z.pcap.gz": gzip.compress(PCAP),
        },
    )
    put(
        tmp_path,
        **{
            "log.gz": gzip.compress(b"text"),
            "cut.gz": gzip.compress(PCAP)[:12],
            "swapped": craft.pcap([], order=">"),
            "nanoseconds": craft.pcap([], nano=True),
        },
    )
    (tmp_path / "folder.pcap").mkdir()
    put(tmp_path / "folder.pcap", inner=PCAP)
    assert names(files_of(tmp_path)) == [
        "a.pcapng",
        "b.pcap",
        "nanoseconds",
        "swapped",
        "z.pcap.gz",
    ]
    assert names(files_of(f"{tmp_path}/")) == names(files_of(tmp_path))


def test_what_a_folder_leaves_out(tmp_path: Path) -> None:
    put(
        tmp_path,
        **{
            "a.pcap": PCAP,
            "b.pcap.xz": lzma.compress(PCAP),
            "c.pcap.bz2": bz2.compress(PCAP),
            "d.zip": b"PK\x03\x04" + bytes(40),
            "e.pcap.lz4": b"\x02\x21\x4c\x18" + bytes(40),
            "f.pcap": b"",
            "g.log": b"a line of a log",
            "h.html": b"<!DOCTYPE html><html></html>",
            "i.xz": lzma.compress(b"a line of a log"),
        },
    )
    for name in ("captures", "notes"):
        (tmp_path / name).mkdir()
    put(tmp_path / "captures", inner=PCAP)
    put(tmp_path / "notes", inner=b"text")
    left_out: list[LeftOut] = []
    assert names(files_of(tmp_path, left_out)) == ["a.pcap", "b.pcap.xz", "c.pcap.bz2"]
    reasons = {Path(other.path).name: (other.why, other.notable) for other in left_out}
    assert reasons["captures"] == ("a subfolder with captures", True)
    assert reasons["notes"] == ("a subfolder", False)
    assert reasons["f.pcap"] == ("empty file", True)
    for name, kind, notable in (
        ("d.zip", "a zip archive", True),
        ("e.pcap.lz4", "lz4-compressed data", True),
        ("g.log", "text", False),
        ("h.html", "an HTML page", False),
        ("i.xz", "text", False),
    ):
        assert kind in reasons[name][0]
        assert reasons[name][1] == notable
    assert len(reasons) == 8


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(gzip.compress(PCAP)), "gzip-compressed data within compressed data"),
        (lzma.compress(gzip.compress(PCAP)), "gzip-compressed data within compressed data"),
        (b"snoop\0\0\0" + bytes(40), "a snoop capture: convert it first"),
        (b"GMBU" + bytes(200), "a Network Monitor capture: convert it first"),
        (b"<?xml version='1.0'?><pdml/>", "an XML document"),
        ("a line".encode("utf-16"), "text in UTF-16"),
    ],
)
def test_kinds_of_files_that_are_no_captures(content: bytes, kind: str, tmp_path: Path) -> None:
    put(tmp_path, a=content)
    with pytest.raises(mt.CaptureError, match=kind):
        mt.read(tmp_path / "a")


def test_a_folder_without_captures_says_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, **{"a.zip": b"PK\x03\x04" + bytes(40)})
    with pytest.raises(mt.CaptureError, match=r"no capture in this folder \(a\.zip: .*zip archive"):
        files_of(tmp_path)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="makes its files with the program zstd")
def test_folder_with_zstd(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP, b=b"text")
    for name in ("a", "b"):
        subprocess.run(["zstd", "--quiet", "--rm", str(tmp_path / name)], check=True)
    assert names(files_of(tmp_path)) == ["a.zst"]


def test_glob(tmp_path: Path) -> None:
    put(tmp_path, **{"b1.pcap": PCAP, "b2.pcap": PCAP, "b10.pcap": PCAP, "c.pcap": PCAP})
    (tmp_path / "b3.pcap").mkdir()
    assert names(files_of(f"{tmp_path}/b*.pcap")) == ["b1.pcap", "b10.pcap", "b2.pcap"]
    assert names(files_of(tmp_path / "[bc]?.pcap")) == ["b1.pcap", "b2.pcap"]
    put(tmp_path / "b3.pcap", **{"deep.pcap": PCAP})
    assert names(files_of(f"{tmp_path}/**/*.pcap"))[-2:] == ["deep.pcap", "c.pcap"]


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    put(tmp_path, **{"[a].pcap": PCAP, "a.pcap": PCAP})
    assert names(files_of(tmp_path / "[a].pcap")) == ["[a].pcap"]


def test_list_of_all_kinds_in_order(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder, **{"y.pcap": PCAP, "x.pcap": PCAP})
    files = files_of([tmp_path / "two" / "y.pcap", f"{tmp_path}/one/*", tmp_path / "two"])
    assert [str(Path(file).relative_to(tmp_path)) for file in files] == [
        "two/y.pcap",
        "one/x.pcap",
        "one/y.pcap",
        "two/x.pcap",
    ]
    assert files_of(iter([tmp_path / "one" / "x.pcap"])) == [str(tmp_path / "one" / "x.pcap")]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP, b=PCAP)
    (tmp_path / "link").symlink_to("a")
    assert names(files_of([tmp_path / "link", tmp_path / "a", tmp_path / "b", tmp_path / "b"])) == [
        "link",
        "b",
    ]


def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.pcap"
    Path(os.fsdecode(name)).write_bytes(PCAP)
    assert [os.fsencode(file) for file in files_of(tmp_path)] == [name]


def test_standard_input() -> None:
    assert files_of("-") == ["-"]
    assert files_of(["-"]) == ["-"]
    assert files_of(sys.__stdin__.buffer if sys.__stdin__ else "-") == ["-"]
    with open(0, "rb", closefd=False) as zero:
        assert files_of(zero) == ["-"]


def test_standard_input_is_alone(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP)
    with pytest.raises(ValueError, match="standard input must be read alone"):
        files_of(["-", tmp_path / "a"])
    with pytest.raises(ValueError, match="one vantage node only"):
        nodes_of({"ams": "-", "sfo": "-"})


def test_rereadable(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP)
    os.mkfifo(tmp_path / "pipe")
    assert is_rereadable([str(tmp_path / "a")])
    assert not is_rereadable(["-"])
    assert not is_rereadable([str(tmp_path / "a"), str(tmp_path / "pipe")])


# ---------------------------------------------------------------- vantage nodes


def test_nodes(tmp_path: Path) -> None:
    put(tmp_path, a=PCAP, b=PCAP)
    assert nodes_of(tmp_path / "a") == {None: [str(tmp_path / "a")]}
    assert nodes_of({"sfo": tmp_path / "b", "ams": [tmp_path / "a"]}) == {
        "sfo": [str(tmp_path / "b")],
        "ams": [str(tmp_path / "a")],
    }
    assert list(nodes_of({"sfo": tmp_path / "b", "ams": tmp_path / "a"})) == ["sfo", "ams"]


@pytest.mark.parametrize("label", [1, "", None])
def test_node_without_a_name(tmp_path: Path, label: Any) -> None:
    with pytest.raises(TypeError, match="vantage node"):
        nodes_of({label: put(tmp_path, a=PCAP)})


def test_no_nodes() -> None:
    with pytest.raises(CaptureError, match="no vantage node"):
        nodes_of({})


# ---------------------------------------------------------------- nothing there


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureNotFoundError, match=r"nowhere\.pcap: no such file") as caught:
        files_of(tmp_path / "nowhere.pcap")
    assert isinstance(caught.value, CaptureError)
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.filename == str(tmp_path / "nowhere.pcap")
    put(tmp_path, a=PCAP)
    (tmp_path / "dangling").symlink_to("nowhere")
    for path in ("a/b.pcap", "dangling", "dang*"):
        with pytest.raises(FileNotFoundError):
            files_of(tmp_path / path)


def test_nothing_found(tmp_path: Path) -> None:
    put(tmp_path, **{"notes.txt": b"read me"})
    for source, cause in (
        (tmp_path, "no capture in this folder"),
        (f"{tmp_path}/*.pcap", "no file matches"),
        ([], "empty"),
        ("", "empty path"),
    ):
        with pytest.raises(CaptureError, match=cause) as caught:
            files_of(source)
        assert not isinstance(caught.value, FileNotFoundError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read(tmp_path: Path) -> None:
    put(tmp_path, **{"a.pcap": PCAP})
    (tmp_path / "a.pcap").chmod(0)
    with pytest.raises(CaptureError, match=r"a\.pcap: Permission denied"):
        files_of(tmp_path)


@pytest.mark.parametrize("source", [None, 3, 2.5, [None], [{"a": "b"}], io.BytesIO(PCAP)])
def test_no_source(source: Any) -> None:
    with pytest.raises(TypeError, match=r"source|standard input"):
        files_of(source)


@pytest.mark.parametrize("begin", ["a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a"])
def test_magics(tmp_path: Path, begin: str) -> None:
    put(
        tmp_path,
        a=bytes.fromhex(begin),
        b=gzip.compress(bytes.fromhex(begin) + b"more"),
        c=bytes.fromhex(begin)[:3],
    )
    assert [is_capture(str(tmp_path / name)) for name in "abc"] == [True, True, False]
