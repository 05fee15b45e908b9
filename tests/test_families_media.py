"""Families 32 to 35: images, enclosures, media groups and podcasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.model.entry import Episode
from aggregator.model.poll import Outcome
from tests.play import once, play
from tests.raw_upstream import reply
from tests.test_families_text import SITE, content_of, matters, rss
from tests.timeline import RSS_TYPE
from tests.upstream import ATOM

PHOTO = "https://i.harbour.example/photo.jpg"
SHOWN = f'<p>Text</p><img src="{PHOTO}">'


@pytest.mark.post_row("D30", "D34")
@pytest.mark.family(32)
def test_images_of_every_kind(tmp_path: Path) -> None:
    """A lazy image shows its picture, a copy is shown once, a placeholder and a data: address are gone; the rest stays."""
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP"
    bodies = {
        "no src": f'<p>Text</p><img data-original="{PHOTO}">',
        "placeholder": f'<p>Text</p><img src="https://i.harbour.example/1x1.gif" data-original="{PHOTO}">',
        "inline placeholder": f'<p>Text</p><img src="{pixel}" data-src="{PHOTO}">',
        "noscript": f'<p>Text</p><img src="{pixel}" data-src="{PHOTO}"><noscript><img src="{PHOTO}"></noscript>',
        "noscript only": f'<p>Text</p><noscript><img src="{PHOTO}"></noscript>',
    }
    others = {
        "srcset": (f'<img srcset="{PHOTO} 1x, {PHOTO}?2 2x">', f'<img srcset="{PHOTO} 1x, {PHOTO}?2 2x" src="{PHOTO}">'),
        "data": (f'<p>Text</p><img src="data:image/png;base64,{"A" * 900_000}">', "<p>Text</p>"),
        "counter": ('<p>Text</p><img src="https://harbour.example/p.gif" width="1" height="1">', "<p>Text</p>"),
        "http": ('<img src="http://old.example/a.jpg">', '<img src="http://old.example/a.jpg">'),
        "referrer": (
            f'<img src="{PHOTO}" referrerpolicy="no-referrer">',
            f'<img src="{PHOTO}" referrerpolicy="no-referrer">',
        ),
    }
    written = {**bodies, **{title: body for title, (body, _) in others.items()}}
    items = [f"<title>{title}</title><description><![CDATA[{body}]]></description>" for title, body in written.items()]
    played = once(tmp_path, {"a": rss(*items)})

    entries = {entry.title: entry for entry in played.entries("a")}
    expected = {**dict.fromkeys(bodies, SHOWN), **{title: shown for title, (_, shown) in others.items()}}
    assert {title: entry.content for title, entry in entries.items()} == expected
    assert all(entries[title].cover == PHOTO for title in [*bodies, "srcset", "referrer"])
    assert entries["data"].cover is entries["counter"].cover is None
    assert content_of(played, "no src") == SHOWN


@pytest.mark.family(32)
def test_a_data_address_of_three_megabytes_in_a_feed(tmp_path: Path) -> None:
    """A picture of 3 MB within the text is gone with its text kept before it, and its neighbours are whole."""
    big = f'<p>Text</p><img src="data:image/png;base64,{"A" * 3_000_000}">'
    document = rss(
        f"<title>big</title><description><![CDATA[{big}]]></description>",
        "<title>next</title><description>&lt;p&gt;Next&lt;/p&gt;</description>",
    )
    played = once(tmp_path, {"a": document})

    assert [entry.content for entry in played.entries("a")] == ["<p>Text</p>", "<p>Next</p>"]
    assert sum(map(len, played.files().values())) < 20_000


@pytest.mark.family(33)
def test_enclosures_of_every_kind(tmp_path: Path) -> None:
    """Type and length stand where they can be true, addresses are absolute, and a file named three times is one."""
    audio = "https://cdn.harbour.example/e.mp3"
    enclosures = {
        "bare": f'<enclosure url="{audio}"/>',
        "zero": f'<enclosure url="{audio}" type="audio/mpeg" length="0"/>',
        "words": f'<enclosure url="{audio}" type="mp3" length="about 3 MB"/>',
        "webp": '<enclosure url="https://i.harbour.example/a.webp" type="image/jpeg" length="1234"/>',
        "relative": '<enclosure url="/files/e.mp3" type="audio/mpeg" length="9"/>',
        "thrice": f'<enclosure url="{audio}" type="audio/mpeg" length="9"/>' * 3,
    }
    items = [f"<title>{title}</title><description>x</description>{written}" for title, written in enclosures.items()]
    played = once(tmp_path, {"a": rss(*items)})

    found = {entry.title: [(file.href, file.type, file.length) for file in entry.enclosures] for entry in played.entries("a")}
    assert found == {
        "bare": [(audio, None, None)],
        "zero": [(audio, "audio/mpeg", None)],
        "words": [(audio, None, None)],
        # What it truly is could be learned only by fetching it.
        "webp": [("https://i.harbour.example/a.webp", "image/jpeg", 1234)],
        "relative": [(played.upstream.address("/files/e.mp3"), "audio/mpeg", 9)],
        "thrice": [(audio, "audio/mpeg", 9)],
    }
    assert {entry.title: entry.cover for entry in played.entries("a")}["webp"] == "https://i.harbour.example/a.webp"
    [link] = played.published()["thrice"].findall("a:link[@rel='enclosure']", ATOM)
    assert (link.get("href"), link.get("type"), link.get("length")) == (audio, "audio/mpeg", "9")


def video(updated: str, views: int) -> str:
    """Return a feed as video sites write it: `updated` moves with every comment."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" xmlns:yt="http://yt.example/">'
        "<title>Films</title><id>yt:channel:harbour</id><entry><id>yt:video:abc</id><yt:videoId>abc</yt:videoId>"
        "<title>A film</title>"
        f'<link rel="alternate" href="{SITE}/watch?v=abc"/>'
        f"<published>2026-02-01T10:00:00+00:00</published><updated>{updated}</updated>"
        '<media:group><media:title>A film</media:title><media:content url="https://v.example/abc" type="video/mp4"/>'
        f'<media:thumbnail url="https://v.example/abc.jpg" width="480"/><media:description>What it shows.</media:description>'
        f'<media:community><media:statistics views="{views}"/></media:community></media:group></entry></feed>'
    )


@pytest.mark.family(34)
def test_comments_move_updated(tmp_path: Path) -> None:
    """A video whose `updated` and number of views move with every comment is rewritten by none of them."""
    answers = [
        video("2026-02-01T10:00:00+00:00", 1),
        video("2026-03-01T11:00:00+00:00", 70),
        video("2026-03-02T03:00:00+00:00", 99),
    ]
    with play(tmp_path, {"a": [reply(200, body.encode(), content_type="text/xml") for body in answers]}) as played:
        played.poll()
        before = played.files()
        told = [played.poll(hours)["a"].outcome for hours in (4, 8)]

    assert told == [Outcome.SAME, Outcome.SAME]
    assert played.files() == before
    entry = played.entry("a")
    assert (entry.title, entry.content, entry.cover) == ("A film", "<p>What it shows.</p>", "https://v.example/abc.jpg")


@pytest.mark.family(34)
def test_media_groups(tmp_path: Path) -> None:
    """Of six sizes of a film one is kept, without a thumbnail there is none; what says no medium is told by name or type."""
    sizes = "".join(
        f'<media:content url="https://v.example/{size}.mp4" type="video/mp4" height="{size}"{default}/>'
        for size, default in (
            *((144, ""), (240, ""), (360, ' isDefault="true"'), (480, ""), (720, ""), (1080, "")),
        )
    )  # fmt: skip
    unset_media = (
        '<media:content url="https://i.harbour.example/a.jpg"/><media:content url="https://i.harbour.example/page"/>'
        '<media:content url="https://a.harbour.example/x" type="audio/ogg"/>'
    )
    items = [
        f"<title>group</title><description>x</description><media:group>{sizes}</media:group>",
        f"<title>unset</title><description>x</description>{unset_media}",
    ]
    played = once(tmp_path, {"a": rss(*items)})

    group, unset = played.entries("a")
    assert [file.href for file in group.enclosures] == ["https://v.example/360.mp4"]
    assert group.cover is None
    assert [file.href for file in unset.enclosures] == ["https://a.harbour.example/x"]
    assert unset.cover == "https://i.harbour.example/a.jpg"


def podcast(*, moved: bool = False) -> bytes:
    """Return a show that may say where it has gone."""
    move = "<itunes:new-feed-url>https://new.example/show.xml</itunes:new-feed-url>" if moved else ""
    episodes = [
        f"<title>Episode {number}</title><itunes:duration>{duration}</itunes:duration>"
        f"<itunes:explicit>{explicit}</itunes:explicit>"
        f'<enclosure url="https://cdn.example/{number}.mp3" type="audio/mpeg" length="{number}00"/>'
        f"<itunes:summary>About {number}.</itunes:summary>"
        for number, (duration, explicit) in enumerate((("1:02:03", "yes"), ("3723", "true"), ("1.02", "clean"), ("", "")), 1)
    ]
    return reply(200, rss(*episodes, head=move).encode(), content_type=RSS_TYPE)


@pytest.mark.family(35)
def test_a_podcast_that_moves(tmp_path: Path) -> None:
    """itunes:new-feed-url is told and not followed; of durations and ratings in any form is kept what can be true."""
    with play(tmp_path, {"a": [podcast(), podcast(moved=True)]}) as played:
        played.poll()
        before = played.files()
        told = played.poll(4)["a"]

        assert any("https://new.example/show.xml" in warning for warning in told.warnings)
        assert {asked.target for asked in played.upstream.asked} == {b"/a"}
    assert (told.outcome, played.files()) == (Outcome.SAME, before)
    assert [(entry.title, entry.content, entry.enclosures[0].length) for entry in played.entries("a")] == [
        (f"Episode {number}", f"<p>About {number}.</p>", number * 100) for number in range(1, 5)
    ]
    assert [entry.episode for entry in played.entries("a")] == [
        Episode(duration=3723, explicit=True),
        Episode(duration=3723, explicit=True),
        Episode(explicit=False),
        None,
    ]
    assert [matter.get("episode") for matter in matters(played).values()] == [
        {"duration": 3723, "explicit": True},
        {"duration": 3723, "explicit": True},
        {"explicit": False},
        None,
    ]
    feed = {"i": "http://www.itunes.com/dtds/podcast-1.0.dtd"}
    published = {title: entry.findtext("i:duration", None, feed) for title, entry in played.published().items()}
    assert published == {"Episode 1": "3723", "Episode 2": "3723", "Episode 3": None, "Episode 4": None}
