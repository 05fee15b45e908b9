"""The attributes of one <outline> -> a feed or a folder, as the programs that write OPML mean them. Pure.

Names come in lower case: `xmlUrl`, `xmlurl` and `XMLURL` are one. What another program can do and we cannot becomes a note
that names the attribute, never its value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import unescape

#: A folder's part of the category path; none where it has no name.
Folder = tuple[str, ...]
#: Characters of a title, and of one part of a category path; a longer one is cut.
MAX_TITLE = 300
MAX_PART = 200

_SURROUNDING = "".join(map(chr, range(33))) + "\x7f\xa0\ufeff\u200b\u3000"
#: Blanks apart, what no line of plain text may hold.
_UNFIT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
#: With its semicolon only: `AT&T`, `Q&notes`.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MARKUP = re.compile(r"</?(?:a|b|em|font|i|span|strong|u)(?:\s[^<>]*)?>", re.IGNORECASE)
_LINKS = {"link", "include"}
#: Miniflux's settings of a feed; true, or a text that is not empty, is lost.
_FOREIGN = frozenset(
    {"allowselfsignedcertificates", "blockfilterentryrules", "blocklistrules", "crawler", "fetchviaproxy", "useragent"}
    | {"keepfilterentryrules", "keeplistrules", "rewriterules", "scraperrules", "urlrewriterules"}
)
_NOTHING = {"", "0", "false", "-1", "null", "none", "main"}  # "main" is where FreshRSS shows a feed if nothing was chosen
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOutline:
    """One outline that stands for a feed."""

    line: int  #: 1-based
    address: str  #: as written, without blanks around it; "" where it names none
    title: str | None
    folders: tuple[str, ...]  #: outermost first; () where it stands at the top
    language: str | None = None  #: as written
    every: timedelta | None = None  #: how often the other program polled it, where it said so
    paused: bool = False
    notes: tuple[str, ...] = ()  #: what was cut, cleaned or is lost
    refused: str | None = None  #: why it cannot be a source, whatever its address


def read_folder(attributes: Mapping[str, str]) -> tuple[Folder, list[str]]:
    """Return an outline's own part of the path of what stands below it, and what was changed in it."""
    notes: list[str] = []
    part = _name(attributes, MAX_PART, "the folder's name", notes)
    return ((part,) if part else ()), notes


def read_feed(
    attributes: Mapping[str, str], written: Iterable[str], *, line: int, folders: tuple[str, ...]
) -> FeedOutline | None:
    """Return the feed that an outline stands for; None where it is a folder. `written` are the names as they stand there."""
    kind = attributes.get("type", "").strip().lower()
    address = attributes.get("xmlurl")
    refused = None
    if address is None and (link := attributes.get("url")) is not None:
        address = link
        if kind in _LINKS:
            refused = _link_refusal(kind)
    if address is None:
        if kind not in {"rss", "atom", "rss1", "rss2"}:
            return None
        address = ""
    if "xpath" in kind or "dotnotation" in kind or "dotpath" in kind:
        refused = "is no feed but a page that the other program takes apart itself (XPath or the like)"
    notes: list[str] = []
    title = _name(attributes, MAX_TITLE, "the title", notes)
    if not folders:
        folders = _categories(attributes.get("category", ""), notes)
    if lost := _lost(attributes, written):
        notes.append(f"lost: {', '.join(lost)}")
    return FeedOutline(
        line=line,
        address=address.strip(_SURROUNDING),
        title=title,
        folders=folders,
        language=attributes.get("language", "").strip() or None,
        every=_every(attributes),
        paused=attributes.get("disabled", "").lower() == "true",
        notes=tuple(notes),
        refused=refused,
    )


def _link_refusal(kind: str) -> str:
    if kind == "include":
        return "includes another list, which is not opened: download that one and import it as well"
    return "is a link to a page, not a feed: aggregator source add ADDRESS looks for its feed"


def _name(attributes: Mapping[str, str], most: int, what: str, notes: list[str]) -> str | None:
    """Return `text`, which OPML 2.0 asks for, else `title`, as one line of plain text."""
    for key in ("text", "title"):
        text = clean(attributes.get(key, ""), most, what, notes)
        if text:
            return text
    return None


def clean(text: str, most: int, what: str, notes: list[str]) -> str:
    """Return one line of plain text, "" if nothing is left; what was lost goes to the notes.

    OPML 2.0 lets `text` hold encoded HTML, and FreshRSS escapes twice: entities are read and markup of words is taken out.
    """
    plain = _ENTITY.sub(lambda entity: unescape(entity[0]), _MARKUP.sub("", text))
    if plain != text:
        notes.append(f"HTML in {what} was read as such")
    fit = _UNFIT.sub("", plain)
    if fit != plain:
        notes.append(f"characters that cannot be shown in {what} were taken out")
    line = " ".join(filter(None, (piece.strip(_SURROUNDING) for piece in _BREAKS.split(fit))))
    if len(line) > most:
        notes.append(f"{what} was cut to {most} characters")
        line = line[:most].rstrip()
    return line


def _categories(text: str, notes: list[str]) -> tuple[str, ...]:
    """Return the first path of OPML 2.0's `category`: `/Boston/Weather,/Harvard,tag`; slashed paths come before tags."""
    paths = [path.strip() for path in text.split(",")]
    paths = [path for path in paths if path.strip("/ ")]
    if not paths:
        return ()
    chosen = next((path for path in paths if path.startswith("/")), paths[0])
    if others := [path for path in paths if path != chosen]:
        notes.append(f"one category each: {chosen} is taken, {', '.join(others)} is not")
    parts = (clean(part, MAX_PART, "the category", notes) for part in chosen.split("/"))
    return tuple(part for part in parts if part)


def _every(attributes: Mapping[str, str]) -> timedelta | None:
    """Return the interval that FreshRSS (seconds), Liferea or Akregator (minutes) polled the feed at."""
    if attributes.get("usecustomfetchinterval", "true").lower() == "true":
        for key, seconds in (("frss:ttl", 1), ("updateinterval", _MINUTE), ("fetchinterval", _MINUTE)):
            value = attributes.get(key, "").strip()
            if re.fullmatch(r"[1-9][0-9]{0,8}", value):
                return timedelta(seconds=int(value) * seconds)
    return None


def _lost(attributes: Mapping[str, str], written: Iterable[str]) -> list[str]:
    """Return the names of settings of other programs that have no counterpart here."""
    return [
        name
        for name in written
        if (name.lower() in _FOREIGN or name.lower().startswith(("frss:", "rssguard:")))
        and name.lower() != "frss:ttl"
        and attributes[name.lower()].strip().lower() not in _NOTHING
    ]
