"""Posts of the old generator in every form that it left: read where they mean one thing, refused where they do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.model.entry import Entry
from aggregator.store.profiles import PostFormatError
from aggregator.store.profiles.adopted import ForeignPostError, extra_of, path_of, read, read_old

CATEGORIES = " - 新媒体\n - ZAKER\n - source"
BODY = "\n\n<div>   \n<p>正文</p>  \n</div>\n            "


def _post(
    title: str = "'T'",
    *,
    categories: str = CATEGORIES,
    cover: str = "''",
    date: str = "Sat, 11 Sep 2021 00:22:19 GMT",
    **more: str,
) -> bytes:
    body = more.get("body", BODY)
    return (
        f"\n---\ntitle: {title}\ncategories: \n{categories}\nheadimg: {cover}\nauthor: ZAKER\ncomments: false\n"
        f"date: {date}\nthumbnail: {cover}\n---{body}"
    ).encode()


def _extra(**changes: Any) -> bytes:
    facts: dict[str, Any] = {
        "entry_id": "urn:sha256:1",
        "path": "a/T.md",
        "source": ("s", "S"),
        "date_written": None,
        "stand_in": None,
        "categories": (),
    }
    return json.dumps(extra_of(**facts | changes)).encode()


def _read(post: bytes, **changes: Any) -> Entry:
    return read(post, _extra(**changes))


def _adopted(post: bytes) -> Entry:
    """Read it as `import hexo` does: for what it is, then as it will be read from now on."""
    read_old(post)
    return _read(post)


def test_the_sample_is_an_old_post(shared: Path) -> None:
    """The post that everything began with is read with its title, path and date, and loses its random cover."""
    sample = (shared / "seed" / "zaker-post.md").read_bytes()
    old = read_old(sample)
    entry = _read(sample)

    assert old.title.startswith("全省推进横琴")
    assert old.categories == entry.categories == ("新媒体", "ZAKER", "source")
    assert entry.published == datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC)
    assert entry.content.startswith("<p>全省推进")
    assert entry.content.endswith('<div id="article_bottom"></div>')
    assert (entry.cover, entry.link, entry.id) == (None, None, "urn:sha256:1")


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("'T'", "T"),
        ('"it\'s"', "it's"),
        ('"it\'s "quoted" so"', 'it\'s "quoted" so'),
        ('"""""""\'T\'"""""""', "T"),
        ("@abc", "@abc"),
        ("'a_ b, c# d'", "a_ b, c# d"),
        ("'&#123;&#123; x &#125;&#125;'", "{{ x }}"),
        ("'© Name'", "© Name"),
        ("2017", "2017"),
        ("' outer '", " outer "),
    ],
)
def test_titles_are_read_as_they_were_meant(written: str, title: str) -> None:
    """A title comes out of the quotes that were put around it unseen, valid YAML or not."""
    assert read_old(_post(written)).title == title


@pytest.mark.parametrize(
    ("written", "categories"),
    [
        (CATEGORIES, ("新媒体", "ZAKER", "source")),
        ("    - 新媒体\n    - ZAKER - source", ("新媒体", "ZAKER - source")),
        (" - 新媒体\n - ZAKER\n - — 资讯", ("新媒体", "ZAKER", "资讯")),
        (" - 新媒体\n - ZAKER\n - | 资讯", ("新媒体", "ZAKER", "资讯")),
        (" - 金融\n - \n - ", ("金融",)),
        (" - 社交媒体\n - [Naver](https://naver.example/)\n - a", ("社交媒体", "Naver", "a")),
        (" - C++\n - ZAKER\n - 精读\n", ("C++", "ZAKER", "精读")),
    ],
)
def test_categories_are_read_in_every_form_of_their_history(written: str, categories: tuple[str, ...]) -> None:
    """Two or three of them, indented or not, null, with a headline's rest before them: the path is what they mean."""
    assert read_old(_post(categories=written)).categories == categories
    assert read_old(_post('"a\'b"c"', categories=written)).categories == categories


def test_pictures_come_out_from_behind_the_proxy() -> None:
    """The proxy's address is taken off pictures and covers; a text that speaks of it is left as it is."""
    proxied = "https://cors.zfour.workers.dev/?http://img.example/1.jpg"
    body = f'\n\n<div>   \n<img src="{proxied}">{proxied}  \n</div>\n'
    entry = _read(_post(cover=f"'{proxied}'", body=body))

    assert entry.cover == "http://img.example/1.jpg"
    assert entry.content == f'<img src="http://img.example/1.jpg">{proxied}'


def test_a_broken_cover_breaks_nothing() -> None:
    """An apostrophe in the cover's address makes the YAML invalid, and the post is read all the same."""
    assert _read(_post(cover="'http://img.example/it's.jpg'")).cover == "http://img.example/it's.jpg"


def test_a_date_that_says_too_little_is_read_from_the_archive_file() -> None:
    """Where the post gives no date of its own, the archive file has one; the entry is undated."""
    instant = datetime(2021, 9, 11, 6, 8, tzinfo=UTC)
    for written in ("2021-09-11 14:08:00", "Invalid Date"):
        entry = _read(_post(date=written), date_written=written, stand_in=instant)
        assert (entry.published, entry.first_seen) == (None, instant)


def test_a_date_written_by_hand_counts() -> None:
    """Who puts a date into an adopted post without one is believed."""
    instant = datetime(2021, 9, 11, 6, 8, tzinfo=UTC)
    entry = _read(_post(date="2021-10-01 08:00:00 +08:00"), date_written="Invalid Date", stand_in=instant)

    assert entry.published == datetime(2021, 10, 1, tzinfo=UTC)


def test_a_post_without_categories_has_those_of_its_archive_file() -> None:
    """What the post does not name was taken from its folder when it was adopted."""
    post = _post(categories=" - \n - ")

    assert read_old(post).categories == ()
    assert _read(post, categories=("新媒体", "ZAKER")).categories == ("新媒体", "ZAKER")


@pytest.mark.parametrize(
    "post",
    [
        _post(body="\n\nMy first post, by *hand*.\n"),
        _post(body="\n\n<p>HTML by hand</p>\n"),
        _post("'T'\nid: 'x'"),
        _post("'T'\nsource: {id: a}"),
    ],
)
def test_what_the_generator_did_not_write_is_foreign(post: bytes) -> None:
    """A post written by hand, or one that carries an id, is nobody's to adopt."""
    with pytest.raises(ForeignPostError):
        read_old(post)


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n---\ntitle: 'T'\n", "no closing"),
        (_post("''"), "no title"),
        (_post('"a\'b"c"\ndate: 2021'), '"date" stands in it twice'),
        (_post('"a\'b"c"', categories="what is this"), "no YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\n---\n<<<<<<< HEAD\ntitle: 'T'\n---\n", "merge conflict"),
        (_post("'T'\nupdated: soon", body=BODY), "no date"),
    ],
)
def test_what_means_several_things_is_refused_with_the_reason(post: bytes, reason: str) -> None:
    """A post that cannot be told, or could be read in two ways, is named and not guessed at."""
    with pytest.raises(PostFormatError, match=reason):
        _adopted(post)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a//b.md", "", None, 3, "a\0b.md", "\ud800.md", f"{'字' * 85}.md"]
)
def test_an_archive_file_leads_nowhere_else(path: object) -> None:
    """The path of an adopted post stays below the posts folder."""
    with pytest.raises(PostFormatError, match="names no path"):
        path_of(json.dumps({"version": 1, "path": path}).encode())
