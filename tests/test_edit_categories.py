"""A category's new name in the files of config/: exactly the change, and every other byte as somebody wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.errors import ConfigError
from aggregator.model.settings import split_category
from aggregator.settings.edit_categories import rename_category

SOURCES = """\
# 新媒体 in a comment stays
defaults: {categories: [新媒体, ZAKER],   every: 1h}   # flow
sources:
    a:
        feed:   https://a.example/新媒体   # aligned
        categories:
          - 新媒体      # top
          - 'ZAKER'
          - deep
    b: {feed: https://b.example/f, categories: "新媒体/ZAKER", title: 新媒体}
    c: {feed: https://c.example/f, categories: 新媒体}
    d: {feed: https://d.example/f, categories: [新媒体2, ZAKER]}
    e: {feed: https://e.example/f, categories: [News, 新媒体]}
"""


def changed(tmp_path: Path, text: str, old: str, new: str) -> tuple[str, int]:
    path = tmp_path / "all.yaml"
    path.write_bytes(text.encode())
    content, number = rename_category(path, "config/sources/all.yaml", split_category(old), split_category(new))
    return content.decode(), number


def test_a_level_is_renamed_wherever_it_stands(tmp_path: Path) -> None:
    """Lists in blocks and flows, paths in one text, defaults: each at the old name or below; no other word is touched."""
    after = (
        SOURCES.replace("{categories: [新媒体,", "{categories: [Media,")
        .replace("- 新媒体  ", "- Media  ")
        .replace('"新媒体/ZAKER"', '"Media/ZAKER"')
        .replace("categories: 新媒体}", "categories: Media}")
    )
    assert changed(tmp_path, SOURCES, "新媒体", "Media") == (after, 4)


def test_a_deeper_level_keeps_the_one_above(tmp_path: Path) -> None:
    """Only the part that differs is written, in its own quotes."""
    after = SOURCES.replace(", ZAKER],   every", ", Z: A],   every").replace("'ZAKER'", "'Z: A'").replace("/ZAKER", "/Z: A")
    text, number = changed(tmp_path, SOURCES, "新媒体/ZAKER", "新媒体/Z: A")

    assert (text, number) == (after.replace("[新媒体, Z: A]", "[新媒体, 'Z: A']"), 3)


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        ("[a, b, c]", "a/b", "x", "[x, c]"),
        ("[a, b]", "a/b", "x", "[x]"),
        ("[a, c]", "a", "x/y", "[x, y, c]"),
        ("[a,\n        c]  # why", "a", "x/y, z", "[x, 'y, z',\n        c]  # why"),
        ("\n    - a\n    - c", "a", "x/y", "\n    - x\n    - y\n    - c"),
        ("\n    - a  # one", "a", "x/y", "\n    - x\n    - y  # one"),
        ("a/c", "a", "x/y", "x/y/c"),
        ("'it''s'", "it's", "that's", "'that''s'"),
        ('"a"', "a", "2024", '"2024"'),
        ("a", "a", "2024", "'2024'"),
        ("C\\/C++", "C\\/C++", "x", "x"),
    ],
)
def test_every_way_to_write_a_path(tmp_path: Path, before: str, old: str, new: str, after: str) -> None:
    """Paths that get longer or shorter, and words that need quotes."""
    text = f"sources:\n  s:\n    categories: {before}\n    feed: f\n"
    path = tmp_path / "all.yaml"
    path.write_text(text, "utf-8")
    content, _ = rename_category(path, "x", split_category(old), split_category(new))

    assert content.decode() == text.replace(f"categories: {before}", f"categories: {after}")


def test_keys_of_categories_yaml_are_renamed(tmp_path: Path) -> None:
    """Each key at the name or below it, whatever stands behind it; line ends and a byte order mark stay."""
    text = "\ufeffcategories:\r\n  a: {slug: s, title: a}  # a\r\n  'a/b': {}\r\n  a b:\r\n  ab/a:\r\n"
    after = text.replace("  a: {", "  x/y: {").replace("'a/b'", "'x/y/b'")

    assert changed(tmp_path, text, "a", "x/y") == (after, 2)


def test_an_alias_is_changed_where_its_anchor_stands(tmp_path: Path) -> None:
    """What several sources share is changed once, for all of them."""
    text = "defaults: &all {categories: [a, b]}\nsources:\n  s: {<<: *all, feed: f}\n  t: {categories: [a], feed: g}\n"

    assert changed(tmp_path, text, "a", "x") == (text.replace("[a", "[x"), 2)


@pytest.mark.parametrize(
    "text",
    [
        "sources:\n  s: {feed: f, title: &t a, categories: [*t]}\n",
        "sources:\n  s:\n    feed: f\n    categories: |-\n      a\n",
        "sources:\n  s: {feed: f, categories: !!str a}\n",
        "sources:\n  s: {feed: f, categories: [&t a], title: *t}\n",
    ],
)
def test_what_cannot_be_changed_exactly_is_refused(tmp_path: Path, text: str) -> None:
    """The message names the line and what to write there; the file stays."""
    with pytest.raises(ConfigError) as caught:
        changed(tmp_path, text, "a", "x")

    assert (tmp_path / "all.yaml").read_text("utf-8") == text
    assert str(caught.value).startswith("config/sources/all.yaml:")
    assert "there and run the command again; nothing was written" in str(caught.value)


def test_a_block_list_that_would_lose_a_line_is_left_to_people(tmp_path: Path) -> None:
    """Its lines may carry comments: what to write instead is said."""
    with pytest.raises(ConfigError, match=r"write \[x, c\] there"):
        changed(tmp_path, "sources:\n  s:\n    feed: f\n    categories:\n    - a  # top\n    - b\n    - c\n", "a/b", "x")
