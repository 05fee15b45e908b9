from __future__ import annotations

import gc
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import ConfigError
from aggregator.model.settings import HostLimits, join_category, split_category
from aggregator.model.source import RightsMode
from aggregator.settings import load
from tests.projects import SITE, problems_of, read, settings_of, write

SOURCE = "sources:\n  s:\n    feed: https://a.example/f\n    categories: [A]\n"


def test_a_typo_is_answered_with_its_place_and_the_right_key(tmp_path: Path) -> None:
    """An unknown key gives file, line, column, the line, an underline and the nearest key: the example of the docs, exactly."""
    text = (
        "# yaml-language-server: $schema=../schema/sources.json\n"
        "sources:\n"
        "  zaker-source-12291:\n"
        "    feed: https://a.example/f\n"
        "    title: ZAKER\n"
        "    categories: [新媒体]\n"
        "    evry: 30m\n"
    )
    [problem] = problems_of(tmp_path, {"sources/zaker.yaml": text})
    assert str(problem) == (
        'config/sources/zaker.yaml:7:5: unknown key "evry" in source "zaker-source-12291"\n'
        "   7 |     evry: 30m\n"
        '     |     ^^^^ did you mean "every"?  All keys: aggregator config schema sources'
    )


def test_the_underline_stands_under_wide_characters(tmp_path: Path) -> None:
    """A Chinese character before or below the fault takes two columns of the underline."""
    [problem] = problems_of(tmp_path, {"sources/a.yaml": SOURCE + "    every: [媒, 体]\n".replace("every", "fixes")})[:1]
    lines = str(problem).splitlines()
    assert lines[1] == "   5 |     fixes: [媒, 体]"
    assert lines[2] == "     |             ^^"


def test_all_problems_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    """Problems of every file are reported together: settings, categories, sources by file name, each in line order."""
    problems = problems_of(
        tmp_path,
        {
            "settings.yaml": SITE + "fetch:\n  timeout: 3\n  gap: x\nposts: {dir: ../out}\n",
            "categories.yaml": "categories:\n  A//B: {}\n",
            "sources/b.yaml": "sources:\n  s: {feed: ftp://a.example/}\n",
            "sources/a.yaml": "sources:\n  t: {feed: 'https://a.example/', categories: A, paused: yes}\n",
        },
        {"AGGREGATOR_FETCH__NOPE": "1"},
    )
    assert [(p.file, p.line) for p in problems] == [
        ("config/settings.yaml", 3),
        ("config/settings.yaml", 4),
        ("config/settings.yaml", 5),
        ("AGGREGATOR_FETCH__NOPE", None),
        ("config/categories.yaml", 2),
        ("config/sources/a.yaml", 2),
        ("config/sources/b.yaml", 2),
        ("config/sources/b.yaml", 2),
    ]


def test_a_minimal_project_has_every_default(tmp_path: Path) -> None:
    """Three keys are enough; everything else has the default of its record."""
    made = settings_of(tmp_path)
    assert (made.site.title, made.site.timezone, made.sources, made.categories) == ("T", "UTC", (), ())
    assert made.root == tmp_path
    assert (made.fetch.timeout, made.posts.dir, made.public.entries) == (timedelta(seconds=20), Path("posts"), 50)


def test_every_key_of_the_settings_is_read(tmp_path: Path) -> None:
    """Each key of settings.yaml reaches its field."""
    made = settings_of(
        tmp_path,
        settings="site: {id: 'tag:a.example,2026:x', title: T, url: https://t.example/x, author: A, language: zh-CN,"
        " timezone: Asia/Shanghai, icon: img/标志.png, logo: https://cdn.example/l.png}\n"
        "fetch: {allow_private: [127.0.0.1, 'fd00::/8'], timeout: 1m30s, max_bytes: 2MiB, concurrency: 5, user_agent: me/1,"
        " per_host: 2, gap: 500ms, hosts: {RSS.example: {gap: 0s}, '[::1]': {per_host: 3}}}\n"
        "posts: {dir: source/_posts, profile: volantis, durable: false}\n"
        "public: {dir: /srv/feeds, entries: 7, max_bytes: 65536}\n"
        "state: {url: 'postgresql://u:hunter2@db/x'}\n",
    )
    assert made.site.url == "https://t.example/x/"
    assert (made.site.icon, made.site.logo) == ("img/标志.png", "https://cdn.example/l.png")
    assert made.fetch.allow_private == ("127.0.0.1/32", "fd00::/8")
    assert (made.fetch.timeout, made.fetch.max_bytes, made.fetch.concurrency) == (timedelta(seconds=90), 2**21, 5)
    assert (made.fetch.user_agent, made.fetch.per_host, made.fetch.gap) == ("me/1", 2, timedelta(milliseconds=500))
    assert made.fetch.hosts == (("rss.example", HostLimits(gap=timedelta())), ("::1", HostLimits(per_host=3)))
    assert (made.posts.dir, made.posts.profile, made.posts.durable) == (Path("source/_posts"), "volantis", False)
    assert (made.public.dir, made.public.entries, made.public.max_bytes) == (Path("/srv/feeds"), 7, 65536)
    assert made.state.url.reveal() == "postgresql://u:hunter2@db/x"
    assert "hunter2" not in repr(made)


def test_every_key_of_a_source_is_read(tmp_path: Path) -> None:
    """Each key of a source reaches its field; a base becomes one address per instance, in order."""
    [source] = settings_of(
        tmp_path,
        sources="bases: {rsshub: [http://127.0.0.1:1200, https://r.example/x/]}\n"
        "sources:\n  新闻-1:\n    feed: rsshub:/zaker/channel/13?x=%2F&z=%41\n    title: 12:30\n    categories: [新媒体, A/B]\n"
        "    every: 1h30m\n    author: on\n    language: no\n    timezone: Asia/Shanghai\n"
        "    cover: {fallback: 'https://i.example/x.png'}\n    fixes: []\n    limit: 5\n    paused: true\n"
        "    allow_private: true\n    headers: {X-Token: hunter2}\n    auth: {username: ada, password: hunter2}\n"
        "    proxy: http://u:hunter2@127.0.0.1:3128\n    rights: {mode: excerpt, note: 1e3}\n",
    ).sources
    assert source.id == "新闻-1"
    assert source.addresses == (
        "http://127.0.0.1:1200/zaker/channel/13?x=%2F&z=%41",
        "https://r.example/x/zaker/channel/13?x=%2F&z=%41",
    )
    assert (source.title, source.author, source.language, source.rights.note) == ("12:30", "on", "no", "1e3")
    assert (source.categories, source.every) == (("新媒体", "A/B"), timedelta(minutes=90))
    assert (source.timezone, source.cover_fallback) == ("Asia/Shanghai", "https://i.example/x.png")
    assert (source.fixes, source.limit, source.paused) == ((), 5, True)
    assert source.allow_private == ("0.0.0.0/0", "::/0")
    assert [(name, value.reveal()) for name, value in source.headers] == [("X-Token", "hunter2")]
    assert source.auth is not None
    assert source.auth.password.reveal() == "hunter2"
    assert source.proxy is not None
    assert source.rights.mode is RightsMode.EXCERPT
    assert "hunter2" not in repr(source)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("every: 30", '"every" in S must be a duration with its unit', "write 30s, 30m or 30h"),
        ("keep: {age: 5}", '"age" in "keep" in S must be a duration with its unit', "write 5d"),
        ("keep: {age: long}", '"age" in "keep" in S must be a duration with its unit', "such as 2d, 30d, 365d"),
        ("every: 1:30", '"every" in S must be a duration with its unit', "such as 90s, 30m, 1h30m, 2d"),
        ("every: 1m1m", '"every" in S names a unit twice', None),
        ("every: 0s", '"every" in S must be between 1s and 365d', None),
        ("every:", '"every" in S has no value', "write one, or remove the line"),
        ("every: [1h]", '"every" in S must be a duration', None),
        ("paused: yes", '"paused" in S must be true or false', "write true"),
        ("paused: 'true'", '"paused" in S must be true or false', "remove the quotes"),
        ("paused: null", '"paused" in S has no value', "write one, or remove the line"),
        ("limit: 010", '"limit" in S must be a whole number', "such as 10"),
        ("limit: '5'", '"limit" in S must be a whole number', "remove the quotes"),
        ("limit: 0", '"limit" in S must be between 1 and 100000', None),
        ("title: ''", '"title" in S is empty', "remove the line, or write a text"),
        ('title: "a\\nb"', '"title" in S holds the character U+000A; it must be one line of plain text', None),
        ("title: ' a'", '"title" in S begins or ends with a space', None),
        ("title: !!binary aGk=", '"title" in S has a tag; none is used here', 'put a text that begins with "!" into quotes'),
        ("title: {a: b}", '"title" in S must be a text', None),
        ("language: zh_CN.UTF-8", '"language" in S is no language tag (BCP 47)', "write zh-CN"),
        ("timezone: Beijing", '"timezone" in S is no IANA time zone', None),
        ("timezone: Shanghai", '"timezone" in S is no IANA time zone', 'did you mean "Asia/Shanghai"?'),
        ("timezone: ../etc/passwd", '"timezone" in S is no IANA time zone', None),
        ("fixes: [zacker]", '"fixes" in S must be jianshu, juejin, oschina, zaker or zhihu', 'did you mean "zaker"?'),
        ("fixes:", '"fixes" in S must be a list of fixes', "write [] for none"),
        ("allow_private: [10.0.0.1/8]", '"allow_private" in S is no address or network', "write 10.0.0.0/8"),
        ("allow_private: localhost", '"allow_private" in S is no address or network', None),
        ("rights: {mode: ful}", '"mode" in "rights" in S must be full, excerpt or link', 'did you mean "full"?'),
        ("rights: full", '"rights" in S must be a mapping', None),
        ("cover: {fallback: /x.png}", '"fallback" in "cover" in S is no address: it names no scheme', None),
        ("auth: {username: a}", 'missing key "password" in "auth" in S', None),
        ("headers: {'X Y': a}", '"***" in "headers" in S is no header name', None),
        ("headers: {HOST: a}", '"***" in "headers" in S names host, a header that the fetcher sets itself', None),
        ("headers: {A: a, a: b}", '"a" in "headers" in S is the same name as "A"', None),
        ('headers: {A: "a\\r\\nB: c"}', '"A" in "headers" in S must be one line of printable text', None),
        ("headers: {A: 媒}", '"A" in "headers" in S holds characters that no HTTP header can carry', None),
        ("proxy: socks5://127.0.0.1:1", '"proxy" in S must be the address of an HTTP proxy', None),
        ("proxy: {env: NOT_SET}", '"proxy" in S wants the environment variable "NOT_SET", which is not set', "export NOT_SET=..."),  # noqa: E501
        ("proxy: {file: no/such}", '"proxy" in S wants the file "no/such", which cannot be read: no such file or directory', None),  # noqa: E501
        ("proxy: {envv: A}", '"proxy" in S must be a text, {env: NAME} or {file: PATH}', None),
        ("title: a\n    title: b", 'the key "title" stands twice in S', "first in config/sources/a.yaml:5"),
        ("? [a]\n    : b", "a key in S is no text", "put it into quotes"),
        ("url: https://a.example/", 'unknown key "url" in S', 'did you mean "feed"?  All keys: aggregator config schema sources'),  # noqa: E501
        ("quux: 1", 'unknown key "quux" in S', "All keys: aggregator config schema sources"),
        ("<<: 5", "<< in S wants a mapping", "such as *anchor"),
        ("auth: {username: a, password: b}\n    headers: {AUTHORIZATION: c}", 'S has both "auth" and an Authorization header', "remove one of them"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(tmp_path: Path, line: str, message: str, hint: str | None) -> None:
    """Each wrong value of a source is one problem that says what is wrong and, where it can, what to write."""
    [problem] = problems_of(tmp_path, {"sources/a.yaml": f"{SOURCE}    {line}\n"})
    assert problem.message.replace('source "s"', "S") == message
    assert problem.line is not None
    if hint is not None:
        assert problem.hint == hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feed: example.org/feed", '"feed" is no address: it names no scheme'),
        ("feed: feed://a.example/x", '"feed" asks for the scheme "feed"; only http and https are fetched'),
        ("feed: https://u:hunter2@a.example/x", '"feed" carries a user name'),
        ("feed: rsshub:/x", '"feed" names the base "rsshub", which no "bases:" defines'),
        ("feed: https://a.example/a b", '"feed" holds a space, which no address may'),
        ("feed: https:///x", '"feed" names no host'),
    ],
)
def test_a_feed_that_cannot_be_asked(tmp_path: Path, text: str, message: str) -> None:
    """A feed that no request could be sent to is a problem at its line, which shows no credentials."""
    [problem] = problems_of(tmp_path, {"sources/a.yaml": f"sources:\n  s:\n    categories: A\n    {text}\n"})
    assert (problem.line, problem.message) == (4, message)
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("sources:\n\ts: {}\n", "2:1", "this is no YAML: a tab where YAML wants spaces"),
        ("sources:\n  s:\n    title: a: b\n", "3:13", 'this is no YAML: a second ": " in one line'),
        ("sources: {\n", "2:1", "this is no YAML:"),
        ("sources: @x\n", "1:10", 'this is no YAML: "@" cannot begin a value'),
        ("sources: {}\n---\nsources: {}\n", "2:1", "a second document begins here"),
        ("sources: *no\n", "1:10", "an alias without an anchor before it"),
        ("sources: &x [*x]\n", "1:14", "an alias without an anchor before it"),
        ("sources: !!python/object:os.system {}\n", None, None),
        ("[" * 3000, "1:65", "nested deeper than 64 levels"),
        ("- " * 3000 + "x", "1:129", "nested deeper than 64 levels"),
        ("a: 1\nb: \x07\n", "2:4", "the character U+0007 cannot stand in YAML"),
        ("- a\n", "1:1", "the file must hold keys and values"),
        ("just text", "1:1", "the file must hold keys and values"),
        ("sources:\n - feed: https://a.example/\n", "2:2", "sources must be a mapping from source ids"),
        ("sources:\n  s:\n", "2:3", 'missing key "feed" in source "s"'),
        ("sources:\n  a/b: {feed: 'https://a.example/', categories: A}\n", "2:3", '"a/b" in sources is no source id'),
        (f"sources:\n  {'媒' * 27}: {{feed: 'https://a.example/', categories: A}}\n", "2:3", "longer than 80 bytes"),
        ("defaults: {feed: x}\n", "1:12", 'unknown key "feed" in defaults'),
        ("bases: {http: [https://a.example]}\n", "1:9", '"http" in bases is no name for a base'),
        ("bases: {x: []}\n", "1:12", '"x" in bases is empty'),
        ("bases: {x: ['https://a.example?k=1']}\n", "1:13", "ends in a query or a fragment"),
        ("soruces: {}\n", "1:1", 'unknown key "soruces" in the file'),
    ],
)
def test_a_file_that_is_not_what_it_should_be(tmp_path: Path, text: str, place: str | None, message: str | None) -> None:
    """Broken, dangerous and misplaced YAML is a problem with line and column, never a traceback or a crash."""
    if place is None or message is None:
        assert settings_of(tmp_path, sources=text).sources == ()  # the tag of a mapping asks for nothing that we would do
        return
    problem = problems_of(tmp_path, {"sources/a.yaml": text})[0]
    assert f"{problem.line}:{problem.column}" == place
    assert message in problem.message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (SITE.encode("utf-16"), "is UTF-16 text"),
        (SITE.encode() + b"# caf\xe9\n", "the byte 0xE9 is no UTF-8"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    """A file in another encoding is a problem that names it; nothing is guessed."""
    [problem] = problems_of(tmp_path, {"settings.yaml": raw})
    assert problem.message == message
    assert problem.hint is not None
    assert "UTF-8" in problem.hint


def test_the_place_of_a_bad_byte(tmp_path: Path) -> None:
    """The line and column of a byte that is no UTF-8 count characters, as an editor does."""
    [problem] = problems_of(tmp_path, {"settings.yaml": SITE.encode() + "# 媒体".encode() + b"\xff\n"})
    assert (problem.line, problem.column) == (2, 5)


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    """A file that begins with a UTF-8 BOM, or whose lines end in CRLF, is read, and its lines are counted right."""
    raw = b"\xef\xbb\xbf" + (SITE + "posts:\n  dirr: x\n").replace("\n", "\r\n").encode()
    [problem] = problems_of(tmp_path, {"settings.yaml": raw})
    assert (problem.line, problem.column, problem.excerpt) == (3, 3, "  dirr: x")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "sources:\n", "sources: null\ndefaults:\nbases: {}\n"])
def test_empty_files_and_sections_hold_nothing(tmp_path: Path, text: str) -> None:
    """An empty file, or a section whose keys are all commented out, is no mistake."""
    assert settings_of(tmp_path, sources=text, categories="", settings=SITE + "fetch:\nposts:\n").sources == ()


def test_an_empty_settings_file_lacks_the_site(tmp_path: Path) -> None:
    """Without `site` each of its required keys is missing, and nothing else is wrong."""
    problems = problems_of(tmp_path, {"settings.yaml": ""})
    assert [p.message for p in problems] == [f'missing key "{key}" in site' for key in ("id", "title", "url")]


def test_no_settings_file_says_how_to_begin(tmp_path: Path) -> None:
    """A folder without settings.yaml is no project, and the message names `init` and -C."""
    with pytest.raises(ConfigError, match=r"settings.yaml: there is no such file(?s:.)*aggregator init"):
        read(tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A dangling link, or a folder with a file's name, is a problem that says so."""
    write(tmp_path, {})
    (tmp_path / "config/categories.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "config/sources").mkdir()
    (tmp_path / "config/sources/x.yml").mkdir()
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)
    assert [p.message for p in caught.value.problems] == [
        "cannot be read: no such file or directory",
        "cannot be read: is a directory",
    ]


@pytest.mark.parametrize("stands_there", ["a dangling link", "a file"])
def test_what_is_no_folder_of_sources(tmp_path: Path, stands_there: str) -> None:
    """Where config/sources leads nowhere, as to a disk that is not there, that is a problem, and not a project without any."""
    write(tmp_path, {})
    place = tmp_path / "config/sources"
    if stands_there == "a file":
        place.write_text("sources: {}\n", "utf-8")
    else:
        place.symlink_to(tmp_path / "gone")

    with pytest.raises(ConfigError) as caught:
        read(tmp_path)

    [problem] = caught.value.problems
    assert problem.file == "config/sources"
    assert problem.message in {"cannot be read: no such file or directory", "cannot be read: not a directory"}


def test_files_that_would_silently_not_be_read(tmp_path: Path) -> None:
    """A YAML file of another name beside settings.yaml is a problem; editors' hidden copies are not."""
    files = {"category.yaml": "x: 1\n", ".#settings.yaml": "{", "sources/.#a.yaml": "{"}
    [problem] = problems_of(tmp_path, files)
    assert (problem.file, problem.message) == ("config/category.yaml", "this file is not read")
    assert problem.hint is not None
    assert 'did you mean "categories.yaml"?' in problem.hint


def test_defaults_count_for_their_file_alone(tmp_path: Path) -> None:
    """`defaults:` applies key by key to the sources of its own file; a source's own keys win, and null takes back."""
    defaults = (
        "defaults: {every: 1h, language: zh-CN, categories: [D], rights: {mode: link, note: N}, headers: {A: a},"
        " auth: {username: u, password: p}}\n"
    )
    made = read(
        write(
            tmp_path,
            {
                "sources/a.yaml": defaults
                + "sources:\n  a: {feed: 'https://a.example/', every: 2h, rights: {note: M}, headers: {B: b}}\n"
                + "  b: {feed: 'https://a.example/', every: null, auth: ~, rights: null, categories: E}\n",
                "sources/b.yaml": "sources:\n  c: {feed: 'https://a.example/', categories: C}\n",
            },
        )
    )
    a, b, c = made.sources
    assert (a.every, a.language, a.categories) == (timedelta(hours=2), "zh-CN", ("D",))
    assert (a.rights.mode, a.rights.note, [name for name, _ in a.headers]) == (RightsMode.LINK, "M", ["A", "B"])
    assert (b.every, b.auth, b.rights.mode, b.categories) == (None, None, RightsMode.FULL, ("E",))
    assert (c.every, c.language) == (None, None)


def test_sources_keep_the_order_of_the_files(tmp_path: Path) -> None:
    """Sources come in the order of file names, then as written, .yml files among them."""
    one = "{feed: 'https://a.example/', categories: A}"
    names = ("b.yaml", "c.yaml", "a.yml")
    made = read(write(tmp_path, {f"sources/{name}": f"sources: {{{name[0]}2: {one}, {name[0]}1: {one}}}\n" for name in names}))
    assert [source.id for source in made.sources] == ["a2", "a1", "b2", "b1", "c2", "c1"]


def test_what_is_defined_twice(tmp_path: Path) -> None:
    """An id or a base that two files define is a problem in the second one that names the first place."""
    source = "bases: {r: https://r.example}\nsources:\n  s: {feed: 'r:/x', categories: A}\n"
    problems = problems_of(tmp_path, {"sources/a.yaml": source, "sources/b.yaml": source})
    assert [(p.file, p.message, p.hint) for p in problems] == [
        (
            "config/sources/b.yaml",
            'the base "r" is defined twice',
            "bases count for all files; first in config/sources/a.yaml:1",
        ),
        ("config/sources/b.yaml", 'the source "s" is defined twice', "first in config/sources/a.yaml:3"),
    ]


def test_a_broken_file_is_not_blamed_for_its_bases(tmp_path: Path) -> None:
    """While one file cannot be read, no feed of another is said to name an unknown base."""
    files = {"sources/a.yaml": "bases: {r: [", "sources/b.yaml": "sources:\n  s: {feed: 'r:/x', categories: A}\n"}
    assert [p.file for p in problems_of(tmp_path, files)] == ["config/sources/a.yaml"]


@pytest.mark.parametrize(
    ("posts", "public", "message"),
    [
        ("out", "out", "are the same folder"),
        ("out", "out/feeds", "are the same folder, or posts and feeds would hold each other"),
        ("out/feeds/posts", "out", "are the same folder, or posts and feeds would hold each other"),
        ("posts", "./posts/../posts", "are the same folder"),
        ("../x", "public", "leads out of the project folder"),
        ("a/../../x", "public", "leads out of the project folder"),
        (".", "public", "must be a folder of its own"),
        ("~/posts", "public", 'begins with "~"'),
        ("config/posts", "public", "would hold the config folder or stand in it"),
        ("posts", "/", "must be a folder of its own"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, posts: str, public: str, message: str) -> None:
    """posts.dir and public.dir are folders of their own, apart from each other, the project and its configuration."""
    text = f"{SITE}posts: {{dir: {posts!r}}}\npublic: {{dir: {public!r}}}\n"
    [problem] = problems_of(tmp_path, {"settings.yaml": text})
    assert message in problem.message


def test_an_absolute_folder_above_the_project_is_refused(tmp_path: Path) -> None:
    """A public folder that holds the project would publish its configuration."""
    [problem] = problems_of(tmp_path / "p", {"settings.yaml": f"{SITE}public: {{dir: {tmp_path}}}\n"})
    assert "would hold the project folder" in problem.message


def test_category_paths_and_slugs(tmp_path: Path) -> None:
    """A key of categories.yaml is a path; its settings are read, in order."""
    text = (
        "categories:\n  新媒体: {slug: new-media, title: N, language: zh-CN, entries: 9}\n  新媒体/C\\/C++: {slug: c}\n  X:\n"
    )
    made = settings_of(tmp_path, categories=text).categories
    assert [category.path for category in made] == [("新媒体",), ("新媒体", "C/C++"), ("X",)]
    assert (made[0].slug, made[0].title, made[0].language, made[0].entries) == ("new-media", "N", "zh-CN", 9)


@pytest.mark.parametrize(
    ("icon", "message"),
    [
        ("/icon.png", "begins with a slash, but is a path below site.url"),
        ("//cdn.example/icon.png", "is no address: it names no scheme"),
        ("data:image/png;base64,AAAA", 'asks for the scheme "data"; only http and https are fetched'),
        ("https://user:secret@cdn.example/icon.png", "carries a user name"),
        ("../icon.png", "is neither an http(s) address nor a file's path below site.url"),
        ("img//icon.png", "is neither an http(s) address nor a file's path below site.url"),
    ],
)
def test_a_picture_that_cannot_be_shown(tmp_path: Path, icon: str, message: str) -> None:
    """A picture is an http(s) address, or a file below the site's own address and nowhere else."""
    [problem] = problems_of(tmp_path, {"categories.yaml": f"categories:\n  A: {{icon: '{icon}'}}\n"})
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  A/: {}\n", "has an empty part"),
        ("  '': {}\n", "has an empty part"),
        ("  A: {slug: all}\n", 'the slug "all" is taken'),
        ("  A: {slug: Index}\n", 'the slug "Index" is taken'),
        ("  A: {slug: a/b}\n", "is no slug"),
        ("  A: {slug: a.b}\n", "is no slug"),
        ("  A: {slug: x}\n  B: {slug: X}\n", 'the slug "X" is that of "A" too'),
        ('  A: {}\n  "A": {}\n', 'the key "A" stands twice'),
        ("  A\\b: {}\n  A\\\\b: {}\n", "stands twice"),
        ("  A: 5\n", 'category "A" must be a mapping'),
    ],
)
def test_categories_that_cannot_be_published(tmp_path: Path, text: str, message: str) -> None:
    """Paths without a name, slugs that are taken or would meet, and paths written twice are problems."""
    [problem] = problems_of(tmp_path, {"categories.yaml": f"categories:\n{text}"})
    assert message in problem.message


def test_posts_may_stand_beside_the_feeds(tmp_path: Path) -> None:
    """In a static site one folder holds both: source/_posts and source/feeds."""
    text = f"{SITE}posts: {{dir: source/_posts}}\npublic: {{dir: source}}\n"
    assert str(settings_of(tmp_path, settings=text).public.dir) == "source"


def test_the_same_slug_in_two_places_is_fine(tmp_path: Path) -> None:
    """Slugs may repeat below different parents, and `all` is free below the top."""
    text = "categories:\n  A/X: {slug: all}\n  B/X: {slug: all}\n"
    assert len(settings_of(tmp_path, categories=text).categories) == 2


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(alphabet="a/\\媒 ", min_size=1), min_size=1, max_size=4))
def test_category_paths_survive_being_written(parts: list[str]) -> None:
    """A path written as one text is read back as the same parts, slashes and backslashes inside them included."""
    assert split_category(join_category(tuple(parts))) == tuple(parts)


def test_origins_name_file_line_and_variable(tmp_path: Path) -> None:
    """Each value that was given has an origin: file and line, the defaults' line, or the variable."""
    write(tmp_path, {"sources/a.yaml": "defaults:\n  every: 1h\n" + SOURCE, "categories.yaml": "categories:\n  A: {slug: x}\n"})
    loaded = load(tmp_path, tmp_path / "config", {"AGGREGATOR_FETCH__GAP": "2s"})
    assert loaded.origins["fetch", "gap"] == "AGGREGATOR_FETCH__GAP"
    assert loaded.origins["site", "title"] == "config/settings.yaml:1"
    assert loaded.origins["sources", "s", "every"] == "config/sources/a.yaml:2"
    assert loaded.origins["sources", "s", "feed"] == "config/sources/a.yaml:5"
    assert loaded.origins["categories", "A", "slug"] == "config/categories.yaml:2"
    assert ("fetch", "timeout") not in loaded.origins


def test_the_config_folder_may_stand_elsewhere(tmp_path: Path) -> None:
    """A config folder outside the project is shown by its whole path."""
    write(tmp_path / "c", {"settings.yaml": "x: 1\n"})
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "p", tmp_path / "c/config", {})
    assert {problem.file for problem in caught.value.problems} == {str(tmp_path / "c/config/settings.yaml")}


def test_the_collector_is_as_it_was(tmp_path: Path) -> None:
    """Loading leaves the garbage collector on, also when it fails."""
    problems_of(tmp_path, {"settings.yaml": "x: 1\n"})
    assert gc.isenabled()


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab:-?#&*!|>%@`'\"{}[], \n\t\\~0媒", max_size=60))
def test_no_text_makes_it_stumble(tmp_path: Path, text: str) -> None:
    """Any text as a sources file either loads or is refused with problems; nothing else ever comes out."""
    write(tmp_path, {"sources/a.yaml": text})
    with suppress(ConfigError):
        read(tmp_path)
