"""Posts of the generator whose form `volantis` follows, as it left them: read only, never written. Pure.

They were made by pasting texts together: quotes that end too early, nulls for categories, braces as references even in the
front matter, pictures behind one man's proxy, a random picture where there was none. What can be meant in one way only is
read; all else is a PostFormatError. What such a post cannot hold is in archive/adopted/<key>.json: its identity, where it is,
and the date where it gives none. See docs/decisions/0012-adopted-posts.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator.model.entry import Entry
from aggregator.store.profiles import PostFormatError
from aggregator.store.profiles.body import unwrap
from aggregator.store.profiles.dates import format_date
from aggregator.store.profiles.fields import FORMAT, read_entry
from aggregator.store.profiles.front import NotYamlError, split_fences, split_front
from aggregator.store.profiles.volantis import read_extra

name = "adopted"
keeps_archive = True

_TAIL = "  \n"
_KEY = re.compile(r"(title|categories|headimg|author|comments|date|thumbnail):(?:[ \t]+(.*?))?[ \t]*\Z", re.DOTALL)
_ITEM = re.compile(r"\s*-(?:\s+(.*?))?\s*\Z")
_FENCE = re.compile(r"-{3,}\s*\Z")
#: One run of it put another pair of quotes around a title for each part that the title had.
_QUOTED_AGAIN = re.compile(r"""("{2,})'(.*)'\1""", re.DOTALL)
#: Third categories came with what stood before them in a headline: `— 资讯`, `| 资讯`.
_LEADING = "—–|- \t\n"
_LINKED = re.compile(r"\[([^\[\]]+)\]\([^()]*\)")
_BRACE = re.compile(r"&#(123|125);")
#: A picture's address behind the generator's proxy, which put it there unencoded.
_PROXIED = re.compile(r"(?:(?<=[\"'])|\A)https://cors\.zfour\.workers\.dev/\?(?=https?://)")
#: Drawn anew by each run: no picture of the entry.
_RANDOM_COVER = re.compile(r"https?://picsum\.photos/.*[?&]random=", re.DOTALL)
_COVERS = ("headimg", "thumbnail")
_LONGEST_NAME = 255  #: bytes, on most file systems


class ForeignPostError(PostFormatError):
    """The file may be a post of somebody's, but none that the old generator wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPost:
    """What a post says, before it is anybody's entry."""

    title: str
    categories: tuple[str, ...]  #: outermost first; empty: it names none
    date: str | None  #: as written
    author: str | None
    html: str  #: not sanitised


def read_old(post: bytes) -> OldPost:
    """Return what a post of the old generator says.

    Raises:
        ForeignPostError: it is another program's, or a hand's.
        PostFormatError: it is damaged, or means several things.
    """
    front, html = _read(post)
    if "id" in front or "source" in front:
        raise ForeignPostError("it carries an id or source of its own")
    body = split_fences(post)[1].strip()
    if not (body.startswith("<div>") and body.endswith("</div>")):
        raise ForeignPostError("its text does not stand between <div> and </div>: no post of the old generator")
    title = front.get("title")
    if not isinstance(title, str) or not title.strip():
        raise PostFormatError("the front matter has no title")
    date, author = front.get("date"), front.get("author")
    return OldPost(
        title=title,
        categories=tuple(front.get("categories", ())),
        date=date if isinstance(date, str) else None,
        author=author if isinstance(author, str) else None,
        html=html,
    )


def read(post: bytes, extra: bytes | None) -> Entry:
    """Return the entry of an adopted post; `content` is whatever HTML it holds, not sanitised.

    Raises:
        PostFormatError: either file is damaged or lacks what an entry must have, or the archive file is missing.
    """
    archived = read_extra(extra)
    front, html = _read(post)
    if front.get("date") == archived.get("date_written"):
        front.pop("date", None)  # the post says what it said when it was adopted; how that was read is in the archive
    else:
        archived = {key: value for key, value in archived.items() if key not in {"date", "undated"}}
    identity = {key: archived.get(key) for key in ("id", "source")}
    return read_entry({**archived, **front, **identity}, html)


def extra_of(
    *,
    entry_id: str,
    path: str,
    source: tuple[str, str],
    date_written: str | None,
    stand_in: datetime | None,
    categories: tuple[str, ...],
) -> dict[str, Any]:
    """Return the archive file of a post that is adopted.

    `source` is the id and the title; `stand_in` dates a post that gives no date that can be trusted, `categories` are named
    where it has none.
    """
    source_id, title = source
    found: dict[str, Any] = {"version": FORMAT, "id": entry_id, "path": path, "source": {"id": source_id, "title": title}}
    if stand_in is not None:
        found |= {"date": format_date(stand_in), "undated": True}
        found |= {} if date_written is None else {"date_written": date_written}
    return found | ({"categories": list(categories)} if categories else {})


def path_of(extra: bytes | None) -> str:
    """Return where the post of an archive file is, below the posts folder. Raises PostFormatError."""
    path = read_extra(extra).get("path")
    if not isinstance(path, str) or not _is_path(path):
        raise PostFormatError("its archive file is damaged: it names no path below the posts folder")
    return path


def _is_path(path: str) -> bool:
    """Tell whether a text can be where a post is; a file that came by git may say anything."""
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return b"\0" not in path.encode() and {b"", b".", b".."}.isdisjoint(parts) and max(map(len, parts)) <= _LONGEST_NAME


def _read(post: bytes) -> tuple[dict[str, Any], str]:
    """Return the front matter, put right, and the HTML."""
    try:
        front, body = split_front(post)
    except NotYamlError as error:
        fenced, body = split_fences(post)
        front = _by_lines(fenced, error)
    put_right = {key: _BRACE.sub(_braced, value) if isinstance(value, str) else value for key, value in front.items()}
    if categories := _categories(front.get("categories")):
        put_right["categories"] = categories
    else:
        put_right.pop("categories", None)
    for key in _COVERS:
        cover = put_right.get(key)
        if isinstance(cover, str):
            put_right[key] = None if _RANDOM_COVER.match(cover) else _PROXIED.sub("", cover)
    return put_right, _PROXIED.sub("", unwrap(body, tail=_TAIL))


def _by_lines(fenced: str, fault: NotYamlError) -> dict[str, Any]:
    """Read the seven keys line by line, as they were pasted together. Raises PostFormatError where that tells nothing."""
    front: dict[str, Any] = {}
    current = ""
    for line in fenced.split("\n"):
        found = _KEY.match(line)
        if found is not None:
            current, value = found[1], found[2] or ""
            if current in front:
                raise PostFormatError(f'{fault}; and read line by line "{current}" stands in it twice')
            front[current] = [] if current == "categories" else value
        elif not line.strip() or _FENCE.match(line):
            continue
        elif current == "categories" and (item := _ITEM.match(line)):
            front[current].append(item[1])
        elif current == "title":
            front[current] += f"\n{line}"
        else:
            raise fault
    return {key: _unquoted(value) if isinstance(value, str) else value for key, value in front.items()}


def _unquoted(text: str) -> str:
    """Take off the quotes that were put around a text without a look at the quotes in it."""
    text = text.strip()
    if again := _QUOTED_AGAIN.fullmatch(text):
        return again[2]
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _categories(value: Any) -> list[str]:
    """Return the path: nulls left out, each part without what stood before it in its headline."""
    parts = value if isinstance(value, list) else [value]
    while len(parts) == 1 and isinstance(parts[0], list):
        parts = parts[0]
    flat = [part[0] if isinstance(part, list) and len(part) == 1 else part for part in parts]
    words = [_word(part) for part in flat if isinstance(part, str)]
    return [word for word in words if word]


def _word(part: str) -> str:
    text = _BRACE.sub(_braced, part).lstrip(_LEADING).rstrip()
    linked = _LINKED.fullmatch(text)
    return " ".join((linked[1] if linked else text).split())


def _braced(found: re.Match[str]) -> str:
    return chr(int(found[1]))
