"""An entry's fields -> lines of front matter, as every profile of ours writes them. Pure.

Every string is quoted, nothing is folded, a key without a value is not written. What differs between the engines (dates, the
cover, where our own keys stand) is the profiles' part.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from aggregator.model.entry import Enclosure, Entry, Episode, Feed, Person, Tag
from aggregator.store.profiles.body import wrap
from aggregator.store.profiles.fields import FORMAT, fits_engines
from aggregator.store.profiles.seal import seal_of
from aggregator.store.profiles.yaml_out import quoted

TAIL = "\n"  #: what stands between the HTML and the end of its block
_OPENING = f"<div>{TAIL}"
FORMAT_LINE = f"format: {FORMAT}"


def whole_post(lines: Iterable[str], html: str) -> bytes:
    """Return a post: these lines as front matter, sealed, an empty line, the HTML as one block, one final newline.

    The seal stands behind the last line, in the mapping that this one stands in.

    Raises:
        ValueError: the HTML did not come from the sanitiser.
    """
    lines = ("---", *lines)
    front = "\n".join(lines).encode()
    rest = f"\n---\n\n{wrap(html, opening=_OPENING, tail=TAIL)}\n".encode()
    indent = " " * (len(lines[-1]) - len(lines[-1].lstrip(" ")))
    return b"".join((front, f"\n{indent}seal: '{seal_of(front + rest)}'".encode(), rest))


def text_lines(*pairs: tuple[str, str | None]) -> list[str]:
    """Return one line for each text that is there."""
    return [f"{key}: {quoted(value)}" for key, value in pairs if value is not None]


def list_lines(key: str, values: Iterable[str]) -> list[str]:
    """Return a list of texts, or nothing if it is empty."""
    lines = [f" - {quoted(value)}" for value in values]
    return [f"{key}:", *lines] if lines else []


@lru_cache(maxsize=64)
def category_lines(categories: tuple[str, ...]) -> tuple[str, ...]:
    """Return `categories`; remembered, since all entries of a feed have the same."""
    return tuple(list_lines("categories", categories))


@lru_cache(maxsize=64)
def source_lines(source_id: str, feed: Feed) -> tuple[str, ...]:
    """Return `source`: where the entry came from; remembered, since it is the same for all entries of a feed."""
    parts = (("title", feed.title), ("link", feed.link), ("rights", feed.rights), ("feed_id", feed.id))
    return ("source:", f"  id: {quoted(source_id)}", *indented(text_lines(*parts)))


def word_lines(entry: Entry) -> list[str]:
    """Return what no engine has words of its own for, but for `source`, `authors`, `tags` and `format`."""
    lines = text_lines(("lang", entry.language), ("summary", entry.summary), ("rights", entry.rights))
    if entry.enclosures:
        lines += _enclosure_lines(entry.enclosures)
    if entry.episode is not None:
        lines += _episode_lines(entry.episode)
    if entry.published is None:
        lines.append("undated: true")
    return lines


def author_lines(authors: tuple[Person, ...]) -> list[str]:
    """Return `authors`: upstream's."""
    lines = []
    for person in authors:
        lines += _item(("name", person.name), ("uri", person.uri), ("email", person.email))
    return ["authors:", *lines] if lines else []


def tag_lines(tags: tuple[Tag, ...]) -> list[str]:
    """Return `tags` as plain words, which is what site engines understand."""
    return list_lines("tags", [tag.term for tag in tags if fits_engines(tag.term)])


def tag_detail_lines(tags: tuple[Tag, ...]) -> list[str]:
    """Return `all_tags` where one must not reach an engine, and `tag_details` where there is more to say than a word."""
    if all(tag.scheme is None and tag.label is None and fits_engines(tag.term) for tag in tags):
        return []
    # All tags of a term are detailed or none, so that reading can pair them by order.
    lines = [] if all(fits_engines(tag.term) for tag in tags) else list_lines("all_tags", [tag.term for tag in tags])
    detailed = {tag.term for tag in tags if tag.scheme is not None or tag.label is not None}
    if detailed:
        lines.append("tag_details:")
    for tag in tags:
        if tag.term in detailed:
            lines += _item(("term", tag.term), ("scheme", tag.scheme), ("label", tag.label))
    return lines


def indented(lines: Iterable[str]) -> list[str]:
    """Return the lines as they stand inside a mapping."""
    return [f"  {line}" for line in lines]


def _enclosure_lines(enclosures: tuple[Enclosure, ...]) -> list[str]:
    lines = ["enclosures:"]
    for file in enclosures:
        lines += _item(("href", file.href), ("type", file.type), ("title", file.title))
        if file.length is not None:
            lines.append(f"   length: {file.length}")
    return lines


def _episode_lines(episode: Episode) -> list[str]:
    numbers = (("duration", episode.duration), ("season", episode.season), ("number", episode.number))
    return [
        "episode:",
        *(f"  {key}: {value}" for key, value in numbers if value is not None),
        *indented(text_lines(("kind", episode.kind))),
        *([] if episode.explicit is None else [f"  explicit: {str(episode.explicit).lower()}"]),
        *indented(text_lines(("image", episode.image))),
    ]


def _item(*pairs: tuple[str, str | None]) -> list[str]:
    """Return one mapping of a list."""
    lines = [f"   {key}: {quoted(value)}" for key, value in pairs if value is not None]
    lines[0] = f" - {lines[0][3:]}"
    return lines
