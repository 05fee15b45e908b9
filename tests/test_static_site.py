"""The site as files: what is written, what stays as it is, and what is never touched."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aggregator.errors import ConfigError, StoreError
from aggregator.model.poll import Event, SourceState
from aggregator.pages import render
from aggregator.pipeline.site_out import find_obstacle, is_due, refresh, write_site
from aggregator.pipeline.static_site import StaticSite
from aggregator.pipeline.static_tree import LIST, Counts, StaticTree
from aggregator.store.files import write_file
from aggregator.store.ledger import FILE_NAME, Ledger, Removed, Renamed, Takedown
from aggregator.store.state import Batch
from tests.projects import SITE
from tests.shown import NOW, Project, made
from tests.upstream import Folder

PAGES = "{entries: 3, out: site}"


@pytest.fixture
def project(tmp_path: Path, synced_once: Folder) -> Project:
    found = Project(tmp_path, pages=PAGES)
    found.add(*(made(number) for number in range(8)), made(1, source="c", categories=("Code",)))
    feeds = tmp_path / "public/feeds"
    (feeds / "news.archive").mkdir(parents=True)
    real = synced_once.root / "public/feeds"
    for name in ("all.atom", "all.rss", "index.opml", "style.css"):
        (feeds / name).write_bytes((real / name).read_bytes())
    (feeds / "news.archive/2025-12.atom").write_bytes((real / "news.atom").read_bytes())
    (feeds / "redirects.json").write_bytes(b"{}\n")
    (feeds / "notes.txt").write_bytes(b"somebody's")
    (feeds / ".hidden.atom").write_bytes(b"")
    (feeds / "link.atom").symlink_to("/etc/passwd")
    return found


@pytest.fixture
def told() -> list[Event]:
    return []


def _silent(_: Event) -> None:
    """Tell nobody."""


def _write(project: Project, *, compress: bool = False, told: list[Event] | None = None) -> Counts:
    report: Callable[[Event], None] = (told if told is not None else []).append
    counts, _ = write_site(project.settings, project.root / "site", report, compress=compress, clock=lambda: NOW)
    return counts


def _files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _times(root: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_every_page_is_a_file_with_the_bytes_that_are_served(project: Project) -> None:
    """Each address has its index.html, byte for byte what the same pages are rendered to."""
    _write(project)
    pages = project.pages(static=True)
    frame = pages.frame(pages.language())

    files = _files(project.root / "site")
    for address in pages.addresses():
        page = pages.page(tuple(part for part in address.split("/") if part), {})
        if address != "/status/":  # tells of the moment
            assert page is not None
            assert files[f"{address[1:]}index.html"] == render(page, frame), address  # type: ignore[arg-type]
    assert {"404.html", "robots.txt"} <= files.keys()
    assert {name.rpartition(".")[2] for name in files if name.startswith("static/")} == {"css", "js"}


def test_a_former_address_sends_on(project: Project) -> None:
    """Where a category or source lay before it was renamed a page sends on, months too; where one is no more it says so."""
    project.add(made(70, source="new"))
    project.configure(
        SITE + f"pages: {PAGES}\n",
        "sources: {new: {feed: 'https://a.example/feed', categories: [Neues, A]}}\n",
    )
    Ledger.load(project.root / FILE_NAME).add(
        Renamed(what="category", old="News", new="Neues", at=NOW, file="feeds/news.atom"),
        Renamed(what="source", old="before", new="new", at=NOW),
        Removed(file="feeds/left/b.atom", at=NOW),
    )
    _write(project)

    files = {name: content.decode() for name, content in _files(project.root / "site").items() if name.endswith(".html")}
    sent = {name: found[1] for name, text in files.items() if (found := re.search(r'"refresh" content="0; url=([^"]+)"', text))}
    assert sent == {
        "c/news/index.html": "../neues/",
        "c/news/2025-12/index.html": "../../neues/2025-12/",
        "c/news/2025-12/1/index.html": "../../../neues/2025-12/1/",
        "c/news/2025-12/2/index.html": "../../../neues/2025-12/2/",
        "c/news/a/index.html": "../../neues/a/",
        "c/news/a/2025-12/index.html": "../../../neues/a/2025-12/",
        "c/news/a/2025-12/1/index.html": "../../../../neues/a/2025-12/1/",
        "c/news/a/2025-12/2/index.html": "../../../../neues/a/2025-12/2/",
        "s/before/index.html": "../new/",
        "s/before/2025-12/index.html": "../../new/2025-12/",
    }
    there = f"{project.settings.site.url.rstrip('/')}/c/neues/a/2025-12/"
    assert f'<link rel="canonical" href="{there}">' in files["c/news/a/2025-12/index.html"]
    assert 'content="noindex"' in files["c/left/b/index.html"]
    assert _write(project).written == 1  # the status page, which tells of the moment


def test_every_link_leads_to_a_file(project: Project, synced_once: Folder) -> None:
    """Whatever a page links on its own host, or loads, is there; so it works at any address, and from a disk."""
    project.add(made(60, at=datetime(2024, 2, 29, tzinfo=UTC), source="left", categories=("Left", "C\\/C++ & <b>")))
    for category in project.pages(static=True).moment().places.categories.values():
        for file in category.frame.files:
            place = project.root / "public" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((synced_once.root / f"public/feeds/all{place.suffix}").read_bytes())
    _write(project)

    site = project.root / "site"
    broken = []
    for page in site.rglob("*.html"):
        for link in map(unescape, re.findall(r' (?:href|src|action)="([^"]*)"', page.read_text("utf-8"))):
            if urlsplit(link).scheme or link.startswith("#"):
                continue
            path = unquote(urlsplit(link).path)
            place = site / path.lstrip("/") if path.startswith("/") else page.parent / path
            if not (place / "index.html" if place.is_dir() or not path else place).exists():
                broken.append((page.relative_to(site).as_posix(), link))
    assert broken == []


def test_feeds_are_copied_and_atom_files_have_a_twin_for_browsers(project: Project) -> None:
    """What is published goes along, each Atom file also as `.atom.xml`; links, hidden and foreign files stay where they are."""
    _write(project)

    feeds = {name for name in _files(project.root / "site") if name.startswith("feeds/") and not name.endswith(".html")}
    assert feeds == {
        "feeds/all.atom", "feeds/all.atom.xml", "feeds/all.rss", "feeds/index.opml", "feeds/style.css",
        "feeds/news.archive/2025-12.atom", "feeds/news.archive/2025-12.atom.xml",
    }  # fmt: skip


def test_a_feed_that_goes_meanwhile_is_no_empty_feed(project: Project) -> None:
    """A run beside this one may remove feeds: one is missing then, or the run says so, and none is empty."""
    pages = project.pages(static=True)
    files = StaticSite(pages, None, project.root / "site").files()
    feed = next(files)
    (project.root / "public" / feed.path).unlink()
    with pytest.raises(StoreError, match=f"{feed.path}: it went while the site was written"):
        feed.make()
    next(files)  # the same for browsers
    (project.root / "public/feeds/all.rss").unlink()
    paths = [file.path for file in files]
    pages.close()

    assert feed.path == "feeds/all.atom"
    assert "feeds/index.opml" in paths
    assert "feeds/all.rss" not in paths


def test_a_second_run_writes_nothing(project: Project) -> None:
    """Where nothing changed, no file is written and no time moves."""
    _write(project, compress=True)
    before = _times(project.root / "site")

    counts = _write(project, compress=True)
    assert (counts.written, counts.removed) == (0, 0)
    assert _times(project.root / "site") == before


def test_the_same_project_makes_the_same_tree(project: Project, tmp_path: Path) -> None:
    """What was written step by step is what is written at once, to the byte, packed copies included."""
    _write(project, compress=True)
    project.add(made(20), made(21, at=datetime(2025, 11, 3, tzinfo=UTC)))
    _write(project, compress=True)
    write_site(project.settings, tmp_path / "other", _silent, compress=True, clock=lambda: NOW)

    assert _files(project.root / "site") == _files(tmp_path / "other")


def test_news_write_what_they_touch(project: Project) -> None:
    """A new entry is written with its neighbour and the lists it stands in; what is far from it keeps its time."""
    _write(project)
    before = _times(project.root / "site")
    project.add(made(30))
    _write(project)

    after = _times(project.root / "site")
    changed = {name.removeprefix(f"{project.root}/site/") for name in after if after[name] != before.get(name)}
    assert "index.html" in changed
    assert "c/news/a/index.html" in changed
    assert not [name for name in changed if name.startswith(("c/code/", "s/c/", "c/news/2025-12/1/", "2025-12/1/"))]
    assert sum(name.startswith("e/") for name in changed) == 2


def test_what_is_taken_down_is_removed(project: Project) -> None:
    """Its page goes, with the folder it was alone in and its packed copies; no file names it any more."""
    [row] = project.add(made(40))
    _write(project, compress=True)
    assert (project.root / f"site/e/{row.key}/index.html.gz").exists()
    Ledger.load(project.root / FILE_NAME).add(Takedown(source="a", id="a-40", key=row.key, at=NOW))
    _write(project, compress=True)

    assert not (project.root / f"site/e/{row.key}").exists()
    assert not [name for name, content in _files(project.root / "site").items() if row.key.encode() in content]


def test_files_of_somebody_else_are_never_touched(project: Project, told: list[Event]) -> None:
    """What lies in the folder stays; where it has the place of one of ours, that one is told of and not written."""
    site = project.root / "site"
    (site / "e").mkdir(parents=True)
    (site / "robots.txt").write_text("User-agent: x\n")
    (site / "about.html").write_text("mine")
    outside = project.root / "outside"
    outside.mkdir()
    (site / "c").symlink_to(outside)
    counts, hindered = write_site(project.settings, site, told.append, compress=False, clock=lambda: NOW)

    assert hindered
    assert counts.files
    assert (site / "robots.txt").read_text() == "User-agent: x\n"
    assert (site / "about.html").read_text() == "mine"
    assert list(outside.iterdir()) == []
    assert "robots.txt" in str(told)


def test_what_somebody_changed_is_not_removed(project: Project, told: list[Event]) -> None:
    """A file of ours whose page is gone stays, if its bytes are no longer ours."""
    [row] = project.add(made(40))
    _write(project)
    place = project.root / f"site/e/{row.key}/index.html"
    place.write_text("kept by hand")
    Ledger.load(project.root / FILE_NAME).add(Takedown(source="a", id="a-40", key=row.key, at=NOW))
    _write(project, told=told)

    assert place.read_text() == "kept by hand"
    assert row.key in str(told)


def test_a_run_that_died_leaves_nothing_that_nobody_knows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill in the middle, the next run goes on: every file is still known to be ours."""
    written = 0

    def dies(root: Path, path: str, content: bytes) -> None:
        nonlocal written
        written += 1
        if written == 20:
            raise KeyboardInterrupt
        write_file(root, path, content)

    monkeypatch.setattr("aggregator.pipeline.static_tree.write_file", dies)
    with pytest.raises(KeyboardInterrupt):
        _write(project)
    monkeypatch.undo()
    project.add(made(50))
    told: list[Event] = []
    _write(project, told=told)

    assert told == []
    clean, _ = write_site(project.settings, project.root / "other", told.append, compress=False, clock=lambda: NOW)
    assert clean.files
    assert _files(project.root / "site") == _files(project.root / "other")


def test_a_list_that_the_disk_does_not_take_is_an_error_in_words(tmp_path: Path) -> None:
    """Where the disk is full, nothing is written that the list does not name, and it is told as for any other file."""
    with Path("/dev/full").open("ab", buffering=0) as full:
        tree = StaticTree(tmp_path, {}, full, compress=False)
        with pytest.raises(StoreError, match=rf"{re.escape(LIST)}: no space left on device.*Free"):
            tree.put("x.html", "1", lambda: b"x")

    assert list(tmp_path.iterdir()) == []


def test_a_line_of_the_list_that_was_cut_off_spoils_no_other(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run that died over a line, what the next one writes before it dies as well is still known to be ours."""

    def dies(root: Path, path: str, content: bytes) -> None:
        write_file(root, path, content)
        raise KeyboardInterrupt

    listed = project.root / "site" / LIST
    listed.parent.mkdir()
    listed.write_text('{"tree": 1}\n{"path": "feeds/al', "utf-8")
    monkeypatch.setattr("aggregator.pipeline.static_tree.write_file", dies)
    with pytest.raises(KeyboardInterrupt):
        _write(project)
    monkeypatch.undo()
    [first] = _files(project.root / "site").keys() - {LIST}
    (project.root / "site" / first).write_bytes(b"as far as it came")
    told: list[Event] = []
    _write(project, told=told)

    assert told == []


def test_a_state_out_of_reach_removes_nothing(project: Project) -> None:
    """What cannot be read is not gone: the run ends with an error, and all pages stay."""
    _write(project)
    before = _files(project.root / "site").keys()
    project.state.close()
    place = project.root / "state/state.sqlite"
    place.write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreError, match="not all written"):
        _write(project)
    assert _files(project.root / "site").keys() >= before


def test_packed_copies_hold_the_same(project: Project) -> None:
    """Each text has its `.gz`, the same to the byte whenever it is made; without `compress` they are removed again."""
    _write(project, compress=True)

    files = _files(project.root / "site")
    texts = [name for name in files if name.endswith((".html", ".css", ".js", ".atom", ".rss", ".opml", ".xml", ".txt"))]
    assert texts
    for name in texts:
        assert gzip.decompress(files[f"{name}.gz"]) == files[name]
        assert files[f"{name}.gz"][4:8] == b"\0\0\0\0"
    assert _write(project).removed >= len(texts)
    assert not [name for name in _files(project.root / "site") if name.endswith((".gz", ".br"))]


def test_a_list_of_a_later_version_is_left_alone(project: Project) -> None:
    """A folder that a later version of this program wrote is not written to."""
    _write(project)
    (project.root / "site" / LIST).write_text(json.dumps({"tree": 99}) + "\n")

    with pytest.raises(StoreError, match="later version"):
        _write(project)


@pytest.mark.parametrize("text", ["", "\0", "[1, 2]\n{}\n", '{"path": 7}\n', '{"path": "../../x", "hash": "", "stamp": ""}\n'])
def test_a_list_that_was_harmed_harms_nothing(project: Project, text: str) -> None:
    """Whatever stands in the list, nothing outside of the folder is touched; its own lines that make no sense say nothing."""
    _write(project)
    (project.root / "x").write_text("mine")
    (project.root / "site" / LIST).write_text(text)

    _write(project)

    assert (project.root / "x").read_text() == "mine"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (".", "project folder"), ("..", "project folder"), ("config", "config folder"), ("config/site", "config folder"),
        ("posts", "posts folder"), ("posts/News", "posts folder"), ("state/x", "state"), ("archive", "archive"),
        ("public/feeds", "feeds"), ("x/../posts", "posts folder"),
    ],
)  # fmt: skip
def test_a_folder_that_is_needed_otherwise_is_refused(project: Project, place: str, words: str) -> None:
    """The project, its posts, its configuration and its feeds can be no site."""
    obstacle = find_obstacle(project.settings, project.root / place)

    assert obstacle is not None
    assert words in obstacle
    assert find_obstacle(project.settings, project.root / "public") is None
    assert find_obstacle(project.settings, project.root / "site") is None


@pytest.mark.parametrize(
    ("leads_to", "words"), [(".", "project folder"), ("posts", "posts folder"), ("public/feeds", "feeds"), ("elsewhere", None)]
)
def test_a_link_is_no_way_around_that(project: Project, leads_to: str, words: str | None) -> None:
    """Where the folder is a link, or lies behind one, it counts what it leads to."""
    link = project.root / "link"
    link.symlink_to(project.root / leads_to)

    assert (find_obstacle(project.settings, link) or "").endswith(words or "")
    assert (find_obstacle(project.settings, link / "site") is None) == (leads_to in {".", "elsewhere"})
    assert (find_obstacle(project.settings, link) is None) == (words is None)


def test_the_public_folder_can_be_the_site(project: Project) -> None:
    """Written there, the feeds stay as they are and are not ours to remove; their twins are."""
    public = project.root / "public"
    before = (public / "feeds/all.atom").stat().st_mtime_ns
    write_site(project.settings, public, _silent, compress=False, clock=lambda: NOW)
    (public / "feeds/all.atom").unlink()
    write_site(project.settings, public, _silent, compress=False, clock=lambda: NOW)

    assert before
    assert (public / "index.html").exists()
    assert not (public / "feeds/all.atom.xml").exists()
    assert (public / "feeds/all.rss").exists()


def test_the_theme_takes_part(project: Project) -> None:
    """A template of the owner's is used, a changed one writes all pages anew, a broken one is named with its place."""
    theme = project.root / "config/theme"
    theme.mkdir()
    (theme / "extra.css").write_text("body { color: red }\n")
    _write(project)
    [style] = (project.root / "site/static").glob("*.css")
    assert b"color: red" in style.read_bytes()

    (theme / "extra.css").write_text("body { color: blue }\n")
    _write(project)
    [style] = (project.root / "site/static").glob("*.css")
    assert style.name.encode() in (project.root / "site/index.html").read_bytes()

    (theme / "list.html").write_text("{% nonsense %}")
    with pytest.raises(ConfigError) as caught:
        _write(project)
    assert caught.value.problems[0].file == "config/theme/list.html"


def test_out_is_kept_as_it_should_be(project: Project, told: list[Event]) -> None:
    """`pages.out` is due when it is not there yet and after every change; nothing is told where nothing changed."""
    assert is_due(project.settings, changed=False)
    assert refresh(project.settings, told.append, clock=lambda: NOW)
    assert not is_due(project.settings, changed=False)
    assert is_due(project.settings, changed=True)
    assert len(told) == 1
    refresh(project.settings, told.append, clock=lambda: NOW)
    assert len(told) == 1


def test_full_pages_of_past_months_are_not_written_again(project: Project) -> None:
    """A month of a list is written again only if something in it, or beside it, changed."""
    start = datetime(2025, 9, 1, tzinfo=UTC)
    project.add(*(made(100 + number, at=start + timedelta(days=4 * number)) for number in range(15)))
    _write(project)
    os.utime(project.root / "site/index.html", ns=(0, 0))
    before = _times(project.root / "site")
    project.add(made(200))
    _write(project)

    after = _times(project.root / "site")
    changed = {name for name in after if after[name] != before.get(name)}
    assert not [name for name in changed if "/2025-09/" in name or "/2025-10/" in name]


def test_the_status_page_is_of_the_moment(project: Project) -> None:
    """It is made each time, since no stamp can tell what a poll or the clock has changed; the others are left alone."""
    _write(project)
    before = _files(project.root / "site")
    project.state.save(Batch(sources=(SourceState(id="a", last_poll=NOW, last_success=NOW, warnings=("Look at this",)),)))
    _write(project)

    after = _files(project.root / "site")
    assert {name for name in after if after[name] != before[name]} == {LIST, "status/index.html", "status.json"}


def test_two_runs_at_once_take_turns(project: Project) -> None:
    """Who comes second waits for the first, finds its files, and leaves the same tree."""
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: _write(project), range(2))

    assert sorted((first.written, second.written)) == [0, first.files]
    assert _write(project).written == 0


def test_a_page_that_a_power_cut_has_emptied_is_written_again(project: Project) -> None:
    """A file that is not as long as it was written is not taken for it."""
    _write(project)
    index = project.root / "site/index.html"
    before = index.read_bytes()
    index.write_bytes(b"")
    _write(project)

    assert index.read_bytes() == before
