"""Drama, over HTTP and in order: what upstreams do to their ids, windows, texts and dates, and what becomes of the archive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from pathlib import Path

import pytest
from lxml import etree

from aggregator.model.changes import Changes
from aggregator.model.entry import Entry
from aggregator.model.poll import Outcome, SourceEvent
from aggregator.pipeline.jobs import DigestJob, NewNames, Unreadable, run_digest
from aggregator.pipeline.project import open_project
from aggregator.settings import load_settings
from aggregator.store.profiles import default
from aggregator.workers import Workers
from tests.raw_upstream import Upstream
from tests.timeline import START, Timeline, feed
from tests.upstream import ATOM, rss

DAY = 24.0
NOW = datetime(2026, 3, 9, tzinfo=UTC)
#: So many words that equal ones are no coincidence.
WORDS = "The harbour master counted the boats of the evening, wrote their number into the book and closed the gate behind him."


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article of the upstream, as its feed says it today."""

    number: int
    id: str = ""
    link: str = ""
    title: str = ""
    text: str = ""
    day: int | None = None

    def xml(self) -> str:
        """Return its <item>."""
        date = ""
        if self.day != -1:
            moment = datetime(2026, 2, 1, 9, 17, tzinfo=UTC) + timedelta(days=self.number if self.day is None else self.day)
            date = f"<pubDate>{format_datetime(moment, usegmt=True)}</pubDate>"
        return (
            f"<item><title>{self.title or f'Article {self.number}'}</title>"
            f"<link>{escape(self.link or f'http://news.example/{self.number}')}</link>"
            f'<guid isPermaLink="false">{escape(self.id or f"http://news.example/?p={self.number}")}</guid>{date}'
            f"<description>{escape(self.text or f'<p>{WORDS} It was evening {self.number}.</p>')}</description></item>"
        )


def articles(first: int, last: int, **changes: object) -> list[Article]:
    return [replace(Article(number=number), **changes) for number in range(last, first - 1, -1)]  # type: ignore[arg-type]


def document(window: list[Article]) -> bytes:
    return feed(rss("".join(article.xml() for article in window)))


class Stage:
    """A project that polls one feed, a day at a time, and what it should have archived."""

    def __init__(self, root: Path, upstream: Upstream, routes: dict[str, bytes]) -> None:
        self.routes = routes
        self.timeline = Timeline(root, {"a": upstream.address("/a")})
        self.day = 0

    def poll(self, window: list[Article]) -> SourceEvent:
        """Serve this window and poll it, a day after the last poll."""
        self.routes["/a"] = document(window)
        self.day += 1
        return self.timeline.sync(self.day * DAY)["a"]

    def archive(self) -> list[str]:
        """Return the titles of the posts, sorted."""
        return sorted(entry.title for entry in self._posts().values())

    def dates(self) -> dict[str, tuple[datetime, datetime | None]]:
        """Return date and update of each post, by path."""
        return {path: (entry.date, entry.updated) for path, entry in self._posts().items()}

    def published(self) -> list[tuple[str, str, str]]:
        """Return id, published and updated of the entries of the feed of everything."""
        root = etree.fromstring(self.timeline.files()["public/feeds/all.atom"])
        return [
            tuple(str(entry.findtext(f"a:{name}", None, ATOM)) for name in ("id", "published", "updated"))  # type: ignore[misc]
            for entry in root.iterfind("a:entry", ATOM)
        ]

    def _posts(self) -> dict[str, Entry]:
        return {path: default.read(body, None) for path, body in self.timeline.files().items() if path.startswith("posts/")}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    routes = {"/a": b""}
    with Upstream(routes=routes) as upstream:
        yield Stage(tmp_path, upstream, routes)


def titles(first: int, last: int) -> list[str]:
    return sorted(f"Article {number}" for number in range(first, last + 1))


def test_the_whole_drama(stage: Stage) -> None:
    """Through all acts the archive is what a careful reader would have kept, and the feeds stay calm."""
    stage.poll(articles(1, 6))
    stage.poll(articles(3, 8))
    calm, files = stage.published(), stage.timeline.files()

    def quiet(event: SourceEvent) -> SourceEvent:
        """No byte of any post or feed has changed."""
        assert stage.timeline.files() == files
        assert (event.new, event.updated, event.outcome) == (0, 0, Outcome.SAME)
        return event

    # The feed empties for three weeks; then the items come back, some of those that had left as well.
    for _ in range(21):
        quiet(stage.poll([]))
    quiet(stage.poll(articles(1, 8)))
    # The site moves to https: ids and links follow.
    secure = [
        replace(one, id=f"https://news.example/?p={one.number}", link=f"https://news.example/{one.number}")
        for one in articles(3, 8)
    ]
    event = quiet(stage.poll(secure))
    [said] = event.warnings
    assert said.startswith(
        "6 known entries came under new ids; recognised by their ids but for http, https or tracking (6 lines in"
    )
    assert quiet(stage.poll(articles(3, 8))).warnings == ()
    assert quiet(stage.poll(secure)).warnings == ()
    # The whole window comes under new ids.
    new = [replace(one, id=f"urn:cms:{one.number * 77}") for one in secure]
    [said] = quiet(stage.poll(new)).warnings
    assert said.startswith("6 known entries came under new ids; recognised by their links (6 lines in ledger.jsonl)")
    # The state is lost: posts and ledger say all of it again.
    (stage.timeline.root / "state" / "state.sqlite").unlink()
    stage.day += 1
    assert stage.timeline.sync(stage.day * DAY)["a"].adopted == 0
    assert stage.timeline.files() == files
    quiet(stage.poll([*new, *new]))
    # Only dates move.
    quiet(stage.poll([replace(one, day=one.number + 3) for one in new]))
    assert stage.published() == calm
    # A title and a text are edited, silently; a ninth article appears, and a back-dated tenth.
    edited = [replace(new[0], title="Article 8, corrected"), replace(new[1], text=f"<p>{WORDS} It was not.</p>"), *new[2:]]
    event = stage.poll([*articles(9, 9), *edited, replace(Article(number=10), day=-40)])
    assert (event.new, event.updated, event.noise, event.warnings) == (2, 2, 4, ())  # four dates moved back
    assert stage.archive() == sorted([*titles(1, 7), "Article 8, corrected", "Article 9", "Article 10"])
    # Nothing was re-dated, and file names are what they were.
    before = {path for path in files if path.startswith("posts/")}
    assert before < set(stage.dates())
    assert set(calm) < set(stage.published())


@pytest.mark.family(11)
def test_ids_that_change_at_every_poll(stage: Stage) -> None:
    """A feed whose ids are random makes no post twice, and its ledger stops growing once that is known."""
    sizes = []
    for poll in range(8):
        window = [replace(one, id=f"{poll}-{one.number * 7919 % 1000:03}") for one in articles(poll, poll + 5)]
        event = stage.poll(window)
        sizes.append(len(stage.timeline.ledger().splitlines()))
        if poll == 2:
            assert any("this source's ids change from poll to poll" in said for said in event.warnings)
    assert stage.archive() == titles(0, 12)
    assert sizes == [0, 6, *[7] * 6]


def test_a_window_of_one_with_random_ids(stage: Stage) -> None:
    """An entry that is renamed for ever gets two lines in the ledger and no second post."""
    for poll in range(6):
        stage.poll([replace(Article(number=1), id=f"random-{poll}")])

    assert stage.archive() == ["Article 1"]
    assert stage.timeline.ledger().count('"alias"') == 2


def test_random_ids_without_dates_links_or_text(stage: Stage) -> None:
    """Entries that are the same in everything but a random id are the ones that were there."""
    for poll in range(4):
        stage.poll(
            [Article(number=n, id=f"{poll}/{n}", link="http://news.example/", text=f"<p>{n}</p>", day=-1) for n in (1, 2, 3, 4)]
        )

    assert stage.archive() == titles(1, 4)


def test_a_long_pause_is_no_flood(stage: Stage) -> None:
    """A window in which every entry is new loses none of them, on the first poll and after a pause."""
    stage.poll(articles(1, 20))
    event = stage.poll(articles(101, 120))

    assert (event.new, event.warnings) == (20, ())
    assert stage.archive() == sorted([*titles(1, 20), *titles(101, 120)])


def test_a_column_of_every_week_stays_many(stage: Stage) -> None:
    """One title every week is one entry each week, with a page of its own or on one page, also if the id is reused."""
    for week in range(4):
        text = f"<p>{' '.join(f'word{week * 100 + number}' for number in range(30))}</p>"
        stage.poll(
            [
                Article(number=week, id=f"a{week}", title="Own page", link=f"http://news.example/a/{week}", text=text),
                Article(number=week, id=f"b{week}", title="One page", link="http://news.example/b", text=text),
                Article(number=week, id="c", title=f"One id, {week}", link=f"http://news.example/c/{week}", text=text),
            ]
        )

    assert stage.archive() == sorted([*["Own page", "One page"] * 4, *(f"One id, {week}" for week in range(4))])


def test_an_id_that_is_given_to_another_entry(stage: Stage) -> None:
    """An old entry's id on a new one is told, the old post stays, and the new one keeps its own at later polls."""
    stage.poll(articles(1, 3))
    reused = Article(
        number=9, id="http://news.example/?p=2", text="<p>Quite another matter, of which nobody had heard so far.</p>"
    )
    event = stage.poll([reused, *articles(3, 3)])
    [said] = event.warnings
    later = stage.poll([replace(reused, title="Article 9b"), *articles(3, 3)])
    back = stage.poll([reused, *articles(2, 3)])

    assert (event.new, later.updated, back.new) == (1, 1, 0)
    assert said.startswith("the id 'http://news.example/?p=2' was given to another entry")
    assert stage.archive() == [*titles(1, 3), "Article 9"]


def test_one_article_twice_under_two_ids(stage: Stage) -> None:
    """An article that stands in one document under two ids is one post, whichever comes first and whichever leaves."""
    one, two = Article(number=1), Article(number=1, id="urn:copy")
    event = stage.poll([one, two])
    for window in ([two, one], [two], [one], [two]):
        assert stage.poll(window).new == 0

    assert stage.archive() == ["Article 1"]
    assert any("in the document a second time under another id" in said for said in event.warnings)


@pytest.mark.parametrize("again", [False, True], ids=["aliased", "unstable"])
def test_an_alias_of_a_deleted_entry_stays_deleted(stage: Stage, *, again: bool) -> None:
    """What the ledger says is deleted comes back neither under an alias nor under a new id, with and without a state."""
    stage.poll(articles(1, 4))
    stage.poll([replace(one, id=f"urn:cms:{one.number}") for one in articles(1, 4)])
    [path] = [path for path in stage.timeline.files() if path.startswith("posts/") and "article-2-" in path]
    (stage.timeline.root / path).unlink()
    line = {
        "kind": "deleted",
        "source": "a",
        "id": "http://news.example/?p=2",
        "key": path[-15:-3],
        "at": "2026-03-04T00:00:00Z",
    }
    with (stage.timeline.root / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{json.dumps(line)}\n")

    if again:
        stage.poll([replace(one, id=f"urn:other:{one.number}") for one in articles(1, 4)])
    (stage.timeline.root / "state" / "state.sqlite").unlink()
    stage.poll([replace(one, id=f"urn:cms:{one.number}", text="<p>changed</p>") for one in articles(2, 2)])
    stage.poll([replace(one, id=f"https://news.example/?p={one.number}") for one in articles(2, 2)])

    assert ('"unstable"' in stage.timeline.ledger()) is again
    assert stage.archive() == ["Article 1", "Article 3", "Article 4"]


def test_a_real_edit_under_a_new_id(stage: Stage) -> None:
    """An entry that comes under a new id and edited is rewritten in place, under its first id."""
    stage.poll(articles(1, 3))
    before = stage.dates()
    event = stage.poll([replace(one, id=f"urn:cms:{one.number}", title=f"Corrected {one.number}") for one in articles(1, 3)])

    assert (event.new, event.updated) == (0, 3)
    assert before.keys() == stage.dates().keys()
    assert stage.archive() == ["Corrected 1", "Corrected 2", "Corrected 3"]
    assert [name for name, _, _ in stage.published()] == [f"http://news.example/?p={number}" for number in (3, 2, 1)]


def test_updated_moves_on_a_real_change_only(stage: Stage) -> None:
    """`updated` is upstream's claim of an edit: not moved with its text the claim is none, and a silent edit claims nothing."""
    stage.poll(articles(1, 1))
    [(date, nothing)] = stage.dates().values()
    stage.poll(articles(1, 1, day=12))
    [date_only] = stage.dates().values()
    stage.poll(articles(1, 1, day=14, title="Corrected"))
    [edited] = stage.dates().values()
    stage.poll(articles(1, 1, title="Corrected silently"))
    [silently] = stage.dates().values()

    assert nothing is None
    assert date_only == (date, None)
    assert edited == silently == (date, date + timedelta(days=13))
    assert stage.archive() == ["Corrected silently"]


def test_noise_touches_nothing(stage: Stage) -> None:
    """Twenty polls with other nonces, counters, tracking, classes and ids rewrite no file; a number in a sentence does."""

    def noisy(poll: int, boats: int = 7) -> list[Article]:
        order = ('alt="x" width="10"', 'width="10" alt="x"')[poll % 2]
        text = (
            f'<p id="p-{poll * 7919}">{WORDS} He counted {boats} boats.</p>{" " * poll}'
            f"<p>阅读 {poll * 31} | {poll} comments</p>"
            f'<img {order} src="https://cdn{poll % 4}.news.example/i.jpg?sign={poll * 104729:x}">'
            f'<a href="https://x.example/a?utm_source=rss{poll}&amp;id=4">here</a><p>Viewed</p><p>{poll + 2} hours ago</p>'
            f'<pre><code class="{("a b", "b a")[poll % 2]}">x  = 1</code></pre>{"é" if poll % 2 else "&eacute;"}'
            f'<img src="https://stats.example/p?rand={poll * 31337}" width="1" height="1">'
        )
        return [replace(Article(number=1), link=f"http://news.example/1?utm_campaign={poll}", text=text)]

    stage.poll(noisy(0))
    before = stage.timeline.files()
    events = [stage.poll(noisy(poll)) for poll in range(1, 21)]
    untouched = stage.timeline.files() == before
    edited = stage.poll(noisy(20, boats=8))

    assert untouched
    assert {(event.updated, event.noise, event.outcome) for event in events} == {(0, 1, Outcome.SAME)}
    assert edited.updated == 1


def _through_a_planet(stage: Stage, rename: bool) -> list[Article]:  # noqa: FBT001 - the test's parameter
    """Return what a planet shows that takes the feed of everything: ids kept, or made anew."""
    root = etree.fromstring(stage.timeline.files()["public/feeds/all.atom"])
    entries = []
    for entry in root.iterfind("a:entry", ATOM):
        name, link = str(entry.findtext("a:id", None, ATOM)), entry.find("a:link[@rel='alternate']", ATOM)
        published = datetime.fromisoformat(str(entry.findtext("a:published", None, ATOM)))
        assert link is not None
        entries.append(
            Article(
                number=0,
                id=f"urn:planet:{sha256(name.encode()).hexdigest()}" if rename else name,
                link=str(link.get("href")),
                title=str(entry.findtext("a:title", None, ATOM)),
                text=str(entry.findtext("a:content", None, ATOM)),
                day=(published - datetime(2026, 2, 1, 9, 17, tzinfo=UTC)).days,
            )
        )
    return entries


@pytest.mark.family(43)
@pytest.mark.parametrize("rename", [False, True], ids=["ids-kept", "ids-made-anew"])
def test_a_planet_that_includes_us(stage: Stage, *, rename: bool) -> None:
    """What we published and a planet sends back, ids kept or made anew, adds no post and changes no feed."""
    stage.poll(articles(1, 5))
    before = stage.timeline.files()
    for _ in range(3):
        stage.poll([*articles(1, 5), *_through_a_planet(stage, rename)])
        assert stage.timeline.files() == before


@pytest.mark.family(43)
def test_our_own_feed_as_a_source(stage: Stage) -> None:
    """A feed of this site is refused in words, and an entry that says it was taken from one is left out."""
    stage.poll(articles(1, 2))
    ours = stage.timeline.files()["public/feeds/all.atom"]
    stage.routes["/a"] = feed(ours, content_type="application/atom+xml")
    refused = stage.timeline.sync(2 * DAY)["a"]
    own_id = str(etree.fromstring(ours).findtext("a:id", None, ATOM))
    entry = f"<entry><id>urn:x</id><title>x</title><source><id>{own_id}</id></source></entry>"
    planet = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:planet</id><title>p</title>{entry}</feed>'
    stage.routes["/a"] = feed(planet.encode(), content_type="application/atom+xml")
    left_out = stage.timeline.sync(9 * DAY)["a"]

    assert (refused.outcome, refused.kind) == (Outcome.FAILED, "own-feed")
    assert refused.message is not None
    assert refused.message.startswith("this is a feed of this site")
    assert left_out.warnings == ("1 entry comes from a feed of this site and would go round in circles: left out",)
    assert stage.archive() == titles(1, 2)


@pytest.mark.parametrize(("file", "kind"), [("all.rss", "application/rss+xml"), ("all.json", "application/feed+json")])
def test_our_own_feed_in_another_format_as_a_source(stage: Stage, file: str, kind: str) -> None:
    """A feed of this site is known by its id in every format, so its entries never go round in circles."""
    stage.poll(articles(1, 2))
    stage.routes["/a"] = feed(stage.timeline.files()[f"public/feeds/{file}"], content_type=kind)
    refused = stage.timeline.sync(2 * DAY)["a"]

    assert (refused.outcome, refused.kind) == (Outcome.FAILED, "own-feed")
    assert stage.archive() == titles(1, 2)


def test_one_id_in_two_sources(tmp_path: Path) -> None:
    """Two sources with one id are two posts; the feed of everything shows the first in config order, and that stays so."""
    routes = {"/a": document(articles(1, 3)), "/b": document(articles(2, 4))}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a"), "b": upstream.address("/b")})
        timeline.sync(0)
        before = timeline.files()
        routes["/b"] = document([replace(one, id=f"https://news.example/?p={one.number}") for one in articles(2, 4)])
        timeline.sync(DAY)

    assert timeline.posts() == 6
    assert timeline.files() == before
    assert before["public/feeds/all.atom"].count(b"<entry>") == 4


def test_the_ledger_is_written_before_anything_rests_on_it(stage: Stage) -> None:
    """A digest that finds known entries under new ids writes nothing until it is told that the ledger says so."""
    stage.poll(articles(1, 3))
    before = stage.timeline.files()
    settings = load_settings(stage.timeline.root, stage.timeline.root / "config", {})
    edited = [replace(one, id=f"urn:cms:{one.number}", title=f"Corrected {one.number}") for one in articles(1, 3)]
    with open_project(settings, stage.timeline.events.append, START) as project:
        job = DigestJob(
            body=rss("".join(article.xml() for article in edited)),
            coding=None,
            headers=(("content-type", "application/rss+xml"),),
            final_address="http://news.example/feed",
            max_bytes=100_000,
            source=project.settings.sources[0],
            known=project.remembered("a", indexed=True).known,
            now=NOW,
            stamp=NOW,
            limit=None,
            place=project.place,
        )

        async def run() -> tuple[NewNames | Changes | Unreadable, bool, NewNames | Changes | Unreadable]:
            with Workers(1) as workers:
                first = await workers.run(run_digest, job)
                untouched = stage.timeline.files() == before
                assert isinstance(first, NewNames)
                return first, untouched, await workers.run(run_digest, replace(job, aliases=dict(first.aliases), settled=True))

        names, untouched, changes = asyncio.run(run())

    assert isinstance(names, NewNames)
    assert sorted(name for name, _ in names.aliases) == ["urn:cms:1", "urn:cms:2", "urn:cms:3"]
    assert untouched
    assert isinstance(changes, Changes)
    assert (len(changes.new), len(changes.updated)) == (0, 3)
