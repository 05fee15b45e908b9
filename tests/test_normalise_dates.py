"""Dates as written -> instants, or nothing; the forms that feeds use, each with what it must become."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.dates import _by_ladder, _plain, parse_date
from aggregator.normalise.months import NAMES, month_number

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("Sat, 11 Sep 2021 00:22:19 GMT", "2021-09-11T00:22:19"),
        ("Sat, 11 Sep 2021 00:22:19 +0800", "2021-09-10T16:22:19"),
        ("Sat, 11 Sep 2021 00:22:19 GMT+8", "2021-09-10T16:22:19"),
        ("Sat,11 Sep 2021 00:22 +08:00", "2021-09-10T16:22:00"),
        ("11 Sep 21 00:22:19 EST", "2021-09-11T05:22:19"),
        ("11 Sep 98 00:22:19 UT", "1998-09-11T00:22:19"),
        ("11 Sep 49 00:22:19 UT", "2049-09-11T00:22:19"),
        ("11 Sep 50 00:22:19 UT", "1950-09-11T00:22:19"),
        ("Saturday, 11-Sep-2021 00:22:19 UTC", "2021-09-11T00:22:19"),
        ("Thu, 01 Jan 2026 24:00:00 GMT", "2026-01-02T00:00:00"),
        ("2026-01-01T24:00:00Z", "2026-01-02T00:00:00"),
        ("Thu, 01 Jan 2026 23:59:60 GMT", "2026-01-01T23:59:59"),
        ("2003-07-01T01:55:61-05:00", "2003-07-01T06:55:59"),
        ("Thu, 01 Jan 2026 10:00:00 GMT-05:00", "2026-01-01T15:00:00"),
        ("Thu, 01 Jan 2026 10:00:00 IST", "2026-01-01T04:30:00"),
        ("Tue, 22 Jun 2010 20:20:20 (EST)", "2010-06-23T01:20:20"),
        ("Thu Jan  1 10:00:00 UTC 2026", "2026-01-01T10:00:00"),
        ("Sat Sep 11 2021 08:22:19 GMT+0800 (China Standard Time)", "2021-09-11T00:22:19"),
        ("2021-09-11T00:22:19Z", "2021-09-11T00:22:19"),
        ("2021-09-11t00:22:19z", "2021-09-11T00:22:19"),
        ("2021-09-11T00:22:19.999+08:00", "2021-09-10T16:22:19"),
        ("2021-09-11T08:22:19+08:00[Asia/Shanghai]", "2021-09-11T00:22:19"),
        ("2021-09-11 00:22:19 +0800", "2021-09-10T16:22:19"),
        ("2021-09-11 08:22:19.5 +0800 CST", "2021-09-11T00:22:19"),
        ("2021-09-11 02:22 Europe/Berlin", "2021-09-11T00:22:00"),
        ("2021-09-11+08:00", "2021-09-10T16:00:00"),
        ("20040101T10:00:00Z", "2004-01-01T10:00:00"),
        ("2003-W40-3T10:00:00Z", "2003-10-01T10:00:00"),
        ("Fri, 2006/09/15 08:19:53 EDT", "2006-09-15T12:19:53"),
        ("1700000000", "2023-11-14T22:13:20"),
        ("1700000000.75", "2023-11-14T22:13:20"),
        ("1700000000123", "2023-11-14T22:13:20"),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00"),
        ("Mo, 11 März 2021 08:00:00 +0100", "2021-03-11T07:00:00"),
        ("lun. 11 déc. 2021 10:00:00 +0100", "2021-12-11T09:00:00"),
        ("Сб, 11 сен 2021 10:00:00 +0300", "2021-09-11T07:00:00"),
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
        ("Thu, 01 Jan 2026 10:00:00 XYZ", "2026-01-01T10:00:00"),
        ("2021-09-11 00:22:19", "2021-09-11T00:22:19"),
        ("2021-09-11", "2021-09-11T00:00:00"),
        ("2021-9-1 1:02", "2021-09-01T01:02:00"),
        ("2016/6/29 15:07:41", "2016-06-29T15:07:41"),
        ("2021.09.11 08:00", "2021-09-11T08:00:00"),
        ("20260101", "2026-01-01T00:00:00"),
        ("20260101083000", "2026-01-01T08:30:00"),
        ("2003-335", "2003-12-01T00:00:00"),
        ("2003-12", "2003-12-01T00:00:00"),
        ("2003-W40-3", "2003-10-01T00:00:00"),
        ("2020", "2020-01-01T00:00:00"),
        ("Jan 1, 2026 10:00 PM", "2026-01-01T22:00:00"),
        ("January 1st, 2026 at 12:30 a.m.", "2026-01-01T00:30:00"),
        ("Saturday, September 11, 2021 - 00:22", "2021-09-11T00:22:00"),
        ("Sept 11th of 2021 10:00 XYZ", "2021-09-11T10:00:00"),
        ("29/06/2016 10:00", "2016-06-29T10:00:00"),
        ("06/29/2016", "2016-06-29T00:00:00"),
        ("11.09.2021 12:30", "2021-09-11T12:30:00"),
        ("11 de septiembre de 2021 10:30 p. m.", "2021-09-11T22:30:00"),
        ("Sat, 11 Sep 2021 00:22:19 CST", "2021-09-11T00:22:19"),
    ],
)
def test_dates_without_a_zone(written: str, wall: str) -> None:
    """A date without a zone, with an unknown one, or with China's ambiguous one, is in the source's zone."""
    assert parse_date(written, SHANGHAI) == datetime.fromisoformat(wall).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("written", "wall"),
    [
        ("12. März 2020 um 08:00 Uhr", "2020-03-12T08:00:00"),
        ("5. Jänner 2020", "2020-01-05T00:00:00"),
        ("Fr, 12 Dez 2020 08:00:00", "2020-12-12T08:00:00"),
        ("11 septembre 2021 14h30", "2021-09-11T14:30:00"),
        ("dimanche 3 août 2014 à 12:00", "2014-08-03T12:00:00"),
        ("1er févr. 2021", "2021-02-01T00:00:00"),
        ("lunes, 3 de mayo de 2020 a las 10:30", "2020-05-03T10:30:00"),
        ("11 dic 2021", "2021-12-11T00:00:00"),
        ("11 gennaio 2021 alle ore 10:30", "2021-01-11T10:30:00"),
        ("11 lug 2021", "2021-07-11T00:00:00"),
        ("segunda-feira, 11 de outubro de 2021 às 9:05", "2021-10-11T09:05:00"),
        ("11 fev 2021", "2021-02-11T00:00:00"),
        ("11 mei 2021 om 10:30", "2021-05-11T10:30:00"),
        ("11 mrt 2021", "2021-03-11T00:00:00"),
        ("11 września 2021, 10:30", "2021-09-11T10:30:00"),
        ("11 października 2021", "2021-10-11T00:00:00"),
        ("11 listopada 2021", "2021-11-11T00:00:00"),
        ("11 lis 2021", "2021-11-11T00:00:00"),
        ("11 Eylül 2021 Cumartesi 14:30", "2021-09-11T14:30:00"),
        ("11 NİSAN 2021", "2021-04-11T00:00:00"),
        ("11 Kasım 2021", "2021-11-11T00:00:00"),
        ("5 мая 2020", "2020-05-05T00:00:00"),
        ("11 сентября 2021 г. в 10:30", "2021-09-11T10:30:00"),
        ("11 вересня 2021", "2021-09-11T00:00:00"),
        ("11 Σεπτεμβρίου 2021", "2021-09-11T00:00:00"),
        ("11 Μαΐου 2021", "2021-05-11T00:00:00"),
        ("2021. szeptember 11., szombat 10:30", "2021-09-11T10:30:00"),
        ("2021. máj. 11.", "2021-05-11T00:00:00"),
        ("11. září 2021 10:30", "2021-09-11T10:30:00"),
        ("11. července 2021", "2021-07-11T00:00:00"),
        ("11. června 2021", "2021-06-11T00:00:00"),
        ("11. listopadu 2021", "2021-11-11T00:00:00"),
        ("11 september 2021 kl. 10:30", "2021-09-11T10:30:00"),
        ("11. maj 2021", "2021-05-11T00:00:00"),
        ("11. mai 2021", "2021-05-11T00:00:00"),
        ("11. des. 2021", "2021-12-11T00:00:00"),
        ("11. marraskuuta 2021 klo 10.30", "2021-11-11T10:30:00"),
        ("11. maaliskuu 2021", "2021-03-11T00:00:00"),
        ("11 aou\u0302t 2021", "2021-08-11T00:00:00"),
        ("２０２１年９月１１日　１５：０５", "2021-09-11T15:05:00"),
        ("2021年9月11日", "2021-09-11T00:00:00"),
        ("2021年9月11日 下午3:05", "2021-09-11T15:05:00"),
        ("2021年9月11日 晚上8:05", "2021-09-11T20:05:00"),
        ("2021年9月11日 星期六 中午12:05", "2021-09-11T12:05:00"),
        ("2021年9月11日 中午1点", "2021-09-11T13:00:00"),
        ("2021年9月11日 凌晨12:05", "2021-09-11T00:05:00"),
        ("2021年9月11日15点05分", "2021-09-11T15:05:00"),
        ("2021年09月11日 15时05分07秒", "2021-09-11T15:05:07"),
        ("2021年9月11日(土) 15時05分", "2021-09-11T15:05:00"),
        ("2021年9月11日土曜日 午後3:05", "2021-09-11T15:05:00"),
        ("2021年9月11日 来源：新华社", "2021-09-11T00:00:00"),
        ("2004년 05월 28일  01:31:15", "2004-05-28T01:31:15"),
        ("2021년 9월 11일 토요일 오후 3:05", "2021-09-11T15:05:00"),
        ("2021. 9. 11. 오전 12:05", "2021-09-11T00:05:00"),
        ("2004-05-25 오후 11:23:17", "2004-05-25T23:23:17"),
    ],
)
def test_localised_dates(written: str, wall: str) -> None:
    """Names of months, words before the time and halves of the day are understood in the languages of our feeds."""
    assert parse_date(written, SHANGHAI) == datetime.fromisoformat(wall).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "written",
    [
        *("Invalid Date", "undefined", "null", "NaN", "", "  ", "now", "0", "99", "12345", "99999999999999999999", "00000000"),
        # Ambiguous: which is the day, which the year, which October.
        *("01/02/2026", "9/11/2021, 12:22:19 AM", "03-12-31", "31.12.21", "12/31/99", "12. listopada 2021."),
        *("2021年9月11日 晚上12:05", "2021-09-11-08:00", "Sat, 11 Sep 121 00:00:00 GMT"),
        # No year; `yearless` knows more about those.
        *("9月11日", "09-11", "1 January", "Sep 11", "24:00"),
        # Impossible.
        *("0000-00-00", "0000-00-00 00:00:00", "2021-02-30", "30 Feb 2021", "2021-13-01", "2021-366", "2021-000"),
        *("Mon, 31 Jun 2004 19:48:21 GMT", "2021-09-11T25:00:00Z", "2021-09-11T24:30:00Z", "0001-01-01T00:00:00Z"),
        # Relative: how long ago they were written is unknown.
        *(
            "3小时前",
            "昨天",
            "昨天 10:30",
            "刚刚",
            "2 hours ago",
            "yesterday",
            "yesterday at 10:00",
            "just now",
            "gestern 2021",
        ),
        # A time that cannot be read is no midnight.
        *("5 May 2020 half past 10", "2021年9月11日 约10", "11 Σεπτεμβρίου 2021 3:05 μ.μ."),
        *("110年9月11日", "x" * 5000, "\u0661\u0662"),
    ],
)
def test_what_is_no_certain_date(written: str) -> None:
    """Ambiguous, impossible, relative and missing dates are no dates; nothing is completed from the clock."""
    assert parse_date(written, UTC) is None


def test_no_month_has_the_name_of_another() -> None:
    """Each name in the table means one month in all languages that have it, with and without its accents."""
    for language, line in NAMES.items():
        assert len(line.split()) == 12, language
        for number, forms in enumerate(line.split(), start=1):
            for form in forms.split("/"):
                assert month_number(form) == month_number(form.upper()) == number, (language, form)


@pytest.mark.parametrize(
    ("name", "number"), [("marrask", 11), ("janu", 1), ("septe", 9), ("mar", 3), ("ju", None), ("jui", None)]
)
def test_beginnings_of_names(name: str, number: int | None) -> None:
    """A beginning of three letters or more is a name if it fits one month only: `jui` is June or July in French."""
    assert month_number(name) == number


def test_the_machines_zone_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A date with a zone that only dateutil might have known is in the source's zone, not in this machine's."""
    monkeypatch.setitem(os.environ, "TZ", "America/New_York")
    time.tzset()
    try:
        assert parse_date("2021, 11 September 10:00 XYZ", SHANGHAI) == datetime(2021, 9, 11, 2, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_summer_time_is_the_zones() -> None:
    """A date without a zone has the offset that was in force in the source's zone on that day."""
    berlin = ZoneInfo("Europe/Berlin")

    assert parse_date("2026-07-01 12:00", berlin) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert parse_date("2026-01-01 12:00", berlin) == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert parse_date("1988-07-01 12:00", SHANGHAI) == datetime(1988, 7, 1, 3, tzinfo=UTC)


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


_PARTS = {
    "year": st.sampled_from(["1899", "1900", "2024", "2099", "2100", "24"]),
    "month": st.sampled_from(["01", "02", "12", "13"]),
    "name": st.sampled_from(["Jan", "Feb", "Sep", "Dec", "Sept", "jan"]),
    "day": st.sampled_from(["00", "01", "1", "28", "29", "30", "31", "32"]),
    "hour": st.sampled_from(["00", "09", "23", "24", "9"]),
    "minute": st.sampled_from(["00", "59", "60"]),
    "second": st.sampled_from(["00", "59", "60", "61", "62", "07.5"]),
    "zone": st.sampled_from(["GMT", "Z", "UTC", "EST", "CST", "+0800", "-0330", "+1459", "+1500", "+08:00", "-00:00", ""]),
}


@settings(max_examples=600)
@given(parts=st.fixed_dictionaries(_PARTS), iso=st.booleans(), weekday=st.sampled_from(["", "Mon, ", "Tue,", "mon, "]))
def test_plain_dates_are_read_as_by_the_whole_ladder(parts: dict[str, str], iso: bool, weekday: str) -> None:  # noqa: FBT001
    """What is read at once is the instant that the ladder finds, in any zone of the source's."""
    rfc_822 = f"{weekday}{{day}} {{name}} {{year}} {{hour}}:{{minute}}:{{second}} {{zone}}"
    written = ("{year}-{month}-{day}T{hour}:{minute}:{second}{zone}" if iso else rfc_822).format(**parts)
    at_once = _plain(written)

    assert at_once is None or {_by_ladder(written, zone) for zone in (UTC, SHANGHAI, ZoneInfo("Pacific/Chatham"))} == {at_once}


@pytest.mark.parametrize("written", ["Sat, 11 Sep 2021 00:22:19 GMT", "11 Sep 2021 00:22:19 +0800", "2021-09-11T00:22:19Z"])
def test_the_plainest_dates_are_read_at_once(written: str) -> None:
    """The forms that nearly every feed uses do not go up the ladder."""
    assert _plain(written) == parse_date(written, UTC)


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59-14:00", "Fri, 31 Dec 9999 23:59:59 -1400"])
def test_a_date_that_utc_has_no_year_for_is_none(written: str) -> None:
    """The last hours of the year 9999, west of Greenwich, are no instant that can be kept."""
    assert parse_date(written, UTC) is None


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="0123456789:-/+. TZJanSepGMTESTpm年月日,", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands where a date should be is an aware instant of whole seconds or nothing."""
    date = parse_date(text, SHANGHAI)

    assert date is None or (date.tzinfo is UTC and date.microsecond == 0)
