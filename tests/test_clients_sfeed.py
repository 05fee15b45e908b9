"""What sfeed, a parser of its own making, reads in our feeds. Skipped where it is not installed."""

from __future__ import annotations

import subprocess

from aggregator.publish.atom import build_feed
from aggregator.publish.select import published_id
from tests.conftest import need
from tests.publish_records import NOON, bare_item, make_frame, make_item


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def test_sfeed_reads_what_we_wrote() -> None:
    """Date, title, link, text, id, author and enclosure of every entry arrive as they left, in our order."""
    items = (make_item(3), make_item(2, id="12345"), bare_item(1), bare_item(4, published=None, first_seen=NOON))
    content = build_feed(make_frame(), items, source_order={}).content

    done = subprocess.run([need("sfeed")], input=content, capture_output=True, timeout=120, check=True)

    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        entry = item.entry
        date, title, link, text, kind, entry_id, author, enclosure = row[:8]
        assert (int(date), title, link) == (entry.date.timestamp(), entry.title, entry.link)
        assert (_unescape(text), kind) == (entry.content, "html")
        assert entry_id == published_id(item)
        assert author == (entry.authors[0].name if entry.authors else entry.feed.title)
        assert enclosure == (entry.enclosures[0].href if entry.enclosures else "")
