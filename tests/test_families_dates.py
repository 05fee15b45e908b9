"""Families 16 to 20: dates that are missing, broken, cut, shifted or ahead; docs/dates.md says what is chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.model.entry import Entry
from aggregator.model.poll import Outcome
from tests.play import Play, once, play
from tests.timeline import START


def rss(*dates: str | None, channel: str = "", text: str = "Text") -> str:
    """Return a document of one item a date; ids are e1, e2, ... in their order."""
    items = "".join(
        f"<item><guid isPermaLink='false'>e{number}</guid><title>Entry {number}</title>"
        f"<description>{text} {number}</description>" + (f"<pubDate>{date}</pubDate>" if date is not None else "") + "</item>"
        for number, date in enumerate(dates, 1)
    )
    return f"<rss version='2.0'><channel><title>Dates</title><link>https://d.example/</link>{channel}{items}</channel></rss>"


def dates(entries: list[Entry]) -> list[str | None]:
    """Return what upstream is believed to say, in order of the numbers; None where the entry is dated by us."""
    ordered = sorted(entries, key=lambda entry: int(entry.id[1:]))
    return [entry.published.strftime("%Y-%m-%dT%H:%M:%SZ") if entry.published else None for entry in ordered]


@pytest.mark.post_row("D11")
@pytest.mark.family(16)
def test_no_date_of_its_own(tmp_path: Path) -> None:
    """Without dates entries are dated by when they were first seen, for ever; neither the channel's date nor now is theirs."""
    now = "<lastBuildDate>{:%a, %d %b %Y %H:%M:%S} GMT</lastBuildDate>"
    moments = [START + timedelta(hours=hours) for hours in (0, 4, 8)]
    channel = "<pubDate>Mon, 05 Jan 2026 08:00:00 GMT</pubDate>"
    answers = {
        "none": [rss(None, None), rss(None, None, None), rss(None, None, None)],
        "channel": [rss(None, channel=channel)] * 3,
        "always-now": [rss(None, channel=now.format(moment)) for moment in moments],
    }
    with play(tmp_path, {name: [one.encode() for one in given] for name, given in answers.items()}) as played:
        played.poll()
        first = {name: played.entries(name) for name in answers}
        later = [played.poll(hours) for hours in (4, 8)]

    assert all(entry.published is None and entry.first_seen == START for found in first.values() for entry in found)
    assert [entry.date for entry in played.entries("none")] == [START, START, START + timedelta(hours=4)]
    assert [{name: event.outcome for name, event in told.items()} for told in later] == [
        {"none": Outcome.NEWS, "channel": Outcome.SAME, "always-now": Outcome.SAME},
        {"none": Outcome.SAME, "channel": Outcome.SAME, "always-now": Outcome.SAME},
    ]
    assert [played.entry(name).date for name in ("channel", "always-now")] == [START, START]


#: As written -> the instant, or None where nobody can be sure.
WRITTEN = {
    "Tue, 03 Feb 26 08:15:00 GMT": "2026-02-03T08:15:00Z",
    "3 Feb 99 08:15:00 GMT": "1999-02-03T08:15:00Z",
    "2016/6/29 15:07:41": "2016-06-29T15:07:41Z",
    "Di, 03 März 2015 08:15:00 +0100": "2015-03-03T07:15:00Z",
    "3. Dezember 2020, 08:15 Uhr": "2020-12-03T08:15:00Z",
    "2021年9月11日 08:22": "2021-09-11T08:22:00Z",
    "2021年9月11日 下午3:05": "2021-09-11T15:05:00Z",
    "Sat, 31 Jan 2026 24:00:00 GMT": "2026-02-01T00:00:00Z",
    "2026-01-31T24:00:00Z": "2026-02-01T00:00:00Z",
    "Thu, 01 Jan 2026 12:00:00 EST": "2026-01-01T17:00:00Z",
    "Thu, 01 Jan 2026 12:00:00 UT": "2026-01-01T12:00:00Z",
    "2026-01-01T12:00:00": "2026-01-01T12:00:00Z",
    "2026-W03-2": "2026-01-13T00:00:00Z",
    "1767225600000": "2026-01-01T00:00:00Z",
    "0000-00-00 00:00:00": None,
    "Sun, 06 Nov 1513 08:49:37 GMT": None,
    "Invalid Date": None,
    "01/02/2026": None,
    "": None,
}


@pytest.mark.post_row("D12", "D13")
@pytest.mark.family(17)
def test_dates_of_every_form(tmp_path: Path) -> None:
    """Each form is the one instant that it can mean; what is none, or could be two, is none, and the day of the poll counts."""
    played = once(tmp_path, {"a": rss(*WRITTEN)})

    entries = played.entries("a")
    assert dict(zip(WRITTEN, dates(entries), strict=True)) == WRITTEN
    assert {entry.date for entry in entries if entry.published is None} == {START}


def new_year(played: Play, hours: float) -> None:
    """Poll so many hours after the New Year that follows START, as it is in Beijing."""
    moment = datetime(2026, 12, 31, 16, tzinfo=UTC) + timedelta(hours=hours)
    played.poll((moment - START) / timedelta(hours=1))


@pytest.mark.family(18)
@pytest.mark.parametrize("upstream", ["bare", "guessed"])
def test_the_last_day_of_the_year_read_on_the_first(tmp_path: Path, upstream: str) -> None:
    """A 31 December without a year, or with the reader's, is last year's on 1 January, and nothing lies in the future."""
    written = ["12-31", "01-01"] if upstream == "bare" else ["Thu, 30 Dec 2027 16:00:00 GMT", "Thu, 31 Dec 2026 16:00:00 GMT"]
    document = rss(*written).encode()
    with play(tmp_path, {"a": document}, a=", fixes: [zaker], timezone: Asia/Shanghai") as played:
        new_year(played, 9)
        before = played.files()
        new_year(played, 33)

    assert dates(played.entries("a")) == ["2026-12-30T16:00:00Z", "2026-12-31T16:00:00Z"]
    assert played.files() == before


@pytest.mark.family(19)
def test_beijing_time_without_a_zone(tmp_path: Path) -> None:
    """With the source's zone it is the right instant; without it, a time that would lie ahead is not believed."""
    written = "2026-03-02 07:30:00"  # half an hour before START, in Beijing
    with play(tmp_path, {"with": rss(written), "without": rss(written)}, **{"with": ", timezone: Asia/Shanghai"}) as played:
        played.poll()

    assert dates(played.entries("with")) == ["2026-03-01T23:30:00Z"]
    assert dates(played.entries("without")) == [None]
    assert played.entry("without").date == START


@pytest.mark.family(20)
def test_events_that_lie_ahead(tmp_path: Path) -> None:
    """An event is dated by when it was announced: while it is ahead, on its day, after it, and when its text is edited."""
    ahead = ["Wed, 01 Apr 2026 18:00:00 GMT", "Mon, 02 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT"]
    first, edited = rss(*ahead), rss(*ahead, text="Moved to the hall:")
    with play(tmp_path, {"a": [first, first, edited]}) as played:
        played.poll()
        before = played.files()
        played.poll(24)  # the second one is past now
        unchanged = played.files()
        played.poll(24 * 40)  # and so are all

    assert unchanged == before
    assert dates(played.entries("a")) == [None, None, "2026-03-01T12:00:00Z"]
    assert [entry.date for entry in played.entries("a")][:2] == [START, START]
    assert all("Moved to the hall" in entry.content for entry in played.entries("a"))
