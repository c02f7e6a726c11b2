"""Texts of address codes, made when they are asked for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from monerotraffic import _core
from monerotraffic.tables.address_texts import AddressTexts

V4 = b"4\xc0\x00\x02\x01" + bytes(12)
V6 = b"6" + bytes.fromhex("20010db8") + bytes(11) + b"\x07"
MAPPED = b"6" + bytes(10) + b"\xff\xff\xc6\x33\x64\x0a"
NAME = b"n" + bytes(16)
TEXTS = ["192.0.2.1", "2001:db8::7", "::ffff:198.51.100.10", "a.onion", "192.0.2.1\\xff"]


def packed() -> AddressTexts:
    addresses = AddressTexts()
    addresses.extend_packed(V4 + V6, [])
    addresses.extend_packed(MAPPED + NAME + NAME, TEXTS[3:])
    return addresses


def test_single_texts_and_all() -> None:
    addresses = packed()
    assert len(addresses) == 5
    assert [addresses[code] for code in (4, 3, 2, 1, 0)] == TEXTS[::-1]
    assert addresses.texts() == TEXTS
    assert list(addresses) == TEXTS
    assert addresses[1:3] == TEXTS[1:3]
    for beyond in (5, 100):
        with pytest.raises(IndexError):
            addresses[beyond]
        with pytest.raises(IndexError):
            packed()[beyond]
    assert packed()[-1] == TEXTS[-1] and packed()[-5] == TEXTS[0]


@pytest.mark.parametrize("addresses", [AddressTexts(), packed()], ids=["empty", "packed"])
def test_copies_are_independent(addresses: AddressTexts) -> None:
    for copied in (pickle.loads(pickle.dumps(addresses)), copy.deepcopy(addresses)):
        assert list(copied) == list(addresses)
        copied.append("x.onion")
        assert list(copied) == [*addresses, "x.onion"]


def test_texts_after_packed_ones() -> None:
    addresses = packed()
    addresses.append("b")
    addresses.extend(["c"])
    addresses.extend_packed(V4, [])
    assert len(addresses) == 8
    assert (addresses[6], addresses[7]) == ("c", TEXTS[0])
    assert addresses.texts() == [*TEXTS, "b", "c", TEXTS[0]]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("wanted", "start", "codes"),
    [
        (["192.0.2.1"], 0, [0]),
        (["192.0.2.1"], 1, []),
        (["2001:db8::7", "::ffff:198.51.100.10"], 0, [1, 2]),
        (["2001:db8::7", "a.onion"], 0, [1, 3]),
        (["2001:DB8::7", "192.0.2.01", "198.51.100.10", "x\0"], 0, []),
        (["", "1", "2", "3", "4", *TEXTS], 2, [2, 3, 4]),
        ([], 0, []),
    ],
)
def test_codes_of_texts(whole: bool, wanted: Sequence[str], start: int, codes: list[int]) -> None:
    addresses = packed()
    if whole:
        addresses.texts()
    assert addresses.codes_of(wanted, start) == codes


def test_a_packed_address_begins_at_a_multiple_of_its_size() -> None:
    addresses = AddressTexts()
    shifted = b"6" + V4[:16]  # the bytes of V4 are there, one byte later
    addresses.extend_packed(shifted + b"4" + bytes(16) + V4, [])
    assert addresses.codes_of(["192.0.2.1"], 0) == [2]


def test_wrong_bytes_and_missing_names_are_refused() -> None:
    assert _core.address_texts(b"", []) == []
    with pytest.raises(ValueError, match="packed"):
        _core.address_texts(V4[:-1], [])
    with pytest.raises(ValueError, match="packed"):
        _core.address_texts(V4, ("a",))  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        _core.address_texts(V4 + NAME, [])
    with pytest.raises(TypeError):
        _core.address_texts("text", [])  # type: ignore[arg-type]


def test_packed_addresses_of_a_reader() -> None:
    path = sorted(Path("tests/data/honest").glob("vantage*"))[0]
    with _core.Reader([str(path)], ports=[18080]) as reader:
        while reader.step():
            pass
        texts = reader.addresses()
        assert len(texts) > 5
        for start in (0, 3, len(texts), len(texts) + 9):
            assert _core.address_texts(*reader.packed_addresses(start)) == texts[start:]
        with pytest.raises(ValueError, match="negative"):
            reader.packed_addresses(-1)
