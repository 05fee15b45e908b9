"""A failure that comes as a feed is not taken for one (conduct P31)."""

from __future__ import annotations

import pytest

from aggregator.parse import NotAFeedError, parse_feed
from tests.upstream import item, rss


@pytest.mark.publishes("P31")
def test_a_bridges_error_is_no_feed() -> None:
    """The one entry that RSS-Bridge makes of a failure is taken for what it is, whatever its code."""
    for title in ("Bridge returned error 404! (20515)", "Bridge returned error 0! (19443)"):
        with pytest.raises(NotAFeedError, match="the bridge answered with an error instead of a feed"):
            parse_feed(rss(item(1, title=title)), (), address="http://bridge.example/")


@pytest.mark.parametrize(
    "items",
    [
        item(1, title="Bridge returned error 404! (20515)") + item(2),
        item(1, title="Why your bridge returned error 404! (20515)"),
        item(1, title="Bridge returned error"),
        "",
    ],
)
def test_a_feed_that_writes_of_errors_is_read(items: str) -> None:
    """Only a feed that holds nothing else is an error."""
    assert len(parse_feed(rss(items), (), address="http://blog.example/").entries) == items.count("<item>")
