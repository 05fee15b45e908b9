"""What each element of an entry or a feed does: the same to our dictionaries as feedparser's handler does to its own.

Only keys that `xmlfeed` reads are kept. Where feedparser lets the first or the last of several win, so does this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin

from aggregator.parse.base import joined_base
from aggregator.parse.fast_state import EnoughError, Rule, State, UnsureError
from aggregator.parse.raw import MAX_ENTRIES_READ, MAX_TAGS

XML_BASE = "http://www.w3.org/XML/1998/namespace base xml"
XML_LANG = "http://www.w3.org/XML/1998/namespace lang xml"
XHTML = "application/xhtml+xml"
RDF_ABOUT = "http://www.w3.org/1999/02/22-rdf-syntax-ns# about rdf"

_REFERENCE = re.compile(r"&([A-Za-z0-9_]+);")
_TYPES = {
    "text": "text/plain",
    "plain": "text/plain",
    "text/plain": "text/plain",
    "html": "text/html",
    "text/html": "text/html",
    "xhtml": XHTML,
    XHTML: XHTML,
}
ITUNES = "http://www.itunes.com/"
_MEDIA_SCHEME = "http://search.yahoo.com/mrss/category_schema"

End = Callable[[State, str, Mapping[str, str]], None]


def resolve(base: str, address: str) -> str:
    """Return an address joined with the base around it, as feedparser joins."""
    if ":///" in address:
        raise UnsureError("an address with slashes to be taken out")
    if not base:
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return ""


def enter(state: State, attributes: Mapping[str, str]) -> None:
    """Begin an element whose xml:base and xml:lang hold for all that is in it."""
    state.scopes.append((state.base, state.language))
    if not attributes:
        return
    state.base = base_of(state, attributes)
    language = attributes.get(XML_LANG)
    if language is not None:
        state.language = language or None


def base_of(state: State, attributes: Mapping[str, str]) -> str:
    """Return the base in force in an element."""
    value = attributes.get(XML_BASE)
    if value is None:
        return state.base
    base = joined_base(state.base, value)
    # feedparser joins it with itself for every element inside.
    if base and resolve(base, base) != base:
        raise UnsureError("an xml:base that does not stand by itself")
    return base


def leave(state: State, _text: str = "", _attributes: Mapping[str, str] | None = None) -> None:
    """End such an element."""
    state.base, state.language = state.scopes.pop()


# -- entries


def begin_entry(state: State, attributes: Mapping[str, str]) -> None:
    """Begin an entry."""
    if len(state.entries) >= MAX_ENTRIES_READ:
        raise EnoughError
    enter(state, attributes)
    state.into = entry = {"xml_lang": state.language, "xml_base": state.base}
    about = attributes.get(RDF_ABOUT)
    if about:
        entry["id"] = about
    state.entries.append(entry)
    state.titled = state.full = False
    state.depths = {}


def end_entry(state: State, _text: str, _attributes: Mapping[str, str]) -> None:
    """End an entry."""
    leave(state)
    state.into = state.feed
    state.titled = False


# -- texts


def plain(key: str) -> Rule:
    """Return the rule for a text of which the last one counts, whatever its attributes."""

    def end(state: State, text: str, _attributes: Mapping[str, str]) -> None:
        state.into[key] = state.clean(text)

    return Rule(end=end)


def bare(key: str) -> Rule:
    """Return the rule for such a text that feedparser reads only where the element has no attribute."""
    return Rule(end=plain(key).end, bare=True)


def deep(key: str) -> Rule:
    """Return the rule for a text that one from further within does not replace."""

    def end(state: State, text: str, _attributes: Mapping[str, str]) -> None:
        _store_deep(state, key, text)

    return Rule(end=end)


def _store_deep(state: State, key: str, text: str) -> None:
    if state.depth <= state.depths.get(key, state.depth):
        state.depths[key] = state.depth
        state.into[key] = state.clean(text)


def _detail(state: State, text: str, attributes: Mapping[str, str], type_: str) -> dict[str, Any]:
    """Return a text construct."""
    base = state.base
    if attributes:
        base = base_of(state, attributes)
        if (named := attributes.get("type")) is not None:
            found = _TYPES.get(named.lower())
            if found is None:
                raise UnsureError("a text of another type")
            type_ = found
    return {"type": type_, "base": base, "value": state.clean(text), "legal": True}


def construct(end: End) -> Rule:
    """Return the rule for a text construct."""
    return Rule(end=end, takes=frozenset({"type"}), reads=frozenset({"type", "mode", "src"}), based=True)


def title(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a title: the first that is not empty counts."""
    detail = _detail(state, text, attributes, "text/plain")
    value = detail["value"]
    if not state.titled:
        state.into["title"] = value
        state.into["title_detail"] = detail
        state.titled = value != ""


def rights(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a notice of rights: the last counts."""
    detail = _detail(state, text, attributes, "text/plain")
    state.into["rights"] = detail["value"]
    state.into["rights_detail"] = detail


def summary(type_: str) -> Rule:
    """Return the rule for a summary, which is of this type where it names none; a second one passes for content."""

    def end(state: State, text: str, attributes: Mapping[str, str]) -> None:
        into = state.into
        if "summary" in into and not state.full:
            _store_content(state, _detail(state, text, attributes, "text/plain"))
            return
        detail = _detail(state, text, attributes, type_)
        into["summary"] = detail["value"]
        into["summary_detail"] = detail

    return construct(end)


def content(type_: str) -> Rule:
    """Return the rule for content; a summary is copied from it where there was none."""

    def end(state: State, text: str, attributes: Mapping[str, str]) -> None:
        _store_content(state, _detail(state, text, attributes, type_))

    return construct(end)


def content_or_source(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take content that may be out of line (RFC 4287 §4.1.3.2)."""
    source = attributes.get("src")
    if not source:
        _store_content(state, _detail(state, text, attributes, "text/plain"))
        return
    named = attributes.get("type", "text/plain").lower()
    if text.strip() or named in {"xhtml", XHTML}:
        raise UnsureError("content both here and elsewhere")
    type_ = _TYPES.get(named, named)
    detail = {"type": type_, "base": base_of(state, attributes), "value": "", "src": source}
    _store_content(state, detail, copied=type_ in {"text/plain", "text/html"})


def _store_content(state: State, detail: dict[str, Any], *, copied: bool = True) -> None:
    state.full = True
    state.into.setdefault("content", []).append(detail)
    if copied:
        state.into.setdefault("summary", detail["value"])


def ignore_construct(state: State, _text: str, attributes: Mapping[str, str]) -> None:
    """Pass over a text construct."""
    base_of(state, attributes)


# -- links and files


def link(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a link, whose address is an attribute (Atom) or the text (RSS)."""
    found = dict(attributes)
    found["rel"] = found["rel"].lower() if "rel" in found else "alternate"
    found["type"] = found["type"].lower() if "type" in found else "text/html"  # of any other relation nobody asks
    href = found.get("href")
    if href is not None:
        found["href"] = resolve(state.base, href)
    else:
        address = text.strip()
        address = state.clean(resolve(state.base, address)) if address else ""
        if "&" in address:
            if state.into is not state.feed:
                address = address.replace("&amp;", "&")
            address = _REFERENCE.sub(r"&\g<1>", address)
        if address or state.into is state.feed:
            found["href"] = address
    state.into.setdefault("links", []).append(found)


def enclosure(state: State, _text: str, attributes: Mapping[str, str]) -> None:
    """Take an enclosure."""
    link = {"rel": "enclosure", "href": attributes.get("url") or ""}
    if "type" in attributes:
        link["type"] = attributes["type"].lower()
    for name in ("length", "title"):
        if name in attributes:
            link[name] = attributes[name]
    state.into.setdefault("links", []).append(link)


# -- people


def person(state: State, text: str, _attributes: Mapping[str, str]) -> None:
    """Take a person who is all in one text."""
    name = state.into["author"] = state.clean(text)
    state.into.setdefault("authors", []).append({"name": name} if name else {})


def begin_author(state: State, _attributes: Mapping[str, str]) -> None:
    """Begin a person."""
    state.into.setdefault("authors", []).append({})


def end_author(state: State, text: str, _attributes: Mapping[str, str]) -> None:
    """End a person, whose name the text is where no element said one."""
    name = state.into["author"] = state.clean(text)
    person = state.into["authors"][-1]
    if name and not (person.get("name") or person.get("email")):
        person["name"] = name


def said(key: str) -> Rule:
    """Return the rule for what an element of a person says."""

    def end(state: State, text: str, _attributes: Mapping[str, str]) -> None:
        person = state.into["authors"][-1]
        if (known := state.into.get("author")) and not (person.get("name") or person.get("email")):
            person["name"] = known
        value = text.strip()
        if key == "href":
            value = state.clean(resolve(state.base, value)) if value else ""
        person[key] = value

    return Rule(end=end)


# -- tags


def _add_tag(state: State, term: str | None, scheme: str | None, label: str | None) -> None:
    tags = state.into.setdefault("tags", [])
    if len(tags) < MAX_TAGS and (term or scheme or label):
        tag = {"term": term, "scheme": scheme, "label": label}
        if tag not in tags:
            tags.append(tag)


def _name_tag(state: State, text: str) -> None:
    value = state.clean(text)
    if value:
        tags = state.into["tags"]
        if tags and not tags[-1]["term"]:
            tags[-1]["term"] = value
        else:
            _add_tag(state, value, None, None)


def category(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a tag, which may be attributes, text or both."""
    if attributes:
        scheme = attributes.get("scheme", attributes.get("domain"))
        _add_tag(state, attributes.get("term"), scheme, attributes.get("label"))
    else:
        state.into.setdefault("tags", [])
    _name_tag(state, text)


def media_category(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a tag of Media RSS."""
    category(state, text, {"scheme": _MEDIA_SCHEME, **attributes})


def itunes_category(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a tag of a podcast."""
    _add_tag(state, attributes.get("text"), ITUNES, None)
    _name_tag(state, text)


def keywords(scheme: str | None) -> Rule:
    """Return the rule for tags with commas between them."""

    def end(state: State, text: str, _attributes: Mapping[str, str]) -> None:
        for word in state.clean(text).split(","):
            if word.strip():
                _add_tag(state, word.strip(), scheme, None)

    return Rule(end=end, bare=True)


# -- media and podcasts


def media_description(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a description of Media RSS."""
    state.into["media_description_type"] = attributes.get("type", "plain").lower()
    _store_deep(state, "media_description", text)


def begin_group(state: State, _attributes: Mapping[str, str]) -> None:
    """Begin a media:group."""
    state.group += 1
    state.in_group = True


def end_group(state: State, _text: str, _attributes: Mapping[str, str]) -> None:
    """End a media:group."""
    state.in_group = False


def begin_media_content(state: State, attributes: Mapping[str, str]) -> None:
    """Take a file of Media RSS."""
    part = {name.lower(): value for name, value in attributes.items()}
    if "type" in part:
        part["type"] = part["type"].lower()
    part["group"] = str(state.group) if state.in_group else ""
    state.into.setdefault("media_content", []).append(part)


def thumbnail(state: State, text: str, attributes: Mapping[str, str]) -> None:
    """Take a thumbnail, whose address may be its text."""
    address = attributes.get("url")
    if address is None and (found := text.strip()):
        address = state.clean(resolve(state.base, found))
    state.into.setdefault("media_thumbnail", []).append({} if address is None else {"url": address})


def itunes_image(state: State, _text: str, attributes: Mapping[str, str]) -> None:
    """Take the image of an episode."""
    address = attributes.get("href") or attributes.get("url")
    if address:
        state.into["image"] = {"href": address}
        state.into["itunes_image"] = address


# -- what is around an entry


def begin_source(state: State, _attributes: Mapping[str, str]) -> None:
    """Begin the feed that an entry was taken from."""
    state.titled = False
    state.into["source"] = {}


def source_id(state: State, text: str, _attributes: Mapping[str, str]) -> None:
    """Take the id of that feed."""
    state.into["source"]["id"] = state.clean(text)


def count_deleted(state: State, _attributes: Mapping[str, str]) -> None:
    """Begin what is said of an entry that was deleted."""
    state.deleted += 1


def nothing(_state: State, text: str, _attributes: Mapping[str, str]) -> None:
    """Pass over an element that holds no text."""
    if text.strip():
        raise UnsureError("an extension with text beside text that counts")


def untitle(state: State, _attributes: Mapping[str, str]) -> None:
    """Begin an element that may have a title of its own."""
    state.titled = False
    state.pictured = True


def begin_channel(state: State, attributes: Mapping[str, str]) -> None:
    """Begin a channel of RSS 1.0, whose title a title of what stands beside it would displace, were it before it."""
    if state.entries or state.pictured:
        raise UnsureError("a channel after what belongs to it")
    enter(state, attributes)


def chapter(_state: State, _text: str, attributes: Mapping[str, str]) -> None:
    """Pass over a chapter, over which feedparser stumbles where it has no start."""
    if "start" not in attributes:
        raise UnsureError("a chapter without a start")


def time(key: str) -> Rule:
    """Return the rule for an hour or day at which nobody should ask."""

    def end(state: State, text: str, _attributes: Mapping[str, str]) -> None:
        state.into.setdefault(key, []).append(text.strip())

    return Rule(end=end)
