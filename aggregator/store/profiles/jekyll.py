"""The profile `jekyll`: the day in the file's name, a layout, dates with their offset, Jekyll's words for the rest. Pure.

Jekyll passes over every file of `_posts` whose name does not begin with a day, without a word. The words `image` and
`last_modified_at` are those of its usual plug-ins (feed, seo-tag, sitemap).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from aggregator.model.entry import Entry
from aggregator.store.profiles import Rendered
from aggregator.store.profiles.body import unwrap
from aggregator.store.profiles.dates import format_wall_clock_and_offset, in_local_time
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
    text_lines,
    whole_post,
    word_lines,
)


@dataclass(frozen=True, slots=True)
class Jekyll:
    """The profile for one time zone: the one whose day stands in the names."""

    zone: tzinfo
    name: str = "jekyll"
    keeps_archive: bool = False

    def render(self, entry: Entry) -> Rendered:
        """Return the entry's post."""
        return Rendered(post=whole_post(_lines(entry, self.zone), entry.content))

    def read(self, post: bytes, extra: bytes | None) -> Entry:  # noqa: ARG002 - this profile's posts hold everything
        """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

        Raises:
            PostFormatError: the post is damaged, or lacks what an entry must have.
        """
        front, body = split_front(post)
        check_format(front.get("format"), "format")
        own = {"updated": front.get("last_modified_at"), "headimg": front.get("image")}
        found = {**front, **{key: value for key, value in own.items() if value is not None}}  # else those of `default` count
        return read_entry(found, unwrap(body, tail=TAIL), date_zone=self.zone, updated_zone=self.zone)

    def name_start(self, entry: Entry) -> str:
        """Return what a file's name begins with, before the title: `2021-09-11-`, the day in the site's zone."""
        return f"{in_local_time(entry.date, self.zone).date().isoformat()}-"


def in_zone(timezone_name: str) -> Jekyll:
    """Return the profile for a site in that zone (an IANA name)."""
    return Jekyll(ZoneInfo(timezone_name))


def _lines(entry: Entry, zone: tzinfo) -> list[str]:
    def dated(key: str, instant: datetime | None) -> list[str]:
        return [] if instant is None else [f"{key}: {format_wall_clock_and_offset(instant, zone)}"]

    return [
        "layout: post",
        *text_lines(("title", entry.title)),
        *dated("date", entry.date),
        *dated("last_modified_at", entry.updated),
        *category_lines(entry.categories),
        *tag_lines(entry.tags),
        *text_lines(("image", entry.cover), ("author", entry.author), ("id", entry.id), ("link", entry.link)),
        *source_lines(entry.source_id, entry.feed),
        *author_lines(entry.authors),
        *tag_detail_lines(entry.tags),
        *word_lines(entry),
        FORMAT_LINE,
    ]
