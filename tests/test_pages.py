"""The pages as HTML: whole, escaped, linked, the same each time."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from aggregator.errors import ConfigError
from aggregator.model.entry import SafeHtml
from aggregator.model.page import FeedsPage, Link, LostPage, Page
from aggregator.pages import LANGUAGES, Theme, render, script, stylesheet
from tests import page_samples as samples
from tests.browser_vectors import VECTORS
from tests.html_pages import read_page

PAGES = samples.pages(6)
NAMES = sorted(PAGES)


def _text(page: Page, language: str = "en", **changes: Any) -> str:
    return render(page, samples.frame(language, **changes)).decode()


@pytest.mark.parametrize("is_static", [False, True], ids=["live", "static"])
@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_whole(name: str, is_static: bool) -> None:  # noqa: FBT001
    """Every page is HTML in which each element is closed and in its place, with one h1, headings in order and no id twice."""
    for language in LANGUAGES:
        assert read_page(render(PAGES[name], samples.frame(language, is_static=is_static))).faults == []


@pytest.mark.parametrize("name", NAMES)
def test_foreign_text_is_text(name: str) -> None:
    """Whatever stands in titles, names, errors and addresses, the page has the same elements with the same attributes."""
    plain = read_page(render(samples.with_text(PAGES[name], "x"), samples.with_text(samples.frame(), "x"))).shape

    for text in (*VECTORS, *samples.HARD_TEXTS):
        seen = read_page(render(samples.with_text(PAGES[name], text), samples.with_text(samples.frame(), text)))
        assert seen.faults == [], text
        assert seen.shape == plain, text


@pytest.mark.parametrize("name", NAMES)
def test_no_address_of_others_runs_anything(name: str) -> None:
    """Links lead to pages of ours or by http to those of others, which do not learn where their visitor comes from."""
    for text in (
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example/",
        " javascript:x",
        "mailto:a@b",
    ):
        seen = read_page(render(samples.with_text(PAGES[name], text), samples.frame()))
        for tag, address, values in seen.links:
            scheme = urlsplit(address).scheme
            assert scheme in {"", "https"} or (tag, values.get("rel")) == ("link", "icon"), address
            assert not address.startswith("//")
            if scheme == "https" and tag == "a":
                assert "noopener noreferrer" in values["rel"]


@pytest.mark.parametrize("root", ["https://feeds.example.org/", "https://example.org/blog/", "file:///srv/site/"])
@pytest.mark.parametrize("name", [name for name in NAMES if getattr(PAGES[name], "path", "") is not None])
def test_links_lead_to_the_same_page_below_any_root(name: str, root: str) -> None:
    """Links to pages of ours hold below any path and on any host: each leads to an address that the records name."""
    page = PAGES[name]
    seen = read_page(render(page, samples.frame(carry="lang=en")))
    named = (address for _, address, values in seen.links if values.get("rel") == "canonical")
    own = page.path if isinstance(page, LostPage) else next(named).removeprefix("https://feeds.example.org")
    assert own is not None
    here = root + own.removeprefix("/")
    known = re.compile(
        r"(c/[a-z/-]+|s/[a-z]+)/(page/2/|2021-0[89]/)?|e/k\d{7}/|page/2/|2021-0[89]/|feeds/|feeds/[a-z/-]+\.(atom|rss|json|opml)|status|"
        r"search|static/[0-9a-f]{12}\.(css|js)|"
    )
    for tag, address, values in seen.links:
        if urlsplit(address).scheme or address.startswith(("#", "?")) or values.get("rel") == "canonical":
            continue
        leads = urljoin(here, address)
        assert leads.startswith(root), (tag, address)
        path, _, query = leads.removeprefix(root).partition("#")[0].partition("?")
        assert known.fullmatch(path), (tag, address)
        if tag == "a" and "." not in path:
            assert query.endswith("lang=en"), "the choice of a language is carried on"


def test_static_pages_link_to_folders() -> None:
    """On a static host /status is a folder's page, and links on it and to it count with that."""
    page = _text(samples.status(), is_static=True)

    assert '<link rel="canonical" href="https://feeds.example.org/status/">' in page
    assert 'href="../s/juejin/"' in page
    assert 'href="../status/"' in _text(FeedsPage(feeds=(), status=None), is_static=True)


def test_a_lost_page_of_a_static_host_links_from_the_root() -> None:
    """The one page for all lost addresses links from the root of the host, since it is shown at any depth."""
    page = _text(LostPage(gone=False, feeds=samples.FEEDS), url="https://example.org/blog/", is_static=True)

    assert 'href="/blog/c/new-media/"' in page
    assert 'href="/blog/static/' in page
    assert "canonical" not in page


@pytest.mark.parametrize("name", NAMES)
def test_equal_records_give_equal_bytes(name: str) -> None:
    """Rendering twice gives the same bytes."""
    assert render(PAGES[name], samples.frame()) == render(samples.pages(6)[name], samples.frame())


def test_an_index_is_small() -> None:
    """An index with fifty Chinese entries has 50 kB at most."""
    chinese = tuple(replace(samples.card(index * 6), date=samples.card(index).date) for index in range(50))

    assert len(render(samples.index(cards=chinese), samples.frame())) <= 50_000


def test_an_index_is_small_with_all_that_it_loads() -> None:
    """With fifty entries in several writings, the stylesheet and the script it has 50 kB at most, unpacked."""
    loaded = (render(samples.index(50), samples.frame()), stylesheet()[1], script()[1])

    assert sum(map(len, loaded)) <= 50_000


def test_the_stylesheet_says_the_same_without_blanks() -> None:
    """What is left out of it is comments and blanks that mean nothing: not those of selectors and strings."""
    css = stylesheet()[1].decode()

    assert not re.search(r"/\*|\n|  |[{};>] | [{};]|: |;}", re.sub(r'"[^"]*"', '""', css))
    assert "@media (prefers-color-scheme:dark){:root{--ground:#191816;" in css
    assert 'font:.875em/1.6 ui-monospace,"SF Mono","DejaVu Sans Mono",monospace}' in css
    assert ".h-entry :is(h2,h3,h4).p-name{" in css
    assert "color-mix(in srgb,var(--text) 82%,var(--ground))" in css
    assert 'content:"·" / ""' in css


def test_a_static_site_offers_nothing_that_needs_a_server() -> None:
    """Static pages have no search, no choice of language and no switch for pictures."""
    for page in PAGES.values():
        text = _text(page, is_static=True)
        if not getattr(page, "query", None) and "no-question" not in text:
            assert 'name="q"' not in text.partition("<main")[0]
        assert "?lang=" not in text
        assert "pictures=1" not in text


def test_feeds_are_found_from_the_page() -> None:
    """A page names its feed in all formats, the feed of everything and the OPML list for readers that are given its address."""
    seen = read_page(render(PAGES["category"], samples.frame()))
    named = {(values["type"], address) for tag, address, values in seen.links if values.get("rel") == "alternate"}

    assert named >= {
        ("application/atom+xml", "../../../feeds/new-media/zaker.atom"),
        ("application/rss+xml", "../../../feeds/new-media/zaker.rss"),
        ("application/feed+json", "../../../feeds/new-media/zaker.json"),
        ("application/atom+xml", "../../../feeds/all.atom"),
        ("text/x-opml", "../../../feeds/index.opml"),
    }


def test_times_are_those_of_the_site() -> None:
    """Times are shown in the zone of the site, and told to machines in UTC; days are those of that zone."""
    page = samples.index(1)

    assert '<time datetime="2021-09-11">Saturday 2021-09-11</time>' in _text(page)
    assert 'datetime="2021-09-11T00:22:00Z">08:22</time>' in _text(page)
    assert '<time datetime="2021-09-10">Friday 2021-09-10</time>' in _text(page, timezone="America/New_York")


def test_the_first_and_the_last_day_can_be_shown() -> None:
    """Dates at both ends of the calendar are shown whatever the zone."""
    for year, month, day in ((1, 1, 1), (9999, 12, 31)):
        date = samples.NOW.replace(year=year, month=month, day=day, hour=23)
        for zone in ("Asia/Shanghai", "America/New_York"):
            assert f"{year:04}-" in _text(samples.index(cards=(samples.card(date=date),)), timezone=zone)


def test_foreign_language_is_said() -> None:
    """Text in another language than the page's says so, and its direction is its own."""
    text = _text(samples.index(6), "zh-CN")

    assert re.search(r'<a class="u-url" href="e/k0000004/" lang="ar" dir="auto">', text)
    assert re.search(r'<a class="u-url" href="e/k0000000/" dir="auto">', text)


def test_an_empty_site_says_what_comes() -> None:
    """Without entries a page says when the next look is; without sources, what to type."""
    assert "The next look is at <time" in _text(samples.index(0))
    assert "aggregator source add" in _text(samples.index(0), sources=0)
    assert "Nothing was found for <b><bdi>横琴</bdi></b>." in _text(PAGES["nothing-found"])


def test_status_begins_with_one_sentence() -> None:
    """The status page says first how many sources are fine, and which one has failed since when."""
    text = re.sub(r"<(?:bdi|/bdi|time[^>]*|/time)>", "", _text(samples.status()))

    told = "3 of 6 sources are fine. 稀土掘金 has failed since Tuesday 09:10. Reuters is tried again at 08:43."
    assert f"{told} 1 was not polled yet." in text
    assert "All 2 sources are fine." in _text(samples.status(lines=(samples.line(0), samples.line(4, "quiet"))))
    many = (*(samples.line(number, "retrying") for number in range(4)), samples.line(5, "paused"))
    assert "0 of 5 sources are fine. 4 failed lately and are tried again. 1 is paused." in _text(samples.status(lines=many))


def test_states_are_words_shapes_and_colours() -> None:
    """Each state is told by a word, a shape and a colour."""
    text = _text(samples.status())

    assert '<span class="state bad"><span class="shape" aria-hidden="true">✕</span> failing</span>' in text
    assert '<span class="state good"><span class="shape" aria-hidden="true">●</span> fine</span>' in text


def test_days_are_bars_and_numbers() -> None:
    """Days are bars with their numbers as titles, and the same numbers stand in a table; a day that is not known has no bar."""
    line = samples.line(days=samples.days("gsbn"))
    text = _text(samples.status(lines=(line,)))

    assert re.findall(r'<rect class="(\w+)" x="(\d+)" y="\d+" width="4" height="(\d+)">', text) == [
        ("good", "130", "20"), ("some", "135", "12"), ("bad", "140", "6")
    ]  # fmt: skip
    assert "<title>2021-09-09: 40 went well, 8 failed, 2 new</title>" in text
    assert '<tr><th scope="row">2021-09-09</th><td>40</td><td>8</td><td>2</td></tr>' in text


def test_many_sources_bring_tables_only_where_they_tell_something() -> None:
    """With hundreds of sources, only those that are not well bring their days as a table."""
    lines = (samples.failing_line(), *(samples.line(index) for index in range(200)))

    assert _text(samples.status(lines=lines)).count("<caption>") == 1


def test_the_files_of_an_entry_are_played_only_when_asked() -> None:
    """Sound and film stand as players that load nothing before they are started, other files as links."""
    text = _text(samples.entry())

    assert '<audio controls preload="none" src="https://media.example.org/128.mp3"></audio>' in text
    assert ">notes.pdf</a>" in text


def test_a_theme_puts_its_own_in_place_of_ours() -> None:
    """A template of the theme stands in for ours of the same name, and can extend ours; styles are added or replaced."""
    theme = Theme.of({
        "base.html": '{% extends "ours/base.html" %}{% block foot %}<p>Mine</p>{% endblock %}',
        "extra.css": ":root { --mark: green }",
    })  # fmt: skip
    page_of_status = samples.status()
    page = render(page_of_status, samples.frame(), theme=theme)

    for each in (PAGES["entry"], PAGES["index"], page_of_status):
        assert b"<p>Mine</p>" in render(each, samples.frame(), theme=theme)
    assert stylesheet(theme)[1].endswith(b":root { --mark: green }")
    assert stylesheet(theme)[0].encode() in page
    assert stylesheet(Theme.of({"style.css": "p {}"}))[1] == b"p {}"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{% if %}", 1),
        ("\n{{ page.nothing }}", None),
        ("{% extends 'nowhere.html' %}", None),
        ("{{ 1 / 0 }}", None),
        ("{{ t('no such') }}", None),
    ],
)
def test_a_broken_theme_is_named(template: str, line: int | None) -> None:
    """A template that cannot be used is an error of the configuration with its file, and its line where that is known."""
    with pytest.raises(ConfigError) as caught:
        render(PAGES["entry"], samples.frame(), theme=Theme.of({"entry.html": template}))

    [problem] = caught.value.problems
    assert (problem.file, problem.line) == ("entry.html", line)


def test_names_of_styles_and_scripts_tell_their_content() -> None:
    """The stylesheet and the script have names that change with their content, and ask for nothing from elsewhere."""
    for name, content in (stylesheet(), script()):
        assert re.fullmatch(r"[0-9a-f]{12}\.(css|js)", name)
        assert not re.search(rb"https?:|@import|url\(", content)
    assert len(stylesheet()[1]) < 20_000
    assert len(script()[1]) < 1_000


def test_what_the_reader_chose_goes_along() -> None:
    """A language chosen by hand is carried on by links to pages, also to those of a search, and by no link to a file."""
    page = samples.search(query="a.b/c", older="/search?q=a.b%2Fc&page=2", path="/search?q=a.b%2Fc")
    text = _text(page, carry="lang=en")

    assert 'href="search?q=a.b%2Fc&amp;page=2&amp;lang=en"' in text
    assert '<input type="hidden" name="lang" value="en">' in text
    assert 'href="feeds/all.atom"' in text
    assert 'href="?q=a.b%2Fc&amp;lang=zh-TW"' in text


def test_what_was_looked_for_stands_out_of_the_sentence() -> None:
    """Words that were looked for are told apart from ours around them, whether something was found or not."""
    assert "entries for <b><bdi>the</bdi></b></p>" in _text(samples.search(query="the", found=30))
    assert "found for <b><bdi>the</bdi></b>.</p>" in _text(samples.search(query="the", found=0, cards=()))


def test_a_lost_page_has_no_address() -> None:
    """A page that is not there names no address as its own, and search engines are told to leave it."""
    for page in (PAGES["lost"], PAGES["gone"]):
        assert "canonical" not in _text(page)
        assert '<meta name="robots" content="noindex">' in _text(page)


def test_pictures_are_offered_only_where_they_can_be_had() -> None:
    """The switch for pictures is there when there are some, its owner allows them, and a server can show them."""
    offered = "pictures=1"

    assert offered in _text(samples.entry())
    assert offered not in _text(samples.entry(shows_pictures=True))
    assert offered not in _text(samples.entry(may_show_pictures=False))
    assert offered not in _text(samples.entry(cover=None, content=SafeHtml("<p>x</p>")))
    assert offered not in _text(samples.entry(), is_static=True)


def test_the_index_names_its_categories_once() -> None:
    """The categories of the first level stand on top of every page, so the index and its months do not repeat them."""
    children = (Link(title="Once", href="/c/once/"),)

    assert "Once" not in _text(samples.index(1, children=children))
    assert "Once" in _text(samples.category(children=children))
    assert '<h1 class="p-name" dir="auto">September 2021</h1>' in _text(samples.index(1, path="/2021-09/", month="2021-09"))


def test_days_without_failures_say_so() -> None:
    """What the bars say is told in words as well."""
    told = [_text(samples.source(line=samples.line(days=samples.days(pattern)))) for pattern in ("ggg", "gbs", "nng")]

    assert "3 days without a failure" in told[0]
    assert "3 days, with failures on 2" in told[1]
    assert "1 day without a failure" in told[2]
