"""What templates ask of a page: links as seen from it, texts in its language, times in the site's zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from markupsafe import Markup

from aggregator.model.page import (
    Card,
    EntryPage,
    FeedLinks,
    FeedsPage,
    Frame,
    ListPage,
    LostPage,
    MovedPage,
    Page,
    SourceLine,
    SourcePage,
    StatusPage,
)
from aggregator.model.poll import Outcome
from aggregator.model.reason import Reason
from aggregator.pages.addresses import file_name, host, outward, place, relative, root_path
from aggregator.pages.clip import clip
from aggregator.pages.content import content, count_pictures
from aggregator.pages.health import SHAPES, Health, kind_of, last_day
from aggregator.pages.words import Words, closest, minute, words

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_TYPES = {"Atom": "application/atom+xml", "RSS": "application/rss+xml", "JSON": "application/feed+json"}
#: Columns of a summary in a list: two lines on a wide screen.
_SUMMARY = 160
_DESCRIPTION = 200
#: Sources that the sentence on top of the status page names.
_NAMED = 3
#: States in which nothing was tried: they are counted with words of their own.
_UNTRIED = ("new", "paused")


class View:
    """One page, seen by its template."""

    def __init__(self, page: Page, frame: Frame, *, style: str, script: str) -> None:
        """Take the page, what it shares with all, and the names of the files it is shown with."""
        self._page = page
        self._frame = frame
        self.words: Words = words(closest(frame.language))
        self._zone = ZoneInfo(frame.timezone)
        self.path = _path_of(page)
        self._start = None if self.path is None else place(self.path, is_static=frame.is_static)
        self.style = self.href(f"/static/{style}", carry=False)
        self.script = self.href(f"/static/{script}", carry=False)
        self.health = Health(self.words)

    # words

    def say(self, key: str, /, **given: object) -> Markup:
        """Return a text of the catalogue."""
        return self.words.say(key, **given)

    def name(self, text: str) -> Markup:
        """Return a foreign name for a sentence of ours: its direction ends where it ends."""
        return Markup("<bdi>{}</bdi>").format(text)

    # links

    def href(self, path: str, *, carry: bool = True) -> str:
        """Return the link to an address of ours, as seen from this page."""
        if carry and self._frame.carry and "." not in path.partition("?")[0].rsplit("/", 1)[-1]:
            path += ("&" if "?" in path else "?") + self._frame.carry
        path = place(path, is_static=self._frame.is_static)
        return relative(self._start, path) if self._start is not None else root_path(self._frame.url) + path

    def absolute(self, path: str) -> str:
        """Return the whole address of one of ours: what people copy."""
        return self._frame.url.rstrip("/") + place(path, is_static=self._frame.is_static)

    def out(self, address: str | None) -> str | None:
        """Return an address of another host, if it may stand in a link."""
        return outward(address)

    def host(self, address: str) -> str:
        """Return the host of an address."""
        return host(address)

    def canonical(self) -> str | None:
        """Return the one address of this page, or of the one that it sends on to; a page that is nowhere has none."""
        if isinstance(self._page, MovedPage):
            return self.absolute(self._page.href)
        return None if self.path is None or isinstance(self._page, LostPage) else self.absolute(self.path)

    def here(self, query: str) -> str:
        """Return the link to this page with another query."""
        page = self._page
        asked = [("q", page.query), *page.narrowed] if isinstance(page, ListPage) and page.query is not None else []
        return f"?{urlencode(asked, quote_via=quote, errors='replace')}{'&' if asked else ''}{query}"

    def alternates(self) -> list[tuple[str, str, str]]:
        """Return (type, title, link) of the page's feed in its formats, and of the feed of everything."""
        own = _feed_of(self._page)
        feeds = [own] if own is not None else []
        if own is None or own.atom != self._frame.all_feed.atom:
            feeds.append(self._frame.all_feed)
        return [
            (_TYPES.get(name, _TYPES["Atom"]), feed.title, self.href(path)) for feed in feeds for name, path in formats(feed)
        ]

    def month_href(self, month: str) -> str:
        """Return the link to a month of what this list shows."""
        page = self._page.entries if isinstance(self._page, SourcePage) else self._page
        return self.href(f"{page.base if isinstance(page, ListPage) else '/'}{month}/")

    def file_name(self, address: str) -> str:
        """Return the last part of an address, else its host: what a file is called that has no title."""
        return file_name(address)

    # texts

    def lang(self, language: str | None) -> Markup:
        """Return the attributes of foreign text: its language where it is not the page's, and a direction of its own."""
        if language is None or language == self.words.language or not _LANGUAGE.fullmatch(language):
            return Markup(' dir="auto"')
        return Markup(' lang="{}" dir="auto"').format(language)

    def summary(self, card: Card) -> str:
        """Return as much of a summary as a list has room for."""
        return clip(card.summary, _SUMMARY)

    def description(self, text: str) -> str:
        """Return a text as the page's description."""
        return clip(" ".join(text.split()), _DESCRIPTION)

    def content(self, page: EntryPage) -> Markup:
        """Return an entry's content as the page shows it."""
        return content(
            page.content,
            own=page.link,
            pictures=page.shows_pictures,
            picture_word=str(self.say("picture")),
            table_word=str(self.say("table")),
        )

    def pictures(self, page: EntryPage) -> int:
        """Return how many pictures the entry would load."""
        return count_pictures(page.content) + (page.cover is not None)

    def fact(self, key: str) -> str:
        """Return what a fact about a source is called; one that the catalogue does not know is its own."""
        return self.say(f"fact_{key}") if self.words.has(f"fact_{key}") else key

    def outcome(self, outcome: Outcome) -> str:
        """Return how a poll ended."""
        return self.say(f"outcome_{outcome.value}")

    def percent(self, share: float) -> str:
        """Return a share as people read it."""
        return f"{share:.0%}"

    # sources

    def why(self, *reasons: Reason) -> Markup:
        """Return why a source is polled when it is."""
        return self.words.why(reasons)

    def error(self, line: SourceLine) -> Markup:
        """Return the last error: what kind it is in the reader's language, and what was said of it, which is English."""
        error = Markup('<span lang="en" dir="auto">{}</span>').format(line.error or "")
        key = f"kind_{line.kind}"
        return self.say("error_told", kind=self.say(key), error=error) if self.words.has(key) else error

    def states(self, lines: Sequence[SourceLine]) -> list[str]:
        """Return the states that occur, worst first."""
        order = list(SHAPES)
        found = {line.health for line in lines}
        return sorted(found, key=lambda state: (order.index(state) if state in order else -1, state))

    def last_day(self, lines: Sequence[SourceLine]) -> date | None:
        """Return the right end of all bars."""
        return last_day(lines)

    def status_sentence(self, page: StatusPage) -> Markup:
        """Return how all sources are doing in a few words, and which of them are not well, since when or until when."""
        number = len(page.lines)
        if not number:
            return self.say("no_sources_told")
        bad, passing = ([line for line in page.lines if kind_of(line.health) == kind] for kind in ("bad", "odd"))
        untried = [(state, sum(1 for line in page.lines if line.health == state)) for state in _UNTRIED]
        fine = number - len(bad) - len(passing) - sum(n for _, n in untried)
        if fine == number:
            return self.say("all_fine", n=number)
        told = [self.say("some_fine", fine=self.words.number(fine), n=number)]
        told += [self._told(line, page.last_poll) for line in bad[:_NAMED]]
        if len(bad) > _NAMED:
            told.append(self.say("and_more", n=len(bad) - _NAMED))
        told += self._tried(passing, page.last_poll)
        told += [self.say(f"told_{state}", n=n) for state, n in untried if n]
        return Markup(self.say("between_sentences")).join(told)

    def _tried(self, lines: Sequence[SourceLine], now: datetime | None) -> list[Markup]:
        """Return when sources are tried again whose last poll failed: each by its name, or how many there are."""
        if len(lines) > _NAMED or any(line.next_poll is None for line in lines):
            return [self.say("tried_again", n=len(lines))]
        return [
            self.say("is_tried_again", name=self.name(line.source.title), time=self.until(line.next_poll, now))
            for line in lines
            if line.next_poll is not None
        ]

    def _told(self, line: SourceLine, now: datetime | None) -> Markup:
        name = self.name(line.source.title)
        if line.health == "gone":
            return self.say("is_gone", name=name)
        if line.failing_since is None:
            return self.say("never_answered", name=name)
        return self.say("has_failed_since", name=name, time=self.since(line.failing_since, now))

    # times

    def local(self, moment: datetime) -> datetime:
        """Return an instant in the zone of the site."""
        try:
            return moment.astimezone(self._zone)
        except (OverflowError, ValueError):  # the first and last day there is
            return moment.astimezone(UTC)

    def time(self, moment: datetime, *, css: str = "", short: bool = False) -> Markup:
        """Return an instant for people and for machines; a short one is the time of its day."""
        local = self.local(moment)
        shown = f"{local:%H:%M}" if short else minute(local)
        named = Markup(' class="{}"').format(css) if css else ""
        return Markup('<time{} datetime="{}">{}</time>').format(named, _rfc3339(moment), shown)

    def since(self, moment: datetime, now: datetime | None) -> Markup:
        """Return an instant as it is told in a sentence."""
        told = self.words.since(self.local(moment), None if now is None else self.local(now))
        return Markup('<time datetime="{}">{}</time>').format(_rfc3339(moment), told)

    def until(self, moment: datetime, now: datetime | None) -> Markup:
        """Return an instant to come, without its date if that is today's."""
        return self.time(moment, short=now is not None and self.local(moment).date() == self.local(now).date())

    def days(self, cards: Sequence[Card]) -> Iterator[tuple[str, Markup, list[Card]]]:
        """Yield each day that a list holds, in its order: (2021-09-11, as a heading, its entries)."""
        for day, group in groupby(cards, key=lambda card: self.local(card.date).date()):
            yield day.isoformat(), self.words.day(day), list(group)


def formats(feed: FeedLinks) -> list[tuple[str, str]]:
    """Return (name, address) of a feed in each format, Atom first."""
    return [("Atom", feed.atom), *((twin.title, twin.href) for twin in feed.twins)]


def _path_of(page: Page) -> str | None:
    """Return where a page lies, from the root of the site."""
    if isinstance(page, EntryPage):
        return page.card.href
    if isinstance(page, SourcePage):
        return page.entries.path
    if isinstance(page, StatusPage):
        return "/status"
    return "/feeds/" if isinstance(page, FeedsPage) else page.path


def _feed_of(page: Page) -> FeedLinks | None:
    """Return the feed that holds what the page shows."""
    if isinstance(page, ListPage):
        return page.feed
    return page.entries.feed if isinstance(page, SourcePage) else None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
