"""Records of pages as tests show them: a site that is like others, and the same one whose every text is hostile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from aggregator.model.entry import Enclosure, SafeHtml
from aggregator.model.page import (
    Card,
    Day,
    Dot,
    EntryPage,
    FeedLinks,
    FeedsPage,
    Frame,
    Link,
    ListPage,
    LostPage,
    Page,
    PollLine,
    SourceLine,
    SourcePage,
    StatusPage,
)
from aggregator.model.poll import Outcome
from aggregator.model.reason import Reason

Record = TypeVar("Record")

NOW = datetime(2021, 9, 11, 0, 31, tzinfo=UTC)
_SOURCES = (
    ("zaker", "ZAKER 新闻", "zh-CN"),
    ("juejin", "稀土掘金", "zh-CN"),
    ("planet", "Planet Python", "en"),
    ("reuters", "Reuters", "en"),
    ("aljazeera", "الجزيرة نت", "ar"),
    ("podcast", "机核 GADIO", "zh-CN"),
)
_TITLES = (
    ("zh-CN", "全省推进横琴粤澳深度合作区建设动员会在广州召开"),
    ("zh-CN", "把缓存当成数据库来用，后来我们都后悔了"),
    ("en", "Why a feed reader is still the calmest way to read the web"),
    ("en", "PEP 703: making the Global Interpreter Lock optional in CPython, a year later"),
    ("ar", "افتتاح معرض الكتاب الدولي بمشاركة أكثر من ألف دار نشر"),
    ("zh-CN", "节目 128：那些年我们一起听过的游戏原声"),
)
_SUMMARIES = (
    (
        "日前，全省推进横琴粤澳深度合作区建设动员会在广州召开。会议强调，要深入学习贯彻重要讲话精神，坚持高起点谋划、高标准推进，"
        "举全省之力支持横琴建设，与澳门携手打造具有中国特色、彰显两制优势的区域开发示范，让合作区早日见成效。"
    ),
    "上线第三年，缓存里有了别处没有的数据。本文记录我们怎样发现它、怎样一步步搬回去，以及今后怎样不再犯。",
    "Nobody ranks it, nobody counts what you skip, and it ends. A short defence of a list in the order of time.",
    (
        "The free-threaded build is no longer an experiment. We look at what changed for extension authors, "
        "at the single-threaded cost, and at the libraries that already ship wheels for it."
    ),
    "انطلقت فعاليات المعرض صباح اليوم بحضور كبار الكتّاب والناشرين، ويستمر عشرة أيام تتخللها ندوات وأمسيات شعرية.",
    "从卡带时代的八位机到交响乐团，三位主播各带来五段最难忘的旋律。",
)
#: As the sanitiser writes it.
CONTENT = SafeHtml(
    '<p id="top">日前，全省推进<a href="https://example.org/hengqin">横琴粤澳深度合作区</a>建设动员会在广州召开。</p>\n'
    "<h1>要点</h1><p>会议强调三点：</p><ul><li>高起点谋划</li><li>高标准推进</li><li>举全省之力</li></ul>"
    '<figure><img src="https://img.example.org/a.jpg" alt="会场全景" width="800" height="450">'
    "<figcaption>会场</figcaption></figure>"
    "<h3>数据</h3><table><thead><tr><th>年份</th><th>注册企业</th><th>增长</th></tr></thead>"
    "<tbody><tr><td>2019</td><td>38,000</td><td>12 %</td></tr>"
    "<tr><td>2020</td><td>45,600</td><td>20 %</td></tr></tbody></table>"
    "<blockquote><p>合作区的成效，要由在这里生活的人来说。</p></blockquote>"
    '<pre><code class="language-python">def hello(name: str) -&gt; str:\n    return f"你好，{name}"\n</code></pre>'
    '<p>回到<a href="https://example.org/post#top">开头</a>。</p>'
)


def feed_links(slug: str = "all", title: str = "小站", page: str = "/", depth: int = 0) -> FeedLinks:
    """Return one feed in three formats."""
    base = f"/feeds/{slug}"
    return FeedLinks(
        title=title,
        page=page,
        depth=depth,
        atom=f"{base}.atom",
        twins=(Link(title="RSS", href=f"{base}.rss"), Link(title="JSON", href=f"{base}.json")),
    )


FEEDS = (
    feed_links(),
    feed_links("new-media", "新媒体", "/c/new-media/", 1),
    feed_links("new-media/zaker", "ZAKER", "/c/new-media/zaker/", 2),
    feed_links("programming", "编程", "/c/programming/", 1),
    feed_links("world", "World news", "/c/world/", 1),
)


def frame(language: str = "zh-CN", *, is_static: bool = False, **changes: Any) -> Frame:
    """Return the frame of the sample site."""
    given: dict[str, Any] = {
        "title": "小站",
        "url": "https://feeds.example.org/",
        "language": language,
        "languages": (language,) if is_static else ("zh-CN", "zh-TW", "en"),
        "nav": tuple(Link(title=feed.title, href=feed.page) for feed in FEEDS if feed.depth == 1),
        "all_feed": FEEDS[0],
        "opml": "/feeds/index.opml",
        "timezone": "Asia/Shanghai",
        "built": NOW,
        "sources": 12,
        "failing": 1,
        "is_static": is_static,
    }
    return Frame(**{**given, **changes})


def card(number: int = 0, **changes: Any) -> Card:
    """Return the entry of that number in a list: a few hours older with each."""
    kind = number % len(_TITLES)
    language, title = _TITLES[kind]
    name, source, _ = _SOURCES[kind]
    category = FEEDS[1 + number % 4]
    given: dict[str, Any] = {
        "key": f"k{number:07}",
        "title": title,
        "href": f"/e/k{number:07}/",
        "source": Link(title=source, href=f"/s/{name}/"),
        "date": NOW - timedelta(minutes=9, hours=5 * number),
        "summary": _SUMMARIES[kind],
        "language": language,
        "categories": (Link(title=category.title, href=category.page),),
        "audio": name == "podcast",
    }
    return Card(**{**given, **changes})


def cards(number: int = 50) -> tuple[Card, ...]:
    """Return a list of entries, newest first."""
    return tuple(card(index) for index in range(number))


def index(number: int = 50, **changes: Any) -> ListPage:
    """Return the first page of the site."""
    given: dict[str, Any] = {
        "path": "/",
        "title": "小站",
        "cards": cards(number),
        "feed": FEEDS[0],
        "months": (("2021-09", 231), ("2021-08", 604)),
        "older": "/page/2/",
        "next_poll": NOW + timedelta(minutes=9),
        "dots": tuple(
            Dot(source=Link(title=title, href=f"/s/{name}/"), health=health)
            for (name, title, _), health in zip(_SOURCES, ("ok", "failing", "ok", "waiting", "quiet", "ok"), strict=True)
        ),
    }
    return ListPage(**{**given, **changes})


def category(**changes: Any) -> ListPage:
    """Return a category that has a parent and children."""
    given: dict[str, Any] = {
        "path": "/c/new-media/zaker/",
        "base": "/c/new-media/zaker/",
        "title": "ZAKER",
        "feed": FEEDS[2],
        "older": "/c/new-media/zaker/page/2/",
        "parents": (Link(title="新媒体", href="/c/new-media/"),),
        "children": (
            Link(title="广东", href="/c/new-media/zaker/guangdong/"),
            Link(title="深圳", href="/c/new-media/zaker/shenzhen/"),
        ),
    }
    return index(20, **{**given, **changes})


def month(**changes: Any) -> ListPage:
    """Return the archive of one month of a category."""
    path = "/c/new-media/2021-09/"
    return index(
        12,
        **{
            "path": path,
            "base": "/c/new-media/",
            "title": "新媒体",
            "feed": FEEDS[1],
            "month": "2021-09",
            "older": None,
            **changes,
        },
    )


def search(**changes: Any) -> ListPage:
    """Return what a search has found."""
    given: dict[str, Any] = {
        "path": "/search",
        "title": "横琴",
        "feed": None,
        "query": "横琴",
        "found": 312,
        "months": (),
        "dots": (),
        "older": "/search?q=%E6%A8%AA%E7%90%B4&page=2",
    }
    return index(10, **{**given, **changes})


def entry(**changes: Any) -> EntryPage:
    """Return an entry with all that there can be."""
    given: dict[str, Any] = {
        "card": card(categories=(Link(title="新媒体", href="/c/new-media/"), Link(title="ZAKER", href="/c/new-media/zaker/"))),
        "content": CONTENT,
        "link": "https://example.org/post",
        "author": "ZAKER",
        "authors": ("南方日报", "李明"),
        "tags": ("横琴", "粤澳合作"),
        "rights": "© 2021 南方日报",
        "published": NOW - timedelta(minutes=9),
        "updated": NOW,
        "cover": "https://img.example.org/cover.jpg",
        "enclosures": (
            Enclosure(href="https://media.example.org/128.mp3", type="audio/mpeg", length=48_211_004, title="节目 128"),
            Enclosure(href="https://media.example.org/notes.pdf", type="application/pdf"),
        ),
        "newer": None,
        "older": Link(title=_TITLES[1][1], href="/e/k0000001/"),
        "shows_pictures": False,
    }
    return EntryPage(**{**given, **changes})


def days(pattern: str = "g" * 30) -> tuple[Day, ...]:
    """Return the last days by a letter each, the oldest first: good, some failed, bad, none polled."""
    numbers = {"g": (48, 0, 7), "s": (40, 8, 2), "b": (0, 12, 0), "n": (0, 0, 0)}
    first = NOW.date() - timedelta(days=len(pattern) - 1)
    return tuple(
        Day(day=first + timedelta(days=index), ok=numbers[kind][0], failed=numbers[kind][1], entries=numbers[kind][2])
        for index, kind in enumerate(pattern)
    )


HALF_HOURLY = Reason(word="default", text="every 30 min by default", span=timedelta(minutes=30))


def line(number: int = 0, health: str = "ok", **changes: Any) -> SourceLine:
    """Return one source of the status page."""
    name, title, _ = _SOURCES[number % len(_SOURCES)]
    given: dict[str, Any] = {
        "source": Link(title=title, href=f"/s/{name}/"),
        "home": f"https://{name}.example.org/",
        "health": health,
        "posts": 1204 + number,
        "last_success": NOW - timedelta(minutes=21),
        "last_news": NOW - timedelta(hours=3),
        "failing_since": None,
        "failures": 0,
        "error": None,
        "status": 200,
        "next_poll": NOW + timedelta(minutes=9 + number),
        "kind": None,
        "why": (HALF_HOURLY,),
        "days": days(),
        "p95_ms": 412,
        "not_modified": 0.83,
        "warnings": (),
    }
    return SourceLine(**{**given, **changes})


def failing_line() -> SourceLine:
    """Return a source that has failed since Tuesday."""
    since = datetime(2021, 9, 7, 1, 10, tzinfo=UTC)
    return line(
        1,
        "failing",
        failing_since=since,
        last_success=since,
        failures=23,
        status=503,
        days=days("g" * 22 + "sg" + "ss" + "bbbb"),
        error="the server answers 503 (Service Unavailable)",
        kind="http",
        why=(Reason(word="failed", text="failed 23 times in a row", number=23),),
        not_modified=0.0,
    )


def status(**changes: Any) -> StatusPage:
    """Return the status page of a site with one source that fails."""
    given: dict[str, Any] = {
        "lines": (
            failing_line(),
            line(
                3,
                "waiting",
                days=days("g" * 29 + "s"),
                status=429,
                kind="held",
                why=(Reason(word="closed", text="Retry-After 2 h", what="b.example.org", number=429, at=NOW),),
                error="the server asks to wait (429)",
            ),
            line(4, "quiet", last_news=NOW - timedelta(days=40), days=days("n" * 3 + "g" * 27)),
            line(2, "new", last_success=None, last_news=None, days=(), p95_ms=None, not_modified=None, status=None, posts=0),
            line(0),
            line(5, warnings=("entries without a date",)),
        ),
        "posts_today": 37,
        "posts_week": 412,
        "next_poll": NOW + timedelta(minutes=9),
        "last_poll": NOW,
        "refused": (),
    }
    return StatusPage(**{**given, **changes})


def source(**changes: Any) -> SourcePage:
    """Return the page of a source."""
    polls = tuple(
        PollLine(
            at=NOW - timedelta(minutes=30 * index),
            outcome=outcome,
            new=3 if outcome is Outcome.NEWS else 0,
            updated=0,
            elapsed_ms=180,
            status=503 if outcome is Outcome.FAILED else 200,
            message="the server answers 503" if outcome is Outcome.FAILED else None,
        )
        for index, outcome in enumerate([*Outcome] * 4)
    )
    given: dict[str, Any] = {
        "line": failing_line(),
        "address": "https://juejin.example.org/feed.xml",
        "interval": HALF_HOURLY,
        "polls": polls,
        "facts": (("ETag", '"5d2f"'),),
        "entries": index(8, path="/s/juejin/", title="稀土掘金", feed=None, older="/s/juejin/page/2/"),
    }
    return SourcePage(**{**given, **changes})


def pages(entries: int = 50) -> dict[str, Page]:
    """Return one page of each kind, by a name for tests; the first has so many entries, the others a few."""
    return {
        "index": index(entries),
        "empty": index(0, months=(), older=None, dots=()),
        "category": category(cards=cards(min(entries, 20))),
        "month": month(cards=cards(min(entries, 12))),
        "search": search(cards=cards(min(entries, 10))),
        "nothing-found": search(cards=(), found=0, older=None),
        "no-search": search(cards=(), found=None, older=None),
        "no-question": search(cards=(), query="", found=0, older=None),
        "entry": entry(),
        "entry-pictures": entry(shows_pictures=True),
        "entry-bare": entry(
            content=SafeHtml(""),
            link=None,
            author=None,
            authors=(),
            tags=(),
            rights=None,
            published=None,
            updated=None,
            cover=None,
            enclosures=(),
            older=None,
            card=card(language=None, summary="", categories=()),
        ),
        "source": source(),
        "status": status(),
        "status-empty": status(lines=(), next_poll=None, last_poll=None),
        "feeds": FeedsPage(feeds=FEEDS, status="/feeds/status.atom"),
        "feeds-empty": FeedsPage(feeds=(), status=None),
        "lost": LostPage(gone=False, feeds=FEEDS, path="/no/such/page"),
        "gone": LostPage(gone=True, feeds=FEEDS),
    }


#: Fields that are ours or have passed a check: they hold no foreign text.
_OURS = frozenset(
    {
        "path",
        "base",
        "atom",
        "page",
        "key",
        "opml",
        "url",
        "timezone",
        "languages",
        "content",
        "month",
        "months",
        "newer",
        "older",
        "carry",
        "word",
        "kind",
    }
)


def with_text(record: Record, text: str) -> Record:
    """Return a copy of a record in which every foreign text is `text`: titles, names, addresses of others, errors, words."""
    return cast("Record", _changed(record, lambda _: text))


def _changed(value: Any, change: Callable[[str], str], name: str = "") -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        ours_too = {"href"} if _leads_to_us(value) else set()
        new = {
            field.name: _changed(getattr(value, field.name), change, field.name)
            for field in fields(value)
            if field.name not in ours_too and (field.name not in _OURS or is_dataclass(getattr(value, field.name)))
        }
        return replace(value, **new)
    if isinstance(value, tuple):
        return tuple(_changed(each, change, name) for each in value)
    return change(value) if isinstance(value, str) and not isinstance(value, Outcome) else value


def _leads_to_us(record: object) -> bool:
    return isinstance(record, Link | Card) and record.href.startswith("/")


#: Texts that are hard on pages rather than evil: both directions, what is wide, what never breaks, what looks like nothing.
HARD_TEXTS = (
    "\u202eevil\u202c \u2067right\u2069",
    "שלום עולם, this is mixed العربية text",
    "W" * 3000,
    "漢" * 400,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "👩‍👩‍👧‍👦 🇨🇳 👍🏽",
    " ",
    "\u200b\u200d\ufeff",
    "\x00\x01\x1b[31m\x7f\x85\ufffe\ud800",
    "a\nb\r\nc\td",
    "&lt;b&gt; &amp;amp; &#x3C;script&#x3E;",
    "{{ 7 * 7 }} {% raw %} ${7*7} <%= 7 %> #{7}",
    "%00%0a%2e%2e/../../etc/passwd",
    "' OR 1=1 -- \" ; DROP TABLE posts",
    "{0} {n} {name.__class__} {",
    "http://[::1/\\",
)
