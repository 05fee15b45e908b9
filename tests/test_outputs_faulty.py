"""What the look at an entry overlooks and the look at the document finds: it costs that entry, not its feed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.entry import Enclosure
from aggregator.model.output import OutputEntry, OutputFeed
from aggregator.pipeline.archive import write_pages
from aggregator.pipeline.jobs import ArchiveJob, OutputJob, PostsPlace
from aggregator.pipeline.outputs import publish_output
from aggregator.publish import atom
from aggregator.publish.pages import PageName
from aggregator.store.posts import post_hash, row_of
from aggregator.store.profiles import get_profile
from tests.publish_records import make_frame, make_item, make_twin

BAD = make_item(3, enclosures=(Enclosure(href="https://cdn.example/3.mp3", type="a/b/c"),))


def job(tmp_path: Path, items: list[OutputEntry], frame: OutputFeed) -> OutputJob:
    """Write a post for each entry; return the job that publishes them."""
    place = PostsPlace(root=tmp_path / "posts", archive=tmp_path / "archive", profile="default", timezone="UTC")
    place.root.mkdir()
    rows = []
    for item in items:
        post = get_profile("default", "UTC").render(item.entry).post
        path = f"x-{item.key}.md"
        (place.root / path).write_bytes(post)
        rows.append(row_of(item.entry, path, post_hash(post), raw_hash=b"known"))
    return OutputJob(frame=frame, rows=tuple(rows), source_order={}, place=place, public=tmp_path / "public")


@pytest.fixture(autouse=True)
def _overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at single entries lets everything pass, as it would what nobody has thought of."""
    monkeypatch.setattr(atom, "find_refusal", lambda _: None)


@pytest.mark.publishes("R77")
def test_what_only_the_document_shows_costs_its_entry(tmp_path: Path) -> None:
    """The others are published in every format, an older one takes the place, and the bad one is named with its reason."""
    frame = make_frame(max_entries=2, twins=(make_twin("rss"), make_twin("json")))
    done = publish_output(job(tmp_path, [BAD, make_item(2), make_item(1)], frame))

    assert done.refused is None
    assert done.written == frame.files
    [out] = done.left_out
    assert (out.key, out.reason) == (BAD.key, "entry 1: 'a/b/c' is no media type (RFC 4287 §4.2.7.3)")
    for path in frame.files:
        content = (tmp_path / "public" / path).read_text("utf-8")
        assert "a/b/c" not in content
        assert "https://paper.example/id/1" in content


def test_an_archive_page_goes_without_it(tmp_path: Path) -> None:
    """A page is closed without the bad one, which is named as well."""
    output = job(tmp_path, [BAD, make_item(2), make_item(1)], make_frame())
    done = write_pages(ArchiveJob(output=output, first=PageName(month="2026-01"), previous=None, durable=False))

    assert done.refused is None
    assert [out.key for out in done.left_out] == [BAD.key]
    [path] = done.pages
    content = (tmp_path / "public" / path).read_text("utf-8")
    assert "a/b/c" not in content
    assert "https://paper.example/id/1" in content


def test_a_feed_of_nothing_else_is_kept_as_it_was(tmp_path: Path) -> None:
    """Where most of what subscribers had would go that way, the last good file stays."""
    frame = make_frame()
    publish_output(job(tmp_path, [make_item(3), make_item(2)], frame))
    before = (tmp_path / "public" / frame.path).read_bytes()
    bad = [make_item(number, enclosures=BAD.entry.enclosures) for number in (3, 2)]
    (tmp_path / "again").mkdir()
    again = job(tmp_path / "again", bad, frame)
    done = publish_output(replace(again, public=tmp_path / "public"))

    assert done.refused is not None
    assert "2 of 2 entries would vanish" in done.refused
    assert (tmp_path / "public" / frame.path).read_bytes() == before
