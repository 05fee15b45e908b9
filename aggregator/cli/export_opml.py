"""`aggregator export opml`: the configured sources as an OPML 2.0 list that other readers import.

Comes in: the settings, and from the state (where there is one) each feed's page. Goes out: bytes that are the same for the same
configuration; no dates. Never a secret: what could hold one is left out or exported without it, and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.project import load
from aggregator.errors import StoreError
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings, Site
from aggregator.model.source import Source
from aggregator.pipeline.effective import load_effective


@click.group()
def export() -> None:
    """Write the sources as a list that other programs read."""


@export.command("opml")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--private", is_flag=True, help="Also sources at private addresses; never secrets.")
@pass_invocation
def export_opml(invocation: Invocation, file: Path | None, private: bool) -> None:
    """Write the configured sources as OPML 2.0, to standard output unless FILE is given.

    Left out, and named on stderr: addresses that hold a secret; sources at private addresses, unless --private is given.
    """
    settings = load(invocation)
    known = _states(load_effective(settings))
    listed: list[Listed] = []
    for source in settings.sources:
        address, why = choose_address(source, private=private)
        if address is None:
            invocation.warn(f"{source.name}: left out: {why}")
            continue
        if (lost := _lost(source)) is not None:
            invocation.warn(f"{source.name}: exported without its {lost}: who imports the list cannot read the feed with it")
        listed.append(Listed.of(source, address, known.get(source.id)))
    content = render_sources(settings.site, listed)
    if file is None or str(file) == "-":
        click.echo(content, nl=False)
        return
    from aggregator.settings.edit import save

    save(file, content, make_folders=False)
    invocation.talk(f"wrote {file}: {len(listed)} of {len(settings.sources)} sources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One feed of the list."""

    title: str
    address: str
    page: str | None  #: the site that the feed says it belongs to
    language: str | None
    categories: tuple[str, ...]

    @classmethod
    def of(cls, source: Source, address: str, known: SourceState | None) -> Listed:
        """Return what the list says of a source; its title is the configured one, else upstream's, else its id."""
        from aggregator.parse.opml_outline import MAX_TITLE, clean

        upstream = None if known is None else clean(known.feed_title or "", MAX_TITLE, "", [])
        return cls(
            title=source.title or upstream or source.name,
            address=address,
            page=None if known is None else known.feed_link,
            language=source.language,
            categories=source.categories,
        )


def choose_address(source: Source, *, private: bool) -> tuple[str | None, str]:
    """Return the address that others can use, or None and why there is none.

    Of a base's instances it is the first that is public; under `private` simply the first.
    """
    from aggregator.fetch.address import redact
    from aggregator.model.hosts import is_private_host

    open_ones = [address for address in source.addresses if redact(address) == address.partition("#")[0]]
    if not open_ones:
        return None, "its address holds a secret"
    if private:
        return open_ones[0], ""
    if source.allow_private:
        return None, "it is at a private address (allow_private); --private exports it"
    public = [address for address in open_ones if not is_private_host(urlsplit(address).hostname or "")]
    if not public:
        return None, "its address is private; --private exports it"
    return public[0], ""


def _lost(source: Source) -> str | None:
    words = (["auth"] if source.auth is not None else []) + (["headers"] if source.headers else [])
    return " and ".join(words) or None


def _states(settings: Settings) -> Mapping[str, SourceState]:
    """Return what polls have learned, by the names of the effective sources; nothing where there is no state yet."""
    from aggregator.store.opening import open_state

    try:
        opened = open_state(settings.state.url.reveal(), settings.root, create=False)
    except StoreError:
        return {}  # only the feeds' pages are missing then, which the list does not need
    try:
        learned = opened.state.sources()
        return {source.name: learned[source.id] for source in settings.sources if source.id in learned}
    finally:
        opened.state.close()


def render_sources(site: Site, listed: Sequence[Listed]) -> bytes:
    """Return the list: folders by category in the order of the configuration, one outline per feed."""
    from lxml import etree

    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = f"Sources of {site.title}"
    folders: dict[tuple[str, ...], etree._Element] = {(): etree.SubElement(root, "body")}
    for feed in listed:
        for depth in range(1, len(feed.categories) + 1):
            path = feed.categories[:depth]
            if path not in folders:
                name = _plain(path[-1])
                folders[path] = etree.SubElement(folders[path[:-1]], "outline", text=name, title=name)
        etree.SubElement(folders[feed.categories], "outline", _attributes(feed))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _attributes(feed: Listed) -> dict[str, str]:
    title = _plain(feed.title)
    found = {"type": "rss", "text": title, "title": title, "xmlUrl": feed.address}
    if feed.page is not None:
        found["htmlUrl"] = feed.page
    if feed.language is not None:
        found["language"] = feed.language
    return found


def _plain(text: str) -> str:
    """Return a text as `text` must hold it: OPML 2.0 takes it for HTML, so what would look like HTML is escaped."""
    from aggregator.parse.opml_outline import clean

    return text if clean(text, len(text), "", []) == text else escape(text, quote=False)
