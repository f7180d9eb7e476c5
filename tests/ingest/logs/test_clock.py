"""Timestamps."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.logs.clock import YearlessClock, from_epoch, has_zone, iso, parse_time

MOMENT = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:05Z",
        "2026-03-02 11:00:05+01:00",
        "2026-03-02 10:00:05",
        "2026-03-02 10:00:05 UTC",
        "2026-03-02T10:00:05.000000000Z",
        "02/Mar/2026:11:00:05 +0100",
        "Mon Mar 02 10:00:05 2026",
        "Mon, 02 Mar 2026 10:00:05 GMT",
        "03/02/2026 10:00:05 AM",
        "02.03.2026 10:00:05",
        "1772445605",
        "1772445605000",
        "1772445605000000",
    ],
)
def test_all_these_are_the_same_moment(text: str) -> None:
    assert parse_time(text) == MOMENT


@pytest.mark.parametrize("text", ["", "soon", "42", "9" * 40, "2026-13-01", "x" * 10_000, "99999999999999999999"])
def test_these_are_no_times(text: str) -> None:
    assert parse_time(text) is None


def test_zone_and_printing() -> None:
    assert has_zone("2026-03-02T10:00:05Z")
    assert has_zone("1772445605")
    assert not has_zone("2026-03-02 10:00:05")
    assert iso(MOMENT) == "2026-03-02T10:00:05Z"
    assert from_epoch(5) is None


def test_yearless_clock_rolls_over_and_takes_stragglers_back() -> None:
    clock = YearlessClock(datetime(2026, 1, 5, tzinfo=UTC))
    stamps = ["Dec 30 10:00:00", "Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  2 00:00:00"]
    assert [moment.year for stamp in stamps if (moment := clock.parse(stamp))] == [2025, 2026, 2025, 2026]


def test_yearless_clock_knows_leap_days() -> None:
    assert YearlessClock(datetime(2025, 6, 1, tzinfo=UTC)).parse("Feb 29 10:00:00") is None
    assert YearlessClock(datetime(2024, 6, 1, tzinfo=UTC)).parse("Feb 29 10:00:00") is not None


_STAMP = st.builds(
    "{} {:2} {:02}:{:02}:{:02}".format,
    st.sampled_from(["Jan", "Feb", "Jul", "Dec", "Foo"]),
    st.sampled_from([1, 29, 31]),
    st.sampled_from([0, 23, 24]),
    st.sampled_from([0, 59]),
    st.sampled_from([0, 30, 59, 60]),
)


@given(st.lists(_STAMP, max_size=30))
def test_what_a_clock_remembers_of_a_minute_changes_no_moment(stamps: list[str]) -> None:
    quick, plain = YearlessClock(MOMENT), YearlessClock(MOMENT)
    for stamp in stamps:
        plain.state = plain.state  # forgets the minute
        assert quick.parse(stamp) == plain.parse(stamp)
        assert quick.state == plain.state
