"""A site of nothing but its feeds: one page that names them, as plain HTML. Escapes whatever it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from aggregator.serve.site import Answer, Fields
from aggregator.serve.tree import Listed, PublicTree

_STYLE = b"""
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
ul { list-style: none; padding: 0 }
li { padding: .6rem 0; border-top: 1px solid color-mix(in srgb, currentcolor 20%, transparent) }
.twin { font-size: .8em; margin-inline-start: .5em }
code { display: block; overflow-wrap: anywhere }
"""
_INDEX_TYPE = "text/html; charset=utf-8"
_MEDIA_TYPES = {"Atom": "application/atom+xml", "RSS": "application/rss+xml", "JSON": "application/feed+json"}
_STYLE_PATH = ("static", "feeds.css")
_SOON = 60  #: seconds that a copy of the page is good for


class FeedsSite:
    """What a public folder is without a project around it: the feeds, and a page at `/` that names them."""

    languages: tuple[str, ...] = ("en",)

    def __init__(self, tree: PublicTree) -> None:
        """Take the folder."""
        self._tree = tree

    def fields(self, path: tuple[str, ...]) -> Fields:
        """Nothing depends on any."""
        del path
        return {}

    def version(self) -> str:
        """Nothing is kept: whatever there is, is looked at anew."""
        return ""

    def find(self, path: tuple[str, ...], query: Mapping[str, str], languages: Sequence[str]) -> Answer | None:
        """Return the page, or its stylesheet."""
        del query, languages
        if path == _STYLE_PATH:
            return Answer(content=_STYLE, type="text/css; charset=utf-8", max_age=_SOON)
        if path == ():
            return Answer(content=render_index(self._tree.feeds(), self._tree.lists()), type=_INDEX_TYPE)
        return None

    def max_age(self, path: tuple[str, ...]) -> int:
        """Nothing is known of any schedule."""
        del path
        return 0

    def troubles(self) -> Sequence[str]:
        """Say so if there is no feed yet."""
        return () if self._tree.feeds() else ("there is no feed yet",)


def render_index(feeds: Sequence[Listed], lists: Sequence[str]) -> bytes:
    """Return the page that names every feed and the lists to subscribe to them all."""
    items = "".join(
        f'<li><a href="{_href(feed.path)}" dir="auto">{escape(feed.title)}</a>{_twins(feed)}'
        f"<code>/{escape(feed.path)}</code></li>\n"
        for feed in feeds
    )
    every = "".join(f'<p>All in one: <a href="{_href(path)}">{escape(path)}</a></p>\n' for path in lists)
    body = f"<ul>\n{items}</ul>" if feeds else "<p>No feed yet: <code>aggregator sync</code> makes the first ones.</p>"
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Feeds</title>\n'
        f"{_alternates(feeds[0]) if feeds else ''}"
        '<link rel="stylesheet" href="static/feeds.css">\n</head>\n<body>\n<main>\n<h1>Feeds</h1>\n'
        f"<p>Copy an address into your feed reader.</p>\n{body}\n{every}</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "replace")


def _alternates(feed: Listed) -> str:
    """Return what readers look for that are given the address of a page: the feed of everything, in each format."""
    title = escape(feed.title)
    return "".join(
        f'<link rel="alternate" type="{_MEDIA_TYPES[name]}" title="{title}" href="{_href(path)}">\n'
        for name, path in (("Atom", feed.path), *feed.twins)
    )


def _twins(feed: Listed) -> str:
    """Return links to the feed in other formats, small and after its own."""
    return "".join(
        f' <a class="twin" href="{_href(path)}" aria-label="{escape(feed.title)} ({name})">{name}</a>'
        for name, path in feed.twins
    )


def _href(path: str) -> str:
    return escape(quote(path, safe="/", errors="replace"))
