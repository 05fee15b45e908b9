"""Posts that people edited are read as a person would read them; damaged ones are named, never taken for empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.entry import Enclosure, Entry, Feed, Person, SafeHtml, Tag
from aggregator.store.profiles import NewerPostError, PostFormatError, default, front, get_profile, volantis
from tests.post_records import entry, full_entry

HAND = """---
date: {date}
source: {{id: news, title: "News of the town"}}
title: {title}
id: https://news.example/1
mood: [unknown, keys]
content: ignored as well
categories: [News, Local]
{more}
---
<p>Text</p>
"""


def _read(*, title: str = "A title", date: str = "2021-09-11T00:22:19Z", more: str = "") -> Entry:
    return default.read(HAND.format(title=title, date=date, more=more).encode(), None)


def _read_back(change: Callable[[str], str], found: Entry | None = None) -> Entry:
    return default.read(change(default.render(found or full_entry()).post.decode()).encode(), None)


def test_other_order_and_quoting_change_nothing() -> None:
    """Keys may stand in any order and style, and unknown ones are ignored."""
    assert _read() == entry()


@pytest.mark.post_row("R53")
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n", "\ufeff\n\n"])
def test_line_ends_and_byte_order_marks_change_nothing(line_end: str, start: str) -> None:
    """Editors on other systems may save a post: it is read as before."""
    found = full_entry(content=SafeHtml("<pre>a\n\n\n  b</pre>\n"), summary="a\nb")

    assert _read_back(lambda post: start + post.replace("\n", line_end), found) == found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2017", "2017"),
        ("yes", "yes"),
        ("1e3", "1e3"),
        ("2021-02-30", "2021-02-30"),
        ("12:30", "12:30"),
        ("'it''s'", "it's"),
        ('"a\\nb"', "a b"),
        ("|\n  a\n  b", "a b"),
        ('"a\\x07b"', "ab"),
        ("nine", "nine"),
        ("!!str 2017", "2017"),
    ],
)
def test_a_title_is_the_text_that_was_typed(written: str, read: str) -> None:
    """No text turns into a number, a date or a truth value; a title stays on one line of legal characters."""
    assert _read(title=written).title == read


@pytest.mark.parametrize(
    "date",
    [
        "Sat, 11 Sep 2021 00:22:19 GMT",
        "'Sat, 11 Sep 2021 00:22:19 GMT'",
        "11 Sep 2021 00:22:19 +0000",
        "Sat, 11 Sep 2021 08:22:19 +0800",
        "Fri, 10 Sep 2021 20:22:19 EDT",
        "Saturday, 11-Sep-2021 00:22:19 GMT",
        "2021-09-11T00:22:19Z",
        '"2021-09-11T00:22:19.5Z"',
        "2021-09-11T08:22:19+08:00",
        "2021-09-11 08:22:19 +8",
        "2021-09-11 00:22:19",
        "2021-9-11 0:22:19",
        "2021/09/11 00:22:19",
        "2021-09-10t18:52:19-0530",
    ],
)
def test_dates_are_read_as_people_write_them(date: str) -> None:
    """RFC 822, ISO 8601 and YAML timestamps all give the instant; without a zone it is UTC."""
    assert _read(date=date).published == datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC)


@pytest.mark.parametrize(("date", "read"), [("2021-09-11", (2021, 9, 11)), ("2021-09-11 07:05", (2021, 9, 11, 7, 5))])
def test_a_date_may_be_short(date: str, read: tuple[int, ...]) -> None:
    """A day alone is its midnight, an hour needs no seconds."""
    year, month, day, hour, minute = (*read, 0, 0)[:5]

    assert _read(date=date).published == datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.post_row("R52", "D12")
@pytest.mark.parametrize(
    "date",
    ["Invalid Date", "2021-02-30", "2021-13-01", "yesterday", "11 Sep 2021 00:22:19 XYZ", "0001-01-01 00:00 +09:00", "[]"],
)
def test_a_date_that_is_none_is_told(date: str) -> None:
    """A post whose date cannot be read is named with the text, and with what a date looks like."""
    with pytest.raises(PostFormatError, match="date"):
        _read(date=date)


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ("tags: town", "tags", (Tag(term="town"),)),
        ("tags: [town, 2021, null, '']", "tags", (Tag(term="town"), Tag(term="2021"))),
        ("tags: [{term: a, label: A}]", "tags", (Tag(term="a", label="A"),)),
        ("tags:", "tags", ()),
        ("authors: Ann", "authors", (Person(name="Ann"),)),
        ("authors: [Ann, {name: Bob, uri: 'javascript:x'}]", "authors", (Person(name="Ann"), Person(name="Bob"))),
        ("author:", "author", None),
        ("author: ''", "author", None),
        ("author: ~", "author", None),
        ("headimg: https://a.example/1.jpg", "cover", "https://a.example/1.jpg"),
        ("thumbnail: https://a.example/1.jpg", "cover", "https://a.example/1.jpg"),
        ("headimg: /images/1.jpg", "cover", None),
        ("link: 'javascript:alert(1)'", "link", None),
        ("link: HTTPS://A.example/", "link", "HTTPS://A.example/"),
        ("updated: 2021-09-12", "updated", datetime(2021, 9, 12, tzinfo=UTC)),
        ("enclosures: https://a.example/1.mp3", "enclosures", (Enclosure(href="https://a.example/1.mp3"),)),
        ("enclosures: [{href: 'https://a.example/1', length: many}]", "enclosures", (Enclosure(href="https://a.example/1"),)),
        ("enclosures: [{href: /1.mp3}]", "enclosures", ()),
        ("undated: yes", "first_seen", datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC)),
        ("categories: News", "categories", ("News",)),
        ("categories: [[News, Local], [Other]]", "categories", ("News", "Local")),
        ("source: {id: news}", "feed", Feed(title="news")),
        ("format: 1", "title", "A title"),
        ("handler: x\nself: y\nmetadata: z", "title", "A title"),
    ],
)
def test_optional_keys_may_be_written_shortly(more: str, field: str, value: Any) -> None:
    """A text stands for a list of one; what a feed cannot carry counts as missing."""
    assert getattr(_read(more=more), field) == value


def test_a_hand_written_body_comes_back_raw() -> None:
    """A body is taken as typed; making it safe is the caller's part."""
    changed = _read_back(lambda post: post[: post.index("\n<div>")] + "\n<p onclick='x()'>mine</p>\n")

    assert changed.content == "<p onclick='x()'>mine</p>"


def test_a_body_between_fences_of_its_own_is_kept() -> None:
    """Lines of hyphens in a body do not end it."""
    found = entry(content=SafeHtml("a\n---\nb\n---\n"))

    assert _read_back(str, found) == found


DAMAGED = {
    "empty": (b"", "empty"),
    "white space": (b" \n\n", "empty"),
    "no front matter": (b"<p>Text</p>\n", "no front matter"),
    "text before the fence": (b"a\n---\ntitle: b\n---\n", "no front matter"),
    "cut": (default.render(full_entry()).post[:200], "closing"),
    "list": (b"---\n- a\n- b\n---\nText\n", "keys are expected"),
    "scalar": (b"---\ntitle\n---\nText\n", "keys are expected"),
    "nothing": (b"---\n---\nText\n", "keys are expected"),
    "only comments": (b"---\n# a\n---\nText\n", "keys are expected"),
    "not UTF-8": ("---\ntitle: é\n---\n".encode("latin-1"), "byte 12 is not UTF-8"),
    "broken YAML": (b"---\ntitle: @abc\n---\n", "no YAML: .*line 2"),
    "control": (b"---\ntitle: a\x07b\n---\n", "no YAML"),
    "python object": (b"---\ntitle: !!python/object/apply:os.getcwd []\n---\n", "no YAML"),
    "nested lists": (b"---\ntitle: " + b"[" * 200_000 + b"\n---\n", "deeply"),
    "nested lists on one line": (b"---\n" + b"- " * 200_000 + b"\n---\n", "deeply"),
    "nested keys": (b"---\ntitle: " + b"{a: " * 200_000 + b"\n---\n", "deeply"),
    "nested questions": (b"---\n" + b"? " * 200_000 + b"\n---\n", "deeply"),
    "number by tag": (b"---\ntitle: !!int x\n---\n", "no YAML"),
    "instant by tag": (b"---\ntitle: !!timestamp 2021-02-30\n---\n", "no YAML"),
    "bad alias": (b"---\ntitle: *a\n---\n", "no YAML"),
    "conflict": (b"---\n<<<<<<< HEAD\ntitle: a\n=======\ntitle: b\n>>>>>>> main\n---\n", "line 2 .*conflict"),
    "conflict in the body": (b"---\ntitle: a\n---\n\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n", "line 5 .*conflict"),
    "keys missing": (b"---\ntitle: a\n---\n", "has no categories, date, id, source$"),
    "empty keys": (HAND.format(title="", date="2021-09-11", more="").encode(), "has no title$"),
    "invisible title": (HAND.format(title='"\\x07"', date="2021-09-11", more="").encode(), "has no title$"),
    "source a text": (HAND.format(title="a", date="2021-09-11", more="source: news").encode(), "source is no"),
    "source without id": (HAND.format(title="a", date="2021-09-11", more="source: {title: a}").encode(), "no source.id"),
    "title a list": (HAND.format(title="[a]", date="2021-09-11", more="").encode(), "title is a list"),
    "categories null": (HAND.format(title="a", date="2021-09-11", more="categories: [~]").encode(), "no categories"),
    "itself": (HAND.format(title="a", date="2021-09-11", more="categories: &a [*a]").encode(), "categories is a list"),
    "format no number": (HAND.format(title="a", date="2021-09-11", more="format: x").encode(), "format"),
    "format a list": (HAND.format(title="a", date="2021-09-11", more="format: [1]").encode(), "format is a list"),
}


@pytest.mark.post_row("R52", "R53")
@pytest.mark.parametrize(("post", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named(post: bytes, reason: str) -> None:
    """A damaged post is an error of one line that says what is wrong, never an entry without metadata."""
    with pytest.raises(PostFormatError, match=reason) as caught:
        default.read(post, None)

    assert "\n" not in str(caught.value)


def test_depth_is_told_without_libyaml_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser gives up on far less: that is the same error."""
    monkeypatch.setattr(front, "LOADER", front.text_loader(yaml.SafeLoader))
    levels = "\n".join(f"{' ' * level}a:" for level in range(1000))

    with pytest.raises(PostFormatError, match="deeply"):
        _read(more=levels)


def test_many_brackets_are_no_depth() -> None:
    """A summary full of brackets is text, however many there are."""
    found = full_entry(summary="[{-? " * 1000 + "x", title="[" * 500)

    assert _read_back(str, found) == found


def test_a_later_format_is_told() -> None:
    """A post that a later version wrote is not read half."""
    with pytest.raises(NewerPostError, match="later version") as caught:
        _read(more="format: 2")

    assert (caught.value.found, caught.value.known) == (2, 1)


BOMB = "x0: &x0 [a]\n" + "\n".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 30))


@pytest.mark.post_row("R52")
def test_an_alias_bomb_costs_nothing() -> None:
    """Nested references are read without being unfolded."""
    assert _read(more=BOMB) == entry()


_KEYS = (
    *("title", "date", "categories", "tags", "tag_details", "authors", "author", "link", "headimg", "updated", "lang"),
    *("summary", "rights", "enclosures", "undated", "format", "id"),
)


@pytest.mark.post_row("R52")
@pytest.mark.parametrize(
    "value", ["*x29", "[*x29]", "{*x29: a}", "{term: *x29, name: *x29, href: 'https://a.example/', length: *x29}"]
)
@pytest.mark.parametrize("key", _KEYS)
def test_an_alias_bomb_in_a_key_of_ours_costs_nothing(key: str, value: str) -> None:
    """Wherever it stands, it is neither unfolded into a value nor into the message that refuses it."""
    try:
        _read(more=f"{BOMB}\n{key}: {value}")
    except PostFormatError as error:
        assert len(str(error)) < 200  # noqa: PT017 - some keys are ignored where they make no sense


@pytest.mark.post_row("R52")
@pytest.mark.parametrize("base", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_merge_keys_are_not_copied_out(base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`<<` is a key like any other, and one that says `!!merge` is refused before it has multiplied."""
    monkeypatch.setattr(front, "LOADER", front.text_loader(base))
    levels = "\n".join(f"m{n}: &m{n} {{!!merge <<: [{', '.join([f'*m{n - 1}'] * 9)}], k: v}}" for n in range(1, 30))

    assert _read(more="x: &x {title: Other}\n<<: *x") == entry()
    with pytest.raises(PostFormatError, match="merge"):
        _read(more=f"m0: &m0 {{a: b}}\n{levels}")


@pytest.mark.post_row("R52")
@pytest.mark.parametrize("value", ["[" + "a," * 400_000 + "]", "[" + "{}," * 300_000 + "]", "\n" + " - a\n" * 200_000])
def test_more_values_than_any_post_holds(value: str) -> None:
    """A megabyte of tiny values, which would be hundreds in memory, is refused before it is built."""
    with pytest.raises(PostFormatError, match="more values"):
        _read(more=f"tags: {value}")


@pytest.mark.post_row("R53")
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_cut_post_is_an_error_or_keeps_its_metadata(data: st.DataObject) -> None:
    """A post cut at any byte never reads as an entry with other metadata."""
    found = full_entry(content=SafeHtml("<p>中文</p>\n\n<p>b</p>"), title="中文: it's")
    post = default.render(found).post
    cut = post[: data.draw(st.integers(0, len(post) - 1))]
    try:
        seen = default.read(cut, None)
    except PostFormatError:
        return

    assert {name: getattr(seen, name) for name in Entry.__slots__ if name != "content"} == {
        name: getattr(found, name) for name in Entry.__slots__ if name != "content"
    }


@pytest.mark.parametrize("name", ["default", "volantis"])
def test_a_post_cut_within_its_text_is_damaged(name: str) -> None:
    """At any byte of it: or half a text would pass for a hand's edit and be locked as one. The last line end may be missing.

    Only where the half ends with a `</div>` of the text itself it looks whole.
    """
    profile = get_profile(name)
    found = full_entry(content=SafeHtml("<p>中文</p>\n\n<div>b <div>c</div></div>\n<p>d</p>"))
    whole = profile.render(found)
    body = whole.post.index(b"<div")
    for length in range(body + 1, len(whole.post.rstrip())):
        if not whole.post[:length].rstrip().endswith(b"</div>"):
            with pytest.raises(PostFormatError, match=r"nothing closes it: the file looks cut|UTF-8"):
                profile.read(whole.post[:length], whole.extra)

    assert profile.read(whole.post.rstrip(), whole.extra) == found


@pytest.mark.parametrize("more", ["<p>Mine</p>\n{}", "{}\n<p>Mine: 1 < 2 and <b></p>", "{}\nMine"])
def test_what_a_hand_adds_around_the_text_is_no_damage(more: str) -> None:
    """Before or behind the block, and however clumsy the HTML is."""
    found = full_entry(content=SafeHtml("<p>a</p>"))
    head, body = default.render(found).post.decode().split("---\n\n")
    seen = default.read(f"{head}---\n\n{more.format(body.rstrip())}\n".encode(), None)

    assert "Mine" in str(seen.content)


@pytest.mark.post_row("R53")
@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_scribbled_post_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever bytes are changed, the only error is a PostFormatError of one line."""
    post = bytearray(default.render(full_entry()).post)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(post) - 1))
        post[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3)
            | st.sampled_from([b"- ", b": ", b"\n", b"!!int ", b"!!timestamp ", b"&a ", b"*a", b"<<: ", b"'"])
        )
    try:
        default.read(bytes(post), None)
    except PostFormatError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most scribbles are harmless


def test_volantis_needs_its_archive_file() -> None:
    """Without its archive file a volantis post is an error that says what is missing."""
    rendered = volantis.render(full_entry())

    with pytest.raises(PostFormatError, match="archive file is missing"):
        volantis.read(rendered.post, None)


@pytest.mark.parametrize("extra", [b"", b"{", b"[]", b"{}", b'{"version": 1}', b"\xff", b'{"version": "x"}', b"[" * 100_000])
def test_volantis_names_a_damaged_archive_file(extra: bytes) -> None:
    """A damaged archive file is an error, not an entry without id."""
    with pytest.raises(PostFormatError):
        volantis.read(volantis.render(full_entry()).post, extra)


def test_volantis_knows_a_later_archive_file() -> None:
    """An archive file that a later version wrote is not read half."""
    rendered = volantis.render(full_entry())
    assert rendered.extra is not None
    later = json.dumps({**json.loads(rendered.extra), "version": 2}).encode()

    with pytest.raises(NewerPostError):
        volantis.read(rendered.post, later)


def test_volantis_takes_edits_from_the_post() -> None:
    """What hands changed in the post holds against the archive file, but for the identity."""
    rendered = volantis.render(full_entry())
    edited = rendered.post.replace(b"'A title'", b"'Mine'\nlink: https://mine.example/\nid: other\nsource: theme")

    assert volantis.read(edited, rendered.extra) == full_entry(title="Mine", link="https://mine.example/")


@pytest.mark.post_row("R64")
def test_a_post_that_another_tool_wrote_again_is_read() -> None:
    """hexo-abbrlink dumps the YAML anew and drops the empty first line: the entry is the same."""
    rendered = volantis.render(full_entry())
    text = rendered.post.decode().lstrip("\n").replace("title: 'A title'", "abbrlink: 4f2a\ntitle: A title")

    assert volantis.read(text.encode(), rendered.extra) == full_entry()
