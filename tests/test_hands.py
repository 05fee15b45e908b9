"""Hands and upstream at the same posts, over many syncs (in process, over real sockets)."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import feedparser
import pytest

from aggregator.cli import main
from aggregator.store.profiles.seal import is_sealed, seal_of, unsealed
from tests.raw_upstream import Upstream
from tests.timeline import Timeline, feed
from tests.upstream import item, rss


def _version(number: int) -> bytes:
    """Return the feed as it stands at that hour: every entry is edited each time, and one is new."""
    items = [item(each, body=f"<p>Version {number} of entry {each}, with words enough.</p>") for each in range(1, 4)]
    return feed(rss("".join(items) + item(100 + number)))


def _build(root: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["aggregator", "-C", str(root), "-q", "build"])
    with pytest.raises(SystemExit) as done:
        main()
    return int(done.value.code or 0)


def _post(timeline: Timeline, number: int) -> Path:
    [found] = (timeline.root / "posts").rglob(f"entry-{number}-*.md")
    return found


def _edit_title(text: str) -> str:
    return text.replace("title: 'Entry 1'", "title: 'Corrected by hand'")


def _edit_all(text: str) -> str:
    body = "<p>Rewritten {{ by }} hand.</p>\n\nAnd *Markdown* below.\n"
    front = re.sub(r"(?m)^title: .*", 'title: "Corrected by hand"\nmine: kept', text.partition("\n---\n")[0])
    return f"{front}\n---\n{body}".replace("\n", "\r\n")


@pytest.mark.post_row("R64")
@pytest.mark.parametrize("edit", [_edit_title, _edit_all])
def test_ten_syncs_with_upstream_edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[str], str]) -> None:
    """A post edited by hand is published and stays byte for byte; a deleted one stays deleted; the third follows upstream."""
    with Upstream(routes={"/f": [_version(number) for number in range(11)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        ours, deleted = _post(timeline, 1), _post(timeline, 2)
        ours.write_bytes(edit(ours.read_bytes().decode()).encode())
        content = ours.read_bytes()
        deleted.unlink()
        assert _build(timeline.root, monkeypatch) == 0
        assert "Corrected by hand" in _titles(timeline)
        for number in range(1, 11):
            [event] = timeline.sync(number, force=True).values()
            assert event.new == 1
            assert event.updated == 1
        assert _build(timeline.root, monkeypatch) == 0

    assert ours.read_bytes() == content
    assert not deleted.exists()
    titles = _titles(timeline)
    assert "Corrected by hand" in titles
    assert "Entry 1" not in titles
    assert "Entry 2" not in titles
    assert "Version 10 of entry 3" in _post(timeline, 3).read_text("utf-8")
    assert len(titles) == 2 + 11
    assert timeline.ledger().count('"kind": "deleted"') == 1


def _titles(timeline: Timeline) -> list[str]:
    found = feedparser.parse((timeline.root / "public" / "feeds" / "news.atom").read_bytes())
    return [entry.title for entry in found.entries]


def test_a_lost_state_freezes_no_post(tmp_path: Path) -> None:
    """Posts that nobody edited follow upstream after the state is lost, whatever has changed; an edited one stays."""
    with Upstream(routes={"/f": [_version(0), _version(1), _version(2)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        edited = _post(timeline, 1)
        edited.write_bytes(_edit_title(edited.read_bytes().decode()).encode())
        content = edited.read_bytes()
        shutil.rmtree(timeline.root / "state")
        [event] = timeline.sync(1).values()
        assert (event.new, event.updated, event.locked) == (1, 2, 1)
        [event] = timeline.sync(2, force=True).values()
        assert event.updated == 2
    assert edited.read_bytes() == content
    assert "Version 2 of entry 2" in _post(timeline, 2).read_text("utf-8")


def test_another_machine_is_no_hand(tmp_path: Path) -> None:
    """A post that another machine's run wrote anew, as its commit brings it, still follows upstream under an older state."""
    with Upstream(routes={"/f": [_version(0), _version(1), _version(2)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        shutil.copytree(timeline.root / "state", tmp_path / "older")
        timeline.sync(1, force=True)
        shutil.rmtree(timeline.root / "state")
        (tmp_path / "older").rename(timeline.root / "state")
        [event] = timeline.sync(2, force=True).values()
        assert (event.updated, event.locked) == (3, 0)


def test_an_edit_that_is_taken_back_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A post that was edited, published so, and put back as it was is ours again."""
    with Upstream(routes={"/f": [_version(0), _version(1)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        place = _post(timeline, 1)
        content = place.read_bytes()
        place.write_bytes(_edit_title(content.decode()).encode())
        _build(timeline.root, monkeypatch)
        place.write_bytes(content)
        [event] = timeline.sync(1, force=True).values()
        assert (event.updated, event.locked) == (3, 0)


def test_posts_from_before_there_were_seals_freeze_no_more_than_others(tmp_path: Path) -> None:
    """The first run of this version rebuilds the state: posts without a seal are ours if all else is as we write it."""
    with Upstream(routes={"/f": [_version(0), _version(0), _version(1)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        for path in (timeline.root / "posts").rglob("*.md"):
            path.write_bytes(unsealed(path.read_bytes()))
        shutil.rmtree(timeline.root / "state")
        [event] = timeline.sync(1, force=True).values()
        assert (event.updated, event.locked) == (0, 0)
        [event] = timeline.sync(2, force=True).values()
        assert (event.updated, event.locked) == (3, 0)


def test_a_seal_makes_no_html_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can bring a post into the folder can seal it: what no run of ours is known to have written is sanitised."""
    with Upstream(routes={"/f": _version(0)}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/f")})
        timeline.sync(0)
        place = _post(timeline, 1)
        post = unsealed(place.read_bytes()).replace(b"<p>Version", b"<script>alert(1)</script><p onclick='x()'>Version")
        place.write_bytes(post.replace(b"\n---\n", f"\nseal: '{seal_of(post)}'\n---\n".encode(), 1))
        assert is_sealed(place.read_bytes(), None)
        for _ in range(2):
            assert _build(timeline.root, monkeypatch) == 0
            feed_of_all = (timeline.root / "public/feeds/all.atom").read_bytes()
            assert b"script" not in feed_of_all
            assert b"onclick" not in feed_of_all
            assert b"Entry 1<" in feed_of_all  # and not left out by the gate, the second line of defence
        shutil.rmtree(timeline.root / "state")
        (timeline.root / "public/feeds/all.atom").unlink()
        assert _build(timeline.root, monkeypatch) == 0
        assert b"script" not in (timeline.root / "public/feeds/all.atom").read_bytes()
