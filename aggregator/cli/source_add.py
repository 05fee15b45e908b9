"""`aggregator source add`: the address of a feed, or of a page that names one, becomes a source.

The address is asked once, and where it is a page one of the feeds that it names once more. What came is shown; a person says
yes; one file of config/sources/ gains a few lines, and nothing else in it changes. No address is guessed (conduct F19).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

import click

from aggregator.catalogue import DEFAULT_CATEGORY, RefusedError, address_key, take_address
from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_ALL_FAILED, EXIT_OK, EXIT_PARTIAL
from aggregator.cli.foreign import as_json, shown_address, shown_text
from aggregator.cli.source_place import Known, Place, Wanted, find_place
from aggregator.cli.source_preview import NEWEST, lines_of, plain, preview
from aggregator.cli.sources_file import category_option, gained
from aggregator.model.fetched import Failed, Fetched
from aggregator.model.parsed import NamedFeed
from aggregator.model.settings import Settings, join_category
from aggregator.model.source import Source
from aggregator.pipeline.jobs import NORMALISE, Examined
from aggregator.pipeline.visit import Visitor, as_failure
from aggregator.settings.edit import save
from aggregator.settings.kinds import TEXT, UnfitError, parse_category, parse_source_id
from aggregator.settings.shapes import SOURCE
from aggregator.sources import SCHEMES

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)\Z", re.DOTALL)
_USER = re.compile(r"[^/?#]*@")
_COLUMNS = 60


class Ended(Exception):  # noqa: N818 - an end, not always an error
    """The command is over: with a word for programs, a line for people, and an exit code."""

    def __init__(self, what: str, message: str, code: int) -> None:
        """Take the three."""
        self.what = what
        self.code = code
        super().__init__(message)


@click.command("add")
@click.argument("address", metavar="URL")
@click.option("--id", "name", metavar="ID", help="Id of the source. [default: made of the feed's title]")
@click.option("--category", metavar="PATH", help="Category, parts joined by /. [default: asked for, else inbox]")
@click.option("--title", help="What the source is called, whatever the feed calls itself.")
@click.option("--every", metavar="D", help="Poll this often (30m, 2h). [default: learned]")
@click.option("--into", metavar="NAME", help="Write to config/sources/NAME.yaml. [default: feeds]")
@click.option("--allow-private", is_flag=True, help="The address may lead to a private network; the source will say so.")
@click.option("--yes", is_flag=True, help="Ask nothing; write.")
@click.option("--dry-run", is_flag=True, help="Ask nothing; write nothing.")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def add_source(invocation: Invocation, /, address: str, json_: bool, **options: Any) -> None:
    """Add a feed as a source: show what is there, ask, and write it into config/sources/.

    URL is the address of a feed, of a web page that names one, or base:/path of a base that is configured.

    Exit codes: 0 it is there now (or was before), 1 there is no feed or nothing was written, 2 wrong usage, 3 configuration
    invalid, 4 the upstream failed, 5 the file cannot be written, 6 another run holds the project.
    """
    invocation = replace(invocation, json=invocation.json or json_)
    run = _Addition(invocation, _options(**options))
    try:
        run.add(address)
    except RefusedError as error:
        by_hand = "; such a source is written by hand, in config/sources/" if "user name" in str(error) else ""
        run.end(Ended("refused", f"{error}{by_hand}", EXIT_PARTIAL))
    except Ended as ended:
        run.end(ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for, besides the address."""

    name: str | None
    category: tuple[str, ...] | None
    title: str | None
    every: timedelta | None
    into: str | None
    allow_private: bool
    yes: bool
    dry_run: bool


def _options(
    *, name: str | None, category: str | None, title: str | None, every: str | None, into: str | None, **flags: bool
) -> Options:
    return Options(
        name=_value("--id", parse_source_id, name),
        category=category_option(category),
        title=_value("--title", TEXT.parse, title),
        every=_value("--every", SOURCE.keys["every"].parse, every),  # type: ignore[union-attr]  # it is a scalar
        into=into,
        **flags,
    )


def _value(option: str, parse: Any, text: str | None) -> Any:
    try:
        return None if text is None else parse(text)
    except UnfitError as error:
        hint = f": {error.hint}" if error.hint else ""
        raise click.BadParameter(f'"{text}" {error.reason}{hint}', param_hint=option) from None


class _Addition:
    """One run of the command."""

    def __init__(self, invocation: Invocation, options: Options) -> None:
        self._invocation = invocation
        self._options = options
        self._result: dict[str, Any] = {}  #: for --json
        self._known = Known.read(invocation)

    def add(self, text: str) -> None:
        """Do it all; always ends with Ended or another error."""
        text, completed = self._completed(text)
        notes: list[str] = []
        address, addresses = take_address(text.partition("#")[0], self._known.bases, notes)
        for note in notes:
            self._invocation.talk(note)
        self._result["asked"] = shown_address(address)
        self._check_known(self._known, addresses, shown_address(address))
        options = self._options
        private = _private_addresses(addresses, self._known.settings) if options.allow_private else ()
        wanted = Wanted(
            feed=address,
            name=options.name,
            title=options.title,
            category=options.category or DEFAULT_CATEGORY,
            every=options.every,
            private=private,
            into=options.into,
        )
        source = self._checked(wanted)
        with Visitor(self._known.settings, clock.now) as visitor:
            wanted = self._find(visitor, wanted, source, completed=completed)
        wanted = replace(wanted, category=self._category())
        place = find_place(self._invocation, self._known, wanted)
        self._show(place)
        if not self._agreed():
            raise Ended("not written", self._not_written(), EXIT_OK if options.dry_run else EXIT_PARTIAL)
        self._write(place, wanted)

    # -- what is there ------------------------------------------------------------------------------------------------

    def _completed(self, text: str) -> tuple[str, bool]:
        """Return the address with a scheme, and whether it had none: https, and never http after that (conduct F19)."""
        text = text.strip()
        found = _SCHEME.match(text)
        if found is not None and not text.startswith("//"):
            name, rest = found.groups()
            named = name.lower() in SCHEMES or name in self._known.bases or rest.startswith("/")
            if named or not ("." in name or rest[:1].isdigit() or _USER.match(rest)):
                return text, False
        self._invocation.talk("the address names no scheme: https:// was put before it")
        return f"https://{text.lstrip('/')}", True

    def _check_known(self, now: Known, addresses: tuple[str, ...], how: str) -> None:
        """End here if the address belongs to a source that is configured."""
        known = now.catalogue.find(map(address_key, addresses))
        if known is not None:
            self._result["id"] = known.name
            text = f"{how} is there already, as the source {known.name} in {join_category(known.categories)}"
            raise Ended("already there", f"{text}; nothing was written", EXIT_OK)

    def _checked(self, wanted: Wanted) -> Source:
        """Return the source as it is to be polled; what could not be written is refused before anybody is asked."""
        bearer = self._known.catalogue.bearer(wanted.name) if wanted.name is not None else None
        if bearer is not None:
            message = f'"{wanted.name}" is the id of another source ({shown_address(bearer.feed)})'
            raise click.BadParameter(message, param_hint="--id")
        if wanted.name is not None and self._known.catalogue.is_taken(wanted.name):
            message = f'"{wanted.name}" is an id that another source had before it was renamed: its posts keep it'
            raise click.BadParameter(message, param_hint="--id")
        return find_place(self._invocation, self._known, wanted).source

    # -- the visit ----------------------------------------------------------------------------------------------------

    def _find(self, visitor: Visitor, wanted: Wanted, source: Source, *, completed: bool) -> Wanted:
        """Tell what the feed looks like, after following a page to one of its feeds; return what is known of it then."""
        answer, found = self._look(visitor, source, completed=completed)
        if found.parsed is None:
            address = self._choose(answer, found)
            self._check_known(self._known, (address,), how=f"its feed, {shown_address(address)},")
            wanted = replace(wanted, feed=address)
            source = replace(source, feed=address, addresses=take_address(address, {}, [])[1])
            answer, found = self._look(visitor, source, completed=False)
            if found.unreadable is not None:
                message = f"{shown_address(address)}: {found.unreadable.message}, although the page calls it a feed"
                raise Ended("no feed", message, EXIT_PARTIAL)
        self._check_known(self._known, (answer.final_address,), how=f"{shown_address(answer.final_address)}, where it leads,")
        shown = preview(source, answer, found, clock.now())
        self._result |= {"address": shown_address(wanted.feed), "feed": plain(shown)}
        if not self._invocation.json:
            for line in lines_of(shown, wanted.feed):
                click.echo(line)
        return replace(wanted, feed_title=shown.title)

    def _look(self, visitor: Visitor, source: Source, *, completed: bool) -> tuple[Fetched, Examined]:
        """Ask once; whatever keeps us from an answer ends the command."""
        answer = visitor.poll(source)
        if isinstance(answer, Fetched):
            found = visitor.examine(source, answer, stage=NORMALISE, newest=NEWEST, discover=True)
            if isinstance(found, Examined):
                if found.unreadable is None or found.unreadable.kind == "not-a-feed":
                    return answer, found
                found = as_failure(answer, found.unreadable)
            answer = found
        self._result["kind"] = answer.kind
        raise Ended("failed", "\n".join(self._failure(answer, source, completed=completed)), EXIT_ALL_FAILED)

    def _failure(self, failed: Failed, source: Source, *, completed: bool) -> Iterator[str]:
        yield f"{shown_address(source.feed)}: {failed.message}"
        if failed.kind == "refused-address":
            yield self._private_advice(source)
        elif completed and failed.kind in {"tls", "connect", "timeout"}:
            yield f"https:// was put before it; if it speaks http alone, add  http{shown_address(source.feed)[5:]}"
        elif failed.status in {401, 403}:
            yield (
                "if it wants a password or a header, write the source by hand, with auth: or headers: (docs/configuration.md), "
                "and look with: aggregator source test ID"
            )

    def _private_advice(self, source: Source) -> str:
        found = _private_addresses(source.addresses, self._known.settings)
        if not found:
            return "it is a redirect that leads there: write the source by hand, with allow_private: [ADDRESS], if you trust it"
        if self._options.allow_private:
            return "more than the address itself is refused: a redirect leads there"
        return f"if it is yours, --allow-private adds  allow_private: [{', '.join(found)}]  to the source"

    def _choose(self, answer: Fetched, found: Examined) -> str:
        """Return the address of the one feed that a page names, or that a person chooses."""
        page = shown_address(answer.final_address)
        named = [feed for feed in found.named if _can_be_asked(feed)]
        if not named:
            raise Ended("no feed", "\n".join(_no_feed(page, found)), EXIT_PARTIAL)
        if len(named) == 1:
            self._invocation.talk(f"the page names a feed: {shown_address(named[0].address)}")
            return named[0].address
        self._result["candidates"] = [_plain_candidate(feed, self._known) for feed in named]
        if not self._invocation.json:
            click.echo(f"{page} names {len(named)} feeds:")
            for number, feed in enumerate(named, 1):
                click.echo(f"{number:>4}  {_candidate(feed, self._known)}\n      {shown_address(feed.address)}")
        if not self._may_ask():
            message = "which one? Add it by its address:  aggregator source add ADDRESS"
            raise Ended("several feeds", message, EXIT_PARTIAL)
        number = click.prompt(f"Which one? (1-{len(named)})", type=click.IntRange(1, len(named)), default=1, err=True)
        return named[number - 1].address

    # -- the place ----------------------------------------------------------------------------------------------------

    def _category(self) -> tuple[str, ...]:
        """Return the category: given, or asked for, else the inbox."""
        if self._options.category is not None:
            return self._options.category
        if not self._may_ask():
            self._invocation.talk(f"category {join_category(DEFAULT_CATEGORY)} (--category names another)")
            return DEFAULT_CATEGORY
        there = list(dict.fromkeys(join_category(source.categories) for source in self._known.settings.sources))
        if there:
            more = f", and {len(there) - 10} more" if len(there) > 10 else ""  # noqa: PLR2004
            click.echo(f"\ncategories so far: {', '.join(there[:10])}{more}", err=True)
        chosen: tuple[str, ...] = click.prompt(
            "Category", default=join_category(DEFAULT_CATEGORY), value_proc=_category_of(self._known), err=True
        )
        return chosen

    def _show(self, place: Place) -> None:
        lines = gained(place.target, place.content)
        self._result |= {"id": place.name, "file": place.shown, "yaml": lines}
        for note in place.notes:
            self._invocation.talk(note)
        if self._invocation.json:
            return
        there = "gains" if place.target.exists() else "is new, with"
        inherited = ", ".join(place.inherited)
        defaults = f"  (from its defaults: {inherited}; --into NAME names another file)" if inherited else ""
        click.echo(f"\n{place.shown} {there}{defaults}\n{lines}", nl=False)

    # -- yes or no ----------------------------------------------------------------------------------------------------

    def _may_ask(self) -> bool:
        quiet = self._options.yes or self._options.dry_run or self._invocation.json
        return not quiet and sys.stdin.isatty() and sys.stderr.isatty()

    def _agreed(self) -> bool:
        if self._options.dry_run:
            return False
        return self._options.yes or (self._may_ask() and click.confirm("\nAdd it?", default=True, err=True))

    def _not_written(self) -> str:
        asked = self._may_ask() or self._options.dry_run
        return "nothing was written" if asked else "nothing was written: --yes writes it"

    def _write(self, shown: Place, wanted: Wanted) -> NoReturn:
        """Write what was shown, if it still is what would be written."""
        from aggregator.store.lock import project_lock

        with project_lock(self._invocation.root):
            now = Known.read(self._invocation)
            self._check_known(now, take_address(wanted.feed, now.bases, [])[1], shown_address(wanted.feed))
            place = find_place(self._invocation, now, wanted)
            if (place.name, place.target, place.content) != (shown.name, shown.target, shown.content):
                message = "the configuration was changed meanwhile; nothing was written: run this again"
                raise Ended("not written", message, EXIT_PARTIAL)
            save(place.target, place.content)
        raise Ended("added", f"added {place.name} to {place.shown}; next: aggregator sync", EXIT_OK)

    def end(self, ended: Ended) -> NoReturn:
        """Tell how it ended, and exit."""
        if self._invocation.json:
            self._result |= {"result": ended.what, "message": str(ended)}
            click.echo(as_json(self._result))
        (self._invocation.talk if ended.code == EXIT_OK else self._invocation.warn)(str(ended))
        raise SystemExit(ended.code)


def _private_addresses(addresses: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """Return where the host of an address leads that is not public and not allowed yet; nothing is connected to."""
    import socket

    from aggregator.fetch.address import parse_target
    from aggregator.fetch.guard import Guard

    guard = Guard(settings.fetch.allow_private)
    places: dict[str, None] = {}
    for address in addresses:
        try:
            target = parse_target(address)
            infos = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (ValueError, OSError):
            continue  # the poll will say what is wrong with it
        places |= dict.fromkeys(str(info[4][0]).partition("%")[0] for info in infos)
    return tuple(place for place in places if guard.refusal(place) is not None)


def _can_be_asked(feed: NamedFeed) -> bool:
    try:
        take_address(feed.address, {}, [])
    except RefusedError:
        return False
    return True


def _category_of(now: Known) -> Any:
    """Return what reads an answer to the question for a category; click asks again where it is refused."""

    def read(text: str) -> tuple[str, ...]:
        try:
            path = parse_category(text.strip())
            now.catalogue.fit(path, [])
        except UnfitError as error:
            raise click.BadParameter(f'"{text}" {error.reason}') from None
        except RefusedError as error:
            raise click.BadParameter(str(error)) from None
        return path

    return read


def _candidate(feed: NamedFeed, now: Known) -> str:
    title = shown_text(feed.title, _COLUMNS) if feed.title else "without a title"
    known = now.catalogue.find([address_key(feed.address)])
    there = f", there already as {known.name}" if known is not None else ""
    return f"{title}  ({feed.format}{', comments' if feed.comments else ''}{there})"


def _plain_candidate(feed: NamedFeed, now: Known) -> dict[str, Any]:
    known = now.catalogue.find([address_key(feed.address)])
    title = shown_text(feed.title, _COLUMNS) if feed.title else None
    return {
        "address": shown_address(feed.address),
        "title": title,
        "format": feed.format,
        "comments": feed.comments,
        "id": known.name if known is not None else None,
    }


def _no_feed(page: str, found: Examined) -> Iterator[str]:
    yield f"{page}: {found.unreadable.message if found.unreadable is not None else 'no feed'}"
    if found.is_list:
        yield "it is a list of feeds (OPML): save it, then  aggregator import opml FILE"
        return
    yield 'and it names no feed (<link rel="alternate">). No address is guessed; what you can try:'
    yield "  - look on the page for a link called RSS, Atom or Feed, and add where it leads"
    yield "  - open the page with /feed, /rss.xml, /atom.xml, /feed.xml or /index.xml behind its address in a browser"
    yield "  - sites without a feed: an RSSHub instance may have a route; name it under bases: and add  rsshub:/ROUTE"
