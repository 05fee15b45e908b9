"""`category rename`: the configuration, posts, feeds and whoever subscribed, by the command as a user runs it."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from lxml import etree

from aggregator.serve.server import serve
from aggregator.store.ledger import Ledger, Renamed
from aggregator.store.opening import open_state
from tests.conftest import Sweep
from tests.upstream import ATOM, Folder, Upstream, item, titles, unsealed, wait_until

FILE = "config/sources/all.yaml"


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def feed(folder: Folder, path: str) -> etree._Element:
    return etree.fromstring((folder.root / "public/feeds" / path).read_bytes())


def id_of(folder: Folder, path: str) -> str | None:
    return feed(folder, path).findtext("a:id", namespaces=ATOM)


def self_of(folder: Folder, path: str) -> str:
    [link] = [link for link in feed(folder, path).findall("a:link", ATOM) if link.get("rel") == "self"]
    return link.get("href") or ""


def rename(folder: Folder, old: str, new: str) -> subprocess.CompletedProcess[str]:
    done = folder.here("category", "rename", old, new)
    assert done.returncode == 0, done.stderr
    return done


def moves(stems: dict[str, str]) -> dict[str, str]:
    """Return what redirects.json says where each feed is published in every format."""
    endings = (".atom", ".rss", ".json")
    return {f"feeds/{old}{ending}": f"feeds/{new}{ending}" for old, new in stems.items() for ending in endings}


def renames(folder: Folder) -> list[tuple[str, str, str | None]]:
    lines = Ledger.load(folder.root / "ledger.jsonl").of(Renamed)
    return [(line.old, line.new, line.file) for line in sorted(lines, key=lambda line: line.at)]


def categories_of(folder: Folder, number: int) -> list[str]:
    [post] = (folder.root / "posts").rglob(f"entry-{number}-*.md")
    front = post.read_text("utf-8").split("categories:\n")[1].split("\nauthor")[0]
    return [line.strip(" -'") for line in front.splitlines()]


@pytest.mark.publishes("P3", "P4")
def test_a_category_takes_everything_with_it(folder: Folder) -> None:
    """Config, posts and feeds follow, children too; feeds keep their ids, and whoever asks at the old address reads on."""
    ids = {path: id_of(folder, f"{path}.atom") for path in ("news", "news/a", "news/b")}
    posts = {path: unsealed(text.decode()) for path, text in folder.files("posts").items()}
    done = rename(folder, "news", "Neues/Heute")
    after = {path: unsealed(text.decode()) for path, text in folder.files("posts").items()}

    assert (folder.root / FILE).read_text("utf-8").count("categories: [Neues, Heute, ") == 2
    assert "config/sources/all.yaml: news is Neues/Heute now, at 2 places" in done.stderr
    assert "5 posts written anew\n" in done.stderr
    assert "feeds/news.atom leads to feeds/neues/heute.atom now" in done.stderr
    assert after == {path: text.replace(" - 'news'\n", " - 'Neues'\n - 'Heute'\n") for path, text in posts.items()}
    for old, new in (("news", "neues/heute"), ("news/a", "neues/heute/a"), ("news/b", "neues/heute/b")):
        assert id_of(folder, f"{new}.atom") == ids[old]
        assert self_of(folder, f"{old}.atom") == f"https://news.example/feeds/{new}.atom"
        assert feed(folder, f"{old}.atom").findtext("a:id", namespaces=ATOM) == ids[old]
    assert titles(folder, "neues/heute.atom") == titles(folder, "news.atom") == titles(folder, "all.atom")
    assert b"feeds/news" not in (folder.root / "public/feeds/index.opml").read_bytes()
    assert "no category is published there" not in done.stderr

    before = (folder.files(), folder.times())
    again = folder.sync("--force")
    repeated = rename(folder, "news", "Neues/Heute")
    assert (folder.files(), folder.times()) == before
    assert "no category is published there" not in again.stderr
    assert "0 posts written anew" in repeated.stderr


def test_the_copy_follows_the_feed(folder: Folder, upstream: Upstream) -> None:
    """What comes later stands at the old address too, in every format; a copy that somebody removed comes back."""
    rename(folder, "news/a", "news/z")
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    folder.sync("--force")
    feeds = folder.root / "public" / "feeds"
    for name in ("news/a.atom", "news/a.json", "redirects.json"):
        (feeds / name).unlink()
    folder.sync()

    assert "Entry 4" in titles(folder, "news/a.atom")
    for ending in (".atom", ".rss", ".json"):
        assert (feeds / f"news/a{ending}").read_bytes() == (feeds / f"news/z{ending}").read_bytes()
    assert json.loads((feeds / "redirects.json").read_bytes()) == moves({"news/a": "news/z"})


@pytest.mark.post_row("R64")
def test_edited_posts_stay_and_are_published_under_the_new_name(folder: Folder) -> None:
    """Not a byte of an edited post changes, it is named, and it stands in the renamed feed all the same."""
    [post] = (folder.root / "posts").rglob("entry-11-*.md")
    post.write_text(post.read_text("utf-8").replace("comments: false", "comments: true"), "utf-8")
    edited = post.read_bytes()
    done = rename(folder, "news/b", "news/beta")
    folder.sync("--force")
    folder.here("reindex")
    folder.here("build")

    assert post.read_bytes() == edited
    assert f"posts/news/b/{post.name}: edited by hand; kept as it is" in done.stderr
    assert "1 post written anew, 1 kept since edited by hand" in done.stderr
    assert titles(folder, "news/beta.atom") == ["Entry 12", "Entry 11"]
    assert categories_of(folder, 12) == ["news", "beta"]
    assert b'term="news/beta"' in (folder.root / "public/feeds/news/beta.atom").read_bytes()
    assert b'term="news/b"' not in (folder.root / "public/feeds/news/beta.atom").read_bytes()


@pytest.mark.publishes("P3")
def test_names_go_on_and_back(folder: Folder) -> None:
    """From a to b to c both old addresses lead to c; back to a, it is a feed like any other, and its id never changed."""
    first = id_of(folder, "news/a.atom")
    rename(folder, "news/a", "news/x")
    rename(folder, "news/x", "news/c")
    twice = json.loads((folder.root / "public/feeds/redirects.json").read_bytes())
    there = id_of(folder, "news/c.atom")
    rename(folder, "news/c", "news/a")
    back = json.loads((folder.root / "public/feeds/redirects.json").read_bytes())
    at_home = id_of(folder, "news/a.atom")
    rename(folder, "news/a", "news/x")
    again = json.loads((folder.root / "public/feeds/redirects.json").read_bytes())

    assert twice == moves({"news/a": "news/c", "news/x": "news/c"})
    assert back == moves({"news/x": "news/a", "news/c": "news/a"})
    assert again == moves({"news/a": "news/x", "news/c": "news/x"})
    assert first == there == at_home == id_of(folder, "news/x.atom")
    assert [(old, new) for old, new, _ in renames(folder)] == [
        ("news/a", "news/x"),
        ("news/x", "news/c"),
        ("news/c", "news/a"),
        ("news/a", "news/x"),
    ]


def test_a_child_may_leave_a_renamed_parent(folder: Folder) -> None:
    """Every address that a category ever had goes on working, also the one below a parent that it has left since."""
    known = id_of(folder, "news/a.atom")
    rename(folder, "news", "Media")
    rename(folder, "Media/a", "Other/a")

    for path in ("news/a.atom", "media/a.atom"):
        assert self_of(folder, path) == "https://news.example/feeds/other/a.atom"
        assert id_of(folder, path) == known
    assert self_of(folder, "news/b.atom") == "https://news.example/feeds/media/b.atom"


def test_a_slug_goes_with_its_category(folder: Folder) -> None:
    """Where categories.yaml gives the address it stays, so nothing needs to lead anywhere; a name of another case likewise."""
    (folder.root / "config/categories.yaml").write_text("categories:\n  news: {slug: n, title: The news}  # mine\n", "utf-8")
    shutil.rmtree(folder.root / "public")
    folder.sync()
    before = id_of(folder, "n/a.atom")
    rename(folder, "news", "Nachrichten")
    rename(folder, "Nachrichten/a", "Nachrichten/A")

    assert (
        (folder.root / "config/categories.yaml")
        .read_text("utf-8")
        .endswith("  Nachrichten: {slug: n, title: The news}  # mine\n")
    )
    assert id_of(folder, "n/a.atom") == before
    assert not (folder.root / "public/feeds/redirects.json").exists()
    assert {path.stem for path in (folder.root / "public/feeds").iterdir()} == {"all", "index", "n", "status", "style"}


def test_our_server_sends_people_on(folder: Folder) -> None:
    """The old address answers 301, for GET and HEAD, that nobody keeps; the index names the new one only."""
    folder.sources(folder.root.joinpath(FILE).read_text("utf-8").replace("[news, a]", "[新, a]"))
    folder.sync()
    rename(folder, "新", "ニュース")
    with serve(folder.root / "public") as server:
        answers = []
        for method, path in (("GET", "/feeds/新/a.atom"), ("HEAD", "/feeds/新.atom?x=1"), ("GET", "/")):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request(method, quote(path, safe="/?="))
            answer = connection.getresponse()
            leads = urljoin(quote(path, safe="/?="), answer.getheader("Location", ""))
            answers.append((answer.status, leads, answer.getheader("Cache-Control"), answer.read()))
            connection.close()

    assert answers[0][:3] == (301, f"/feeds/{quote('ニュース')}/a.atom", "no-cache")
    assert answers[1] == (301, f"/feeds/{quote('ニュース')}.atom", "no-cache", b"")
    assert quote("ニュース").encode() in answers[2][3]
    assert quote("新").encode() not in answers[2][3]


def test_a_name_that_is_taken_is_refused(folder: Folder) -> None:
    """A category that is there, a former name of another, one's own below, and what does not exist: exit 2, nothing changed."""
    rename(folder, "news/a", "news/z")
    before = folder.files("config", "posts", "public", "ledger.jsonl")
    told = {
        words: folder.here("category", "rename", *words)
        for words in (
            ("news/z", "news/b"),
            ("news/b", "news/a"),
            ("news", "news/deeper"),
            ("news/a", "news/y"),
            ("news/c", "x"),
            ("news/b", "news/z/"),
            ("news/b", "x//y"),
            ("news/b", "news/b"),
        )
    }

    assert {done.returncode for done in told.values()} == {2}
    assert folder.files("config", "posts", "public", "ledger.jsonl") == before
    assert "two feeds cannot become one" in told["news/z", "news/b"].stderr.replace("\n", " ")
    assert '"news/a" is taken: "news/z" was called that before' in told["news/b", "news/a"].stderr
    assert "cannot be put into itself" in told["news", "news/deeper"].stderr
    assert 'there is no category "news/a". It was renamed to "news/z".' in told["news/a", "news/y"].stderr
    assert 'Did you mean "news/' in told["news/c", "x"].stderr


def test_the_old_name_cannot_be_configured_again(folder: Folder) -> None:
    """It would take over the subscribers: exit 3, with the place, the reason and what to write; `check config` knows it too."""
    before = (folder.root / FILE).read_text("utf-8")
    rename(folder, "news/a", "news/z")
    (folder.root / FILE).write_text(before, "utf-8")
    synced, checked = folder.run("sync"), folder.here("check", "config")

    assert (synced.returncode, checked.returncode) == (3, 3)
    for done in (synced, checked):
        assert 'source "a": the category "news/a" was renamed to "news/z" (ledger.jsonl)' in done.stderr
        assert "write news/z here, or have it done: aggregator category rename news/a news/z" in done.stderr


def test_what_no_program_can_change_is_left_to_people(folder: Folder, upstream: Upstream) -> None:
    """Nothing is written, and the message names the line and what to write: exit 3."""
    (folder.root / "config/sources/more.yaml").write_text(
        f"sources:\n  c:\n    feed: '{upstream.address}/b?c'\n    categories: &x [news, c]\n    title: &t news\n"
        f"  d: {{feed: '{upstream.address}/b?d', categories: [*t, d]}}\n",
        "utf-8",
    )
    before = folder.files("config", "posts", "public", "ledger.jsonl")
    done = folder.here("category", "rename", "news", "media")

    assert (done.returncode, folder.files("config", "posts", "public", "ledger.jsonl")) == (3, before)
    assert "config/sources/more.yaml:6:" in done.stderr
    assert "write [media, d] there and run the command again; nothing was written" in done.stderr


def test_killed_between_ledger_and_configuration(folder: Folder) -> None:
    """A run then says how to go on, and the same command finishes."""
    undisturbed = _copy(folder)
    rename(undisturbed, "news", "media")
    spare = folder.root / "config" / "sources" / ".tmp-all.yaml"
    os.mkfifo(spare)  # whoever opens it for writing waits
    with subprocess.Popen(folder.command("category", "rename", "news", "media"), env=folder.environment()) as running:
        wait_until((folder.root / "ledger.jsonl").exists)
        running.send_signal(signal.SIGKILL)
    spare.unlink()
    synced = folder.run("sync")
    rename(folder, "news", "media")

    assert synced.returncode == 3
    assert "have it done: aggregator category rename news media" in synced.stderr
    assert _content(folder) == _content(undisturbed)


@pytest.mark.post_row("R61")
@pytest.mark.timeout(600)
def test_killed_at_random_moments(synced: Folder, lasting_upstream: Upstream, sweep: Sweep) -> None:
    """After kill -9 at a random moment the same command leaves what an undisturbed one leaves, and nothing locked."""
    lasting_upstream.feed("/a", "".join(item(number) for number in range(20, 60)))
    synced.sync("--force")
    undisturbed = synced.copy(synced.root.parent / "undisturbed")
    rename(undisturbed, "news", "media")
    seen: set[int] = set()
    for number in range(sweep.count(whole=40, sampled=2)):
        chance = random.Random(f"{sweep.seed} {number}")
        folder = synced.copy(synced.root.parent / str(number))
        words = folder.command("category", "rename", "news", "media", "--jobs", "1")
        with subprocess.Popen(words, env=folder.environment(), stderr=subprocess.DEVNULL) as victim:
            threshold = chance.randint(0, 45)
            while victim.poll() is None and _anew(folder) < threshold:
                time.sleep(0.0005)
            time.sleep(chance.uniform(0, 0.02))
            victim.kill()
        seen.add(_anew(folder))
        done = rename(folder, "news", "media")
        assert "by hand" not in done.stderr, f"seed {sweep.seed}, kill {number}"
        assert _content(folder) == _content(undisturbed), f"seed {sweep.seed}, kill {number}"
        state = open_state("sqlite:///state/state.sqlite", folder.root, create=False).state
        rows = [row for leaf in state.leaves() for row in state.posts(leaf, "", 1000)]
        assert {(row.locked, row.raw_hash is None, row.categories[0]) for row in rows} == {(False, False, "media")}
        state.close()
        shutil.rmtree(folder.root)
    print(f"posts written when it was killed, seed {sweep.seed}: {sorted(seen)}")


def _anew(folder: Folder) -> int:
    return sum(b"- 'media'" in post.read_bytes() for post in (folder.root / "posts").rglob("[!.]*.md"))


@pytest.mark.parametrize("then", ["the command", "sync first"])
def test_killed_before_the_posts(folder: Folder, then: str) -> None:
    """With the configuration changed and no post yet, the feeds are whole at once, and the same command writes the posts."""
    undisturbed = _copy(folder)
    rename(undisturbed, "news", "media")
    for name in ("ledger.jsonl", FILE):
        shutil.copy(undisturbed.root / name, folder.root / name)
    if then == "sync first":
        folder.sync()
        assert titles(folder, "media.atom") == titles(undisturbed, "media.atom")
        assert id_of(folder, "media/a.atom") == id_of(undisturbed, "media/a.atom")
    done = rename(folder, "news", "media")

    assert "5 posts written anew\n" in done.stderr
    assert _content(folder) == _content(undisturbed)


def test_a_configuration_that_cannot_be_written_takes_the_ledger_along(folder: Folder) -> None:
    """If no file could be written the ledger's line is struck out again: exit 5, and everything is as before."""
    before = folder.files("config", "posts", "public")
    (folder.root / "config/sources/.tmp-all.yaml").mkdir()
    done = folder.here("category", "rename", "news", "media")
    (folder.root / "config/sources/.tmp-all.yaml").rmdir()

    assert done.returncode == 5
    assert (folder.files("config", "posts", "public"), renames(folder)) == (before, [])


def test_what_is_gone_is_gone_under_the_new_name_too(folder: Folder) -> None:
    """A feed goes on saying which entries were deleted, though the ledger names them with the old category (RFC 6721)."""
    [post] = (folder.root / "posts").rglob("entry-1-*.md")
    post.unlink()
    folder.here("build")
    before = (folder.root / "public/feeds/news/a.atom").read_bytes().count(b"deleted-entry")
    rename(folder, "news/a", "news/z")

    assert before == (folder.root / "public/feeds/news/z.atom").read_bytes().count(b"deleted-entry") == 1
    assert titles(folder, "news/z.atom") == ["Entry 3", "Entry 2"]


def test_new_sources_under_the_old_name_come_to_the_new_one(folder: Folder, lasting_upstream: Upstream) -> None:
    """`source add` and `import opml` know what a category is called now, and say so."""
    rename(folder, "news", "media")
    lasting_upstream.feed("/c", item(31))
    lasting_upstream.feed("/d", item(41))
    words = ("--category", "news/c", "--allow-private", "--yes")
    added = folder.run("source", "add", f"{lasting_upstream.address}/c", "--id", "c", *words)
    outline = f'<outline type="rss" text="D" xmlUrl="{lasting_upstream.address}/d"/>'
    opml = f'<opml version="2.0"><head/><body><outline text="news">{outline}</outline></body></opml>'
    (folder.root / "list.opml").write_text(opml, "utf-8")
    imported = folder.here("import", "opml", str(folder.root / "list.opml"))

    assert "news/c is called media/c now" in added.stdout + added.stderr
    assert "news is called media now" in imported.stdout
    assert (folder.root / FILE).read_text("utf-8").count("[media, c]") == 1
    assert folder.here("check", "config").returncode == 0


def test_a_half_of_a_feed_may_move_away(folder: Folder) -> None:
    """Two of three entries leave a feed for another category, which the gate does not take for a loss; nor after a kill."""
    folder.sources(folder.root.joinpath(FILE).read_text("utf-8").replace("[news, a]", "[elsewhere]"))
    state = folder.copy(folder.root.parent / "other" / "project")
    folder.here("build", "--posts")
    for place in ("posts", "state", "ledger.jsonl", FILE):  # as if it had been killed before the feeds
        target = state.root / place
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        source = folder.root / place
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    with closing(sqlite3.connect(state.root / "state/state.sqlite")) as connection:
        connection.execute("UPDATE outputs SET dirty = 1")
        connection.commit()
    done = state.here("build")

    assert done.returncode == 0, done.stderr
    assert titles(state, "news.atom") == titles(folder, "news.atom") == ["Entry 12", "Entry 11"]
    assert titles(state, "elsewhere.atom") == ["Entry 3", "Entry 2", "Entry 1"]


def test_list_and_show(folder: Folder) -> None:
    """Every level with its feed and its sources; what it was called before, and where copies lie."""
    rename(folder, "news/a", "news/z")
    listed = folder.here("category", "list").stdout
    shown = folder.here("category", "show", "news/z").stdout
    data = json.loads(folder.here("category", "show", "news/z", "--json").stdout)
    unknown = folder.here("category", "show", "news/a")

    assert [line.split() for line in listed.splitlines()] == [
        ["CATEGORY", "SOURCES", "FEED"],
        ["news", "2", "feeds/news.atom"],
        ["news/z", "1", "feeds/news/z.atom"],
        ["news/b", "1", "feeds/news/b.atom"],
    ]
    assert "before    news/a\n" in shown
    assert (data["sources"], data["before"], data["copies"]) == (["a"], ["news/a"], ["feeds/news/a.atom"])
    assert data["id"] == id_of(folder, "news/z.atom")
    assert (unknown.returncode, 'It was renamed to "news/z"' in unknown.stderr) == (2, True)


def _copy(folder: Folder) -> Folder:
    return folder.copy(folder.root.parent / "other" / "project")


def _content(folder: Folder) -> dict[str, bytes]:
    """Return everything but the ledger, whose line says when."""
    assert [line[:2] for line in renames(folder)] == [("news", "media")]
    return folder.files("config", "posts", "public")


def test_two_branches_that_rename_one_category_are_told(folder: Folder) -> None:
    """A merge that keeps two names of one category would leave one of them without its subscribers: the run says so instead."""
    rename(folder, "news", "one")
    path = folder.root / "ledger.jsonl"
    line = next(line for line in path.read_text("utf-8").splitlines() if '"renamed"' in line)
    second = line.replace('"one"', '"two"').replace('"at": "20', '"at": "21')
    path.write_text(path.read_text("utf-8") + second + "\n", "utf-8")
    assert folder.here("status").returncode == 0
    config = folder.root / FILE
    config.write_text(config.read_text("utf-8").replace("one", "two"), "utf-8")

    done = folder.here("build")
    assert done.returncode == 3
    assert 'the category "news" was renamed twice, to "one" and to "two" (ledger.jsonl)' in done.stderr


def test_it_says_where_pages_move(tmp_path: Path, upstream: Upstream) -> None:
    """Jekyll makes addresses of categories, so its pages move with the name: the command says so."""
    upstream.feed("/b", item(11))
    folder = Folder(tmp_path / "site")
    folder.settings("posts: {profile: jekyll}")
    folder.sources_at({"b": f"{upstream.address}/b"})
    folder.sync()

    assert "Jekyll's addresses hold the categories" in rename(folder, "news", "Media").stderr
