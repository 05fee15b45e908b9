"""`aggregator source add` as a process, against real HTTP, with and without a person at a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.model.settings import join_category
from aggregator.store.lock import project_lock
from tests.projects import read
from tests.raw_upstream import Upstream as RawUpstream
from tests.raw_upstream import closing, reply
from tests.terminal import talk
from tests.upstream import Folder, Page, Upstream, item, rss, titles

LINK = '<link rel=alternate type="application/rss+xml" title="{1}" href="{0}">'
HTML = {"Content-Type": "text/html"}
#: A file as somebody wrote it; what is added stands behind it, and every byte stays.
FILE = """\
# mine   # really
defaults: {every: 1h,   language: de}   # flow

sources:

    # about a
    a:   {feed: "https://a.example/f", categories: [News, Tech]}   # tail
"""
#: What a terminal would obey, or would be misled by.
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def page(*links: tuple[str, str], title: str = "A page") -> Page:
    head = "".join(LINK.format(*link) for link in links)
    return Page(body=f"<html><head><title>{title}</title>{head}</head><body>x</body></html>".encode(), headers=HTML)


@pytest.fixture
def site() -> Iterator[Upstream]:
    """A site with a page, two feeds, and a page that names none."""
    with Upstream() as running:
        running.feed("/feed", item(1) + item(2) + item(3) + item(4) + item(5, dated=False))
        running.feed("/other", item(1))
        running.pages["/"] = page(("/feed", "Posts"))
        running.pages["/both"] = page(("/feed", "Posts &amp; more"), ("/other", "Others"), ("/c", "Comments"))
        running.pages["/none"] = page(title="Just a moment")
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    """A project with one sources file, written by hand."""
    made = Folder(tmp_path / "p")
    (made.root / "config/sources/feeds.yaml").write_text(FILE, "utf-8")
    return made


def _file(project: Folder, name: str = "feeds") -> str:
    return (project.root / f"config/sources/{name}.yaml").read_text("utf-8")


def _paths(site: Upstream) -> list[str]:
    return [request.path for request in site.requests]


def test_a_page_becomes_a_source_that_is_polled(project: Folder, site: Upstream) -> None:
    """From a page's address comes its feed, shown with three entries and written behind the others; sync then polls it."""
    done = project.run("source", "add", f"{site.address}/", "--category", "Reading/Blogs", "--every", "90m", "--yes")

    assert done.returncode == 0, done.stderr
    assert _paths(site) == ["/", "/feed"]
    added = f"    upstream:\n      feed: {site.address}/feed\n      categories: [Reading, Blogs]\n      every: 1h30m\n"
    assert _file(project) == FILE + added
    assert (
        f"config/sources/feeds.yaml gains  (from its defaults: language; --into NAME names another file)\n{added}"
        in done.stdout
    )
    assert re.findall(r"(?:newest|^) +(\d{4}-\d\d-\d\d \d\d:\d\d|no date) +(Entry \d)$", done.stdout, re.MULTILINE) == [
        ("2026-01-01 04:00", "Entry 4"),
        ("2026-01-01 03:00", "Entry 3"),
        ("2026-01-01 02:00", "Entry 2"),
    ]
    for line in (
        "title     Upstream",
        "format    RSS 2.0, 5 entries",
        "site      http://upstream.example/",
        "polled    every 90 min",
    ):
        assert line in done.stdout.splitlines()
    assert "server    ETag, so that" in done.stdout
    assert "added upstream to config/sources/feeds.yaml; next: aggregator sync" in done.stderr
    assert "already" not in done.stderr
    project.run("sync", "upstream")
    assert titles(project, "reading/blogs.atom")[-1] == "Entry 1"
    assert len(titles(project, "reading/blogs.atom")) == 5


def test_adding_twice_changes_nothing(project: Folder, site: Upstream) -> None:
    """A second time, by the feed's or the page's address or by one that leads there, it is named and no byte changes."""
    assert project.run("source", "add", f"{site.address}/feed", "--yes").returncode == 0
    before = project.files("config")
    site.pages["/old"] = Page(status=301, headers={"Location": "/feed"})
    for path, polled in (("/feed", []), ("/feed#top", []), ("/", ["/"]), ("/old", ["/old", "/feed"])):
        site.requests.clear()
        done = project.run("source", "add", f"{site.address}{path}", "--yes")
        assert (done.returncode, done.stdout) == (0, "")
        assert "is there already, as the source upstream in inbox; nothing was written" in done.stderr
        assert _paths(site) == polled
    assert project.files("config") == before


def test_a_person_chooses_and_agrees(project: Folder, site: Upstream) -> None:
    """At a terminal the feed is chosen by number, the category asked for until it can be one, and Enter adds it."""
    seen = talk(
        project,
        ["source", "add", f"{site.address}/both"],
        ("Which one? (", "7\n"),
        ("Which one? (", "2\n"),
        ("Category [inbox]", "News//Tech\n"),
        ("Category [inbox]", "news\n"),
        ("Add it? [Y/n]", "\n"),
    )

    assert seen.code == 0, seen.both
    assert _paths(site) == ["/both", "/other"]
    assert [line for line in seen.stdout.splitlines() if re.match(r" +\d  ", line)] == [
        "   1  Posts & more  (RSS)",
        "   2  Others  (RSS)",
        "   3  Comments  (RSS, comments)",
    ]
    assert "categories so far: News/Tech" in seen.screen
    assert "news is spelled News elsewhere, and so here" in seen.screen
    assert _file(project) == FILE + f"    upstream:\n      feed: {site.address}/other\n      categories: [News]\n"


@pytest.mark.parametrize("answer", ["n\n", "\x03", "\x04"], ids=["no", "ctrl-c", "ctrl-d"])
def test_a_person_says_no(project: Folder, site: Upstream, answer: str) -> None:
    """No, Ctrl-C or the end of input at the question: nothing is written, and nothing stays locked."""
    before = project.files("config", "state")
    seen = talk(project, ["source", "add", f"{site.address}/feed"], ("Category", "\n"), ("Add it?", answer))

    assert seen.code == (1 if answer == "n\n" else 130), seen.both
    assert project.files("config", "state") == before
    assert "Traceback" not in seen.both
    assert seen.screen.rstrip().endswith("nothing was written" if answer == "n\n" else "stopped")


def test_nothing_is_locked_while_a_person_thinks(project: Folder, site: Upstream) -> None:
    """While the question stands another run may hold the project; if it changed the configuration, nothing is written."""

    def meanwhile() -> str:
        with project_lock(project.root):
            (project.root / "config/sources/feeds.yaml").write_text(FILE + "# more\n", "utf-8")
        return "y\n"

    seen = talk(project, ["source", "add", f"{site.address}/feed"], ("Category", "\n"), ("Add it?", meanwhile))
    assert seen.code == 1
    assert "the configuration was changed meanwhile; nothing was written" in seen.screen
    assert _file(project) == FILE + "# more\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 1, "nothing was written: --yes writes it"),
        (["--dry-run"], 0, "nothing was written"),
        (["--dry-run", "--yes"], 0, "nothing was written"),
        (["--json"], 1, "nothing was written: --yes writes it"),
    ],
    ids=["no-terminal", "dry-run", "dry-run-yes", "json"],
)
def test_without_a_yes_nothing_is_written(project: Folder, site: Upstream, words: list[str], code: int, said: str) -> None:
    """Without a terminal and --yes, and with --dry-run, the preview and the lines are shown and nothing is touched."""
    before = project.files("config", "state")
    done = project.run("source", "add", f"{site.address}/", *words)

    assert done.returncode == code
    assert done.stderr.splitlines()[-1] == said
    assert project.files("config", "state") == before
    lines = f"    upstream:\n      feed: {site.address}/feed\n      categories: [inbox]\n"
    assert (json.loads(done.stdout)["yaml"] if "--json" in words else done.stdout.partition("file)\n")[2]) == lines


def test_several_feeds_without_a_terminal(project: Folder, site: Upstream) -> None:
    """The feeds are listed, none is asked or taken, and exit 1 says to name one."""
    for words in (["--yes"], ["--json"]):
        site.requests.clear()
        done = project.run("source", "add", f"{site.address}/both", *words)
        assert done.returncode == 1
        assert _paths(site) == ["/both"]
        assert "which one? Add it by its address" in done.stderr
        shown = [each["address"] for each in json.loads(done.stdout)["candidates"]] if "--json" in words else done.stdout
        assert all(f"{site.address}{path}" in shown for path in ("/feed", "/other", "/c"))
    assert _file(project) == FILE


def test_a_page_without_a_feed(project: Folder, site: Upstream) -> None:
    """One request is made and no address guessed; what is there, and what to try, is said."""
    for path, words in (("/none", "No address is guessed"), ("/list", "aggregator import opml FILE")):
        site.pages["/list"] = Page(body=b"<opml version='2.0'><body/></opml>", headers={"Content-Type": "text/xml"})
        site.requests.clear()
        done = project.run("source", "add", f"{site.address}{path}", "--yes")
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert _paths(site) == [path]
    site.pages["/wrong"] = page(("/none", "Feed"))
    done = project.run("source", "add", f"{site.address}/wrong", "--yes")
    assert done.returncode == 1
    assert 'title "Just a moment"), although the page calls it a feed' in done.stderr
    assert _file(project) == FILE


def test_no_terminal_obeys_an_upstream(project: Folder, site: Upstream) -> None:
    """Titles, links, headers and addresses with escapes, C1 controls and direction marks are shown without them."""
    evil = "\x1b[31mred\x07\x9b2J\u202egnp.exe\u2066"
    feed = rss(item(1, title=f"<![CDATA[{evil}]]>") + item(2).replace("/2<", f"/{evil}<"), title=f"<![CDATA[{evil}]]>")
    site.pages["/evil"] = Page(body=feed, headers={"ETag": '"x"', "Content-Type": "text/\x9b2J"}, validators=False)
    site.pages["/page"] = page(("/evil", evil), (f"/{evil}", evil), title=evil)
    site.pages["/alone"] = page(title=evil)
    for path, answers in (("/evil", [("Category", "\x03")]), ("/page", [("Which one?", "\x03")]), ("/alone", [])):
        for words in (["--dry-run"], ["--json"]):
            done = project.run("source", "add", f"{site.address}{path}", *words)
            assert "Traceback" not in done.stderr
            assert not OBEYED.search(done.stdout + done.stderr), path
        seen = talk(project, ["source", "add", f"{site.address}{path}"], *answers)
        assert not OBEYED.search(seen.both.replace("^C", "")), path


def test_private_addresses_are_allowed_one_by_one(project: Folder) -> None:
    """Refused without a connection; with --allow-private the source lists that address, is polled, and no other one is."""
    project.settings("fetch: {allow_private: []}")
    with RawUpstream(host="127.0.0.2") as private, RawUpstream(host="127.0.0.3") as other:
        private.routes = {
            "/feed": reply(200, rss(item(1)), content_type="application/rss+xml"),
            "/away": reply(302, location=other.address("/feed")),
        }
        refused = project.run("source", "add", private.address("/feed"), "--yes")
        assert refused.returncode == 4
        assert "--allow-private adds  allow_private: [127.0.0.2]  to the source" in refused.stderr
        assert private.connections == 0
        away = project.run("source", "add", private.address("/away"), "--yes", "--allow-private")
        assert away.returncode == 4
        assert "a redirect leads there" in away.stderr
        assert other.connections == 0
        assert _file(project) == FILE
        done = project.run("source", "add", private.address("/feed"), "--yes", "--allow-private")
        assert done.returncode == 0, done.stderr
        assert read(project.root).sources[-1].allow_private == ("127.0.0.2/32",)
        project.run("sync", "upstream")
    assert titles(project, "inbox.atom") == ["Entry 1"]


def test_a_public_address_is_not_listed_as_private(project: Folder, site: Upstream) -> None:
    """--allow-private writes nothing for an address that is allowed anyway."""
    assert project.run("source", "add", f"{site.address}/feed", "--yes", "--allow-private").returncode == 0
    assert "allow_private" not in _file(project)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://ada:hunter2@a.example/x", "written by hand"),
        ("ada:hunter2@a.example/x", "auth: {username"),
        ("hunter2@a.example/x", "auth: {username"),
        ("mailto:hunter2@a.example", 'the scheme "mailto"'),
        ("file:///hunter2", 'the scheme "file"'),
        ("javascript:hunter2", 'the scheme "javascript"'),
        ("exec:hunter2", 'the scheme "exec"'),
        ("nohub:/hunter2", 'the base "nohub"'),
        ("hub:hunter2", "needs a path"),
        ("https://", "names no host"),
        ("https://a.example/hunter2 x", "a space"),
        ("", "names no host"),
    ],
)
def test_addresses_that_are_refused(project: Folder, address: str, said: str) -> None:
    """What could not be asked is refused with exit 1 and what to do, without repeating what could be a password."""
    project.sources("bases: {hub: [http://127.0.0.1:9]}\n")
    before = project.files("config", "state")
    done = project.run("source", "add", "--yes", "--", address)

    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert project.files("config", "state") == before


def test_an_address_without_a_scheme_is_asked_by_https_alone(project: Folder, site: Upstream) -> None:
    """https:// is put before it and said; when that fails nobody tries http, but it is named."""
    for text in (f"127.0.0.1:{site.port}/feed", f"//127.0.0.1:{site.port}/feed", f"localhost:{site.port}/feed"):
        done = project.run("source", "add", text, "--yes")
        assert done.returncode == 4
        assert done.stderr.startswith("the address names no scheme: https:// was put before it\n")
        assert f"if it speaks http alone, add  http://{text.lstrip('/')}" in done.stderr
    assert site.requests == []
    feed = project.run("source", "add", f"feed:{site.address}/feed", "--yes")
    assert feed.returncode == 0, feed.stderr


def test_ids_and_categories_that_are_taken(project: Folder, site: Upstream) -> None:
    """A title's id that is taken gets a number; a chosen one, and a category that meets another's address, are refused."""
    assert project.run("source", "add", f"{site.address}/feed", "--yes").returncode == 0
    assert project.run("source", "add", f"{site.address}/other", "--yes", "--title", "Upstream").returncode == 0
    assert [(each.id, each.title) for each in read(project.root).sources] == [
        ("a", None),
        ("upstream", None),
        ("upstream-2", "Upstream"),
    ]
    site.requests.clear()
    site.feed("/third")
    before = project.files("config")
    for words, code, said in (
        (["--id", "A"], 2, '"A" is the id of another source'),
        (["--id", "x y"], 2, "is no source id"),
        (["--every", "5"], 2, "write 5s, 5m or 5h"),
        (["--category", "a//b"], 2, "has an empty part"),
        (["--into", "../x"], 2, "is no file name"),
        (["--title", ""], 2, "is empty"),
        (["--category", "News/Tech++"], 1, "would both be published as"),
    ):
        done = project.run("source", "add", f"{site.address}/third", "--yes", *words)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr
    assert site.requests == []
    assert project.files("config") == before
    assert project.run("source", "add", f"{site.address}/third", "--yes", "--id", "Mine.1").returncode == 0
    assert read(project.root).sources[-1].id == "Mine.1"


def test_a_name_that_a_renamed_source_had_is_not_taken(project: Folder, site: Upstream) -> None:
    """The posts of a source that was renamed, twice, keep their names to themselves: the new source gets another id."""
    assert project.run("source", "add", f"{site.address}/other", "--yes", "--id", "mine").returncode == 0
    for old, new in (("mine", "Upstream"), ("Upstream", "yours")):
        assert project.run("source", "rename", old, new).returncode == 0
    done = project.run("source", "add", f"{site.address}/feed", "--yes")

    assert done.returncode == 0, done.stderr
    assert [each.id for each in read(project.root).sources] == ["a", "yours", "upstream-2"]
    again = project.run("source", "add", f"{site.address}/other", "--yes")
    assert "is there already, as the source yours" in again.stderr
    for name in ("mine", "upstream", "Yours"):
        taken = project.run("source", "add", f"{site.address}/none", "--yes", "--id", name)
        assert taken.returncode == 2, taken.stderr


def test_the_file_that_is_taken(tmp_path: Path, site: Upstream) -> None:
    """--into, else feeds.yaml, else the first file that can be changed by a program, else a new feeds.yaml."""
    project = Folder(tmp_path / "p")
    folder = project.root / "config/sources"
    (folder / "a.yaml").write_text("{sources: {}}\n", "utf-8")
    (folder / "b.yaml").write_text("sources:\n", "utf-8")

    def add(path: str, *words: str) -> str:
        site.feed(path, item(1))
        before = {each.name: each.read_bytes() for each in folder.iterdir()}
        done = project.run("source", "add", f"{site.address}{path}", "--yes", *words)
        assert done.returncode == 0, done.stderr
        [name] = [each.name for each in folder.iterdir() if before.get(each.name) != each.read_bytes()]
        return name

    assert add("/1") == "b.yaml"
    assert add("/2", "--into", "mine") == "mine.yaml"
    (folder / "b.yaml").unlink()
    (folder / "mine.yaml").unlink()
    assert add("/3") == "feeds.yaml"
    (folder / "b.yaml").write_text("sources:\n", "utf-8")
    assert add("/4") == "feeds.yaml"
    done = project.run("source", "add", f"{site.address}/5", "--yes", "--into", "a")
    assert done.returncode == 3
    assert "no program can safely change" in done.stderr


def test_what_the_file_says_counts_for_the_first_visit(project: Folder, site: Upstream) -> None:
    """Headers in the defaults of the file that the source goes to are sent already when it is looked at."""
    (project.root / "config/sources/feeds.yaml").write_text("defaults: {headers: {X-Key: hunter2}}\nsources:\n", "utf-8")
    done = project.run("source", "add", f"{site.address}/", "--yes")

    assert done.returncode == 0, done.stderr
    assert [request.headers.get("X-Key") for request in site.requests] == ["hunter2", "hunter2"]
    assert "hunter2" not in done.stdout + done.stderr
    assert "(from its defaults: headers; " in done.stdout


def test_a_base_and_a_path(project: Folder, site: Upstream) -> None:
    """`base:/path` is asked at the base's instances, in turn, and written as it is."""
    project.sources(f"bases: {{hub: ['http://127.0.0.1:9', '{site.address}/x']}}\n")
    site.feed("/x/zaker/13", item(1))
    done = project.run("source", "add", "hub:/zaker/13", "--yes")

    assert done.returncode == 0, done.stderr
    assert "passed over 127.0.0.1:9" in done.stdout
    assert read(project.root).sources[-1].feed == "hub:/zaker/13"


def test_what_is_told_and_not_followed(project: Folder, site: Upstream) -> None:
    """Redirects and a feed's other names for itself are told; what is written is the address that was given."""
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>T</title><updated>2026-01-01T00:00:00Z</updated>'
        '<link rel="self" href="https://self.example/feed"/></feed>'
    )
    site.pages["/atom"] = Page(
        body=atom.encode(), headers={"Content-Type": "application/atom+xml", "Cache-Control": "max-age=7200"}
    )
    for status, said in ((301, "leads for good to"), (302, "leads to")):
        site.pages[f"/{status}"] = Page(status=status, headers={"Location": "/atom"})
        done = project.run("source", "add", f"{site.address}/{status}", "--dry-run")
        assert done.returncode == 0, done.stderr
        assert f"note      the address {said} {site.address}/atom" in done.stdout
        assert "note      the feed calls itself https://self.example/feed (rel=self)" in done.stdout
        assert f"feed: {site.address}/{status}\n" in done.stdout
        assert "format    Atom 1.0, no entries yet" in done.stdout
        assert "polled    fresh for 2 h" in done.stdout


def test_an_upstream_that_fails(project: Folder) -> None:
    """Whatever keeps us from a body that can be judged ends with exit 4, one line, and an untouched configuration."""
    deep = b"\n" * 3_000_000 + b"<!DOCTYPE rss [" + b"<!ENTITY a '&b;'>" * 10 + b"]><rss></rss>"
    with RawUpstream(host="127.0.0.1") as raw:
        raw.routes = {
            "/404": reply(404),
            "/401": reply(401),
            "/hangup": closing(b""),
            "/nothing": reply(200, b""),
            "/gzip": reply(200, b"\x1f\x8bx", content_encoding="gzip"),
            "/br": reply(200, b"x", content_encoding="br"),
            "/entities": reply(200, deep),
        }
        for path in ("/404", "/401", "/hangup", "/nothing", "/gzip", "/br", "/entities"):
            done = project.run("source", "add", raw.address(path), "--json", "--yes")
            assert done.returncode == 4, path
            assert json.loads(done.stdout)["result"] == "failed"
            assert done.stderr.startswith(f"{raw.address(path)}: ")
            assert ("auth:" in done.stderr) == (path == "/401")
    dead = project.run("source", "add", raw.address("/"), "--yes")
    assert dead.returncode == 4
    assert _file(project) == FILE


def test_exit_codes(project: Folder, site: Upstream) -> None:
    """A held project is 6, a folder that cannot be written 5, an invalid configuration 3; nothing is written."""
    address = f"{site.address}/feed"
    with project_lock(project.root):
        assert project.run("source", "add", address, "--yes").returncode == 6
        assert project.run("source", "add", address, "--dry-run").returncode == 0
    (project.root / "config/sources/.tmp-feeds.yaml").mkdir()
    done = project.run("source", "add", address, "--yes")
    assert done.returncode == 5, done.stderr
    assert "it is as before" in done.stderr
    assert _file(project) == FILE
    project.sources("sources: {x: {}}\n")
    site.requests.clear()
    assert project.run("source", "add", address, "--yes").returncode == 3
    assert project.run("source", "add").returncode == 2
    assert site.requests == []


def test_a_project_as_init_makes_it(tmp_path: Path, site: Upstream) -> None:
    """After `init` one `source add` and one `sync` are enough, and every comment of the files stays."""
    project = Folder(tmp_path / "p")
    (project.root / "config/settings.yaml").unlink()
    done = project.run("init")
    assert done.returncode == 0
    assert "aggregator source add ADDRESS" in done.stderr
    before = _file(project)
    done = project.run("source", "add", f"{site.address}/", "--yes", "--allow-private", "--category", "Blogs")
    assert done.returncode == 0, done.stderr
    added = f"  upstream:\n    feed: {site.address}/feed\n    categories: [Blogs]\n    allow_private: [127.0.0.1]\n"
    assert _file(project) == before.replace("\nsources:\n", f"\nsources:\n{added}")
    project.sync()
    assert len(titles(project, "blogs.atom")) == 5


def test_help_imports_nothing_more(project: Folder) -> None:
    """`aggregator source --help` names both commands without importing either, or anything that fetches."""
    code = (
        "import sys\nfrom aggregator.cli import cli\n"
        "try: cli.main(['source', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name in {'aggregator.cli.source_add', 'aggregator.cli.source_test', "
        "'aggregator.catalogue', 'aggregator.pipeline.visit', 'httpx', 'aiohttp', 'lxml', 'sqlalchemy'}])"
    )
    command = [project.command()[0], "-c", code]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=300, check=True)
    assert " add  " in done.stdout
    assert " test  " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_categories_are_shown_as_they_are_written(project: Folder, site: Upstream) -> None:
    """A slash inside a part of a category survives the question, the file and the way back."""
    done = project.run("source", "add", f"{site.address}/feed", "--yes", "--category", r"TCP\/IP/News")

    assert done.returncode == 0, done.stderr
    assert join_category(read(project.root).sources[-1].categories) == r"TCP\/IP/News"
