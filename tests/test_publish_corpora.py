"""What others wrote, all the way through: what normalise makes of it, publish can publish."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.model.changes import Skipped
from aggregator.model.output import OutputEntry
from aggregator.model.source import Source
from aggregator.normalise import identify, normalise_entry, normalise_feed
from aggregator.parse import NotAFeedError, parse_feed
from aggregator.publish.atom import build_feed
from aggregator.publish.gate import check_document, find_refusal
from tests.conftest import Sweep
from tests.publish_records import check_twins, make_frame, schema_errors

_ADDRESS = "http://127.0.0.2/feeds/one.xml"
_SOURCE = Source(id="corpus", feed=_ADDRESS, addresses=(_ADDRESS,), categories=("新媒体",))
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _entries(body: bytes) -> list[OutputEntry]:
    """Return the entries of a feed as the pipeline would hand them to publish."""
    try:
        parsed = parse_feed(body, (), address=_ADDRESS)
    except NotAFeedError:
        return []
    feed = normalise_feed(parsed, _SOURCE, address=_ADDRESS)
    entries = []
    for item in identify(parsed.entries, source_id=_SOURCE.id, known={}):
        entry = normalise_entry(item, feed=feed, feed_language=parsed.language, source=_SOURCE, address=_ADDRESS, now=_NOW)
        if not isinstance(entry, Skipped):
            entries.append(OutputEntry(key=item.key, entry=entry))
    return entries


@pytest.mark.sweep
def test_normalised_entries_pass_the_gate(shared: Path, sweep: Sweep) -> None:
    """No entry of any feed is refused, but those without link and content; every feed is valid, whatever the format."""
    found = (shared / "corpora").rglob("*")
    files = sorted(path for path in found if path.suffix in {".xml", ".rss", ".atom", ".rdf", ".json"})
    published = 0
    for path in sweep.sample(files, 300):
        entries = _entries(path.read_bytes())
        refusals = {refusal for item in entries if (refusal := find_refusal(item)) is not None}
        assert refusals <= {"it has neither a link nor content (RFC 4287 §4.1.2)"}, path
        built = build_feed(make_frame(), entries, source_order={})
        check_document(built.content, make_frame())
        assert schema_errors(built.content, shared) == [], path
        check_twins(make_frame(), built)
        published += len(built.ids)
    assert published > 0
