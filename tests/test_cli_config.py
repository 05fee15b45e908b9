from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from aggregator.cli import main
from aggregator.cli.source import table
from tests.projects import SITE, read, write

SOURCES = (
    "defaults: {every: 30m, language: zh-CN}\n"
    "bases: {rsshub: [http://127.0.0.1:1200, https://r.example]}\n"
    "sources:\n"
    "  zaker-channel-13:\n    feed: rsshub:/zaker/channel/13\n    categories: [新媒体, ZAKER]\n"
    "    headers: {X-Token: hunter2}\n    auth: {username: ada, password: hunter2}\n    proxy: http://u:hunter2@127.0.0.1:1\n"
    "  off: {feed: 'https://a.example/a-very-long-address/that-goes-on', categories: C/X, paused: true, every: null}\n"
    "  free: {feed: 'https://b.example/f', categories: A/B, every: null}\n"
)


def run(capsys: pytest.CaptureFixture[str], root: Path, *argv: str) -> tuple[int, str, str]:
    """Run the command line in a project folder; return exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["-C", str(root), *argv])
    code = ended.value.code
    captured = capsys.readouterr()
    return (code if isinstance(code, int) else 0), captured.out, captured.err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three sources, and no setting from the environment of the test run."""
    import os

    for name in [name for name in os.environ if name.startswith("AGGREGATOR_")]:
        monkeypatch.delenv(name)
    return write(tmp_path / "p", {"sources/a.yaml": SOURCES, "categories.yaml": "categories:\n  新媒体/ZAKER: {slug: z}\n"})


def test_check_config_counts(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """A good configuration is answered with one line: its sources, and every category level that is published."""
    assert run(capsys, project, "check", "config") == (0, "config: 3 sources, 6 categories, no problem\n", "")
    code, out, _ = run(capsys, project, "check", "config", "--json")
    assert (code, json.loads(out)) == (0, {"sources": 3, "categories": 6, "problems": [], "notes": []})


def test_check_config_names_a_category_without_sources(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """A path of categories.yaml that no source stands in is no problem, but is named with its place."""
    write(project, {"sources/a.yaml": SOURCES, "categories.yaml": "categories:\n  新媒体: {}\n  新媒体/ZAKR: {slug: z}\n"})
    code, out, err = run(capsys, project, "check", "config")
    assert (code, out) == (0, "config: 3 sources, 7 categories, no problem\n")
    assert err == 'note: config/categories.yaml:3: no source stands in the category "新媒体/ZAKR"\n'


def test_check_config_names_an_address_that_is_the_readers_own(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """`site.url` on this machine is told with its place, and is no problem."""
    write(project, {"sources/a.yaml": SOURCES, "settings.yaml": SITE.replace("https://t.example/", "http://127.0.0.1:8080/")})
    code, _, err = run(capsys, project, "check", "config")

    assert code == 0
    assert "note: config/settings.yaml:1: `site.url` is http://127.0.0.1:8080/, which is each reader's own machine" in err


def test_the_limits_that_count_for_a_source_are_shown(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """What a source does not say of `keep`, `posts.keep` says, with its place."""
    sources = "sources:\n  a: {feed: 'https://a.example/f', categories: A, keep: {entries: 5}}\n"
    write(project, {"sources/a.yaml": sources, "settings.yaml": f"{SITE}posts: {{keep: {{age: 30d, entries: 9}}}}\n"})
    shown = yaml.safe_load(run(capsys, project, "source", "show", "a")[1])
    origin = run(capsys, project, "config", "show", "--origin")[1].split("sources:\n")[1]

    assert shown["a"]["keep"] == {"age": "30d", "entries": 5}
    assert re.search(r"age: 30d +# config/settings.yaml:2", origin)
    assert re.search(r"entries: 5 +# config/sources/a.yaml:2", origin)


def test_check_config_reports_problems(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """Problems go to stderr with exit code 3; under --json they are one object on stdout."""
    write(project, {"sources/b.yaml": "sources:\n  x:\n    evry: 1\n"})
    code, out, err = run(capsys, project, "check", "config")
    assert (code, out) == (3, "")
    assert "config/sources/b.yaml:3:5: unknown key" in err
    assert 'did you mean "every"?' in err
    code, out, err = run(capsys, project, "--json", "check", "config")
    problems = json.loads(out)["problems"]
    assert (code, err, len(problems)) == (3, "", 3)
    assert problems[-1] == {
        "file": "config/sources/b.yaml",
        "line": 3,
        "column": 5,
        "message": 'unknown key "evry" in source "x"',
        "excerpt": "    evry: 1",
        "width": 4,
        "hint": 'did you mean "every"?  All keys: aggregator config schema sources',
    }


def test_config_show_is_yaml_without_secrets(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """`config show` prints every value that counts as YAML that reads back as the --json data, secrets masked."""
    code, out, _ = run(capsys, project, "config", "show")
    assert code == 0
    data = yaml.safe_load(out)
    assert data == json.loads(run(capsys, project, "config", "show", "--json")[1])
    assert "hunter2" not in out
    assert data["sources"]["zaker-channel-13"]["headers"] == {"X-Token": "***"}
    assert data["sources"]["zaker-channel-13"]["addresses"] == [
        "http://127.0.0.1:1200/zaker/channel/13",
        "https://r.example/zaker/channel/13",
    ]
    assert (data["fetch"]["timeout"], data["public"]["max_bytes"], data["sources"]["off"]["every"]) == ("20s", "1MiB", None)
    assert data["categories"]["新媒体/ZAKER"]["slug"] == "z"


def test_config_show_origin(capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --origin each value carries file and line, the variable, or "default"."""
    monkeypatch.setenv("AGGREGATOR_FETCH__TIMEOUT", "5s")
    out = run(capsys, project, "config", "show", "--origin")[1]
    assert re.search(r"^  timeout: 5s +# AGGREGATOR_FETCH__TIMEOUT$", out, re.MULTILINE)
    assert re.search(r"^  title: T +# config/settings.yaml:1$", out, re.MULTILINE)
    assert re.search(r"^    language: zh-CN +# config/sources/a.yaml:1$", out, re.MULTILINE)
    assert re.search(r"^  gap: 1s +# default$", out, re.MULTILINE)
    assert yaml.safe_load(out)["fetch"]["timeout"] == "5s"
    origins = json.loads(run(capsys, project, "config", "show", "--origin", "--json")[1])["origins"]
    assert origins["sources/free/feed"] == "config/sources/a.yaml:11"


def test_config_schema_prints_and_writes(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """`config schema NAME` prints one schema, without a name all three, and --write puts them where editors look."""
    code, out, _ = run(capsys, project, "config", "schema", "sources")
    assert code == 0
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(json.loads(run(capsys, project, "config", "schema")[1])) == {"settings", "categories", "sources"}
    assert run(capsys, project, "config", "schema", "--write")[0] == 0
    assert (project / "config/schema/sources.json").read_text("utf-8") == out
    assert run(capsys, project, "config", "schema", "--write")[2] == ""
    assert run(capsys, project, "config", "schema", "nope")[0] == 2


def test_source_list(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """`source list` is an aligned table in config order; --json is an array of the same sources."""
    code, out, _ = run(capsys, project, "source", "list")
    assert code == 0
    assert out.splitlines() == [
        "SOURCE            EVERY     CATEGORY      FEED",
        "zaker-channel-13  30m       新媒体/ZAKER  rsshub:/zaker/channel/13",
        "off               paused    C/X           https://a.example/a-very-long-address/that-goes-on",
        "free              adaptive  A/B           https://b.example/f",
    ]
    data = json.loads(run(capsys, project, "source", "list", "--json")[1])
    assert [each["id"] for each in data] == ["zaker-channel-13", "off", "free"]
    assert "hunter2" not in json.dumps(data)


def test_source_list_of_an_empty_project(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a source the list says how one is added."""
    code, out, err = run(capsys, write(tmp_path, {}), "source", "list")
    assert (code, out) == (0, "")
    assert "aggregator source add" in err


def test_the_table_fits_a_terminal() -> None:
    """The last column is cut at the width of the terminal, and never below what is worth reading."""
    rows: list[tuple[str, ...]] = [("ID", "FEED"), ("新", "https://a.example/" + "x" * 80)]
    assert table(rows, 40)[1] == "新  https://a.example/xxxxxxxxxxxxxxxxx…"
    assert table(rows, 5)[1] == "新  https://a.example/x…"


def test_source_show(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """`source show` prints one source as it counts, its defaults and bases resolved, its secrets masked."""
    code, out, _ = run(capsys, project, "source", "show", "zaker-channel-13", "--origin")
    data = yaml.safe_load(out)["zaker-channel-13"]
    assert (code, data["every"], data["auth"]) == (0, "30m", {"username": "ada", "password": "***"})
    assert out.startswith("# config/sources/a.yaml:4\n")
    assert re.search(r"every: 30m +# config/sources/a.yaml:1$", out, re.MULTILINE)
    assert (
        json.loads(run(capsys, project, "source", "show", "zaker-channel-13", "--json")[1]) == {"id": "zaker-channel-13"} | data
    )


def test_source_show_of_an_unknown_id(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """An unknown id is wrong usage, answered with the nearest id."""
    code, out, err = run(capsys, project, "source", "show", "zaker-chanel-13")
    assert (code, out) == (2, "")
    assert 'there is no source "zaker-chanel-13". Did you mean "zaker-channel-13"?' in err


def test_init_makes_a_project_that_loads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`init DIR` asks nothing and makes a configuration without a problem, with an identity of its own each time."""
    code, out, err = run(capsys, tmp_path, "init", "news")
    assert (code, out) == (0, "")
    assert re.search("  cd news\n  aggregator source add .*\n  aggregator run .*aggregator sync\\)\n$", err)
    root = tmp_path / "news"
    code, out, notes = run(capsys, root, "check", "config")
    assert (code, out) == (0, "config: 0 sources, 0 categories, no problem\n")
    assert [line.split(":")[0] for line in notes.splitlines()] == ["note"]  # where it is served, nobody knows yet
    assert "state/" in (root / ".gitignore").read_text("utf-8").splitlines()
    assert run(capsys, tmp_path, "init", "other")[0] == 0
    ids = {read(tmp_path / name).site.id for name in ("news", "other")}
    assert len(ids) == 2
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", each) for each in ids)


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("hexo", ("hexo", Path("source/_posts"), Path("source"))),
        ("hugo", ("hugo", Path("content/posts"), Path("static"))),
        ("jekyll", ("jekyll", Path("_posts"), Path("news"))),
        ("plain", ("default", Path("posts"), Path("public"))),
    ],
)
def test_init_fits_a_site_s_engine(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, engine: str, expected: tuple[str, Path, Path]
) -> None:
    """`init --engine` sets profile and folders, says what the site's own configuration needs, and touches no file of it."""
    (tmp_path / "_config.yml").write_text("title: Mine\n", "utf-8")
    assert run(capsys, tmp_path, "init", ".", "--engine", engine)[0] == 0

    made = read(tmp_path)
    assert (made.posts.profile, made.posts.dir, made.public.dir) == expected
    assert (tmp_path / "_config.yml").read_text("utf-8") == "title: Mine\n"
    text = (tmp_path / "config/settings.yaml").read_text("utf-8")
    assert ("site's" in text) == (engine != "plain")
    assert yaml.safe_load(text)["site"].get("timezone") == ("UTC" if engine != "plain" else None)


@pytest.mark.parametrize(
    ("site", "url"),
    [
        (("hexo", "_config.yml", "title: 'A: b #c'\nurl: https://b.example/x\nlanguage: zh-CN\n"), "https://b.example/x/"),
        (
            ("hugo", "hugo.toml", "title = 'A: b #c'\nbaseURL = 'https://b.example/x'\nlanguageCode = 'zh-CN'\n"),
            "https://b.example/x/",
        ),
        (
            ("jekyll", "_config.yml", "title: 'A: b #c'\nurl: https://b.example\nbaseurl: /x\nlang: zh-CN\n"),
            "https://b.example/x/news/",
        ),
    ],
)
def test_init_takes_what_the_site_says_of_itself(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, site: tuple[str, str, str], url: str
) -> None:
    """Title, address, language and time zone stand in the settings, and are named; a title is quoted where YAML needs it."""
    engine, name, config = site
    zone = "timezone = 'Asia/Tokyo'\n" if name.endswith("toml") else "timezone: Asia/Tokyo\n"
    (tmp_path / name).write_text(config + zone, "utf-8")
    _, _, err = run(capsys, tmp_path, "init", "--engine", engine)
    made = read(tmp_path).site

    assert (made.title, made.url, made.language, made.timezone) == ("A: b #c", url, "zh-CN", "Asia/Tokyo")
    assert f"taken from {name}: title A: b #c, url {url}, language zh-CN, timezone Asia/Tokyo\n" in err
    assert "timezone: UTC" not in (tmp_path / "config/settings.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (b"url: http://example.com\n", "url: http://example.com (is an example's)"),
        (b"timezone: Mars/Base\n", "timezone: Mars/Base (is no IANA time zone)"),
        (b"url: javascript:alert(1)\n", "url: javascript:alert(1)"),
        (b'title: "a\\e[31mb\\nsite: {}"\n', "(holds what cannot be printed)"),
        (b"title: " + b"x" * 500, "(is longer than 200 characters)"),
        (b"language: [en, de]\ntitle: {a: b}\n", ""),
        (b"x: " + b"[" * 5000, "nothing was taken from the site's configuration. _config.yml: it is nested too deeply"),
        (b"title: [\n", "nothing was taken from the site's configuration. _config.yml: it is no YAML"),
        (b"\xff\xfe", "nothing was taken from the site's configuration. _config.yml: it is not UTF-8"),
        (b"x: !!python/object/apply:os.getcwd []\n", "nothing was taken"),
    ],
)
def test_init_leaves_what_does_not_fit(capsys: pytest.CaptureFixture[str], tmp_path: Path, config: bytes, said: str) -> None:
    """A value that cannot be used, or a hostile file, is told; the settings are those of a site that says nothing."""
    (tmp_path / "_config.yml").write_bytes(config)
    code, _, err = run(capsys, tmp_path, "init", "--engine", "hexo")
    made = read(tmp_path).site

    assert code == 0
    assert said in err
    assert "\x1b" not in err
    assert (made.title, made.url, made.language, made.timezone) == ("News", "http://127.0.0.1:8080/", None, "UTC")


def test_init_examples_work_when_uncommented(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every example in the files of `init` loads once its "#" is taken away."""
    run(capsys, tmp_path, "init")
    for path in (tmp_path / "config").rglob("*.yaml"):
        lines = path.read_text("utf-8").splitlines()
        wanted = [re.sub(r"^(\s*)# (?=( *[\w/-]+:( |$)))", r"\1", line) for line in lines[1:]]
        path.write_text("\n".join(wanted), "utf-8")
    made = read(tmp_path, {"MEMBERS_PASSWORD": "x"})
    assert [source.id for source in made.sources] == ["python-insider", "zaker-science", "members-only"]
    assert made.fetch.allow_private == ("127.0.0.1/32",)


def test_init_overwrites_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A second `init` writes nothing; files that are there already are kept."""
    (tmp_path / ".gitignore").write_text("mine\n", "utf-8")
    err = run(capsys, tmp_path, "init")[2]
    assert "kept .gitignore\n     put state/ into it" in err
    assert (tmp_path / ".gitignore").read_text("utf-8") == "mine\n"
    before = _bytes(tmp_path)
    code, _, err = run(capsys, tmp_path, "init")
    assert code == 0
    assert "is a project already; nothing was written" in err
    assert _bytes(tmp_path) == before


def test_init_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where a file stands in the way of a folder, `init` says so and exits with 5."""
    (tmp_path / "config").write_text("in the way", "utf-8")
    code, _, err = run(capsys, tmp_path, "init")
    assert code == 5
    assert "cannot be written" in err


def test_init_follows_the_config_option(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --config the files land in the folder of that name."""
    assert run(capsys, tmp_path, "--config", "etc", "init", "news")[0] == 0
    assert (tmp_path / "news/etc/sources/feeds.yaml").is_file()
    assert run(capsys, tmp_path / "news", "--config", "etc", "check", "config")[0] == 0


@pytest.mark.parametrize("argv", [["config"], ["check"], ["source"]])
def test_a_group_alone_shows_its_commands(capsys: pytest.CaptureFixture[str], project: Path, argv: Sequence[str]) -> None:
    """A group without a command prints its help."""
    code, out, err = run(capsys, project, *argv)
    assert code in {0, 2}
    assert "Commands:" in out + err


def test_a_missing_project_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Outside of a project every command names `init` and -C, with exit code 3."""
    for argv in (["config", "show"], ["source", "list"], ["check", "config"]):
        code, _, err = run(capsys, tmp_path, *argv)
        assert code == 3
        assert "aggregator init" in err


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_settings_of_another_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An absolute --config is read where it is, and shown by its whole path."""
    write(tmp_path / "x", {"settings.yaml": SITE + "oops: 1\n"})
    code, _, err = run(capsys, tmp_path, "--config", str(tmp_path / "x/config"), "check", "config")
    assert code == 3
    assert err.startswith("x/config/settings.yaml:2:1: unknown key")
