"""The profile `default`: the sample's seven keys in its order and look, then all else that an entry holds. Pure.

An entry goes in, one Markdown file comes out: front matter between `---` lines, an empty line, one HTML block, one final
newline. Every string is quoted; nothing is folded; a key without a value is not written.
"""

from __future__ import annotations

from aggregator.model.entry import Enclosure, Entry, Feed, Tag
from aggregator.store.profiles import Rendered
from aggregator.store.profiles.body import unwrap, wrap
from aggregator.store.profiles.dates import format_date
from aggregator.store.profiles.fields import FORMAT, check_format, read_entry
from aggregator.store.profiles.front import split_front
from aggregator.store.profiles.yaml_out import quoted

name = "default"
keeps_archive = False

_TAIL = "\n"


def render(entry: Entry) -> Rendered:
    """Return the entry's post."""
    lines = ["---", f"title: {quoted(entry.title)}", "categories:"]
    lines += [f" - {quoted(part)}" for part in entry.categories]
    cover = None if entry.cover is None else quoted(entry.cover)
    if cover is not None:
        lines.append(f"headimg: {cover}")
    if entry.author is not None:
        lines.append(f"author: {quoted(entry.author)}")
    lines += ["comments: false", f"date: {format_date(entry.date)}"]
    if cover is not None:
        lines.append(f"thumbnail: {cover}")
    lines.append(f"id: {quoted(entry.id)}")
    if entry.link is not None:
        lines.append(f"link: {quoted(entry.link)}")
    lines += _source_lines(entry.source_id, entry.feed)
    lines += _other_lines(entry)
    front = "\n".join(lines)
    body = wrap(entry.content, opening="<div>\n", tail=_TAIL)
    return Rendered(post=f"{front}\nformat: {FORMAT}\n---\n\n{body}\n".encode())


def read(post: bytes, extra: bytes | None) -> Entry:  # noqa: ARG001 - this profile's posts hold everything
    """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

    Raises:
        PostFormatError: the post is damaged, or lacks what an entry must have.
    """
    front, body = split_front(post)
    check_format(front.get("format"), "format")
    return read_entry(front, unwrap(body, tail=_TAIL))


def _source_lines(source_id: str, feed: Feed) -> list[str]:
    return ["source:", f"  id: {quoted(source_id)}"] + [
        f"  {key}: {quoted(value)}"
        for key, value in (("title", feed.title), ("link", feed.link), ("rights", feed.rights), ("feed_id", feed.id))
        if value is not None
    ]


def _other_lines(entry: Entry) -> list[str]:
    lines = []
    if entry.updated is not None:
        lines.append(f"updated: {format_date(entry.updated)}")
    if entry.authors:
        lines.append("authors:")
        for person in entry.authors:
            lines += _item(("name", person.name), ("uri", person.uri), ("email", person.email))
    if entry.tags:
        lines += _tag_lines(entry.tags)
    for key, value in (("lang", entry.language), ("summary", entry.summary), ("rights", entry.rights)):
        if value is not None:
            lines.append(f"{key}: {quoted(value)}")
    if entry.enclosures:
        lines += _enclosure_lines(entry.enclosures)
    if entry.published is None:
        lines.append("undated: true")
    return lines


def _tag_lines(tags: tuple[Tag, ...]) -> list[str]:
    """Return `tags` as plain words, which is what site engines understand, and `tag_details` where there is more to say."""
    lines = ["tags:"] + [f" - {quoted(tag.term)}" for tag in tags]
    # All tags of a term are detailed or none, so that `read` can pair them by order.
    detailed = {tag.term for tag in tags if tag.scheme is not None or tag.label is not None}
    if detailed:
        lines.append("tag_details:")
        for tag in tags:
            if tag.term in detailed:
                lines += _item(("term", tag.term), ("scheme", tag.scheme), ("label", tag.label))
    return lines


def _enclosure_lines(enclosures: tuple[Enclosure, ...]) -> list[str]:
    lines = ["enclosures:"]
    for file in enclosures:
        lines += _item(("href", file.href), ("type", file.type), ("title", file.title))
        if file.length is not None:
            lines.append(f"   length: {file.length}")
    return lines


def _item(*pairs: tuple[str, str | None]) -> list[str]:
    """Return one mapping of a list."""
    lines = [f"   {key}: {quoted(value)}" for key, value in pairs if value is not None]
    lines[0] = f" - {lines[0][3:]}"
    return lines
