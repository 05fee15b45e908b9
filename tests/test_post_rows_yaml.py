"""Rows R49, R50, D1, D2, D13 to D15 and D23: front matter, read by the readers that sites and their owners use."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pytest

from aggregator.model.entry import Enclosure, Entry, Feed, Person, SafeHtml, Tag
from aggregator.store.profiles import Profile, default, volantis
from aggregator.store.profiles.fields import fits_engines
from tests.conftest import Sweep
from tests.play import once
from tests.post_records import SPECIAL, entry, full_entry, naughty_strings, one_line
from tests.readers import matters_of
from tests.test_families_text import SITE, rss

#: What python-frontmatter, its loaders and the engines take for their own; the names that we share with them mean the same
#: to them, or nothing.
TAKEN = {
    *(
        "content",
        "handler",
        "metadata",
        "self",
        "loader",
        "excerpt",
        "layout",
        "permalink",
        "published",
        "draft",
        "path",
        "slug",
    ),
    *("url", "aliases", "type", "weight", "template", "extra", "taxonomies", "outputs", "expiryDate", "publishDate", "cascade"),
    *(
        "eleventyComputed",
        "eleventyNavigation",
        "pagination",
        "page",
        "collections",
        "raw",
        "_content",
        "more",
        "photos",
        "next",
        "prev",
    ),
}
OURS = {
    *(
        "title",
        "categories",
        "headimg",
        "author",
        "comments",
        "date",
        "thumbnail",
        "id",
        "link",
        "source",
        "updated",
        "authors",
    ),
    *("tags", "all_tags", "tag_details", "lang", "summary", "rights", "enclosures", "episode", "undated", "format", "seal"),
}
TITLES = (
    *(text for text in SPECIAL if "\ufffd" not in text and one_line(text)),
    *(
        'He said: "it\'s" both',
        '@user_ "(CW) "',
        "'",
        "''",
        "- - -",
        "? :",
        "<<",
        "=",
        "!!js/function 'x'",
        "&a *a",
        "%TAG ! x",
    ),
)


def _everywhere(text: str) -> Entry:
    """Return an entry that has the text wherever a text may stand."""
    return entry(
        id=text,
        source_id=text,
        title=text,
        categories=(text, text),
        author=text,
        summary=text,
        rights=text,
        language=text,
        authors=(Person(name=text, email=text),),
        tags=(Tag(term=text, label=text), Tag(term="x", scheme=f"urn:{text}")),
        enclosures=(Enclosure(href="https://a.example/1", type=text, title=text),),
        feed=Feed(title=text, rights=text),
        content=SafeHtml("<p>x</p>"),
    )


@pytest.mark.post_row("R49", "D1", "D23")
def test_naughty_strings_are_themselves_to_every_reader(shared: Path, sweep: Sweep) -> None:
    """In every field of both profiles: PyYAML, libyaml, YAML 1.2, python-frontmatter, js-yaml 3 to 5 and gray-matter agree."""
    texts = sweep.sample([*naughty_strings(shared), *filter(None, map(one_line, SPECIAL))], at_most=150)
    posts = [default.render(_everywhere(text)).post.decode() for text in texts]
    short = [volantis.render(_everywhere(text)).post.decode().lstrip("\n") for text in texts]
    for text, found in zip(texts, matters_of(posts), strict=True):
        wanted = {
            "title": text,
            "categories": [text, text],
            "author": text,
            "id": text,
            "source": {"id": text, "title": text, "rights": text},
            "authors": [{"name": text, "email": text}],
            "tags": [tag for tag in (text, "x") if fits_engines(tag)],
            **({} if fits_engines(text) else {"all_tags": [text, "x"]}),
            "tag_details": [{"term": text, "label": text}, {"term": "x", "scheme": f"urn:{text}"}],
            "lang": text,
            "summary": text,
            "rights": text,
            "enclosures": [{"href": "https://a.example/1", "type": text, "title": text}],
        }
        for reader, matter in found.items():
            assert {key: matter[key] for key in wanted} == wanted, (reader, text)
            assert set(matter) == {*wanted, "comments", "date", "format", "seal"}, (reader, text)
    for text, found in zip(texts, matters_of(short), strict=True):
        for reader, matter in found.items():
            assert (matter["categories"], matter["author"]) == ([text, text], text), (reader, text)


@pytest.mark.post_row("R49", "D1", "D2", "D13", "D14", "D15")
def test_hostile_feeds_are_front_matter_that_every_reader_reads_alike(tmp_path: Path) -> None:
    """From the feed over HTTP to every reader: title, cover, link, people and labels as published, dates as texts in GMT."""
    image = "https://img.example/it's \"one\"/a'b.jpg?x='1'&y={{2}}#pic_center"
    body = escape(f'<p>Text.</p><img src="{escape(image)}">')
    items = [
        f"<title><![CDATA[{title}]]></title><dc:creator><![CDATA[{title}]]></dc:creator><category><![CDATA[{title}]]></category>"
        f"<description>{body}</description>"
        for title in TITLES
    ]
    played = once(tmp_path, {"a": rss(*items)})
    posts = {path: post.decode() for path, post in played.files().items() if path.startswith("posts/")}
    entries = {one.id: one for one in played.entries("a")}
    published = {str(element.findtext("{*}title")) for element in played.published().values()}

    assert len(posts) == len(TITLES)
    for found in matters_of(list(posts.values())):
        for reader, matter in found.items():
            meant = entries[matter["id"]]
            assert (matter["title"], matter["link"]) == (meant.title, meant.link), reader
            assert matter["headimg"] == matter["thumbnail"] == meant.cover
            assert meant.cover is not None
            assert meant.cover.startswith("https://img.example/it's%20%22one%22/a'b.jpg?x='1'&y=%7B%7B2%7D%7D")
            assert matter.get("all_tags", matter.get("tags", [])) == [tag.term for tag in meant.tags]
            assert [person["name"] for person in matter.get("authors", [])] == [person.name for person in meant.authors]
            assert matter["source"] == {"id": "a", "title": "Harbour", "link": f"{SITE}/"}
            assert re.fullmatch(r"Mon, 02 (Feb|Mar) 2026 \d\d:\d\d:\d\d GMT", matter["date"]), reader
    assert published <= {meant.title for meant in entries.values()}
    assert len(published) >= 40


@pytest.mark.post_row("R50", "R52")
def test_a_flood_of_files_and_words_is_bounded(tmp_path: Path) -> None:
    """Of thousands of files, labels and people so many are kept that the post can be read again, by us and by everybody."""
    many = range(5_000)
    flood = (
        "<title>Flood</title>",
        *(f"<enclosure url='https://a.example/{n}.mp3' type='audio/mpeg' length='{n}'/>" for n in many),
        *(f"<category>label {n}</category><dc:creator>Person {n}</dc:creator>" for n in many),
    )
    played = once(tmp_path, {"a": rss("".join(flood))})
    found = played.entry("a")
    [post] = [post for path, post in played.files().items() if path.startswith("posts/")]

    # Every reader of a feed that repeats one element keeps the first or all of them; none may be more than this.
    assert 1 <= len(found.enclosures) <= 200
    assert (len(found.tags), len(found.authors)) == (200, 50)
    assert len(post) < 100_000


@pytest.mark.post_row("R50")
@pytest.mark.parametrize("profile", [default, volantis], ids=["default", "volantis"])
def test_a_post_has_our_keys_only(profile: Profile) -> None:
    """Upstream names no key: whatever its labels and people are called, keys are ours, values plain, none is anybody else's."""
    hostile = full_entry(
        tags=tuple(Tag(term=word, label=word) for word in sorted(TAKEN)),
        authors=tuple(Person(name=word) for word in sorted(TAKEN)),
        title="layout: x",
    )
    post = profile.render(hostile).post.decode().lstrip("\n")
    [found] = matters_of([post])

    for matter in found.values():
        assert set(matter) <= OURS
        assert not set(matter) & TAKEN
        assert _is_plain(matter)
    assert all(line.partition(":")[0].strip(" -") in OURS | _NESTED for line in _keyed(post))


_NESTED = {
    *("duration", "season", "number", "kind", "explicit", "image"),
    "name",
    "uri",
    "email",
    "term",
    "scheme",
    "label",
    "href",
    "type",
    "length",
    "title",
    "rights",
    "feed_id",
    "id",
    "link",
}


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return type(value) in {str, bool, int}


def _keyed(post: str) -> list[str]:
    """Return the lines of the front matter that set a key."""
    front = post.split("\n---\n", 1)[0].split("\n")[1:]
    return [line for line in front if re.match(r" *(?:- )?\w+:", line)]
