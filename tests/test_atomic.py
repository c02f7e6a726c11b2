"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from monerotraffic.atomic import replacing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes(tmp_path: Path) -> None:
    with replacing(tmp_path / "text") as file:
        file.write("ä\n\ud800")
    with replacing(tmp_path / "bytes", "wb") as file:
        file.write(b"\0\r\n")
    assert (tmp_path / "text").read_bytes() == "ä\n\\ud800".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\0\r\n"
    assert names(tmp_path) == ["bytes", "text"]


def test_the_old_file_stays_until_the_end_and_after_an_exception(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write("half")
        file.flush()
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["list.txt"]
    with replacing(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_permissions(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        for path in (old, new):
            with replacing(path) as file:
                file.write("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o640  # 0666 without the bits of the mask


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    with replacing(tmp_path / "link") as file:
        file.write("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "x"


def test_a_leftover_of_a_killed_run_blocks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    (tmp_path / ".report.html.abc.unfinished").write_text("left over")
    with replacing(path) as file:
        file.write("x")
    assert names(tmp_path) == [".report.html.abc.unfinished", "report.html"]


def test_no_regular_file_is_written_directly() -> None:
    with replacing(os.devnull) as file:
        file.write("x")
    assert Path(os.devnull).is_char_device()


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "file"):
        raise AssertionError("the file was opened")
