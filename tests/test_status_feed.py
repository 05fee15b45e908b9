"""What feeds/status.atom says, and that it says it once: from the file alone, without any upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from aggregator.model.health import Change, Kind
from aggregator.model.key import feed_id
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings, Site
from aggregator.model.source import Auth, Secret, Source
from aggregator.pipeline.frames import STATUS_ENTRIES, plan_frames, status_frame
from aggregator.pipeline.jobs import StatusJob, StatusResult
from aggregator.pipeline.status_changes import changes_of
from aggregator.pipeline.status_output import publish_status
from aggregator.publish.document import examine
from aggregator.publish.status_words import html_of, title_of
from aggregator.store.ledger import Moved
from tests.publish_records import ATOM, schema_errors

NOW = datetime(2026, 11, 26, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = Site(id="urn:uuid:11111111-2222-3333-4444-555555555555", title="Test site", url="https://t.example/planet/")
SETTINGS = Settings(root=Path("/nowhere"), site=SITE)
FRAME = status_frame(SETTINGS)


def change(kind: Kind = Kind.FAILING, source: str = "juejin", hours: float = 0, **more: Any) -> Change:
    """Return a change at so many hours from NOW."""
    failing: dict[str, Any] = {
        "since": NOW,
        "failures": 3,
        "error": "the server answered 500",
        "error_kind": "http",
        "status": 500,
    }
    facts = (failing if kind is Kind.FAILING else {}) | more
    return Change(kind=kind, source_id=source, name=source, at=NOW + hours * HOUR, link=f"https://{source}.example/", **facts)


def publish(public: Path, *changes: Change, remembered: dict[str, Kind] | None = None) -> StatusResult:
    """Write the feed as a worker does."""
    job = StatusJob(frame=FRAME, site_id=SITE.id, public=public, changes=changes, remembered=remembered or {})
    return publish_status(job)


def read(public: Path) -> bytes:
    return (public / FRAME.path).read_bytes()


def told(public: Path) -> list[str]:
    """Return the titles in the file, and see that it is a feed that the gate lets pass."""
    content = read(public)
    assert examine(content).faults == ()
    return [str(title.text) for title in etree.fromstring(content).iterfind("a:entry/a:title", ATOM)]


# -- the file


def test_a_feed_without_news_is_there_and_says_nothing(tmp_path: Path) -> None:
    """Where nothing ever happened the feed exists, empty, in English, with a date that no clock gave it."""
    assert publish(tmp_path).output.written == (FRAME.path,)
    root = etree.fromstring(read(tmp_path))
    assert told(tmp_path) == []
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert root.findtext("a:title", "", ATOM) == "Status - Test site"
    assert root.findtext("a:updated", "", ATOM) == "1970-01-01T00:00:00+00:00"


def test_what_stands_in_the_file_is_not_said_again(tmp_path: Path) -> None:
    """The same health an hour later leaves the file as it is, to the byte and the instant, whatever is remembered or lost."""
    publish(tmp_path, change(), change(Kind.GONE, "attic"), change(Kind.MOVED, "m", to="https://new.example/"))
    before, time = read(tmp_path), (tmp_path / FRAME.path).stat().st_mtime_ns
    for remembered in ({}, {"juejin": Kind.FAILING, "attic": Kind.GONE}, {"juejin": Kind.GONE}):
        again = publish(tmp_path, change(hours=1), change(Kind.GONE, "attic", 2), *_noted(), remembered=remembered)
        assert again.output.written == ()
        assert again.said == {"juejin": Kind.FAILING, "attic": Kind.GONE}
    assert (read(tmp_path), (tmp_path / FRAME.path).stat().st_mtime_ns) == (before, time)


def _noted() -> tuple[Change, ...]:
    return (change(Kind.MOVED, "m", to="https://new.example/"),)


def test_entries_are_kept_to_the_byte_when_others_come(tmp_path: Path) -> None:
    """What was published stays as it was, hostile words included, when the file is read back and a newer entry is added."""
    error = "<script>alert(1)</script> ]]> &amp; {{ x }} \x07\x1b[2J \u202e掘金 🦊 \ud800 " + "long " * 300
    publish(tmp_path, change(error=error))
    [first] = (etree.tostring(entry) for entry in etree.fromstring(read(tmp_path)).iterfind("a:entry", ATOM))
    publish(tmp_path, change(Kind.RECOVERED, hours=5))
    newer, older = etree.fromstring(read(tmp_path)).iterfind("a:entry", ATOM)
    assert etree.tostring(older) == first
    html = older.findtext("a:content", "", ATOM)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; {{ x }} \ufffd\ufffd[2J \ufffd掘金 🦊 \ufffd" in html
    assert len(html) < 1500
    assert newer.findtext("a:title", "", ATOM) == "juejin is well again"
    assert "This feed spoke of it on 2026-11-26 09:10 UTC." in newer.findtext("a:content", "", ATOM)
    assert told(tmp_path) == ["juejin is well again", "juejin has given no feed since 2026-11-26 09:10 UTC"]


def test_the_summary_says_what_happened(tmp_path: Path) -> None:
    """What a browser and a list of headlines show of an entry holds the reason, as text, and not what to do about it."""
    publish(tmp_path, change(error="the server answered 500 <nginx> & more"))
    summary = etree.fromstring(read(tmp_path)).findtext("a:entry/a:summary", "", ATOM)

    assert summary.startswith("The last poll that went well was on 2026-11-2")
    assert summary.endswith(" The last error: the server answered 500 <nginx> & more")


def test_every_kind_of_entry_passes_the_schema(tmp_path: Path, shared: Path) -> None:
    """RELAX NG, RFC 4287's own, finds nothing wrong with the feed, empty or full."""
    for kinds in ((), Kind):
        publish(tmp_path, *(change(kind, kind.value) for kind in kinds), remembered={"recovered": Kind.FAILING})
        assert schema_errors(read(tmp_path), shared) == []
    assert len(told(tmp_path)) == len(Kind)


def test_the_newest_fifty_are_kept(tmp_path: Path) -> None:
    """The file does not grow for ever; what was pushed out is remembered, and neither said again nor held to be well."""
    publish(tmp_path, *(change(source=f"s{number}", hours=number) for number in range(20)))
    said = publish(tmp_path, *(change(source=f"s{number}", hours=number) for number in range(60))).said
    titles = told(tmp_path)
    assert (len(titles), titles[0][:4], titles[-1][:4]) == (STATUS_ENTRIES, "s59 ", "s10 ")
    before = read(tmp_path)
    remembered = {"s3": Kind.FAILING} | (said or {})
    assert publish(tmp_path, change(source="s3", hours=61), remembered=remembered).said == remembered
    assert read(tmp_path) == before
    publish(tmp_path, change(Kind.RECOVERED, "s3", 62), remembered=remembered)
    assert told(tmp_path)[0] == "s3 is well again"


def test_without_the_file_nothing_was_said(tmp_path: Path) -> None:
    """Who deletes the file begins it anew: what fails now is told, although the state remembers that it was."""
    assert publish(tmp_path, change(), remembered={"juejin": Kind.FAILING}).output.written
    assert len(told(tmp_path)) == 1


def test_a_file_that_is_no_feed_is_begun_anew_and_that_is_told(tmp_path: Path) -> None:
    """A merge conflict or half a file protects nothing, and is not replaced in silence."""
    publish(tmp_path, change())
    (tmp_path / FRAME.path).write_bytes(b"<<<<<<< HEAD\n" + read(tmp_path))
    anew = publish(tmp_path, change(), remembered={"juejin": Kind.FAILING})
    assert anew.begun_anew
    assert len(told(tmp_path)) == 1


def test_what_somebody_wrote_into_the_file_stays_but_acts_no_more(tmp_path: Path) -> None:
    """An entry whose id this site has not made is kept and says nothing of health; its HTML is sanitised."""
    publish(tmp_path, change())
    own = etree.fromstring(read(tmp_path)).findtext("a:entry/a:id", "", ATOM)
    forged = read(tmp_path).replace(own.encode(), b"urn:uuid:00000000-0000-0000-0000-00000000000a")
    (tmp_path / FRAME.path).write_bytes(
        forged.replace(b"&lt;p&gt;The last poll", b"&lt;script&gt;x()&lt;/script&gt;&lt;p&gt;The last")
    )
    publish(tmp_path, change(hours=1))
    assert len(told(tmp_path)) == 2
    assert b"x()" not in read(tmp_path)


def test_a_clock_that_stands_still_or_goes_back_makes_no_two_entries_alike(tmp_path: Path) -> None:
    """Under one SOURCE_DATE_EPOCH for ever each word about a source is later than the last one, and has its own id."""
    kinds = [Kind.FAILING, Kind.RECOVERED, Kind.FAILING, Kind.GONE, Kind.RECOVERED]
    for number, kind in enumerate(kinds):
        publish(tmp_path, change(kind, hours=-number))
    entries = list(etree.fromstring(read(tmp_path)).iterfind("a:entry", ATOM))
    assert len({entry.findtext("a:id", "", ATOM) for entry in entries}) == len(kinds)
    assert [entry.findtext("a:updated", "", ATOM)[17:19] for entry in entries] == ["04", "03", "02", "01", "00"]
    assert len(told(tmp_path)) == len(kinds)


@pytest.mark.parametrize(
    ("kinds", "heard"),
    [
        ([Kind.RECOVERED], []),
        ([Kind.FAILING, Kind.FAILING], [Kind.FAILING]),
        ([Kind.FAILING, Kind.RECOVERED, Kind.RECOVERED], [Kind.FAILING, Kind.RECOVERED]),
        ([Kind.FAILING, Kind.RECOVERED, Kind.FAILING], [Kind.FAILING, Kind.RECOVERED, Kind.FAILING]),
        ([Kind.GONE, Kind.GONE, Kind.RECOVERED], [Kind.GONE, Kind.RECOVERED]),
        ([Kind.FAILING, Kind.GONE], [Kind.FAILING, Kind.GONE]),
        ([Kind.GONE, Kind.FAILING], [Kind.GONE, Kind.FAILING]),
        ([Kind.FAILING, Kind.UNSTABLE, Kind.FAILING], [Kind.FAILING, Kind.UNSTABLE]),
    ],
    ids=lambda kinds: "-".join(kinds) or "nothing",
)
def test_only_a_change_is_news(tmp_path: Path, kinds: Sequence[Kind], heard: Sequence[Kind]) -> None:
    """One entry when health changes, none while it lasts; a recovery only after something was said to be wrong."""
    count = sum(bool(publish(tmp_path, change(kind, hours=number)).output.written) for number, kind in enumerate(kinds))
    assert len(told(tmp_path)) == len(heard)
    assert count == max(1, len(heard))


def test_the_feed_is_no_categorys(tmp_path: Path) -> None:
    """Its id is none that a category can have, also not one named status; no frame of a category lies in its place."""
    frames = plan_frames(SETTINGS, [("status",), ("Status", "status")])
    assert FRAME.id not in {frame.id for frame in frames} | {
        feed_id(SITE.id, path) for path in [("status",), (), ("Status - T",)]
    }
    assert FRAME.path not in {frame.path for frame in frames}
    publish(tmp_path, change())
    entry = etree.fromstring(read(tmp_path)).find("a:entry", ATOM)
    assert entry is not None
    assert [each.get("term") for each in entry.iterfind("a:category", ATOM)] == ["juejin"]
    assert [each.get("href") for each in entry.iterfind("a:link[@rel='alternate']", ATOM)] == ["https://juejin.example/"]


# -- from what polls have left


def test_what_is_published_of_a_source_holds_none_of_its_secrets() -> None:
    """Neither its error nor the page that is linked: a page whose address holds credentials gives way to that of the site."""
    source = Source(
        id="a",
        key="b",
        feed="https://a.example/",
        addresses=("https://a.example/",),
        categories=("news",),
        auth=Auth(username="u", password=Secret("sesame-0123")),
    )
    state = SourceState(
        id="a",
        last_poll=NOW,
        failures=3,
        last_kind="bug",
        last_message="ValueError: sesame-0123",
        feed_link="https://u:p@a.example/",
    )
    line = Moved(source="a", old="https://old.example/", new="https://a.example/sesame-0123/x?key=1", at=NOW)
    [moved, failing] = changes_of(source, state, [line], stamp=NOW, page=SITE.url)
    assert (moved.to, moved.source_id, moved.name) == ("https://a.example/***/x?...", "a", "b")
    assert (failing.kind, failing.error, failing.link) == (Kind.FAILING, "ValueError: ***", SITE.url)
    [moved, _] = changes_of(source, replace(state, feed_link="https://a.example/blog"), [line], stamp=NOW, page=SITE.url)
    assert moved.link == "https://a.example/blog"


# -- the words


SINCE = "juejin has given no feed since 2026-11-26 09:10 UTC"


@pytest.mark.parametrize(
    ("given", "title", "words"),
    [
        (change(error_kind="timeout", status=None), "juejin has not answered since 2026-11-26 09:10 UTC", "takes too long"),
        (change(error_kind="dns", status=None, since=None), "juejin has not answered yet", "No poll has gone well yet"),
        (change(), SINCE, "3 in a row have failed since"),
        (change(status=404), SINCE, "another address now"),
        (change(status=403), SINCE, "The server refuses us"),
        (change(error_kind="not-a-feed", status=200), SINCE, "Something else came"),
        (change(), SINCE, "<code>aggregator source test juejin</code>"),
        (change(Kind.RECOVERED), "juejin is well again", "nothing is to be done"),
        (change(Kind.GONE), "juejin is gone for good", "<code>aggregator source resume juejin</code>"),
        (change(Kind.MOVED, to="https://n.example/?..."), "juejin has moved for good", "to https://n.example/?..."),
        (change(Kind.UNSTABLE), "juejin gives its entries new ids again and again", "none comes twice"),
    ],
)  # fmt: skip
def test_each_entry_says_what_happened_and_what_to_do(given: Change, title: str, words: str) -> None:
    """Plain words: the source and what became of it in the title, the last error and the next step below."""
    assert title_of(given) == title
    assert words in html_of(given)
