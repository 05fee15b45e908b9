"""The owner's sample, through the whole path: served on loopback, synced, compared byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import frontmatter
import pytest

from tests.upstream import Folder, Page, Upstream

COVER = "https://picsum.photos/400/300?random=1026"


@pytest.fixture
def upstream(shared: Path) -> Iterator[Upstream]:
    with Upstream() as running:
        body = (shared / "seed" / "zaker-rsshub.xml").read_bytes()
        running.pages["/zaker/source/12291"] = Page(body=body, headers={"Content-Type": "application/xml; charset=utf-8"})
        yield running


def _post(tmp_path: Path, upstream: Upstream, profile: str) -> bytes:
    folder = Folder(tmp_path / "project")
    folder.settings(f"posts: {{profile: {profile}}}")
    folder.sources(
        f"bases: {{rsshub: ['{upstream.address}']}}\n"
        "sources:\n  zaker-source-12291:\n    feed: rsshub:/zaker/source/12291\n    categories: [新媒体, ZAKER, source]\n"
        f"    fixes: []\n    author: ZAKER\n    cover: {{fallback: '{COVER}'}}\n"
    )
    folder.sync()
    [post] = [content for path, content in folder.files("posts").items() if path.endswith(".md")]
    return post


def test_the_volantis_post_is_the_sample(tmp_path: Path, upstream: Upstream, shared: Path) -> None:
    """With the sample's settings, the profile `volantis` gives the sample byte for byte."""
    assert _post(tmp_path, upstream, "volantis") == (shared / "seed" / "zaker-post.md").read_bytes()


def test_the_default_post_has_the_samples_keys(tmp_path: Path, upstream: Upstream, shared: Path) -> None:
    """The profile `default` begins with `---` and the sample's seven keys, in order, with equal values."""
    post = _post(tmp_path, upstream, "default")
    sample = frontmatter.loads((shared / "seed" / "zaker-post.md").read_text("utf-8"))
    ours = frontmatter.loads(post.decode())

    assert post.startswith(b"---\n")
    assert list(ours.metadata.items())[:7] == list(sample.metadata.items())
    assert len(sample.metadata) == 7
