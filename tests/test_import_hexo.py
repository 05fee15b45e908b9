"""`import hexo`: an old site's posts are adopted where they are, and no entry is ever written a second time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.old_site import ROUTES, Old, entries, write_site
from tests.upstream import Folder, Upstream

NEW = 3  #: entries of each route that the old site never had
POSTS = "source/_posts"


@pytest.fixture
def site(tmp_path: Path, upstream: Upstream) -> Folder:
    """A project in an old site, whose upstreams serve the newest 15 that it has and a few new ones."""
    folder = Folder(tmp_path / "site")
    folder.settings("posts: {dir: source/_posts, profile: volantis}")
    lines = ["sources:"]
    for route in ROUTES:
        fresh = [Old(route=route, number=route.posts + n) for n in range(1, NEW + 1)]
        items = [old.item() for old in reversed((entries(route)[-15:]) + fresh)]
        upstream.feed(f"/{route.id}", "".join(items))
        path = json.dumps(route.path, ensure_ascii=False)
        lines.append(f"  {route.id}: {{feed: '{upstream.address}/{route.id}', categories: {path}}}")
    folder.sources("\n".join(lines) + "\n")
    write_site(folder.root)
    return folder


def _imported(site: Folder, *words: str, code: int = 0) -> str:
    done = site.run("import", "hexo", str(site.root), *words)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_old_site_is_adopted_without_a_duplicate(site: Folder) -> None:
    """500 posts keep bytes and names; of what upstream serves only what is new is written; nothing of it moves ever again."""
    before = site.files(POSTS)
    assert len(before) == 500

    said = _imported(site)

    assert site.files(POSTS) == before
    assert "500 files: 500 adopted; no post was changed" in said
    site.sync()
    after = site.files(POSTS)
    assert {path: after.get(path) for path in before} == before
    assert len(after) - len(before) == NEW * len(ROUTES), sorted(set(after) - set(before))

    whole = site.files(POSTS, "public", "archive", "ledger.jsonl")
    assert "500 already there" in _imported(site)
    site.sync("--force")
    assert site.files(POSTS, "public", "archive", "ledger.jsonl") == whole
    shutil.rmtree(site.root / "state")
    site.sync("--force")
    assert site.files(POSTS, "public", "archive", "ledger.jsonl") == whole
