"""Three hundred entries that a site engine could stumble over: what it runs, what YAML turns, what a file system refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from itertools import cycle

from aggregator.model.entry import Enclosure, Entry, Episode, Feed, Person, SafeHtml, Tag
from aggregator.normalise.sanitise import sanitise
from tests.post_records import SPECIAL, entry, one_line

#: What the template language or the Markdown of some engine acts upon.
ACTIVE = (
    *("{{ 1+1 }}", "{% raw %}", "{% endraw %}", "{% nothing %}", "{# gone #}", "{{< figure >}}", "{{% note %}}", "{{", "}}"),
    *("{%", "%}", "{{ site.title }} {% for a in b %}", "{%- x -%}", "endraw", "{% endraw %}{{ 7*7 }}", "{{</* x */>}}"),
    *("{: .a #b}", "{::comment}", "{:toc}", "* a", "# b", "1. c", "> d", "[a](b)", "![a](b)", "*a* _b_ **c**", "`a`"),
    *("```js\nx {{ y }}\n```", "~~~\nx\n~~~", "---", "***", "| a | b |", "<!-- more -->", "<!--more-->", "[[a]]", "$$x$$"),
    *(":smile:", "a  \nb", "\\", "\\{\\{", "[^1]: a", "*[HTML]: b", "&amp;", "&lt;b&gt;", "a\n\n    b\n\n\tc", "\n\n\n"),
    *("    indented {{ d }}\n\n    more", "\t{{ e }}", "https://bare.example/{{x}}", "---\ntitle: b\n---\n"),
)  # fmt: skip
#: How a text can stand in a body.
FRAMES = (
    "<p>{}</p>",
    "<pre>{}</pre>",
    "<pre><code>\n{}\n\n\n</code></pre>",
    "{}",
    "\n\n    {}\n\n    <p>a</p>\n\n\n",
    '<div><p title="{}">a</p>\n\n{}</div>',
    "<table><tr><td>{}</td></tr></table>\n\n<ul>\n\n<li>{}</li></ul>",
    '<blockquote>\n\n    {}</blockquote><img src="https://a.example/i.jpg" alt="{}">',
    '<h2 id="a">{}</h2>\n<a href="https://a.example/?q={}">b</a>',
)
TITLES = (
    *("_under", ".dot", "..", "#hash", "?query", "100%", "a/b\\c", "it's", '"double"', "'both\" kinds'", "- dash", "~", "@at"),
    *("&amp;", "<b>bold</b>", "{{ title }}", "{% title %}", "{# t #}", "{{< t >}}", "مرحبا بالعالم", "\u202eabc", "👩‍👩‍👧"),
    *("中" * 90, "a" * 400, "2017", "yes", "null", "2021-09-11", "1e3", "---", "...", "a: b", "a # b", "!!python/x", "*a"),
    *("[x]", "{y: z}", "a\x7fb", "a\u0085b", "a\u2028b", "\ufeffa", "CON"),
    *filter(None, map(one_line, SPECIAL)),
)  # fmt: skip
CATEGORIES = (
    *("C/C++", "C++", "_x", ".y", "2017", "yes", "null", "新媒体", "a b", "it's", '"q"', "#1", "100%", "a?b", "{{ c }}", "---"),
    *("👍", "مرحبا", "A", "a", "[x]", "x" * 200, "中" * 60, "index", "page", "<i>", "&amp;", "~", "a:b"),
)  # fmt: skip
TAGS = (
    *CATEGORIES,
    "constructor",
    "__proto__",
    "toString",
    "..",
    ".?.",
    "../../index",
    "中" * 100,
    "t" * 300,
    "a,b",
    "a;b",
    "\\",
    "?",
    "/",
    "//",
    "/..",
    "a/../b",
    "tag\ttab",
    "é",
    "e\u0301",
    "|",
    "*",
    ":",
)
#: Instants that clocks trip over: a day's both ends, the hours beside the changes in Berlin and New York, old and late years.
INSTANTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        *("2021-09-11T00:22:19", "2021-09-10T15:59:59", "2021-09-10T16:00:00", "2020-02-29T23:59:59", "2021-01-01T00:00:00"),
        *("2021-03-28T00:59:59", "2021-03-28T01:00:00", "2021-03-28T02:30:00", "2021-10-30T23:30:00", "2021-10-31T03:00:00"),
        *("2021-03-14T06:59:59", "2021-03-14T07:00:00", "2021-03-14T10:30:00", "2021-11-07T05:30:00", "2021-11-07T06:30:00"),
        *("2021-11-07T10:30:00", "2021-11-07T12:00:00"),
        *("2021-07-01T12:00:00", "2021-12-31T23:30:00", "1999-12-31T23:59:59", "1970-01-01T00:00:01", "1985-06-15T12:00:00"),
    )
)


def entries_titled(titles: list[str]) -> list[Entry]:
    """Return an entry for each of these texts, which stands in every place that upstream fills."""
    return [
        entry(
            id=(link := f"https://news.example/{number}"),
            title=text,
            content=SafeHtml(sanitise(f"<p>{escape(text)}</p>", link)),
            author=text,
            tags=(Tag(term=text),),
            summary=text,
            rights=text,
        )
        for number, text in enumerate(titles)
    ]


def bench_entries(number: int = 300) -> list[Entry]:
    """Return entries in which every text above stands at least once, with sanitised bodies."""
    texts, frames = cycle(ACTIVE), cycle(FRAMES)
    titles, categories, tags, instants = cycle(TITLES), cycle(CATEGORIES), cycle(TAGS), cycle(INSTANTS)
    found = []
    for index in range(number):
        # The lengths of the lists have no common factor, so that each text meets most frames.
        text, frame = escape(next(texts)), next(frames)
        link = f"https://news.example/{index}"
        title = next(titles)
        found.append(
            entry(
                id=link,
                title=title,
                categories=("News", next(categories)) if index % 2 else (next(categories), "{{ sub }}", "x/y"),
                content=SafeHtml(sanitise(frame.replace("{}", text), link)),
                published=next(instants) + timedelta(seconds=index),
                updated=None if index % 3 else next(instants) + timedelta(days=900),
                feed=Feed(title=title, link="https://news.example/"),
                author=title,
                cover="https://a.example/c.jpg?a={{b}}&c='d'" if index % 5 == 0 else None,
                link=link,
                authors=(Person(name=title, uri="https://a.example/", email="a@a.example"),) if index % 4 == 0 else (),
                tags=(*(Tag(term=one_line(next(tags))) for _ in range(index % 3)), Tag(term="l", label="{{ l }}")),
                language=("zh-CN", "en", "x", None)[index % 4],
                summary=f"{text}\n{title}",
                rights=title,
                enclosures=(Enclosure(href="https://a.example/{{e}}.mp3", type="audio/mpeg", length=1),)
                if index % 7 == 0
                else (),
                episode=Episode(
                    duration=9, season=1, number=index, kind="full", explicit=True, image="https://a.example/{{i}}.png"
                )
                if index % 7 == 1
                else None,
            )
        )
    return found
