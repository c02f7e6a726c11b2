"""Addresses and strings by code."""

from __future__ import annotations

import numpy as np

from monerotraffic.tables.interning import CodeMap, Names


def test_the_first_reader_has_the_codes_of_the_names() -> None:
    names = Names()
    codes = CodeMap(names)
    assert codes.identity
    codes.learn(["a", "b"], [b"x"])
    assert (list(names.addresses), names.strings) == (["a", "b"], [b"x"])
    assert (codes.address_count, codes.string_count) == (2, 1)


def test_packed_addresses_get_the_same_codes() -> None:
    names = Names()
    codes = CodeMap(names)
    codes.learn_packed(b"4" + bytes([192, 0, 2, 1]) + bytes(12) + b"n" + bytes(16), ["b"], [b"x"])
    assert (codes.address_count, codes.string_count) == (2, 1)
    assert names.codes_of(["192.0.2.1"]) == [0]
    assert names.view().address(1) == "b"
    second = CodeMap(names)
    second.learn(["b", "192.0.2.1", "c"], [])
    assert second.maps()[0].tolist() == [1, 0, 2, -1]


def test_a_second_reader_is_mapped() -> None:
    names = Names()
    CodeMap(names).learn(["a", "b"], [b"x"])
    second = CodeMap(names)
    assert not second.identity
    second.learn(["c", "b"], [])
    second.learn(["a"], [b"y", b"x"])
    addresses, strings = second.maps()
    assert addresses.tolist() == [2, 1, 0, -1]
    assert strings.tolist() == [1, 0, -1]
    assert (addresses.dtype, strings.dtype) == (np.int32, np.int32)
    assert list(names.addresses) == ["a", "b", "c"]
    assert names.strings == [b"x", b"y"]
    assert (second.address_count, second.string_count) == (3, 2)


def test_missing_codes_stay_missing() -> None:
    names = Names()
    names.addresses.append("a")
    addresses, _ = CodeMap(names).maps()
    assert addresses[np.array([-1])].tolist() == [-1]


def test_a_view_is_of_its_time() -> None:
    names = Names()
    names.addresses.extend(["a", "b"])
    names.strings.append(b"x")
    view = names.view()
    names.addresses.append("c")
    assert view.addresses() == ["a", "b"]
    assert (view.address_count, view.string_count, view.string(0)) == (2, 1, b"x")
    assert view.is_any(["b", "c", "unknown"]).tolist() == [False, True, False]
    assert names.view().is_any(["b", "c"]).tolist() == [False, True, True, False]


def test_codes_of_addresses_that_come_later() -> None:
    names = Names()
    names.addresses.append("a")
    assert names.codes_of(["b", "a"]) == [0]
    names.addresses.extend(["x", "b"])
    assert names.codes_of(["a", "b"]) == [0, 2]
    assert names.codes_of([]) == []
    many = [str(number) for number in range(100)]
    names.addresses.extend(many)
    assert names.codes_of([*many[90:], "x", "unknown"]) == [1, *range(93, 103)]
    assert names.codes_of(many[:2]) == [3, 4]
