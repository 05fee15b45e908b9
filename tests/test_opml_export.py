from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lxml import etree

from aggregator.cli import main
from aggregator.cli.export_opml import choose_address
from aggregator.model.source import Source
from aggregator.opml import plan_import
from aggregator.parse.opml import read_opml
from tests.conftest import need
from tests.projects import read, write
from tests.upstream import Folder, Upstream, item

SOURCES = """\
bases: {rsshub: [http://127.0.0.1:1200, https://hub.example/x], own: [http://127.0.0.1:1200, 'http://10.0.0.1/']}
sources:
  b: {feed: 'https://b.example/?a=1&b=2', title: 'B & <b>bold</b> "q"', categories: [新媒体, ZAKER], language: zh-CN}
  a: {feed: 'https://a.example/f', categories: [编程]}
  deep: {feed: 'https://deep.example/#frag', title: '1 < 2 &amp; 3', categories: [新媒体, A/B, 'c\\d'], paused: true}
  hub: {feed: 'rsshub:/zaker/13', title: Hub, categories: 新媒体/ZAKER}
  idn: {feed: 'https://新闻.example/早报', title: 早　报, categories: [新媒体]}
"""
SECRETS = """\
sources:
  key: {feed: 'https://k.example/f?key=hunter2', categories: x}
  token: {feed: 'https://k.example/f?a=1&access_token=hunter2#x', categories: x}
  login: {feed: 'https://l.example/f', categories: x, auth: {username: ada, password: hunter2}}
  header: {feed: 'https://h.example/f', categories: x, headers: {X-Token: hunter2}, proxy: 'http://u:hunter2@p.example:1'}
  loop: {feed: 'http://127.0.0.1:1200/f', categories: x}
  lan: {feed: 'http://nas/f', categories: x}
  allowed: {feed: 'https://wiki.example/f', categories: x, allow_private: 10.0.0.0/8}
  open: {feed: 'https://o.example/f', categories: x}
"""


def run(capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> tuple[str, str]:
    """Export in a project folder; return what stands on stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["-C", str(root), "export", "opml", *words])
    captured = capsys.readouterr()
    assert ended.value.code == 0, captured.err
    return captured.out, captured.err


def addresses(text: str) -> list[str]:
    return [str(outline.get("xmlUrl")) for outline in etree.fromstring(text.encode()).iter("outline") if outline.get("xmlUrl")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "p", {"sources/a.yaml": SOURCES})


def test_folders_are_categories_in_the_order_of_the_configuration(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """Each category level is a folder, each source an outline of type rss with text, title and address."""
    out, err = run(capsys, project)
    body = etree.fromstring(out.encode()).find("body")

    assert body is not None
    assert err == ""
    assert [folder.get("text") for folder in body] == ["新媒体", "编程"]
    assert [(each.get("text"), each.get("xmlUrl")) for each in body[0]] == [
        ("ZAKER", None),
        ("A/B", None),
        ("早　报", "https://xn--efvy88h.example/%E6%97%A9%E6%8A%A5"),
    ]
    for outline in body.iter("outline"):
        assert outline.get("text")
        assert outline.get("text") == outline.get("title")
        assert (outline.get("type") == "rss") == (outline.get("xmlUrl") is not None)


def test_the_list_is_the_same_each_time(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """Two exports of one configuration are the same bytes, to standard output and to a file, and carry no date."""
    first, _ = run(capsys, project)
    second, _ = run(capsys, project, "-")
    file = project / "list.opml"
    _, err = run(capsys, project, str(file))

    assert first == second == file.read_text("utf-8")
    assert "date" not in first.lower()
    assert "5 of 5 sources" in err


def test_our_list_comes_back_as_it_was(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    """Imported into an empty project, the export gives the same addresses, titles and categories, in the same order."""
    out, _ = run(capsys, project)
    plan = plan_import(read_opml(out.encode()).feeds, read(write(tmp_path / "empty", {})), {})

    by_folder = ("b", "hub", "deep", "idn", "a")
    known = {source.id: source for source in read(project).sources}
    wanted = [
        (choose_address(known[name], private=False)[0], known[name].title or name, known[name].categories) for name in by_folder
    ]
    assert [(row.address, row.title, row.categories) for row in plan.rows] == wanted
    assert {row.what for row in plan.rows} == {"new"}
    assert plan.sources["b-b-bold-b-q"]["language"] == "zh-CN"


def test_no_secret_leaves(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Addresses with a secret parameter are left out, auth and headers stay here, and each such source is named."""
    out, err = run(capsys, write(tmp_path / "p", {"sources/a.yaml": SECRETS}), "--private")

    assert "hunter2" not in out + err
    assert "ada" not in out
    found = addresses(out)
    assert "https://l.example/f" in found
    assert "https://h.example/f" in found
    assert not [address for address in found if "k.example" in address]
    said = dict(line.split(": ", 1) for line in err.splitlines())
    assert set(said) == {"key", "token", "login", "header"}
    assert "left out: its address holds a secret" in said["key"]
    assert "without its auth" in said["login"]
    assert "without its headers" in said["header"]


def test_private_sources_stay_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Sources that only we can reach are left out and named, unless --private asks for them."""
    root = write(tmp_path / "p", {"sources/a.yaml": SECRETS})
    out, err = run(capsys, root, "-")
    private = {"http://127.0.0.1:1200/f", "http://nas/f", "https://wiki.example/f"}

    assert not private & set(addresses(out))
    assert "https://o.example/f" in addresses(out)
    for name in ("loop", "lan", "allowed"):
        assert f"{name}: left out: " in err
    assert private <= set(addresses(run(capsys, root, "--private")[0]))


@pytest.mark.parametrize(
    ("instances", "private", "wanted"),
    [
        (("https://one.example/z", "https://two.example/z"), False, "https://one.example/z"),
        (("http://127.0.0.1:1200/z", "https://two.example/z"), False, "https://two.example/z"),
        (("http://127.0.0.1:1200/z", "https://two.example/z"), True, "http://127.0.0.1:1200/z"),
        (("http://127.0.0.1:1200/z", "http://[fd00::1]/z"), False, None),
        (("http://hub.internal/z", "http://localhost/z"), False, None),
    ],
)
def test_a_base_gives_an_instance_that_others_reach(instances: tuple[str, ...], *, private: bool, wanted: str | None) -> None:
    """Of a base's instances the first public one is exported; with --private the first."""
    source = Source(id="x", feed="rsshub:/z", addresses=instances, categories=("c",))

    assert choose_address(source, private=private)[0] == wanted


def test_what_polls_learned_is_told(tmp_path: Path, upstream: Upstream) -> None:
    """After a sync the list names each feed's page, and its own title where the configuration has none."""
    upstream.feed("/a", item(1))
    folder = Folder(tmp_path / "p")
    folder.sources_at({"a": f"{upstream.address}/a"})
    before = folder.run("export", "opml", "--private")
    assert not (folder.root / "state").exists()
    folder.sync()
    after = folder.run("export", "opml", "--private")

    old, new = (etree.fromstring(done.stdout.encode()).findall(".//outline[@xmlUrl]")[0] for done in (before, after))
    assert (old.get("text"), old.get("htmlUrl")) == ("a", None)
    assert (new.get("text"), new.get("htmlUrl")) == ("Upstream", "http://upstream.example/")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Exit 5 with the file's name, and no traceback."""
    folder = Folder(tmp_path / "p")
    done = folder.run("export", "opml", str(tmp_path / "none" / "list.opml"))

    assert done.returncode == 5
    assert "list.opml: no such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_newsboat_finds_every_address(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    """The reader newsboat imports our export: every address arrives, with its folder as tag and its title."""
    newsboat = need("newsboat")
    file = tmp_path / "list.opml"
    run(capsys, project, str(file))
    home = tmp_path / "home"
    home.mkdir()
    (home / "urls").touch()
    words = ["-u", str(home / "urls"), "-c", str(home / "cache.db"), "-C", "/dev/null", "-i", str(file)]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([newsboat, *words], env=environment, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    lines = (home / "urls").read_text("utf-8").splitlines()
    assert [line.split()[0] for line in lines] == addresses(file.read_text("utf-8"))
    assert len(lines) == 5
    assert [line.split()[1].strip('"').split("/")[0] for line in lines] == [*["新媒体"] * 4, "编程"]
