"""While it has nothing else to do, the daemon makes posts findable."""

from __future__ import annotations

import time

from aggregator.errors import StoreError
from aggregator.store.search import SEARCH_PATH, find
from aggregator.store.search_words import parse_query
from tests.daemon_play import PATIENCE, running
from tests.upstream import Folder, Upstream, item


def _found(folder: Folder, query: str) -> list[str]:
    question = parse_query(query)
    assert question is not None
    try:
        return [hit.title for hit in find(folder.root / SEARCH_PATH, question).hits]
    except StoreError:
        return []  # not yet


def test_news_is_found_soon(folder: Folder, upstream: Upstream) -> None:
    """What a round has brought is indexed in the pause behind it; an index that is thrown away meanwhile comes back."""
    folder.settings("daemon: {debounce: 1s}")
    upstream.feed("/b", item(11, body="<p>粤澳深度合作区</p>"))
    folder.sources(f"sources:\n  b: {{feed: '{upstream.address}/b', categories: [news, b], every: 3s}}\n")
    with running(folder, serves=False):
        for words, body in (("合作区", None), ("otherwise", "<p>Said otherwise.</p>")):
            if body is not None:
                (folder.root / SEARCH_PATH).write_bytes(b"broken")
                upstream.feed("/b", item(11, body=body))
            ends = time.monotonic() + PATIENCE
            while not (found := _found(folder, words)) and time.monotonic() < ends:
                time.sleep(0.1)
            assert found == ["Entry 11"]
