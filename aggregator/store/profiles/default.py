"""The profile `default`: the sample's seven keys in its order and look, then all else that an entry holds. Pure.

An entry goes in, one Markdown file comes out: front matter between `---` lines, an empty line, one HTML block, one final
newline. Every string is quoted; nothing is folded; a key without a value is not written.
"""

from __future__ import annotations

from aggregator.model.entry import Entry
from aggregator.store.profiles import Rendered
from aggregator.store.profiles.body import unwrap
from aggregator.store.profiles.dates import format_date
from aggregator.store.profiles.fields import check_format, read_entry
from aggregator.store.profiles.front import split_front
from aggregator.store.profiles.keys_out import (
    FORMAT_LINE,
    TAIL,
    author_lines,
    category_lines,
    source_lines,
    tag_detail_lines,
    tag_lines,
    whole_post,
    word_lines,
)
from aggregator.store.profiles.yaml_out import quoted

name = "default"
keeps_archive = False


def render(entry: Entry) -> Rendered:
    """Return the entry's post."""
    updated = [] if entry.updated is None else [f"updated: {format_date(entry.updated)}"]
    return Rendered(post=whole_post(sample_lines(entry, [f"date: {format_date(entry.date)}"], updated), entry.content))


def read(post: bytes, extra: bytes | None) -> Entry:  # noqa: ARG001 - this profile's posts hold everything
    """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

    Raises:
        PostFormatError: the post is damaged, or lacks what an entry must have.
    """
    front, body = split_front(post)
    check_format(front.get("format"), "format")
    return read_entry(front, unwrap(body, tail=TAIL))


def name_start(entry: Entry) -> str:  # noqa: ARG001 - the names of this profile begin with the title
    """Return what a file's name begins with, before the title: nothing."""
    return ""


def sample_lines(entry: Entry, date: list[str], updated: list[str]) -> list[str]:
    """Return the front matter with these lines for the dates: the sample's keys in its order, then ours."""
    lines = [f"title: {quoted(entry.title)}", *category_lines(entry.categories)]
    cover = None if entry.cover is None else quoted(entry.cover)
    if cover is not None:
        lines.append(f"headimg: {cover}")
    if entry.author is not None:
        lines.append(f"author: {quoted(entry.author)}")
    lines += ["comments: false", *date]
    if cover is not None:
        lines.append(f"thumbnail: {cover}")
    lines.append(f"id: {quoted(entry.id)}")
    if entry.link is not None:
        lines.append(f"link: {quoted(entry.link)}")
    lines += source_lines(entry.source_id, entry.feed)
    lines += updated
    if entry.authors:
        lines += author_lines(entry.authors)
    if entry.tags:
        lines += tag_lines(entry.tags)
        lines += tag_detail_lines(entry.tags)
    lines += word_lines(entry)
    lines.append(FORMAT_LINE)
    return lines
