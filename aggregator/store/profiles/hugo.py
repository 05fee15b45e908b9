"""The profile `hugo`: Hugo's own words for dates, cover and taxonomies, and all else in `params`. Pure.

Hugo takes many keys at the top for itself, more with each version (`summary` is even run as Markdown, HTML included); in
`params` none of them means anything to it. Dates carry their offset, so they are right whatever `timeZone` the site has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from aggregator.model.entry import Entry
from aggregator.store.profiles import PostFormatError, Rendered
from aggregator.store.profiles.body import unwrap
from aggregator.store.profiles.dates import format_iso
from aggregator.store.profiles.fields import check_format, read_entry
from aggregator.store.profiles.front import split_front
from aggregator.store.profiles.keys_out import (
    FORMAT_LINE,
    TAIL,
    author_lines,
    category_lines,
    indented,
    list_lines,
    source_lines,
    tag_detail_lines,
    tag_lines,
    text_lines,
    whole_post,
    word_lines,
)

#: Whatever stands at the top, these are read from `params`.
_IDENTITY = ("id", "source", "format")


@dataclass(frozen=True, slots=True)
class Hugo:
    """The profile for one time zone: the one whose wall clock and offset the dates show."""

    zone: tzinfo
    name: str = "hugo"
    keeps_archive: bool = False

    def render(self, entry: Entry) -> Rendered:
        """Return the entry's post."""
        lines = [*text_lines(("title", entry.title)), f"date: {format_iso(entry.date, self.zone)}"]
        if entry.updated is not None:
            lines.append(f"lastmod: {format_iso(entry.updated, self.zone)}")
        lines += [
            *category_lines(entry.categories),
            *tag_lines(entry.tags),
            *list_lines("images", [entry.cover] if entry.cover is not None else []),
            *text_lines(("author", entry.author)),
            "params:",
            *indented(_params(entry)),
        ]
        return Rendered(post=whole_post(lines, entry.content))

    def read(self, post: bytes, extra: bytes | None) -> Entry:  # noqa: ARG002 - this profile's posts hold everything
        """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

        Raises:
            PostFormatError: the post is damaged, or lacks what an entry must have.
        """
        front, body = split_front(post)
        params = front.get("params", {})
        if not isinstance(params, dict):
            raise PostFormatError("params is not a mapping of keys")
        check_format(params.get("format"), "format")
        found: dict[str, Any] = {**params, **front} | {key: params[key] for key in _IDENTITY if key in params}
        own = {"updated": front.get("lastmod"), "headimg": _first(front.get("images"))}
        found |= {key: value for key, value in own.items() if value is not None}  # else those of `default` count
        return read_entry(found, unwrap(body, tail=TAIL), date_zone=self.zone, updated_zone=self.zone)

    def name_start(self, entry: Entry) -> str:  # noqa: ARG002 - the names of this profile begin with the title
        """Return what a file's name begins with, before the title: nothing."""
        return ""


def in_zone(timezone_name: str) -> Hugo:
    """Return the profile for a site in that zone (an IANA name)."""
    return Hugo(ZoneInfo(timezone_name))


def _params(entry: Entry) -> list[str]:
    return [
        *text_lines(("id", entry.id), ("link", entry.link)),
        *source_lines(entry.source_id, entry.feed),
        *author_lines(entry.authors),
        *tag_detail_lines(entry.tags),
        *word_lines(entry),
        FORMAT_LINE,
    ]


def _first(value: Any) -> Any:
    return next(iter(value), None) if isinstance(value, list) else value
