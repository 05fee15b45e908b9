"""The feeds that there are -> the index page, as one self-contained piece of HTML. Pure; escapes whatever it is given."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from urllib.parse import quote

from aggregator.serve.tree import Listed

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
ul { list-style: none; padding: 0 }
li { padding: .6rem 0; border-top: 1px solid color-mix(in srgb, currentcolor 20%, transparent) }
.twin { font-size: .8em; margin-inline-start: .5em }
code { display: block; overflow-wrap: anywhere }
"""
_MEDIA_TYPES = {"Atom": "application/atom+xml", "RSS": "application/rss+xml", "JSON": "application/feed+json"}
#: The page has no script, loads nothing, and only this very style applies.
INDEX_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


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
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Feeds</h1>\n"
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
    return escape("/" + quote(path, safe="/", errors="replace"))
