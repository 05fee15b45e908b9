"""Rows R47, R48, D3 to D9, D21 and D24: what upstream writes, and the names and places of files that come of it."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from html import escape
from pathlib import Path

import pytest

from aggregator.model.key import key_of_name
from tests.play import once
from tests.test_families_text import NAMESPACES, SITE, matters, rss
from tests.upstream import Folder, Upstream, item, titles

#: Each would lead somewhere in a program that puts it into a path.
PLACES = (
    *("../../x", "..", ".", "/etc/passwd", "//host/share", "~/.ssh/x", "C:\\windows\\x", "..\\..\\x", "a/../../b", "./x"),
    *(
        "%2e%2e%2f%2e%2e%2fx",
        "%00",
        "..%c0%afx",
        "\u2025/\u2025",
        "．．／x",
        "\u2044etc\u2044x",
        "$HOME/x",
        "`id`",
        "$(id)",
        "|id",
    ),
    *("x\nposts/y", "con", "NUL.txt", "-rf", "--", "*", "?", ".git/config", ".tmp-1-1", "_posts", "x.md", "a:b", "\u202ex/.."),
)
_PART = re.compile(r"[^\W_]+(?:[^\W_]|[\u0300-\u036f-])*", re.UNICODE)


def _outside(root: Path) -> set[str]:
    """Return everything below the test's folder that is not where the project keeps its files."""
    kept = ("project/posts/", "project/public/", "project/state/", "project/config/")
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
    return {path for path in found if not path.startswith(kept)}


@pytest.mark.post_row("R47", "D24")
def test_no_field_names_a_place(tmp_path: Path) -> None:
    """Paths in title, author, label, file, link, id, language and the feed's own title make no file but plain posts."""

    def hostile(place: str) -> str:
        text = escape(place)
        return (
            f"<title>{text}</title><dc:creator>{text}</dc:creator><category domain='{text}'>{text}</category>"
            f"<enclosure url='{text}' type='{text}' length='{text}'/><media:thumbnail url='{text}'/>"
            f"<dc:language>{text}</dc:language><description>{text} and a text.</description>"
        )

    ids = "".join(
        f"<item><guid isPermaLink='false'>{escape(place)}</guid><title>id {number}</title><link>{escape(place)}</link></item>"
        for number, place in enumerate(PLACES)
    )
    first = rss(*map(hostile, PLACES)).replace("<title>Harbour</title>", "<title>../../harbour</title>")
    second = f'<rss version="2.0" {NAMESPACES}><channel><title>/etc</title><link>{SITE}/</link>{ids}</channel></rss>'
    played = once(tmp_path, {"a": first, "b": second})

    posts = [path.removeprefix("posts/") for path in played.files() if path.startswith("posts/")]
    assert len(posts) == 2 * len(PLACES)
    assert _outside(tmp_path) == set()
    for path in posts:
        folder, _, name = path.rpartition("/")
        assert folder == "news"
        assert _PART.fullmatch(name.removesuffix(".md")), name
    names = {path.removeprefix("public/feeds/") for path in played.files() if path.startswith("public/")}
    feeds = {f"{name}.{format_}" for name in ("all", "news") for format_ in ("atom", "rss", "json")}
    assert names == feeds | {"index.opml", "status.atom", "style.css"}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project that was synced once, two sources in one category; its upstream is gone."""
    with Upstream() as upstream:
        upstream.feed("/a", item(1) + item(2) + item(3))
        upstream.feed("/b", item(11) + item(12))
        folder = Folder(tmp_path_factory.mktemp("linked") / "project")
        folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"})
        folder.sync()
    return folder


@pytest.mark.post_row("R47", "R59")
@pytest.mark.parametrize("level", ["posts/news", "posts/news/a", "public/feeds", "public/feeds/news"])
def test_a_link_in_a_folders_place_is_not_followed(tmp_path: Path, synced: Folder, level: str) -> None:
    """Where a link stands for a folder, at any level, nothing is read or written through it, and the run ends with 5."""
    folder = _copy(synced, tmp_path)
    outside = tmp_path / "outside"
    shutil.move(folder.root / level, outside)
    (folder.root / level).symlink_to(outside)
    [*_, post] = sorted((folder.root / "posts/news/b").glob("*.md"))
    post.write_text(post.read_text("utf-8").replace("Text of", "My own text of"), "utf-8")
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    done = folder.here("build")

    assert done.returncode == 5, done.stderr
    assert "symbolic link" in done.stderr or "looks unmounted" in done.stderr
    assert not (folder.root / "ledger.jsonl").exists()
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


@pytest.mark.post_row("R47", "R53")
@pytest.mark.parametrize("what", ["link", "dangling link", "folder", "pipe"])
def test_what_is_no_file_in_a_posts_place_costs_that_post_only(tmp_path: Path, synced: Folder, what: str) -> None:
    """A link, a folder or a pipe in a post's place is named, not followed and left; the other posts are published."""
    folder = _copy(synced, tmp_path)
    secret = tmp_path / "secret.md"
    [first, *_] = sorted((folder.root / "posts/news/a").glob("*.md"))
    secret.write_bytes(first.read_bytes().replace(b"Text of", b"Secret of"))
    first.unlink()
    if what == "folder":
        first.mkdir()
    elif what == "pipe":
        os.mkfifo(first)
    else:
        first.symlink_to(secret if what == "link" else tmp_path / "nowhere")
    (folder.root / "posts/news/b/about.md").write_bytes(b"")  # the folder's time tells that a hand was there
    done = folder.here("build")

    assert done.returncode == 0, done.stderr
    assert f"posts/news/a/{first.name}: " in done.stderr
    assert sorted(titles(folder, "all.atom")) == ["Entry 11", "Entry 12", "Entry 2", "Entry 3"]
    assert b"Secret" not in b"".join(folder.files("public").values())
    assert first.is_symlink() or not first.is_file()
    assert not (folder.root / "ledger.jsonl").exists(), "nothing was deleted"


def _copy(folder: Folder, root: Path) -> Folder:
    copy = Folder(root / "project")
    shutil.rmtree(copy.root)
    shutil.copytree(folder.root, copy.root)
    return copy


#: Pairs that some file system takes for one name, and titles that no name may hold as they are.
TWINS = ("Café", "Cafe\u0301", "CAFÉ", "café", "Straße", "STRASSE", "ﬁn", "fin", "Ⅷ", "ⅷ", "İx", "ix", "K", "K", "ſ", "s")
NAMES = (
    *("中" * 90, "\U0001f600" * 70, "क्षि" * 60, "a" * 300, "ab " * 200, "Ω" * 200 + "." * 50, "a\u0300" * 200),
    *(
        "con",
        "PRN",
        "aux.md",
        "nul",
        "com1",
        "LPT¹",
        "CONIN$",
        "clock$",
        "a.",
        "a ",
        " a",
        "-a",
        "~a",
        ".a",
        "_a",
        "a\u202egnp.exe",
    ),
    *("[译] “心瘾”", "“心瘾”", "<b>", "3.8万", "38万", "v1.10", "v11.0", "Win11/Win10", "首页 - 白金攻略 / 游戏开箱", "[图]"),
    *(
        "©  Anja Diabaté ",
        'it\'s 100% "safe" & sound',
        "\u3164",
        "\u200b\u200d",
        "\u2800",
        "…",
        "\ufeffx",
        "Thumbs.db",
        "desktop.ini",
    ),
)


@pytest.mark.post_row("R48", "D3", "D4", "D5", "D6", "D8", "D9", "D21")
@pytest.mark.publishes("P38")
def test_every_title_has_a_name_that_every_file_system_takes(tmp_path: Path) -> None:
    """Each entry has a file of its own on Linux, macOS and Windows, short enough for a suffix, and its title as written."""
    wanted = (*TWINS, *NAMES)
    items = [
        f"<title><![CDATA[{title}]]></title><description>A text, number {n}.</description>" for n, title in enumerate(wanted)
    ]
    played = once(tmp_path, {"a": rss(*items)})
    paths = [path for path in played.files() if path.startswith("posts/")]
    names = [path.rpartition("/")[2] for path in paths]

    assert len(paths) == len(wanted)
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    assert len(set(folded)) == len({key_of_name(name) for name in names}) == len(names)
    for name in names:
        assert len(name.encode()) <= 200
        assert name == unicodedata.normalize("NFC", name)
        assert name.isprintable()
        assert not re.search(r"[\s\"'*:<>?|\\/&%$#!`(){}\[\];,]|^[-_.~]|\.\.", name), name
        assert name.count(".") == 1
        assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)[.]", name)
    told = {str(matter["id"]): str(matter["title"]) for matter in matters(played).values()}
    kept = [
        title for title in wanted if title.isprintable() and title == title.strip() and "<" not in title and len(title) <= 500
    ]
    assert set(kept) - {"\u2800"} <= set(told.values())
    assert {"[译] “心瘾”", "Win11/Win10", "[图]", "3.8万", "38万", 'it\'s 100% "safe" & sound'} <= set(told.values())
    assert len({name.rpartition("-")[0] for name in names if name.startswith(("3-8万", "38万", "v1-10", "v11-0"))}) == 4


#: What a hand may write for `categories`, and the feed that comes of it.
BY_HAND = {
    "['..', '..', 'x']": "c-5ec1f7e7/c-5ec1f7e7/x.atom",
    "['all']": "all-category.atom",
    "['index']": "index-category.atom",
    "['a/../../b']": "a-b.atom",
    "['News', 'A']": "news/a.atom",
    "['/etc/passwd']": "etc-passwd.atom",
    "[1, 2]": "1/2.atom",
}


@pytest.mark.post_row("R47", "R64")
def test_categories_that_a_hand_wrote_lead_nowhere_else(tmp_path: Path) -> None:
    """Whatever stands there, its feed lies below the public folder and takes no other feed's place."""
    with Upstream() as upstream:
        upstream.feed("/a", "".join(map(item, range(1, 2 * len(BY_HAND) + 1))))
        folder = Folder(tmp_path / "project")
        folder.sources_at({"a": f"{upstream.address}/a"})
        folder.sync()
    posts = sorted((folder.root / "posts/news/a").glob("*.md"))
    for post, written in zip(posts, BY_HAND, strict=False):
        text = post.read_text("utf-8")
        post.write_text(text.replace("categories:\n - 'news'\n - 'a'\n", f"categories: {written}\n"), "utf-8")
    done = folder.here("build")

    assert done.returncode == 0, done.stderr
    assert _outside(tmp_path) == set()
    assert {f"public/feeds/{path}" for path in BY_HAND.values()} <= set(folder.files("public"))
    assert len(titles(folder, "all.atom")) == 2 * len(BY_HAND)
    assert len(titles(folder, "all-category.atom")) == 1
