"""What another program wrote where a feed of ours belongs is not overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.publish.style import STYLE
from tests.upstream import Folder, Upstream, item, rss

_ATOM = b"<feed xmlns='http://www.w3.org/2005/Atom'><id>urn:x</id><title>Mine</title></feed>"
_JSON = b'{"version": "https://jsonfeed.org/version/1.1", "title": "Mine", "items": []}'


@pytest.fixture
def fresh(folder: Folder, upstream: Upstream) -> Folder:
    """A project before its first sync."""
    upstream.feed("/a", item(1))
    folder.sources_at({"a": f"{upstream.address}/a"})
    (folder.root / "public/feeds").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("all.atom", _ATOM, "Atom"),
        ("all.rss", rss(item(7)), "RSS"),
        ("all.json", _JSON, "JSON Feed"),
        ("all.json", b'{"my": "data"}', "JSON Feed"),
    ],
)
def test_another_programs_file_is_told_and_stays(fresh: Folder, name: str, content: bytes, kind: str) -> None:
    """The run ends with 1 and says what to do; no format of the feed is written, other feeds are; moved away, ours come."""
    (fresh.root / "public/feeds" / name).write_bytes(content)
    done = fresh.run("sync")

    assert done.returncode == 1
    assert f"feeds/{name}: another program's file ({kind}) stands there, and it is not overwritten. Move it away" in done.stderr
    assert [path.name for path in (fresh.root / "public/feeds").glob("all.*")] == [name]
    assert (fresh.root / "public/feeds" / name).read_bytes() == content
    assert (fresh.root / "public/feeds/index.opml").is_file()
    (fresh.root / "public/feeds" / name).unlink()
    assert fresh.run("build").returncode == 0
    assert len(list((fresh.root / "public/feeds").glob("all.*"))) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"<html/>", b"<feed", b"hello"])
def test_what_is_no_feed_protects_nothing(fresh: Folder, content: bytes) -> None:
    """A file that was cut, or never was a feed, is replaced: it may have been ours."""
    for name in ("all.atom", "all.rss", "all.json"):
        (fresh.root / "public/feeds" / name).write_bytes(content)

    assert fresh.run("sync").returncode == 0


def test_another_programs_stylesheet_stays(fresh: Folder) -> None:
    """A style.css that was there before us is named in every run and not overwritten; one of ours is, also without a state."""
    style: Path = fresh.root / "public/feeds/style.css"
    style.write_bytes(b"body { color: red }")
    for command in ("sync", "build"):
        done = fresh.run(command)
        assert done.returncode == 1
        assert "feeds/style.css: another program's file stands there, and it is not overwritten. Move it away" in done.stderr
        assert style.read_bytes() == b"body { color: red }"
    style.write_bytes(STYLE + b"/* mine */")
    assert fresh.run("build").returncode == 0
    assert style.read_bytes() == STYLE
