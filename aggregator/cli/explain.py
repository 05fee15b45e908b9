"""`aggregator explain`: everything that is known about an entry or a source. Reads only: no lock, no network."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import check_addresses, state_to_read
from aggregator.model.settings import join_category
from aggregator.pipeline.effective import effective
from aggregator.pipeline.explaining import EntryFacts, Explanation
from aggregator.pipeline.explaining import explain as explain_word
from aggregator.pipeline.reading import Reading
from aggregator.pipeline.source_facts import SourceFacts
from aggregator.schedule import describe
from aggregator.settings import load as load_with_origins
from aggregator.store.ledger import FILE_NAME, Ledger

_WIDTH = 12  #: of a line's head
Row = tuple[str, str]


@click.command()
@click.argument("word", metavar="ENTRY|ADDRESS")
@click.option("--json", "json_", is_flag=True, help="As one JSON object.")
@pass_invocation
def explain(invocation: Invocation, word: str, json_: bool) -> None:
    """Say everything that is known about an entry or a source.

    ENTRY is a post's key (12 characters), its file, an atom:id, an id that upstream uses, or a link. ADDRESS is that of a feed;
    a source's id will do. Takes no lock and asks nobody, so it works while a sync runs. What several things are called is
    explained of each, up to ten.

    Exit codes: 0 something is known, 1 nothing is, 3 configuration invalid, 5 state, ledger or posts cannot be read.
    """
    found = _look_up(invocation, word)
    if json_ or invocation.json:
        click.echo(_json(found))
    else:
        blocks = [*(_source(each, clock.now()) for each in found.sources), *(_entry(each) for each in found.entries)]
        for number, rows in enumerate(blocks):
            if number:
                click.echo()
            for line in _lines(rows):
                click.echo(line)
    if found.more:
        invocation.talk(f"and {count(found.more, 'more entry').replace('entrys', 'entries')} of that name")
    if not found.sources and not found.entries:
        _tell_nothing(invocation, word, found)
        sys.exit(EXIT_PARTIAL)


def _look_up(invocation: Invocation, word: str) -> Explanation:
    loaded = load_with_origins(invocation.root, invocation.config, os.environ)
    check_addresses(loaded.settings, invocation)
    ledger = Ledger.load(invocation.root / FILE_NAME)
    settings = effective(loaded.settings, ledger)
    with state_to_read(settings) as state:
        reading = Reading(settings=settings, ledger=ledger, state=state, places=loaded.origins, now=clock.now())
        return explain_word(reading, word)


def _tell_nothing(invocation: Invocation, word: str, found: Explanation) -> None:
    from aggregator.parse.refusal import printable

    invocation.warn(f'nothing here is called "{printable(word)}": no key, post, atom:id, upstream id, link, source or feed')
    if found.near:
        invocation.warn("near it:")
    for each in found.near:
        invocation.warn(f"  {printable(each)}")


def _lines(rows: Iterator[Row]) -> Iterator[str]:
    """Return rows as lines; whatever upstream says cannot move the cursor or break a line."""
    from aggregator.parse.refusal import printable

    before = None
    for head, text in rows:
        shown = "" if head == before else head
        before = head
        yield printable(f"{shown:<{_WIDTH}}{text}").rstrip()


def _entry(each: EntryFacts) -> Iterator[Row]:
    yield "entry", f"{each.key}  {each.title}" if each.title is not None else each.key
    where = each.source_place or "not in the configuration: removed"
    yield "source", f"{each.source} ({where})" + (f", identity {each.source_id}" if each.source_id != each.source else "")
    yield "upstream id", each.upstream_id
    yield "atom:id", each.atom_id
    yield "link", each.link or "-"
    if each.post is not None:
        yield "post", each.post
    yield "post", each.post_words
    if each.category:
        yield "category", join_category(each.category)
    yield from _dates(each)
    for feed in each.feeds:
        stands = f"number {feed.position} of {feed.entries}" if feed.position else f"not there: {feed.reason}"
        yield "feeds", f"{feed.path}: {stands}"
    for line in each.ledger:
        yield "ledger", line


def _dates(each: EntryFacts) -> Iterator[Row]:
    if each.published is not None:
        yield "published", f"{_instant(each.published)}, {each.dated or 'as the post says; how it was chosen is forgotten'}"
    if each.first_seen is not None:
        why = each.dated or "first seen: upstream gave no usable date"
        yield "published", f"{_instant(each.first_seen)}, {why} (undated)"
    if each.updated is not None:
        yield "updated", f"{_instant(each.updated)}, as upstream says"


def _source(each: SourceFacts, now: datetime) -> Iterator[Row]:
    yield "source", f"{each.name} ({each.place or 'not in the configuration: removed'})"
    if each.id != each.name:
        yield "identity", f"{each.id}: what its posts' keys and ids derive from"
    if each.feed is not None:
        yield "feed", each.feed
    for number, address in enumerate(each.addresses):
        if address != each.feed or len(each.addresses) > 1:
            yield "asked at", f"{number + 1}. {address}" if len(each.addresses) > 1 else address
    if each.category:
        yield "category", join_category(each.category)
    yield "posts", str(each.posts) + ("" if each.place else "; they stay on disk and in the feeds")
    for line in each.history:
        yield "ledger", line
    yield from _polls(each, now)
    yield from _learned(each, now)
    for line in each.warnings:
        yield "warnings", line


def _polls(each: SourceFacts, now: datetime) -> Iterator[Row]:
    poll = each.last_poll
    if poll is None:
        yield "last poll", "none is remembered"
    else:
        facts = [poll.outcome.value, f"HTTP {poll.status}" if poll.status else "", "conditional" if poll.conditional else ""]
        facts += [f"{poll.new} new" if poll.new else "", f"{poll.updated} updated" if poll.updated else ""]
        facts += [f"{poll.elapsed_ms} ms", poll.message or ""]
        yield "last poll", f"{_instant(poll.at)}, {_ago(poll.at, now)}: {', '.join(filter(None, facts))}"
    if each.failures:
        since = f"it last answered well {_ago(each.last_success, now)}" if each.last_success else "it never answered well"
        yield "failures", f"{each.failures} in a row; {since}"
        if poll is None:
            yield "failures", each.error or "-"
    if each.last_news is not None:
        yield "last news", f"{_instant(each.last_news)}, {_ago(each.last_news, now)}"
    if each.due:
        when = "due now: the next sync takes it along"
    elif each.next_poll is None:
        when = "never by itself" + (f": aggregator source resume {each.name}" if each.place else "")
    else:
        when = f"{_instant(each.next_poll)}, in {describe(max(each.next_poll - now, timedelta()))}"
    yield "next poll", f"{when} ({each.next_reason})" if each.place else each.next_reason


def _learned(each: SourceFacts, now: datetime) -> Iterator[Row]:
    if each.interval is not None:
        yield "interval", each.interval
    if each.entries_per_day is not None:
        yield "rhythm", f"{each.entries_per_day:.2f} new entries a day, watched for {each.days_watched:.1f} days"
    if each.fresh_until is not None:
        yield "fresh", f"until {_instant(each.fresh_until)}, for another {describe(each.fresh_until - now)}: its server said so"
    for line in each.hints:
        yield "feed asks", line
    for line in each.hosts:
        yield "host", line
    if each.last_success is not None:
        yield "validators", ", ".join(each.validators) or "none are remembered: the whole feed comes each time"
        title = f'"{each.feed_title}"' if each.feed_title else "without a title"
        yield "format", f"{each.format or 'not known yet'}, {title}" + (f", page {each.feed_link}" if each.feed_link else "")


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _ago(then: datetime, now: datetime) -> str:
    return f"{describe(now - then)} ago" if then <= now else "in the future"


def _json(found: Explanation) -> str:
    """Return one object; what a terminal might obey is escaped, which JSON reads as the same text."""
    text = json.dumps(asdict(found), ensure_ascii=False, indent=2, default=_plain)
    return re.sub(r"[^\n\x20-\x7e]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
