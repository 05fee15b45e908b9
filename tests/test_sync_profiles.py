"""`sync` with the profiles that are made for an engine and a time zone, end to end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import raw_upstream
from tests.timeline import Timeline, feed
from tests.upstream import Folder, Upstream, item


@pytest.mark.sampled(1)
@pytest.mark.parametrize("profile", ["hexo", "hugo", "jekyll"])
def test_posts_of_an_engine_live_as_others_do(folder: Folder, upstream: Upstream, profile: str) -> None:
    """An edit upstream is written in place, a lost state is rebuilt without a change, another time zone moves nothing."""
    folder.settings(f"posts: {{profile: {profile}}}")
    folder.sync()
    before = folder.files()
    upstream.feed("/b", item(11, body="<p>Edited.</p>") + item(12))
    folder.sync("--force")

    changed = {path for path, content in folder.files("posts").items() if before[path] != content}
    assert len(changed) == 1
    assert folder.files().keys() == before.keys()
    before = folder.files()
    shutil.rmtree(folder.root / "state")
    text = (folder.root / "config/settings.yaml").read_text("utf-8")
    (folder.root / "config/settings.yaml").write_text(
        text.replace("author: Tester", "author: Tester, timezone: Asia/Tokyo"), "utf-8"
    )
    folder.sync("--force")
    assert folder.files() == before


def test_a_jekyll_post_is_named_by_the_day_it_was_first_written_with(folder: Folder, upstream: Upstream) -> None:
    """The day is the one in the site's zone; a later date from upstream does not move the file."""
    folder.settings("posts: {profile: jekyll}")
    upstream.feed("/b", item(11))
    folder.sync("b")
    [path] = folder.files("posts")
    upstream.feed("/b", item(11, body="<p>Edited.</p>").replace("01 Jan 2026", "09 Feb 2026"))
    folder.sync("b", "--force")

    assert path.startswith("posts/news/b/2026-01-01-entry-11-")
    assert list(folder.files("posts")) == [path]


def test_what_a_volantis_post_cannot_hold_is_as_durable_as_the_post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the state knows a post, the disk has it and its archive file: without that one it could never be read again."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    with raw_upstream.Upstream(routes={"/a": feed()}) as upstream:
        line = Timeline(tmp_path, {"a": upstream.address("/a")})
        settings = line.root / "config/settings.yaml"
        settings.write_text(settings.read_text("utf-8").replace("durable: false", "profile: volantis"), "utf-8")
        monkeypatch.setattr(os, "fsync", fsync)
        line.sync(0)

    archived = {path.name for path in (line.root / "archive").iterdir()}
    assert len(archived) == 2
    assert archived <= set(synced)
