"""Episodes in feeds: what podcast readers are told, and that no other feed pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest

from aggregator.model.entry import Episode
from aggregator.model.output import OutputEntry, Tombstone
from aggregator.model.parsed import ParsedEpisode
from aggregator.normalise.episode import to_episode
from aggregator.publish import podcast
from aggregator.publish.atom import build_feed
from aggregator.publish.document import examine
from aggregator.publish.gate import find_refusal
from tests.parsing import parse
from tests.publish_records import (
    NOON,
    attributes_of,
    bare_item,
    build_as,
    entries_of,
    episode_item,
    make_frame,
    make_item,
    schema_errors,
)

_DECLARED = b' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'


def _build(items: Sequence[OutputEntry]) -> bytes:
    return build_feed(make_frame(), items, source_order={}).content


def _written(item: OutputEntry) -> list[tuple[str, str | None, dict[str, str]]]:
    [entry] = entries_of(_build([item]))
    prefix = f"{{{podcast.NAMESPACE}}}"
    children = [child for child in entry if str(child.tag).startswith(prefix)]
    return [(str(child.tag).removeprefix(prefix), child.text, attributes_of(child)) for child in children]


def test_an_episode_is_written_whole() -> None:
    """Each field is an element of Apple's podcast RSS, in plain seconds and plain words."""
    assert _written(episode_item(14)) == [
        ("duration", "3723", {}),
        ("season", "2", {}),
        ("episode", "14", {}),
        ("episodeType", "bonus", {}),
        ("explicit", "false", {}),
        ("image", None, {"href": "https://cdn.example/14.png?a=1&b=2"}),
    ]


def test_nothing_is_said_that_upstream_did_not_say() -> None:
    """What is not known of an episode has no element; in particular nobody's rating is made up."""
    assert _written(episode_item(episode=Episode(number=3))) == [("episode", "3", {})]
    assert _written(episode_item(episode=Episode(explicit=True))) == [("explicit", "true", {})]
    assert _written(make_item()) == []


def test_the_namespace_is_declared_once_and_only_where_it_is_used() -> None:
    """A feed with an episode declares the namespace at its root; a feed without one is, byte for byte, what it was."""
    feed = _build([episode_item(1), make_item(2), episode_item(3)])

    assert feed.count(b"xmlns:itunes") == 1
    assert feed.count(_DECLARED) == 1
    assert feed.index(_DECLARED) < feed.index(b"<id>")
    assert b"itunes" not in _build([make_item(2)])
    assert _build([make_item(2), replace_episode(episode_item(3))]) == _build([make_item(2), make_item(3)])


def replace_episode(item: OutputEntry) -> OutputEntry:
    """Return the same entry, an episode no more."""
    return replace(item, entry=replace(item.entry, episode=None))


def test_an_episode_that_is_cut_takes_its_namespace_with_it() -> None:
    """Where the one episode is too old for the feed, nothing of podcasts is left in it; the limit of bytes is exact."""
    items = [*(make_item(number) for number in range(2, 6)), episode_item(1)]
    whole = len(_build(items))
    exact = build_feed(make_frame(max_bytes=whole), items, source_order={})
    less = build_feed(make_frame(max_bytes=whole - 1), items, source_order={})

    assert (len(exact.ids), len(less.ids)) == (5, 4)
    assert less.content == _build(items[:4])


@pytest.mark.parametrize("gone", [(), (Tombstone(id="urn:x:1", at=NOON),)], ids=["", "tombstone"])
def test_a_feed_of_episodes_stays_within_its_bytes(gone: tuple[Tombstone, ...]) -> None:
    """The entries that fit are counted as they stand in the document, with the namespace declared outside them."""
    items = [episode_item(number) for number in range(12)]
    sizes = [
        len(build_feed(make_frame(max_entries=number), items, source_order={}, tombstones=gone).content) for number in (5, 6)
    ]

    for limit, kept in ((sizes[0], 5), (sizes[1] - 1, 5), (sizes[1], 6)):
        assert len(build_feed(make_frame(max_bytes=limit), items, source_order={}, tombstones=gone).ids) == kept


def test_feedparser_reads_what_was_written() -> None:
    """The library that most Python readers rest on gives every field back."""
    [entry] = feedparser.parse(_build([episode_item(14)])).entries

    assert entry.itunes_duration == "3723"
    assert (entry.itunes_season, entry.itunes_episode, entry.itunes_episodetype) == ("2", "14", "bonus")
    assert entry.image.href == "https://cdn.example/14.png?a=1&b=2"


@pytest.mark.parametrize(
    "episode",
    [
        Episode(duration=3723, season=2, number=14, kind="trailer", explicit=True, image="https://a.example/1.png"),
        Episode(duration=1),
        Episode(explicit=False),
    ],
)
def test_our_own_feed_is_read_back_as_it_was(episode: Episode) -> None:
    """Whoever aggregates our feeds with this program gets the very same episode."""
    [parsed] = parse(_build([episode_item(episode=episode)])).entries

    assert isinstance(parsed.episode, ParsedEpisode)
    assert to_episode(parsed.episode, "https://news.example/") == episode


def test_the_twins_are_read_back_too() -> None:
    """RSS carries the whole episode through our own reader, JSON Feed what that format has words for: how long it plays."""
    whole = Episode(duration=3723, season=2, number=14, kind="trailer", explicit=True, image="https://a.example/1.png")
    found = []
    for format_ in ("rss", "json"):
        content, _ = build_as(format_, episode_item(episode=whole))
        [parsed] = parse(content).entries
        found.append(to_episode(parsed.episode, "https://news.example/"))

    assert found == [whole, Episode(duration=3723)]


def test_a_feed_of_episodes_is_valid(shared: Path) -> None:
    """The RELAX NG schema of RFC 4287 and our own examination find nothing in a feed with episodes."""
    content = _build([episode_item(1), bare_item(2, episode=Episode(duration=9)), make_item(3)])

    assert schema_errors(content, shared) == []
    assert examine(content).faults == ()


@pytest.mark.parametrize("image", ["/art.png", "javascript:alert(1)", "https://", "https://a.example/\x01.png"])
def test_a_picture_that_no_reader_can_show_is_refused(image: str) -> None:
    """An address that only a hand can have written keeps its entry out, and the reason says which one it is."""
    reason = find_refusal(episode_item(episode=Episode(image=image)))

    assert reason is not None
    assert "episode's image" in reason
