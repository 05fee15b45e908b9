"""Dates without a year, or with one that was guessed on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.normalise.yearless import parse_yearless, with_right_year

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in Shanghai


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("written", "wall"),
    [
        ("11-25", "2025-11-25T00:00"),
        ("11/25", "2025-11-25T00:00"),
        ("25-11", "2025-11-25T00:00"),
        ("11-25 08:30", "2025-11-25T08:30"),
        ("11月25日", "2025-11-25T00:00"),
        ("11月25日 晚上8:30", "2025-11-25T20:30"),
        ("１１月２５日", "2025-11-25T00:00"),
        ("11월 25일", "2025-11-25T00:00"),
        ("Nov 25", "2025-11-25T00:00"),
        ("November 25th, 08:30", "2025-11-25T08:30"),
        ("25 Nov", "2025-11-25T00:00"),
        ("25. November um 8:30 Uhr", "2025-11-25T08:30"),
        ("25 de noviembre", "2025-11-25T00:00"),
        ("3-1", "2026-03-01T00:00"),
        ("03-02", "2026-03-02T00:00"),
        ("03-02 11:59", "2026-03-02T11:59"),
        ("12-31", "2025-12-31T00:00"),
        ("02-29", "2024-02-29T00:00"),
    ],
)
def test_the_year_is_that_of_the_latest_such_date(written: str, wall: str) -> None:
    """A date without a year is the latest one with that month and day, in the source's zone, that is not ahead."""
    assert parse_yearless(written, SHANGHAI, NOW) == china(wall)


def test_a_date_that_is_ahead_by_less_than_a_day_is_not_taken_back_a_year() -> None:
    """Tomorrow's date comes out as it is, and is then of no use; the day after tomorrow's is last year's."""
    assert parse_yearless("03-02 13:00", SHANGHAI, NOW) == china("2026-03-02T13:00")
    assert parse_yearless("03-03", SHANGHAI, NOW) == china("2026-03-03T00:00")
    assert parse_yearless("03-04", SHANGHAI, NOW) == china("2025-03-04T00:00")


def test_a_zone_in_the_text_comes_before_the_sources() -> None:
    """An offset beside the time counts, as everywhere."""
    assert parse_yearless("11-25 08:30 +0000", SHANGHAI, NOW) == datetime(2025, 11, 25, 8, 30, tzinfo=UTC)


def test_month_or_day_first() -> None:
    """Two small numbers are month and day where everybody writes so; elsewhere they are no date unless they are equal."""
    assert parse_yearless("05-06", SHANGHAI, NOW) == china("2025-05-06T00:00")
    assert parse_yearless("05-06", ZoneInfo("Europe/Berlin"), NOW) is None
    assert parse_yearless("05-06", UTC, NOW) is None
    assert parse_yearless("05-05", UTC, NOW) == datetime(2025, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        *("02-30", "13-13", "0-0", "11月31日", "Nov 31", "Foo 12", "24:00", "1.12", "12", "3小时前", "昨天 08:30", "", "  "),
        *("03-12-31", "11-25 99:00", "110年9月11日", "Nov 25 2", "9" * 5000, "12. listopada", "11月25日 晚上12:30"),
    ],
)
def test_what_is_no_month_and_day(written: str) -> None:
    """What is not surely a month and a day that exist is no date."""
    assert parse_yearless(written, SHANGHAI, NOW) is None


def test_the_29th_of_february_is_found_across_1900_and_2100() -> None:
    """The latest 29 February may be up to eight years back."""
    assert parse_yearless("02-29", UTC, datetime(2104, 2, 1, tzinfo=UTC)) == datetime(2096, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "now", "right"),
    [
        # RSSHub reads 12-31 on 1 January.
        ("2026-12-31T00:00", "2026-01-01T09:00", "2025-12-31T00:00"),
        ("2026-12-20T00:00", "2026-01-05T09:00", "2025-12-20T00:00"),
        # Nothing to mend.
        ("2026-01-01T00:00", "2026-01-01T09:00", "2026-01-01T00:00"),
        ("2025-12-31T00:00", "2026-01-01T09:00", "2025-12-31T00:00"),
        ("2021-09-11T08:22", "2026-01-01T09:00", "2021-09-11T08:22"),
        # Its clock is in UTC, where it is still 31 December.
        ("2025-01-01T00:00", "2026-01-01T07:30", "2026-01-01T00:00"),
        # That happens on one day of the year only.
        ("2025-01-02T00:00", "2026-01-02T07:30", "2025-01-02T00:00"),
        ("2025-01-01T00:00", "2026-01-02T07:30", "2025-01-01T00:00"),
        # A clock that is wrong by hours is no year.
        ("2026-01-02T20:00", "2026-01-01T09:00", "2026-01-02T20:00"),
        # Two years ahead is no guess of RSSHub's; neither is the day that last year did not have.
        ("2028-01-01T00:00", "2026-01-01T09:00", "2028-01-01T00:00"),
        ("2028-02-29T00:00", "2028-01-05T09:00", "2028-02-29T00:00"),
        # 1 March in Shanghai is 29 February in UTC, which last year did not have.
        ("2028-03-01T00:00", "2028-01-05T09:00", "2027-03-01T00:00"),
    ],
)
def test_a_guessed_year_is_put_right(given: str, now: str, right: str) -> None:
    """Ahead by more than two days means last year; on 1 January, the same day of last year means today; all else stays."""
    assert with_right_year(china(given), SHANGHAI, china(now)) == china(right)


def test_a_year_of_guesses() -> None:
    """Whenever an entry of the last eleven months is read, both ways of leaving out its year lead to its true date."""
    day = china("2027-06-01T00:00")
    for _ in range(0, 800, 3):
        for age in (0, 1, 2, 9, 30, 300):
            for hour in (0, 7, 8, 23):
                now = day + timedelta(hours=hour, minutes=30)
                true = day - timedelta(days=age)
                assert parse_yearless(f"{true:%m-%d}", SHANGHAI, now) == true
                if f"{true:%m-%d}" != "02-29":
                    guessed = true.replace(year=now.astimezone(UTC).year)
                    assert with_right_year(guessed, SHANGHAI, now) == true, (true, now)
        day += timedelta(days=3)
