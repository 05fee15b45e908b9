"""What feedparser's own tests expect of a feed, as far as it maps onto our model, and whether an entry of ours meets it.

An expectation is a comment in the file: a Python expression over what feedparser returns. Read are conjunctions of
`path == value`; each path that our model has a counterpart for is one expectation. Values are seen through our rules:
a title is one line of plain text, a text is sanitised HTML, an instant is UTC.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from io import BytesIO
from typing import Any, cast

import feedparser

from aggregator.model.entry import Entry, Feed
from aggregator.model.parsed import ParsedFeed, ParsedText
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import html_to_line, one_line

_EXPECT = re.compile(r"Expect:[ \t]*(.*)")
_HEADER = re.compile(rb"^Header:\s*([^:\s]+):\s*(.*?)\s*$", re.MULTILINE)
_ENCODINGS = ("utf-8", "utf-16", "utf-32", "latin-1")
Steps = tuple[str | int, ...]
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One `path == value`."""

    field: str  #: of our model
    path: Steps  #: in what feedparser returns
    value: Any


#: The last words of a path -> the field of our model that it speaks of.
_FIELDS: Mapping[tuple[str, ...], str] = {
    ("title",): "title",
    ("title_detail", "value"): "title",
    ("link",): "link",
    ("id",): "id",
    ("guid",): "id",
    ("author",): "author",
    ("author_detail", "name"): "author",
    ("author_detail", "email"): "author",
    ("authors", "name"): "author",
    ("authors", "email"): "author",
    ("published_parsed",): "date",
    ("issued_parsed",): "date",
    ("created_parsed",): "date",
    ("updated_parsed",): "date",
    ("modified_parsed",): "date",
    ("date_parsed",): "date",
    ("content", "value"): "content",
    ("description",): "content",
    ("summary",): "content",
    ("tags", "term"): "tags",
    ("tags", "scheme"): "tags",
    ("tags", "label"): "tags",
    ("category",): "tags",
    ("enclosures", "href"): "enclosure",
    ("enclosures", "url"): "enclosure",
    ("enclosures", "type"): "enclosure",
    ("enclosures", "length"): "enclosure",
}
FIELDS = tuple(dict.fromkeys(_FIELDS.values()))
#: Of the feed itself only these are kept.
_OF_FEED = {"title", "link", "id"}


def headers_of(body: bytes) -> Headers:
    """Return the HTTP headers that a corpus file says it came with."""
    return [(name.decode().lower(), value.decode("latin-1")) for name, value in _HEADER.findall(body)]


def expectations_of(body: bytes) -> list[Expectation]:
    """Return what the file expects, as far as it maps onto our model."""
    for encoding in _ENCODINGS:
        try:
            found = _EXPECT.search(body.decode(encoding))
        except UnicodeError:
            continue
        if found is not None:
            return _read(found[1].partition("-->")[0].strip())
    return []


def _read(expression: str) -> list[Expectation]:
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return []
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    found: list[Expectation] = []
    for part in parts:
        if not (isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq)):
            continue
        path = _path(part.left)
        try:
            value = ast.literal_eval(part.comparators[0])
        except ValueError:
            continue
        field = _field(path) if path is not None and value is not None else None
        # A title is plain text: of one that is a picture alone nothing is left.
        if path is not None and field is not None and not (field == "title" and not html_to_line(str(value))):
            found.append(Expectation(field=field, path=path, value=value))
    return found


def _path(node: ast.expr) -> Steps | None:
    if isinstance(node, ast.Name):
        return (node.id,)
    step: str | int
    if isinstance(node, ast.Attribute):
        above, step = _path(node.value), node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        above, step = _path(node.value), cast("str | int", node.slice.value)
    else:
        return None
    return None if above is None else (*above, step)


def _field(path: Steps) -> str | None:
    words = tuple(step for step in path if isinstance(step, str))
    if words[:1] == ("entries",) and "source" not in words:
        return _FIELDS.get(words[1:])
    field = _FIELDS.get(words[1:]) if words[:1] == ("feed",) else None
    return field if field in _OF_FEED else None


def meets(expected: Expectation, feed: Feed | None, entries: Sequence[Entry]) -> bool:
    """Tell whether our entries hold what is expected."""
    if expected.path[0] == "feed":
        return feed is not None and _of_feed(expected, feed)
    number = expected.path[1]
    if not isinstance(number, int) or number >= len(entries):
        return False
    return _CHECKS[expected.field](expected, entries[number])


def _of_feed(expected: Expectation, feed: Feed) -> bool:
    found = {"title": feed.title, "link": feed.link, "id": feed.id}[expected.field]
    return _same_line(str(expected.value), found) or str(expected.value) == found


def _same_line(value: str, found: str | None) -> bool:
    return found is not None and found in {html_to_line(value), one_line(value)}


def _title(expected: Expectation, entry: Entry) -> bool:
    return _same_line(str(expected.value), entry.title)


def _content(expected: Expectation, entry: Entry) -> bool:
    value = str(expected.value)
    clean = sanitise(value, None)
    line = html_to_line(value)
    plain = f"<p>{escape(value, quote=False)}</p>"  # where the feed says that it is text, that is how it is shown
    texts = {entry.content, entry.content.removeprefix("<p>").removesuffix("</p>"), entry.summary or ""}
    lines = {html_to_line(entry.content), entry.summary or ""}
    return bool({clean, clean.strip(), plain} & texts) or (bool(line) and line in lines) or (not line and not entry.content)


def _author(expected: Expectation, entry: Entry) -> bool:
    people = [text for person in entry.authors for text in (person.name, person.email) if text]
    value = str(expected.value)
    return value in people or any(person.name in value and (person.email or "") in value for person in entry.authors)


def _date(expected: Expectation, entry: Entry) -> bool:
    if not isinstance(expected.value, tuple):
        return False
    year, month, day, hour, minute, second = expected.value[:6]
    instant = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return instant in {entry.published, entry.updated}


def _tags(expected: Expectation, entry: Entry) -> bool:
    attribute = str(expected.path[-1]) if expected.path[-1] != "category" else "term"
    return expected.value in [getattr(tag, attribute) for tag in entry.tags]


def _enclosure(expected: Expectation, entry: Entry) -> bool:
    attribute = {"url": "href"}.get(str(expected.path[-1]), str(expected.path[-1]))
    return str(expected.value) in [str(getattr(file, attribute)) for file in entry.enclosures]


_CHECKS: Mapping[str, Callable[[Expectation, Entry], bool]] = {
    "title": _title,
    "link": lambda expected, entry: entry.link == expected.value,
    "id": lambda expected, entry: entry.id == expected.value,
    "author": _author,
    "date": _date,
    "content": _content,
    "tags": _tags,
    "enclosure": _enclosure,
}


def feedparser_reads(body: bytes, headers: Headers, address: str) -> Any:
    """Return what feedparser makes of a document that came with these headers, fed offline."""
    return feedparser.parse(BytesIO(body), response_headers={"content-location": address, **dict(headers)})


def feedparser_meets(expected: Expectation, found: Any) -> bool:
    """Tell whether feedparser itself holds what it expects of itself."""
    value: Any = found
    try:
        for step in expected.path:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return False
    return bool(value == expected.value or (isinstance(expected.value, tuple) and tuple(value or ()) == expected.value))


def given_titles(parsed: ParsedFeed) -> ParsedFeed:
    """Give a title to each entry without title and link: where its text comes to nothing it would be left out whole."""
    bare = ParsedText(value="-")
    entries = tuple(entry if entry.title or entry.link else replace(entry, title=bare) for entry in parsed.entries)
    return replace(parsed, entries=entries)
