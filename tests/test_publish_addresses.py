"""Where feeds lie and are served."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.settings import Category
from aggregator.publish.addresses import PART_BYTES, collisions, levels, output_path, public_url


@pytest.mark.parametrize(
    ("category", "path"),
    [
        ((), "feeds/all.atom"),
        (("新媒体",), "feeds/新媒体.atom"),
        (("新媒体", "ZAKER", "source"), "feeds/新媒体/zaker/source.atom"),
        (("Science & Tech",), "feeds/science-tech.atom"),
        (("C++",), "feeds/c.atom"),
        (("हिन्दी",), "feeds/हिन्दी.atom"),
        (("cafe\u0301",), "feeds/café.atom"),
        (("All",), "feeds/all-category.atom"),
        (("redirects",), "feeds/redirects-category.atom"),
        (("index",), "feeds/index-category.atom"),
        (("Status", "all"), "feeds/status-category/all.atom"),
        (("../../etc/passwd",), "feeds/etc-passwd.atom"),
        (("..",), "feeds/c-5ec1f7e7.atom"),
        ((".hidden", "_x", "-y"), "feeds/hidden/x/y.atom"),
        (("a/b\\c",), "feeds/a-b-c.atom"),
        (("a\u202eb\x00c",), "feeds/a-b-c.atom"),
        (("\U0001f389",), "feeds/c-6146299c.atom"),
        (("x.atom",), "feeds/x-atom.atom"),
        (("\u0301\u0302x",), "feeds/x.atom"),
    ],
)
def test_category_gives_path(category: tuple[str, ...], path: str) -> None:
    """Each part of a path is the category's name in lower case, in its own script, made safe for every file system."""
    assert output_path(category, ()) == path


def test_slug_of_config_wins_at_its_level() -> None:
    """A slug counts for the category path it was given to, at whatever depth, and nowhere else."""
    categories = (
        Category(path=("新媒体",), slug="new-media"),
        Category(path=("新媒体", "ZAKER"), slug="ZK"),
        Category(path=("other", "ZAKER"), slug="elsewhere"),
    )

    assert output_path(("新媒体", "ZAKER", "source"), categories) == "feeds/new-media/ZK/source.atom"


@pytest.mark.parametrize("slug", ["../up", ".x", "a/b", "all", "ALL", "", "x.atom", "-"])
def test_unsafe_slug_is_made_safe(slug: str) -> None:
    """A slug of the config cannot leave the folder, hide a file or take one of our own names."""
    path = output_path(("Name",), (Category(path=("Name",), slug=slug),))

    expected = {"../up": "up", ".x": "x", "a/b": "a-b", "all": "all-category", "ALL": "ALL-category"}
    expected |= {"": "name", "x.atom": "x-atom", "-": "name"}
    assert path == f"feeds/{expected[slug]}.atom"


def test_long_name_is_cut_at_a_character() -> None:
    """A name of 90 Chinese characters gives a file name that every file system takes."""
    [part] = output_path(("汉" * 90,), ()).removeprefix("feeds/").removesuffix(".atom").split("/")

    assert part == "汉" * (PART_BYTES // 3)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_name_gives_a_safe_path(names: list[str]) -> None:
    """Whatever a category is called, its path stays in feeds/, and no part is empty, hidden, too long or holds a dot."""
    path = output_path(tuple(names), ())
    parts = path.removesuffix(".atom").split("/")

    assert parts[0] == "feeds"
    assert len(parts) == len(names) + 1
    for part in parts[1:]:
        assert 0 < len(part.encode("utf-8")) <= PART_BYTES + len("-category")
        assert part[0] not in ".-_"
        assert not set(part) & set("./\\\0\n ")
    assert parts[1] not in {"all", "index", "redirects", "status"}
    assert path == output_path(tuple(names), ())


def test_levels_are_every_prefix() -> None:
    """An entry stands in the feed of everything and in that of each level of its category."""
    assert levels(("a", "b")) == ((), ("a",), ("a", "b"))


@pytest.mark.parametrize("site", ["https://news.example/x/", "https://news.example/x"])
def test_address_is_percent_encoded(site: str) -> None:
    """The address of a file is its path below the site, percent-encoded as UTF-8."""
    assert public_url(site, "feeds/新.atom") == "https://news.example/x/feeds/%E6%96%B0.atom"


def test_collisions_name_the_categories() -> None:
    """Two categories that would write one file are found, also as prefixes and on file systems that fold case."""
    found = collisions([("C++", "x"), ("C#",), ("News",), ("other",)], (Category(path=("other",), slug="NEWS"),))

    assert [(clash.path, clash.categories) for clash in found] == [
        ("feeds/c.atom", (("C++",), ("C#",))),
        ("feeds/news.atom", (("News",), ("other",))),
    ]


def test_no_collision_is_reported_for_a_category_used_twice() -> None:
    """The same category in two sources is one feed, not a clash."""
    assert collisions([("a", "b"), ("a", "b"), ("a",)], ()) == ()
