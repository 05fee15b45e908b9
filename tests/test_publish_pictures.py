"""The pictures of a feed: from the settings to the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.model.settings import Category, Settings, Site
from aggregator.pipeline.frames import plan_frames
from aggregator.publish.atom import build_feed
from tests.publish_records import SITE_ID, SITE_URL, make_frame, make_item, read, schema_errors, text_of


def _icons(site: str | None, *categories: Category) -> dict[tuple[str, ...], str | None]:
    settings = Settings(
        root=Path("/nowhere"), site=Site(id=SITE_ID, title="T", url=SITE_URL, icon=site, logo=site), categories=categories
    )
    frames = plan_frames(settings, ())
    assert [frame.icon for frame in frames] == [frame.logo for frame in frames]
    return {frame.category: frame.icon for frame in frames}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("img/标志 1%.png", "https://news.example/planet/img/%E6%A0%87%E5%BF%97%201%25.png"),
        ("https://cdn.example/a%20b.png?v=2", "https://cdn.example/a%20b.png?v=2"),
        ("HTTPS://cdn.example/a.png", "HTTPS://cdn.example/a.png"),
        (None, None),
    ],
)
def test_where_a_picture_is(given: str | None, address: str | None) -> None:
    """A file's path counts from the site's address and is encoded; an address stays as it is."""
    assert _icons(given)[()] == address


def test_a_category_has_its_own_picture_or_the_sites() -> None:
    """A category's picture is its own: those below it have the site's, as all that name none."""
    found = _icons("s.png", Category(path=("A",), icon="a.png", logo="a.png"), Category(path=("A", "B")))

    assert found[("A",)] == f"{SITE_URL}a.png"
    assert found[("A", "B")] == f"{SITE_URL}s.png"


def test_a_feed_shows_its_pictures(shared: Path) -> None:
    """Icon and logo stand in the document, once each, and the schema agrees."""
    frame = make_frame(icon=f"{SITE_URL}i.png", logo=f"{SITE_URL}l.png?a=1&b=2")
    content = build_feed(frame, [make_item()], source_order={}).content

    assert text_of(read(content), "a:icon") == f"{SITE_URL}i.png"
    assert text_of(read(content), "a:logo") == f"{SITE_URL}l.png?a=1&b=2"
    assert schema_errors(content, shared) == []
