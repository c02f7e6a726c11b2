"""Which captures belong to one day."""

from __future__ import annotations

from monerotraffic.store.days import captures_by_day

DAY = 86_400 * 10**9
HOUR = 3600 * 10**9
NEVER = -(1 << 63)


def test_files_belong_to_the_day_of_their_first_packet() -> None:
    spans = {
        "c": (DAY + HOUR, DAY + 2 * HOUR),
        "a": (HOUR, 2 * HOUR),
        "b": (23 * HOUR, DAY + HOUR),  # over midnight
        "empty": (NEVER, NEVER),
        "d": (3 * DAY, 3 * DAY + HOUR),
    }
    groups = captures_by_day(spans, spans)
    assert [sorted(group) for group in groups] == [["a", "b", "empty"], ["c"], ["d"]]


def test_captures_that_ran_at_once_stay_together() -> None:
    spans = {"a": (HOUR, 30 * HOUR), "b": (25 * HOUR, 26 * HOUR), "c": (50 * HOUR, 51 * HOUR)}
    assert captures_by_day(spans, spans) == [["a", "b"], ["c"]]


def test_without_times() -> None:
    assert captures_by_day(["a", "b"], {"a": (NEVER, NEVER)}) == [["a", "b"]]
    assert captures_by_day([], {}) == []
