"""Podcasts through the whole pipeline: what upgrading from a version that read no episodes does, and what an edit does.

To such a version an entry was what it is to this one without its <itunes:...> elements, down to the raw hash
(`test_parse_document.py` holds the hash to that). So upgrading is played by leaving them out at first.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.entry import Entry, Episode
from aggregator.model.poll import SourceEvent
from tests.play import Play, once, play
from tests.test_families_text import rss
from tests.upstream import ATOM

_EPISODE = "<itunes:duration>{}</itunes:duration><itunes:episode>7</itunes:episode><itunes:explicit>no</itunes:explicit>"
LEARNED = Episode(duration=3723, number=7, explicit=False)


def cast(*, episodes: str = "", minute: str = "", views: int = 1, text: str = "About the sea.") -> str:
    """Return a show of two; `minute` is that of dates which move, `views` a counter in the text."""
    body = f"<description>&lt;p&gt;{text}&lt;/p&gt;&lt;p&gt;{views} views&lt;/p&gt;</description>"
    file = '<enclosure url="https://cdn.example/7.mp3" type="audio/mpeg" length="7"/>'
    document = rss(f"<title>Seven</title>{body}{file}{episodes}", f"<title>Eight</title>{body}")
    return document.replace("08:00:01", f"08:{minute}:01") if minute else document


def seven(played: Play) -> Entry:
    """Return the episode."""
    return next(entry for entry in played.entries("a") if entry.title == "Seven")


def updated(told: dict[str, SourceEvent]) -> int:
    """Return how many posts a poll rewrote."""
    return told["a"].updated


@pytest.mark.parametrize(
    "moving", [{}, {"minute": "30"}, {"views": 99}, {"minute": "30", "views": 99}], ids=["quiet", "dates", "counter", "both"]
)
def test_known_posts_learn_their_episode_once(tmp_path: Path, moving: dict[str, object]) -> None:
    """After an upgrade a post is rewritten once with what it lacked: no date moves, nothing is locked, no noise comes along."""
    after = cast(episodes=_EPISODE.format("1:02:03"), **moving)  # type: ignore[arg-type]
    with play(tmp_path, {"a": [cast(), after, after.replace("Harbour", "Harbour 2")]}) as played:
        played.poll()
        before, files = seven(played), played.files()
        told = played.poll(4)
        learned, between = seven(played), played.files()
        again = played.poll(8)

        assert learned == replace(before, episode=LEARNED)
        assert (updated(told), told["a"].locked, told["a"].new) == (1, 0, 0)
        assert {path for path, content in between.items() if content != files[path]} == {
            *(path for path in files if "seven" in path),
            *(path for path in files if path.endswith((".atom", ".rss", ".json")) and not path.endswith("status.atom")),
        }
        assert (updated(again), played.files().keys()) == (0, between.keys())
        assert seven(played) == replace(learned, feed=seven(played).feed)


def test_a_new_duration_is_an_edit(tmp_path: Path) -> None:
    """What upstream changes of an episode alone reaches the post and the feed."""
    bodies = [cast(episodes=_EPISODE.format(seconds)) for seconds in ("3723", "3724")]
    with play(tmp_path, {"a": [*bodies]}) as played:
        played.poll()
        assert seven(played).episode == LEARNED
        told = played.poll(4)

        assert (updated(told), seven(played).episode) == (1, replace(LEARNED, duration=3724))
        [duration] = played.published()["Seven"].findall("i:duration", {"i": "http://www.itunes.com/dtds/podcast-1.0.dtd"})
        assert duration.text == "3724"


def test_another_way_to_write_the_same_is_none(tmp_path: Path) -> None:
    """3723 for 1:02:03 changes no file."""
    bodies = [cast(episodes=_EPISODE.format(seconds)) for seconds in ("3723", "1:02:03")]
    with play(tmp_path, {"a": [*bodies]}) as played:
        played.poll()
        before = played.files()
        played.poll(4)

        assert played.files() == before


def test_a_post_with_a_key_of_its_owner_is_left_alone(tmp_path: Path) -> None:
    """Where a hand wrote `episode: 7` long before the key was ours, the post stays as it is and stays published."""
    with play(tmp_path, {"a": [cast(), cast(episodes=_EPISODE.format("9"))]}) as played:
        played.poll()
        [path] = (played.timeline.root / "posts").rglob("*seven*.md")
        edited = path.read_bytes().replace(b"\nlink:", b"\nepisode: 7\nlink:", 1)
        path.write_bytes(edited)
        told = played.poll(4)

        assert path.read_bytes() == edited
        assert updated(told) == 0
        assert "Seven" in played.published()
        assert seven(played).episode is None


def test_json_feed_and_atom_say_it_too(tmp_path: Path) -> None:
    """An episode comes out of a JSON Feed as far as that has words for it, and whole out of Atom."""
    item = '{"id": "1", "title": "Seven", "attachments": [{"url": "https://cdn.example/7.mp3", "duration_in_seconds": 3723.4}]}'
    json = f'{{"version": "https://jsonfeed.org/version/1.1", "title": "Casts", "items": [{item}]}}'
    atom = (
        f'<feed xmlns="{ATOM["a"]}" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><title>Casts</title><id>urn:x:a</id>'
        f"<entry><title>Seven</title><id>urn:x:7</id><link href='https://x.example/7'/>{_EPISODE.format('62:03')}</entry></feed>"
    )
    played = once(tmp_path, {"json": json, "atom": atom})

    assert played.entry("json").episode == Episode(duration=3723)
    assert played.entry("atom").episode == LEARNED
