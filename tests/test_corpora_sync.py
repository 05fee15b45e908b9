"""Every feed that others wrote, served over HTTP as a source of one project: synced, published, read back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.model.changes import Skipped
from aggregator.model.entry import Entry
from aggregator.model.source import Source
from aggregator.normalise import identify, normalise_entry, normalise_feed
from aggregator.parse import NotAFeedError, parse_feed
from aggregator.publish.document import examine
from aggregator.store.profiles import get_profile
from tests.conftest import Sweep
from tests.expectations import FIELDS, expectations_of, feedparser_meets, feedparser_reads, given_titles, headers_of, meets
from tests.publish_records import schema_errors
from tests.raw_upstream import Upstream, reply
from tests.upstream import Folder

FOLDERS = ("feedparser", "feedvalidator", "gofeed", "node-feedparser")
ENDINGS = {".xml", ".rss", ".atom", ".rdf"}
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
#: What would be a fault of ours: a bug, or a reader that had to be killed.
OURS = {"bug", "deadline", "memory", "crash", "stuck"}
#: Headers of a corpus file that a server may not say of a body that it sends as it is.
_NOT_SENT = {"content-encoding", "content-length", "transfer-encoding"}


def corpus(shared: Path) -> list[Path]:
    """Return every feed file of the corpora."""
    found = (path for folder in FOLDERS for path in (shared / "corpora" / folder).rglob("*"))
    return sorted(path for path in found if path.suffix in ENDINGS)


@dataclass(frozen=True, kw_only=True)
class Read:
    """What the stages make of a file, one by one and in this process."""

    parsed: int  #: entries that the parser found
    entries: Mapping[str, Entry]  #: by key
    skipped: int
    complete: bool


def read(body: bytes, source: Source, address: str) -> Read | None:
    """Return what becomes of a body; None if it is no feed."""
    try:
        parsed = parse_feed(body, headers_of(body), address=address)
    except NotAFeedError:
        return None
    feed = normalise_feed(parsed, source, address=address)
    entries: dict[str, Entry] = {}
    skipped = 0
    for item in identify(parsed.entries, source_id=source.id, known={}, address=address):
        entry = normalise_entry(
            item, feed=feed, feed_language=parsed.language, source=source, address=address, now=NOW.replace(year=2100)
        )
        skipped += isinstance(entry, Skipped)
        if isinstance(entry, Entry):
            entries[item.key] = entry
    return Read(parsed=len(parsed.entries), entries=entries, skipped=skipped, complete=parsed.complete)


def rule(count: int, made: Read | None) -> str | None:
    """Return the rule by which there are fewer posts than feedparser finds entries; None where there are as many."""
    posts = len(made.entries) if made else 0
    if posts == count:
        return None
    if made is None:
        return "no feed: refused whole"
    if made.parsed != count and not made.complete:
        return "the document breaks off: its last entry waits for the next poll"
    if made.skipped:
        return "an entry with neither title, text nor link"
    if made.parsed == count:
        return "entries equal in every field are one"
    return f"UNEXPLAINED: {posts} posts, {made.parsed} parsed, feedparser finds {count}"


@pytest.mark.sweep
@pytest.mark.timeout(1800)
def test_every_feed_of_the_corpora_as_a_source(shared: Path, sweep: Sweep, tmp_path: Path, record_property: Any) -> None:
    """No traceback, no deadline; as many entries as feedparser finds, but for rules; posts read back equal, outputs valid."""
    files = sweep.sample(corpus(shared), 150)
    names = {f"s{number:04}": path for number, path in enumerate(files)}
    folder = Folder(tmp_path / "project")
    folder.settings(
        "fetch: {allow_private: [127.0.0.2], timeout: 60s, hosts: {127.0.0.2: {per_host: 16, gap: 0s}}}\n"
        "posts: {durable: false}\npublic: {entries: 2000, max_bytes: 100MiB}"
    )
    with Upstream(routes={f"/{name}": _served(path.read_bytes()) for name, path in names.items()}) as upstream:
        folder.sources(
            "sources:\n"
            + "".join(f"  {name}: {{feed: '{upstream.address(f'/{name}')}', categories: [c, {name}]}}\n" for name in names)
        )
        done = folder.run("--json", "sync", SOURCE_DATE_EPOCH=str(int(NOW.timestamp())), seconds=1500)
        addresses = {name: upstream.address(f"/{name}") for name in names}
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr[-2000:]
    events = {event["source_id"]: event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "source"}

    assert events.keys() == names.keys()
    assert {name: event["message"] for name, event in events.items() if event["kind"] in OURS} == {}
    rules: dict[str, list[str]] = defaultdict(list)
    posts = _posts(folder)
    for name, path in names.items():
        body = path.read_bytes()
        source = Source(id=name, feed=addresses[name], addresses=(addresses[name],), categories=("c", name))
        made = read(body, source, addresses[name])
        found = feedparser_reads(body, headers_of(body), addresses[name])
        broken = rule(len(found.entries), made)
        if broken is not None:
            rules[broken].append(path.relative_to(shared / "corpora").as_posix())
        entries = made.entries if made else {}
        assert posts.get(name, {}).keys() == entries.keys(), path
        for key, entry in entries.items():
            assert _same(posts[name][key], entry), path
    for output in sorted((folder.root / "public").rglob("*.atom")):
        content = output.read_bytes()
        assert schema_errors(content, shared) == [], output.name
        assert list(examine(content).faults) == [], output.name
    record_property("table", _table(names, posts, rules))
    assert not [name for name in rules if name.startswith("UNEXPLAINED")], rules


def _served(body: bytes) -> bytes:
    headers = {name.replace("-", "_"): value.encode("latin-1") for name, value in headers_of(body) if name not in _NOT_SENT}
    return reply(200, body, **headers)


def _posts(folder: Folder) -> Mapping[str, Mapping[str, Entry]]:
    """Return every post as it reads, by source and key."""
    found: dict[str, dict[str, Entry]] = defaultdict(dict)
    for path in sorted((folder.root / "posts").rglob("*.md")):
        entry = get_profile("default").read(path.read_bytes(), None)
        found[entry.source_id][path.stem.rpartition("-")[2]] = entry
    return found


def _same(post: Entry, entry: Entry) -> bool:
    """Tell whether a post holds the entry; the time of its first sight is the run's."""
    return post == replace(entry, first_seen=post.first_seen)


def _table(names: Mapping[str, Path], posts: Mapping[str, Mapping[str, Entry]], rules: Mapping[str, list[str]]) -> str:
    lines = [f"{len(names)} feeds, {sum(map(len, posts.values()))} posts."]
    for words, files in sorted(rules.items()):
        lines += [f"Fewer than feedparser finds, {len(files)} times: {words}.", ", ".join(files)]
    return "\n\n".join(lines)


@pytest.mark.sweep
def test_what_feedparser_expects_of_itself(shared: Path, sweep: Sweep, record_property: Any) -> None:
    """Of the expectations in feedparser's own tests that map onto our model nearly all are met; which are not is printed."""
    address = "http://127.0.0.1:8097/tests/feed.xml"
    source = Source(id="c", feed=address, addresses=(address,), categories=("c",))
    files = [path for path in corpus(shared) if path.is_relative_to(shared / "corpora" / "feedparser")]
    table = {field: [0, 0, 0] for field in FIELDS}
    for path in sweep.sample(files, 600):
        body = path.read_bytes()
        headers = headers_of(body)
        expected = expectations_of(body)
        if not expected:
            continue
        place = dict(headers).get("content-location", address)
        place = place if place.startswith("http") else address
        try:
            parsed = given_titles(parse_feed(body, headers, address=place))
        except NotAFeedError:
            feed, entries = None, []
        else:
            feed = normalise_feed(parsed, source, address=place)
            made = [
                normalise_entry(item, feed=feed, feed_language=parsed.language, source=source, address=place, now=NOW)
                for item in identify(parsed.entries, source_id="c", known={}, address=place)
            ]
            entries = [entry for entry in made if isinstance(entry, Entry)]
        theirs = feedparser_reads(body, headers, place)
        for one in expected:
            row = table[one.field]
            row[0] += 1
            row[1] += meets(one, feed, entries)
            row[2] += feedparser_meets(one, theirs)
    total = [sum(row[column] for row in table.values()) for column in range(3)]
    lines = ["| field | expectations | met here | met by feedparser |", "|---|---|---|---|"]
    lines += [f"| {field} | {row[0]} | {row[1]} | {row[2]} |" for field, row in (*table.items(), ("all", total))]
    record_property("table", "\n".join(lines))

    assert total[0] > 100
    # Of a sample less may be met: the misses are few and stand close together.
    assert total[1] >= (0.97 if sweep.whole else 0.93) * total[0], lines
