"""What is rendered is read back, and looks as promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import frontmatter
import lxml.html
import pytest
import ruamel.yaml
import yaml
from hypothesis import given, settings

from aggregator.model.entry import Entry, Feed, SafeHtml, Tag
from aggregator.store.profiles import Profile, default, get_profile, volantis
from aggregator.store.profiles.fields import fits_engines
from aggregator.store.profiles.front import LOADER, split_front, text_loader
from aggregator.store.profiles.markup import from_markup, to_markup
from tests.post_records import SPECIAL, entries, entry, full_entry, lines, naughty_strings, one_line

#: That the modules are profiles is checked by mypy here. The zones have changes of the clocks, and odd offsets of old.
MODULES: list[Profile] = [default, volantis]
PROFILES: list[Profile] = [
    *MODULES,
    *(get_profile(name, zone) for name in ("hexo", "hugo", "jekyll") for zone in ("Asia/Shanghai", "America/New_York")),
]

every = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: f"{profile.name}-{getattr(profile, 'zone', '')}")


def _front(post: bytes) -> str:
    return post.decode().split("---\n")[1]


def _ruamel(text: str) -> Any:
    return ruamel.yaml.YAML(typ="safe", pure=True).load(text)


READERS: dict[str, Callable[[str], Any]] = {
    "libyaml": lambda text: yaml.load(text, Loader=yaml.CSafeLoader),
    "pure": yaml.safe_load,
    "ruamel 1.2": _ruamel,
}
readers = pytest.mark.parametrize("read_yaml", READERS.values(), ids=READERS)


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _expected(found: Entry) -> dict[str, Any]:
    """Return what any YAML reader should see in the default profile's front matter, dates aside."""
    feed = found.feed
    return _present(
        title=found.title,
        categories=list(found.categories),
        headimg=found.cover,
        author=found.author,
        comments=False,
        thumbnail=found.cover,
        id=found.id,
        link=found.link,
        source=_present(id=found.source_id, title=feed.title, link=feed.link, rights=feed.rights, feed_id=feed.id),
        authors=[_present(name=one.name, uri=one.uri, email=one.email) for one in found.authors] or None,
        tags=[tag.term for tag in found.tags if fits_engines(tag.term)] or None,
        lang=found.language,
        summary=found.summary,
        rights=found.rights,
        enclosures=[_present(href=one.href, type=one.type, length=one.length, title=one.title) for one in found.enclosures]
        or None,
        episode=_present(**asdict(found.episode)) if found.episode is not None else None,
        undated=True if found.published is None else None,
        format=1,
    )


@pytest.mark.post_row("R51")
@every
@settings(deadline=None, max_examples=100)
@given(found=entries)
@pytest.mark.publishes("P36")
def test_reading_gives_back_what_was_rendered(profile: Profile, found: Entry) -> None:
    """Every field of every entry comes back as it was, whatever its text."""
    rendered = profile.render(found)

    assert profile.read(rendered.post, rendered.extra) == found


@pytest.mark.post_row("R49")
@every
def test_naughty_strings_come_back(profile: Profile, shared: Path) -> None:
    """The big list of naughty strings survives in every text field."""
    for text in [*naughty_strings(shared), *filter(None, map(one_line, SPECIAL))]:
        found = entry(
            id=text,
            source_id=text,
            title=text,
            categories=(text, text),
            author=text,
            summary=text,
            feed=Feed(title=text, rights=text),
            content=SafeHtml(f"<p>{text}</p>".replace("&#", "&amp;#")),
        )
        rendered = profile.render(found)

        assert profile.read(rendered.post, rendered.extra) == found, text


@pytest.mark.post_row("R49", "R50")
@readers
@settings(deadline=None, max_examples=60)
@given(found=entries)
@pytest.mark.publishes("P36")
def test_every_yaml_reader_sees_the_same_values(read_yaml: Callable[[str], Any], found: Entry) -> None:
    """PyYAML with and without libyaml and a YAML 1.2 reader agree with what was meant, types included."""
    seen = read_yaml(_front(default.render(found).post))

    dates = [seen.pop("date"), seen.pop("updated", "")]
    for key in ("tag_details", "all_tags", "seal"):
        seen.pop(key, None)
    assert seen == _expected(found)
    assert [type(date) for date in dates] == [str, str]


@pytest.mark.post_row("R49", "D23")
@readers
@settings(deadline=None, max_examples=60)
@given(found=entries)
def test_volantis_means_the_same_to_every_yaml_reader(read_yaml: Callable[[str], Any], found: Entry) -> None:
    """Plain scalars are only used where no reader takes them for anything but text."""
    seen = read_yaml(_front(volantis.render(found).post))

    assert isinstance(seen.pop("date"), str)
    assert seen == _present(
        title=to_markup(found.title),
        categories=list(found.categories),
        headimg=to_markup(found.cover or ""),
        author=found.author,
        comments=False,
        thumbnail=to_markup(found.cover or ""),
    )


@settings(deadline=None, max_examples=60)
@given(found=entries)
def test_it_does_not_matter_whether_libyaml_is_there(found: Entry) -> None:
    """Our loader gives the same values on both of PyYAML's parsers."""
    front = _front(default.render(found).post)

    assert yaml.load(front, Loader=LOADER) == yaml.load(front, Loader=text_loader(yaml.SafeLoader))  # noqa: S506


@every
def test_python_frontmatter_reads_the_post(profile: Profile) -> None:
    """The package that users would reach for finds all keys and the body."""
    found = frontmatter.loads(profile.render(full_entry()).post.decode())

    assert found["title"] == "A title"
    assert "date" in found
    assert found.content.startswith("<div>")


@every
def test_a_post_without_anything_optional_is_small(profile: Profile) -> None:
    """What an entry does not have is not written, and comes back as missing."""
    rendered = profile.render(entry())

    assert b"authors" not in rendered.post + (rendered.extra or b"")
    assert profile.read(rendered.post, rendered.extra) == entry()


@pytest.mark.post_row("D15")
def test_default_looks_as_documented() -> None:
    """Keys stand in the sample's order, then ours; strings are quoted; one final newline."""
    assert default.render(full_entry()).post.decode() == (Path(__file__).parent / "corpus" / "post-default.md").read_text(
        encoding="utf-8"
    )


def test_the_sample_is_reproduced_byte_for_byte(shared: Path) -> None:
    """The volantis profile turns the sample's values into the sample."""
    sample = (shared / "seed" / "zaker-post.md").read_bytes()
    found = _sample_entry(sample)
    rendered = volantis.render(found)

    assert rendered.post == sample
    assert volantis.read(rendered.post, rendered.extra) == found


def test_default_keeps_the_sample_s_keys_in_order(shared: Path) -> None:
    """The first seven keys of the default profile are the sample's, with its values and its lines for dates and lists."""
    sample = (shared / "seed" / "zaker-post.md").read_bytes()
    meant, _ = split_front(sample)
    post = default.render(_sample_entry(sample)).post
    seen, _ = split_front(post)

    assert list(seen.items())[:7] == list(meant.items())
    same = ["title", "headimg", "comments", "date", "thumbnail"]
    lines = [line for line in sample.decode().splitlines() if line.partition(":")[0] in same]
    assert [line for line in post.decode().splitlines() if line.partition(":")[0] in same] == lines


def _sample_entry(sample: bytes) -> Entry:
    front, _ = split_front(sample)
    text = sample.decode()
    html = text[text.index("<div>   \n") + 9 : text.rindex("  \n</div>")]
    return entry(
        title=front["title"],
        categories=tuple(front["categories"]),
        content=SafeHtml(html),
        author=front["author"],
        cover=front["headimg"],
        published=datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC),
    )


@every
def test_a_tag_that_an_engine_would_fail_on_stays_ours(profile: Profile) -> None:
    """Tags too long for a folder, leading out of it, without a name or with markup are only in `all_tags`, and come back."""
    terms = ("a", "中" * 100, "..", "x/../../y", "?", "C++", "👍", ".y", ".?.", "<script>x</script>")
    found = entry(tags=tuple(Tag(term=term) for term in terms))
    post = profile.render(found)
    front, _ = split_front(post.post)

    assert profile.read(post.post, post.extra) == found
    assert front.get("tags", []) == ([] if profile.keeps_archive else ["a", "C++", "👍", ".y"])


@every
def test_tags_that_a_hand_has_changed_count(profile: Profile) -> None:
    """Once `tags` is edited, `all_tags` is not looked at any more."""
    post = profile.render(entry(tags=(Tag(term="a"), Tag(term="..")))).post.replace(b"tags:\n - 'a'\n", b"tags:\n - 'b'\n", 1)
    if not profile.keeps_archive:
        assert profile.read(post, None).tags == (Tag(term="b"),)


def test_volantis_writes_empty_covers() -> None:
    """Without a cover both keys stay, empty, as the theme expects."""
    post = volantis.render(entry()).post

    assert b"\nheadimg: ''\n" in post
    assert b"\nthumbnail: ''\n" in post


@pytest.mark.post_row("R49", "D23")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ZAKER", "ZAKER"),
        ("新媒体", "新媒体"),
        ("36kr", "36kr"),
        ("a b-c_d", "a b-c_d"),
        ("2017", "'2017'"),
        ("1e3", "'1e3'"),
        ("0x1F", "'0x1F'"),
        ("yes", "'yes'"),
        ("Null", "'Null'"),
        ("2021-9-1", "'2021-9-1'"),
        ("a: b", "'a: b'"),
        ("- a", "'- a'"),
        ("a ", "'a '"),
        ("１２", "'１２'"),
        ("Naver's", "'Naver''s'"),
    ],
)
def test_volantis_writes_plain_scalars_only_where_safe(text: str, written: str) -> None:
    """Categories and author look as in the sample unless some reader could take them for another type."""
    post = volantis.render(entry(categories=(text,), author=text)).post.decode()

    assert f"\n - {written}\n" in post
    assert f"\nauthor: {written}\n" in post


@pytest.mark.post_row("D1")
def test_volantis_writes_titles_that_the_theme_can_print() -> None:
    """What would end an attribute or begin a tag is a reference, for the theme prints titles as they are."""
    titles = ("plain: #1 & more", "it's", 'it\'s "both"', "a <b> &lt; c")
    posts = [volantis.render(entry(title=title)).post.decode() for title in titles]

    assert [post.split("\n")[2] for post in posts] == [
        "title: 'plain: #1 & more'",
        "title: 'it&#39;s'",
        "title: 'it&#39;s &quot;both&quot;'",
        "title: 'a &lt;b&gt; &amp;lt; c'",
    ]


@pytest.mark.post_row("D2", "D40", "R54")
@settings(deadline=None, max_examples=100)
@given(text=lines)
def test_what_a_theme_prints_is_the_text(text: str) -> None:
    """Printed unescaped into a page, a title or an address is that text: between tags, and in attributes of both quotes."""
    written = to_markup(text)
    page = f"""<a title='{written}' href='{written}' class="x">{written}</a><img alt="{written}" src='{written}'>"""
    link, image = lxml.html.fragments_fromstring(page)

    assert from_markup(written) == text
    assert set(link.attrib) == {"title", "href", "class"}
    assert set(image.attrib) == {"alt", "src"}
    assert len(link) == 0


@pytest.mark.post_row("D2", "D40", "R54")
@pytest.mark.parametrize(
    "text", ["x' onmouseover='alert(1)", "x'onerror='alert(1)", '" onload="x', "<script>alert(1)</script>", "a&lt;b", "'"]
)
def test_no_title_leaves_its_place_in_a_page(text: str) -> None:
    """Titles that were made to leave their attribute or to be a tag are shown as they were written."""
    found = entry(title=text, cover=f"https://a.example/{text}")
    seen = _ruamel(_front(volantis.render(found).post))
    page = "<a title='{title}'>{title}</a><img alt=\"{title}\" src='{headimg}'>".format(**seen)
    link, image = lxml.html.fragments_fromstring(page)

    assert (link.text, link.get("title"), image.get("alt"), image.get("src")) == (text, text, text, f"https://a.example/{text}")
    assert (len(link.attrib), len(image.attrib)) == (1, 2)


@pytest.mark.post_row("R54", "D26")
def test_braces_are_escaped_in_the_body_only() -> None:
    """A title with braces stays readable; a body with braces is inert."""
    found = entry(title="{{ title }}", content=SafeHtml("<p>{{ body }}</p>"))

    for profile in PROFILES:
        front, body = profile.render(found).post.decode().split("---\n")[1:3]
        assert "{{ title }}" in front
        assert "{" not in body
        assert "&#123;&#123; body &#125;&#125;" in body


def test_the_archive_file_is_stable_json() -> None:
    """Keys are sorted, text is readable, and a version comes with it."""
    extra = volantis.render(full_entry(summary="中文")).extra

    assert extra is not None
    assert extra == (Path(__file__).parent / "corpus" / "post-volantis.json").read_bytes()


@pytest.mark.post_row("D13", "D14")
@pytest.mark.parametrize(
    ("date", "written"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "Mon, 01 Jan 0001 00:00:00 GMT"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (datetime(2021, 9, 5, 7, 8, 9, tzinfo=UTC), "Sun, 05 Sep 2021 07:08:09 GMT"),
    ],
)
def test_dates_are_english_with_four_digit_years(date: datetime, written: str) -> None:
    """The date line is the same on every machine, from the year 1 to 9999."""
    found = entry(published=date)
    post = default.render(found).post

    assert f"\ndate: {written}\n".encode() in post
    assert default.read(post, None) == found


@pytest.mark.post_row("D11")
def test_an_undated_entry_stays_undated() -> None:
    """A post dated with our clock says so, so that the date is never taken for upstream's."""
    found = entry(published=None, first_seen=datetime(2026, 1, 2, tzinfo=UTC))

    for profile in PROFILES:
        rendered = profile.render(found)
        assert profile.read(rendered.post, rendered.extra) == found


def test_unknown_profiles_are_refused() -> None:
    """A name that is no profile is an error that lists the profiles; it is never imported."""
    with pytest.raises(ValueError, match="default, volantis"):
        get_profile("fields")
