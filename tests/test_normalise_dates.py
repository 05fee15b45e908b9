from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.dates import parse_date, usable

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("Sat, 11 Sep 2021 00:22:19 GMT", "2021-09-11T00:22:19"),
        ("Sat, 11 Sep 2021 00:22:19 +0800", "2021-09-10T16:22:19"),
        ("Sat,11 Sep 2021 00:22 +08:00", "2021-09-10T16:22:00"),
        ("11 Sep 21 00:22:19 EST", "2021-09-11T05:22:19"),
        ("11 Sep 98 00:22:19 UT", "1998-09-11T00:22:19"),
        ("Saturday, 11-Sep-2021 00:22:19 UTC", "2021-09-11T00:22:19"),
        ("Thu, 01 Jan 2026 24:00:00 GMT", "2026-01-02T00:00:00"),
        ("Thu, 01 Jan 2026 23:59:60 GMT", "2026-01-01T23:59:59"),
        ("Thu, 01 Jan 2026 10:00:00 GMT-05:00", "2026-01-01T15:00:00"),
        ("Thu, 01 Jan 2026 10:00:00 IST", "2026-01-01T04:30:00"),
        ("Tue, 22 Jun 2010 20:20:20 (EST)", "2010-06-23T01:20:20"),
        ("Thu Jan  1 10:00:00 UTC 2026", "2026-01-01T10:00:00"),
        ("2021-09-11T00:22:19Z", "2021-09-11T00:22:19"),
        ("2021-09-11t00:22:19z", "2021-09-11T00:22:19"),
        ("2021-09-11T00:22:19.999+08:00", "2021-09-10T16:22:19"),
        ("2021-09-11 00:22:19 +0800", "2021-09-10T16:22:19"),
        ("20040101T10:00:00Z", "2004-01-01T10:00:00"),
        ("2003-W40-3T10:00:00Z", "2003-10-01T10:00:00"),
        ("Fri, 2006/09/15 08:19:53 EDT", "2006-09-15T12:19:53"),
        ("1700000000", "2023-11-14T22:13:20"),
        ("1700000000123", "2023-11-14T22:13:20"),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00"),
        ("2004-július-13T9:15-05:00", "2004-07-13T14:15:00"),
    ],
)
def test_dates_with_a_zone(written: str, instant: str) -> None:
    """A date that names its zone is the same instant whatever the source's zone."""
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC)

    assert parse_date(written, UTC) == expected
    assert parse_date(written, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("written", "wall"),
    [
        ("Thu, 01 Jan 2026 10:00:00", "2026-01-01T10:00:00"),
        ("2021-09-11 00:22:19", "2021-09-11T00:22:19"),
        ("2021-09-11", "2021-09-11T00:00:00"),
        ("2021-9-1 1:02", "2021-09-01T01:02:00"),
        ("2016/6/29 15:07:41", "2016-06-29T15:07:41"),
        ("2021.09.11 08:00", "2021-09-11T08:00:00"),
        ("20260101", "2026-01-01T00:00:00"),
        ("2003-335", "2003-12-01T00:00:00"),
        ("2003-12", "2003-12-01T00:00:00"),
        ("Jan 1, 2026 10:00 PM", "2026-01-01T22:00:00"),
        ("January 1st, 2026 at 12:30 a.m.", "2026-01-01T00:30:00"),
        ("29/06/2016 10:00", "2016-06-29T10:00:00"),
        ("06/29/2016", "2016-06-29T00:00:00"),
        ("11.09.2021 12:30", "2021-09-11T12:30:00"),
        ("2021年9月11日", "2021-09-11T00:00:00"),
        ("2021年9月11日 下午3:05", "2021-09-11T15:05:00"),
        ("2021年09月11日 15时05分07秒", "2021-09-11T15:05:07"),
        ("2004년 05월 28일  01:31:15", "2004-05-28T01:31:15"),
        ("2004-05-25 오후 11:23:17", "2004-05-25T23:23:17"),
        ("12. März 2020 08:00", "2020-03-12T08:00:00"),
        ("Fr, 12 Dez 2020 08:00:00", "2020-12-12T08:00:00"),
        ("11 septembre 2021 14:00", "2021-09-11T14:00:00"),
        ("dimanche 3 août 2014 à 12:00", "2014-08-03T12:00:00"),
        ("3 de mayo de 2020", "2020-05-03T00:00:00"),
        ("5 мая 2020", "2020-05-05T00:00:00"),
        ("Sat, 11 Sep 2021 00:22:19 CST", "2021-09-11T00:22:19"),
    ],
)
def test_dates_without_a_zone(written: str, wall: str) -> None:
    """A date without a zone, or with China's ambiguous one, is in the source's zone."""
    assert parse_date(written, SHANGHAI) == datetime.fromisoformat(wall).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "written",
    [
        *("Invalid Date", "", "  ", "01/02/2026", "9月11日", "1 January", "24:00", "0000-00-00", "2021-02-30", "2021-13-01"),
        *("99", "03-12-31", "12345", "yesterday", "x" * 5000, "Mon, 31 Jun 2004 19:48:21 GMT", "2021-09-11T25:00:00Z"),
        *("0001-01-01T00:00:00Z", "99999999999999999999", "00000000", "now", "2020", "\u0661\u0662"),
    ],
)
def test_what_is_no_certain_date(written: str) -> None:
    """Ambiguous, impossible and missing dates are no dates; nothing is completed from the clock."""
    if written == "2020":
        assert parse_date(written, UTC) == datetime(2020, 1, 1, tzinfo=UTC)
    else:
        assert parse_date(written, UTC) is None


def test_only_the_past_is_usable() -> None:
    """A date later than now or before 1900 is not used."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert usable(now, now) == now
    assert usable(now + timedelta(seconds=1), now) is None
    assert usable(datetime(1513, 1, 1, tzinfo=UTC), now) is None
    assert usable(None, now) is None


@settings(deadline=None, max_examples=200)
@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_every_instant_survives_the_common_forms(moment: datetime) -> None:
    """RFC 822 and RFC 3339 forms of any instant are read back exactly."""
    instant = moment.replace(tzinfo=UTC, microsecond=0)

    for written in (
        instant.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        instant.isoformat(),
        instant.strftime("%d %b %Y %H:%M:%S GMT"),
    ):
        assert parse_date(written, SHANGHAI) == instant


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="0123456789:-/+. TZJanSepGMTESTpm年月日,", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands where a date should be is an aware instant of whole seconds or nothing."""
    date = parse_date(text, SHANGHAI)

    assert date is None or (date.tzinfo is UTC and date.microsecond == 0)
