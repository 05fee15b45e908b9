"""Feeds as their readers meet them: a bad entry among good ones, files that stay when nothing is new, reads during rebuilds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import pytest
from lxml import etree

from aggregator.serve.server import serve
from tests.conftest import Sweep
from tests.upstream import ATOM, Folder, Upstream, item, titles, unsealed

BAD = {
    "control characters": (
        "<item><title>bell \x07 &#8; here</title><guid isPermaLink='false'>1</guid><link>https://x.example/1</link></item>",
        "it was repaired as far as possible",
    ),
    "neither title nor anything else": ("<item><guid isPermaLink='false'>2</guid></item>", "'2' left out: no title"),
    "no link and no content": (
        "<item><title>Bare</title><guid isPermaLink='false'>3</guid></item>",
        "'Bare' left out: it has neither a link nor content (RFC 4287 §4.1.2)",
    ),
    "a link that runs a script, and no content": (
        "<item><title>Trap</title><link>javascript:alert(1)</link><guid isPermaLink='false'>4</guid></item>",
        "'Trap' left out: it has neither a link nor content (RFC 4287 §4.1.2)",
    ),
    "links that run scripts": (
        """<item><title>Traps</title><link>javascript:alert(1)</link><guid isPermaLink='false'>5</guid><description>
        &lt;a href="javascript:alert(2)"&gt;here&lt;/a&gt;</description>
        <enclosure url="data:text/html,x" type="a/b"/></item>""",
        "'Traps': its link 'javascript:alert(1)' is no web address and is left out",
    ),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD.keys())
@pytest.mark.publishes("P1", "R76", "R77", "R82")
def test_a_bad_entry_costs_only_itself_and_is_named(folder: Folder, upstream: Upstream, bad: str, words: str) -> None:
    """The entries around a bad one are published, no feed holds anything that acts, and one line says what was wrong."""
    upstream.feed("/a", item(1) + bad + item(2))
    said = folder.here("sync")
    assert said.returncode == 0
    assert said.stderr.count(words) == 1, said.stderr
    assert {"Entry 1", "Entry 2", "Entry 11"} <= set(titles(folder, "all.atom"))
    for content in folder.files("public").values():
        assert b"javascript:" not in content
        assert b"data:text" not in content


def test_a_post_that_cannot_be_published_is_named_once(folder: Folder, upstream: Upstream) -> None:
    """Who runs `sync` for years hears of it when it comes, and again from `build`; not each time its feed is written."""
    bad, words = BAD["no link and no content"]
    upstream.feed("/a", item(1) + bad)
    assert words in folder.here("sync").stderr
    upstream.feed("/a", item(1) + bad + item(4))
    said = folder.here("sync", "--force")
    assert "Entry 4" in titles(folder, "all.atom")
    assert words not in said.stderr
    assert words in folder.here("build").stderr


def test_many_bad_addresses_are_counted(folder: Folder, upstream: Upstream) -> None:
    """A feed with a bad address in each entry is told in four lines."""
    bad = "".join(
        f"<item><title>T{number}</title><link>javascript:{number}</link><guid isPermaLink='false'>{number}</guid>"
        "<description>text</description></item>"
        for number in range(40)
    )
    upstream.feed("/a", bad)
    said = folder.here("sync")
    assert said.stderr.count("is no web address") == 3
    assert "and 37 more such addresses" in said.stderr


def _public(folder: Folder) -> dict[str, tuple[bytes, int]]:
    """Return every published file's bytes and time."""
    root = folder.root / "public"
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("words", [("build",), ("build", "news/a"), ("sync", "--force"), ("sync",)], ids=" ".join)
@pytest.mark.publishes("P10", "R79")
def test_unchanged_data_gives_the_same_files(synced: Folder, words: tuple[str, ...]) -> None:
    """Building what has not changed leaves every published file with the bytes and the time that it had."""
    before = _public(synced)
    assert synced.here(*words).returncode in {0, 6}
    assert _public(synced) == before


@pytest.mark.publishes("P10")
def test_a_new_entry_changes_only_the_feeds_it_stands_in(synced: Folder, lasting_upstream: Upstream) -> None:
    """One new entry of a source changes the feeds of its category, of those above it, and of all: no other file."""
    before = _public(synced)
    lasting_upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(9))
    assert synced.here("sync", "--force").returncode == 0
    after = _public(synced)
    assert after.keys() == before.keys()
    changed = {path for path in after if after[path] != before[path]}
    assert {path.rpartition(".")[0] for path in changed} == {"feeds/all", "feeds/news", "feeds/news/a"}
    assert {path for path in before if path.rpartition(".")[0] in {"feeds/all", "feeds/news", "feeds/news/a"}} == changed


@pytest.mark.publishes("P25", "R80")
def test_readers_never_meet_half_a_feed(synced: Folder, sweep: Sweep, record_property: Callable[[str, object], None]) -> None:
    """While the feeds are rebuilt again and again, each read over HTTP and each read of a file gives one whole version."""
    rebuilds, least = sweep.count(100, 4), 10
    post = next((synced.root / "posts").rglob("*entry-1-*.md"))
    original = post.read_text("utf-8")
    stop, reads, broken = threading.Event(), [0, 0], []
    seen: set[bytes] = set()
    with serve(synced.root / "public") as server:
        sources = (_files(synced.root / "public" / "feeds"), _answers(server.port))

        def read(number: int) -> None:
            with closing(sources[number]) as answers:
                for path, status, content in answers:
                    if stop.is_set():
                        return
                    reads[number] += 1
                    stop.wait(0.0002)  # the interpreter is shared
                    if status != 200 or not _whole(path, content, seen):
                        broken.append((path, status, content[-80:]))

        readers = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(2)]
        for reader in readers:
            reader.start()
        for number in range(rebuilds):
            post.write_text(unsealed(original).replace("Entry 1", f"Entry 1, version {number}"), "utf-8")
            assert synced.here("build").returncode == 0
            while min(reads) < least * (number + 1):  # the builds are not to outrun the readers
                stop.wait(0.005)
        stop.set()
        for reader in readers:
            reader.join(10)
    assert not broken, broken[:3]
    assert f"version {rebuilds - 1}" in " ".join(titles(synced, "all.atom"))
    assert min(reads) >= rebuilds * least
    record_property("table", f"{rebuilds} rebuilds; {reads[0]} reads of files, {reads[1]} over HTTP; {len(seen)} versions seen")


def _files(feeds: Path) -> Generator[tuple[str, int, bytes]]:
    while True:
        for name in ("all.atom", "news.atom", "news/a.atom"):
            try:
                yield name, 200, (feeds / name).read_bytes()
            except FileNotFoundError:
                yield name, 404, b""


def _answers(port: int) -> Generator[tuple[str, int, bytes]]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        while True:
            for name in ("all.atom", "news.atom", "news/a.atom"):
                connection.request("GET", f"/feeds/{name}")
                answer = connection.getresponse()
                yield name, answer.status, answer.read()


def _whole(path: str, content: bytes, seen: set[bytes]) -> bool:
    """Tell whether it is a whole feed with all its entries; each version is parsed once."""
    version = sha256(path.encode() + content).digest()
    if version in seen:
        return True
    try:
        found = len(etree.fromstring(content).findall("{http://www.w3.org/2005/Atom}entry"))
    except etree.XMLSyntaxError:
        return False
    seen.add(version)
    return found == (3 if path == "news/a.atom" else 5)


def _identities(folder: Folder) -> dict[str, tuple[str | None, dict[str, tuple[str | None, ...]]]]:
    """Return each Atom feed's id, and of each entry its id with its title, published and updated."""
    found = {}
    for path in (folder.root / "public" / "feeds").rglob("*.atom"):
        root = etree.fromstring(path.read_bytes())
        entries = {
            entry.findtext("a:id", "", ATOM): tuple(
                entry.findtext(f"a:{name}", None, ATOM) for name in ("title", "published", "updated")
            )
            for entry in root.findall("a:entry", ATOM)
        }
        found[path.relative_to(folder.root / "public" / "feeds").as_posix()] = root.findtext("a:id", None, ATOM), entries
    return found


@pytest.mark.publishes("P3", "P4", "P8")
def test_identity_outlives_names_and_addresses(synced: Folder, lasting_upstream: Upstream) -> None:
    """Another host, site title, category title and language, and an edit by upstream move no id and no date of publication."""
    before = _identities(synced)
    settings = synced.root / "config" / "settings.yaml"
    text = settings.read_text("utf-8")
    url = re.search(r"url: (\S+?)[,}\n]", text)
    assert url is not None
    settings.write_text(text.replace(url[1], "https://elsewhere.example/new/", 1), "utf-8")
    (synced.root / "config" / "categories.yaml").write_text("categories: {news/a: {title: Another, language: de}}\n", "utf-8")
    lasting_upstream.feed("/a", item(1, title="Corrected") + item(2) + item(3, dated=False))
    assert synced.here("sync", "--force").returncode == 0
    after = _identities(synced)
    assert "https://elsewhere.example/new/feeds/news/a.atom" in (synced.root / "public/feeds/news/a.atom").read_text("utf-8")
    corrected = 0
    assert after.keys() == before.keys()
    for path, (feed_id, entries) in after.items():
        assert feed_id == before[path][0]
        assert entries.keys() == before[path][1].keys()
        for entry_id, (title, published, updated) in entries.items():
            assert (published, updated) == before[path][1][entry_id][1:]
            corrected += title == "Corrected"
    assert corrected == 3


@pytest.mark.publishes("P6")
def test_one_entry_has_one_id_in_all_its_feeds(synced: Folder) -> None:
    """The feed of a category and those above it hold the same entries under the same ids, each once."""
    found = _identities(synced)
    leaf, above, everything = (set(found[path][1]) for path in ("news/a.atom", "news.atom", "all.atom"))
    assert len(leaf) == 3
    assert leaf < above
    assert above == everything
    for path in (synced.root / "public" / "feeds").rglob("*.atom"):
        ids = [entry.findtext("a:id", None, ATOM) for entry in etree.fromstring(path.read_bytes()).findall("a:entry", ATOM)]
        assert len(ids) == len(set(ids))


def test_the_ttl_of_a_feed_follows_its_sources(folder: Folder, upstream: Upstream) -> None:
    """RSS names the shortest interval of the category's sources and of those below it; an hour stands for none configured."""
    folder.sources(
        f"""sources:
  a: {{feed: '{upstream.address}/a', categories: [news, a], every: 30m}}
  b: {{feed: '{upstream.address}/b', categories: [news, b]}}
  c: {{feed: '{upstream.address}/c', categories: [news, c], every: 5m}}
"""
    )
    assert folder.here("sync").returncode == 0
    found = {
        name: etree.parse(folder.root / "public/feeds" / f"{name}.rss").findtext("channel/ttl")
        for name in ("all", "news", "news/a", "news/b", "news/c")
    }
    assert found == {"all": "5", "news": "5", "news/a": "30", "news/b": "60", "news/c": "5"}
