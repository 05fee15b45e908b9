"""Bytes and headers -> ParsedFeed. Hostile input is expected; a worker that can be killed runs this."""

from aggregator.model.parsed import hash_entry
from aggregator.parse.document import parse_feed
from aggregator.parse.refusal import NotAFeedError, UnreadableFeedError

__all__ = ["NotAFeedError", "UnreadableFeedError", "hash_entry", "parse_feed"]
