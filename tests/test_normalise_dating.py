"""Which of an entry's dates it gets, and the words that say why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.model.parsed import ParsedEntry
from aggregator.normalise import DateHabits, Rung, choose_date, date_habits, explain_date
from aggregator.normalise.dating import usable
from tests.parsing import source

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PLAIN = DateHabits()
CHINA = DateHabits(zone=ZoneInfo("Asia/Shanghai"))
ZAKER = DateHabits(zone=ZoneInfo("Asia/Shanghai"), guessed_in=ZoneInfo("Asia/Shanghai"))
P = "Sat, 11 Sep 2021 00:22:19 GMT"
U = "2021-09-12T00:00:00Z"
LINK = "https://a.example/2021/09/11/title"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "habits", "instant", "words"),
    [
        (ParsedEntry(published=P, updated=U), PLAIN, "2021-09-11T00:22:19", f"upstream's published `{P}`"),
        (ParsedEntry(updated=U, link=LINK), PLAIN, "2021-09-12", f"upstream's updated `{U}`"),
        (
            ParsedEntry(published="Invalid Date", updated=U),
            PLAIN,
            "2021-09-12",
            f"upstream's updated `{U}`; published `Invalid Date` is no date",
        ),
        (
            ParsedEntry(published="2016/6/29 15:07:41"),
            CHINA,
            "2016-06-29T07:07:41",
            "upstream's published `2016/6/29 15:07:41`; read in the source's zone, Asia/Shanghai",
        ),
        (
            ParsedEntry(published="2016-06-29"),
            PLAIN,
            "2016-06-29",
            "upstream's published `2016-06-29`; read in the source's zone, UTC",
        ),
        (
            ParsedEntry(published="12-31"),
            CHINA,
            "2025-12-30T16:00",
            "upstream's published `12-31`; the year is ours: none was given",
        ),
        (
            ParsedEntry(published="Wed, 30 Dec 2026 16:00:00 GMT"),
            ZAKER,
            "2025-12-30T16:00",
            "upstream's published `Wed, 30 Dec 2026 16:00:00 GMT`; the year is ours: the one given was a guess",
        ),
        (
            ParsedEntry(published="Wed, 30 Dec 2026 16:00:00 GMT"),
            CHINA,
            None,
            "first seen: published `Wed, 30 Dec 2026 16:00:00 GMT` lies ahead",
        ),
        (ParsedEntry(), PLAIN, None, "first seen: upstream gives no date"),
        (ParsedEntry(published="Invalid Date"), PLAIN, None, "first seen: published `Invalid Date` is no date"),
        (ParsedEntry(published="3小时前"), CHINA, None, "first seen: published `3小时前` is no date"),
        (
            ParsedEntry(published="1513-05-05", updated="1970-01-01 00:00"),
            CHINA,
            None,
            "first seen: published `1513-05-05` is before 1900; updated `1970-01-01 00:00` is a clock that was never set",
        ),
        (ParsedEntry(link=LINK), PLAIN, "2021-09-11", "the day in the link; upstream gives no date"),
        (
            ParsedEntry(link="https://a.example/x", id="https://a.example/2021-09-11-x", published="undefined"),
            CHINA,
            "2021-09-10T16:00",
            "the day in the id; published `undefined` is no date",
        ),
        (ParsedEntry(published="x\n" * 100), PLAIN, None, f"first seen: published `{'x ' * 30}…` is no date"),
    ],
)
def test_the_ladder(entry: ParsedEntry, habits: DateHabits, instant: str | None, words: str) -> None:
    """Each rung is taken in its order, and the words name it, what was passed over and what was added."""
    assert explain_date(entry, habits, NOW) == (day(instant) if instant else None, words)


@pytest.mark.parametrize(
    "link",
    [
        *("https://a.example/2021/09/", "https://a.example/2021/13/11/", "https://a.example/2021/02/30/x"),
        *("https://a.example/2021/09/11/vs/2020/09/11/", "https://a.example/12021/09/11/", "https://a.example/2021/09/111/"),
        *("https://a.example/x?d=/2021/09/11/", "https://a.example/2099/09/11/", "https://2021/09/11", "http://[/2021/09/11/"),
        *("tag:a.example,2021-09-11:x", "urn:x", "/1899/01/01/"),
    ],
)
def test_what_is_no_day_in_a_link(link: str) -> None:
    """Only one whole day of the past in the path of an address counts; a tag: URI's date is that of its owner."""
    assert choose_date(ParsedEntry(link=link, id=link), PLAIN, NOW).rung is Rung.NONE


def test_updated_counts_only_when_it_is_later() -> None:
    """`updated` is kept beside `published` only if it is later and can be true."""
    for updated, kept in ((U, day("2021-09-12")), ("2021-09-10", None), ("2099-01-01", None), ("2021-09-11T00:22:19Z", None)):
        assert choose_date(ParsedEntry(published=P, updated=updated), PLAIN, NOW).updated == kept


def test_whose_word_a_date_is() -> None:
    """Only a date that upstream wrote in full may later tell of a change."""
    assert choose_date(ParsedEntry(published=P), ZAKER, NOW).is_upstreams
    assert choose_date(ParsedEntry(updated=U), PLAIN, NOW).is_upstreams
    assert not choose_date(ParsedEntry(published="12-31"), CHINA, NOW).is_upstreams
    assert not choose_date(ParsedEntry(link=LINK), PLAIN, NOW).is_upstreams
    assert choose_date(ParsedEntry(published="2025-12-31", updated="03-01"), CHINA, NOW).updated is None


@pytest.mark.publishes("P9")
def test_what_can_be_true() -> None:
    """A date later than now, before 1900, on spreadsheets' first day or on the epoch's day in any zone is not used."""
    assert usable(NOW, NOW) == NOW
    assert usable(NOW + timedelta(seconds=1), NOW) is None
    assert usable(datetime(1513, 1, 1, tzinfo=UTC), NOW) is None
    assert usable(datetime(1900, 1, 1, tzinfo=UTC), NOW) is None
    assert usable(datetime(1900, 1, 2, tzinfo=UTC), NOW) is not None
    assert usable(datetime(1970, 1, 1, tzinfo=UTC), NOW) is None
    assert usable(datetime(1969, 12, 31, 16, tzinfo=UTC), NOW) is None
    assert usable(datetime(1970, 1, 2, tzinfo=UTC), NOW) is not None
    assert usable(None, NOW) is None


def test_habits_of_a_source() -> None:
    """ZAKER's dates are Beijing's and without a year, by its host, its route or its fix; other zones come from settings."""
    assert date_habits(source()) == PLAIN
    assert date_habits(source(timezone="Asia/Shanghai")) == CHINA
    assert date_habits(source(fixes=("zaker",))) == ZAKER
    assert date_habits(source(fixes=None, feed="rsshub:/zaker/channel/13")) == ZAKER
    assert date_habits(source(fixes=None, addresses=("https://www.myzaker.com/feed",))) == ZAKER
    assert date_habits(source(fixes=(), feed="rsshub:/zaker/channel/13")) == PLAIN
    assert date_habits(source(fixes=("zaker",), timezone="Europe/Berlin")).guessed_in == ZAKER.guessed_in
