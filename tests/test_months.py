"""Months of a zone: when they begin and end, and which instants stand in them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from aggregator.pipeline.months import is_month, month_of, month_span, turns
from tests.conftest import Sweep

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)


@pytest.mark.parametrize("zone", ZONES)
def test_a_month_holds_its_own_instants(zone: str) -> None:
    """Its first and last second stand in it, the seconds beside it in its neighbours."""
    for year in (1970, 2011, 2025):
        for number in range(1, 13):
            month = f"{year}-{number:02}"
            begin, end = month_span(month, zone)
            assert [month_of(second, zone) for second in (begin, end - 1)] == [month, month]
            assert month_of(begin - 1, zone) < month < month_of(end, zone)


def test_months_of_any_zone_begin_where_days_turn(sweep: Sweep) -> None:
    """Whatever the zone, each month of our time begins at one of its turns; so no day of the index holds parts of two."""
    for zone in sweep.sample(sorted(available_timezones()), 20):
        begins = {int(datetime(year, 7, 1, tzinfo=ZoneInfo(zone)).timestamp()) % 86400 for year in (1985, 2004, 2026)}
        assert begins <= set(turns(zone)), zone
        assert len(turns(zone)) < 12, zone


def test_the_ends_of_the_calendar_are_months_too() -> None:
    """The first and the last day of all have a month in every zone."""
    for zone in ("Asia/Shanghai", "America/New_York"):
        assert month_of(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), zone) == "9999-12"
        assert month_of(datetime(1, 1, 1, tzinfo=UTC), zone) == "0001-01"
        begin, end = month_span("9999-12", zone)
        assert begin < end
        assert month_span("0001-01", zone)[0] < month_span("0001-01", zone)[1]


@pytest.mark.parametrize("text", ["2021-09", "0001-01", "9999-12"])
def test_months_are_known(text: str) -> None:
    """Four digits, a dash, and a month of the year."""
    assert is_month(text)


@pytest.mark.parametrize("text", ["", "2021-13", "2021-00", "0000-01", "2021-9", "2021-09\n", "２０２１-09", "2021-09-01", "x"])
def test_what_is_no_month_is_known(text: str) -> None:
    """Nothing else is one."""
    assert not is_month(text)
