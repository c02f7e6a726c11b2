"""Exceptions and warnings of reading, and text that is safe to print."""

from __future__ import annotations

import errno
import pickle

import pytest

import monerotraffic as mt
from monerotraffic.errors import CaptureNotFoundError, printable


def test_a_missing_file_is_both_errors() -> None:
    error = CaptureNotFoundError("captures/a.pcap")
    assert isinstance(error, mt.CaptureError) and isinstance(error, FileNotFoundError)
    assert (error.errno, error.filename) == (errno.ENOENT, "captures/a.pcap")
    assert str(error) == "captures/a.pcap: no such file"
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pcap: no such file"):
        mt.read("/nowhere.pcap")


def test_warnings_are_of_the_user() -> None:
    assert issubclass(mt.CaptureWarning, UserWarning)
    assert str(pickle.loads(pickle.dumps(mt.CaptureWarning("cut")))) == "cut"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä €", "plain ä €"),
        ("line\nend\r\t", r"line\nend\r\t"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202eabc\u200b", r"\u202eabc\u200b"),  # right to left, invisible
        ("\udcff", r"\udcff"),  # a byte of a file name that is not UTF-8
        ("", ""),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()
