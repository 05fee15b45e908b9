"""A feed and the archive pages on disk -> what whoever walks the archive would stumble over (RFC 5005 §4). Pure.

The walk is that of §4.2: from the live feed along prev-archive until there is none. Pages are never fetched: an address of ours
is turned into the file that is served there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from aggregator.model.output import OutputFeed
from aggregator.publish.addresses import FOLDER, SUFFIX, public_url
from aggregator.publish.findings import Examined
from aggregator.publish.scan import quoted

_PAGE = re.compile(rf"{FOLDER}/(.+)\.archive/\d{{4}}-\d\d(?:-\d+)?{re.escape(SUFFIX)}\Z")
_BACK = "bring it back from version control or from a backup; `aggregator build` makes what is lost anew from the posts"
_RELINK = "`aggregator build` links what it makes; if it comes back, it is a fault of the program: report it"
Told = tuple[str, str, str]  #: file below the public folder, what is wrong, what to do


def is_page(path: str) -> bool:
    """Tell whether the file is an archive page, by its name."""
    return _PAGE.match(path) is not None


def archive_findings(frame: OutputFeed, live: Examined | None, pages: Mapping[str, Examined], site_url: str) -> Iterator[Told]:
    """Yield what is wrong with the chain of one feed; `pages` are all archive pages on disk, of this feed and of others."""
    if live is None or not live.frame:
        return  # told already
    former = frozenset(public_url(site_url, path) for path in frame.former)
    walked: dict[str, None] = {}
    held: dict[str, str] = {}
    at, following = frame.path, live.frame.get("prev-archive")
    while following is not None:
        path = file_at(following, site_url)
        if path is None:
            yield at, f"its archive goes on at {quoted(following)}, which is no address of this site", _RELINK
            break
        if path in walked:
            yield at, f"its archive goes on at {path}, where it has been already: the walk never ends", _RELINK
            break
        page = pages.get(path)
        if page is None:
            yield at, f"its archive goes on at {path}, which is not there", _BACK
            break
        walked[path] = None
        yield from _page_findings(frame, former, path, page, held)
        at, following = path, page.frame.get("prev-archive")
    yield from _unlinked(frame, pages, walked)


def _page_findings(
    frame: OutputFeed, former: frozenset[str], path: str, page: Examined, held: dict[str, str]
) -> Iterator[Told]:
    if not page.frame:
        return  # told already, and the walk ends there
    if page.frame.get("archive") is None:
        yield path, "does not say that it is an archive page: no fh:archive", _BACK
    if page.frame.get("id") != frame.id:
        yield path, f"is a page of another feed: its id is {quoted(page.frame.get('id') or '')}, not {frame.id}", _BACK
    # One that was closed below a former name says that, where a copy of the live feed stands.
    if page.frame.get("current") not in {frame.self_link, *former}:
        text = f"says that the live feed is {quoted(page.frame.get('current') or 'nowhere')}, and it is {frame.self_link}"
        yield path, text, _RELINK
    for entry in page.ids:
        if held.setdefault(entry, path) != path:
            text = f"holds the entry {quoted(entry)}, which stands in {held[entry]} too"
            yield path, text, f"delete {held[entry]}, then: `aggregator build` makes it again of what stands nowhere else"


def _unlinked(frame: OutputFeed, pages: Mapping[str, Examined], walked: Mapping[str, None]) -> Iterator[Told]:
    folders = {path.removesuffix(SUFFIX).removeprefix(f"{FOLDER}/") for path in (frame.path, *frame.former)}
    for path in sorted(pages):
        found = _PAGE.match(path)
        if found is not None and found[1] in folders and path not in walked:
            yield path, "no page of the archive and no feed leads to it, so nobody finds what it holds", _RELINK


def file_at(address: str, site_url: str) -> str | None:
    """Return the file below the public folder that an address of this site leads to; None if it leads elsewhere."""
    base = f"{site_url.rstrip('/')}/"
    if not address.startswith(base) or "?" in address or "#" in address:
        return None
    path = unquote(urlsplit(address).path[len(urlsplit(base).path) :])
    parts = path.split("/")
    return None if not all(part and not part.startswith(".") for part in parts) else path
