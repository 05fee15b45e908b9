"""The gate looks at entries first and at documents last: what the first look lets through has no fault in any format."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aggregator.model.entry import Enclosure, Feed, Person, SafeHtml, Tag
from aggregator.model.output import OutputEntry, Twin
from aggregator.publish.addresses import public_url
from aggregator.publish.atom import build_feed
from aggregator.publish.document import examine
from aggregator.publish.twins import build_twin, examine_twin
from tests.conftest import Sweep
from tests.publish_records import NOON, SITE_URL, episode_item, make_frame, make_item

_TEXTS = [
    "x",
    "  x ",
    " ",
    "",
    "&amp;",
    "a\x85b",
    "\u200b",
    "\u202e",
    "<b>",
    "]]>",
    "a\tb",
    "\ufeffx",
    "x" * 5000,
    "😀",
    "A&B; c",
]
_LINKS = [
    "https://a.example/ö?x=1&y=2#z",
    "http://[::1]/",
    "https://a.example/%zz",
    "HTTPS://A.example/",
    "https://u@b.example/",
]
_EMAILS = [None, "a@b", "a b@c", "a@", "@", "a@b@c", " a@b ", "a@b (x)"]
_TYPES = [None, "audio/mpeg", "a/b; c=d", "a/b;c", "a/", "video/x y", "text/html;", "a/b/c"]
_DATES = [NOON, NOON + timedelta(microseconds=5), datetime(1000, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, 23, 59, tzinfo=UTC)]
_HTML = ["", "x", "<p>ü</p>", "a &lt; b", '<a href="mailto:x">y</a>', "<b>open"]


def test_what_passes_as_an_entry_passes_in_every_document(sweep: Sweep) -> None:
    """Entries of any odd but permitted texts, dates, people, tags and files make feeds without a fault, in three formats."""
    chance, frame = Random(sweep.seed), make_frame()
    faults: Counter[str] = Counter()
    passed = 0
    for _ in range(sweep.count(3000, 100)):
        built = build_feed(frame, [_item(number, chance) for number in range(1, 5)], source_order={})
        passed += len(built.ids)
        faults.update(f"Atom: {fault}" for fault in examine(built.content).faults)
        for name in ("rss", "json"):
            path = f"feeds/x.{name}"
            content = build_twin(Twin(format=name, path=path, self_link=public_url(SITE_URL, path)), frame, built)
            examined = examine_twin(content, name)
            faults.update(f"{name}: {fault}" for fault in examined.faults)
            assert examined.ids == built.ids

    assert not faults
    assert passed


def _item(number: int, chance: Random) -> OutputEntry:
    def one(*values: Any) -> Any:
        return chance.choice(values)

    def some(make: Any) -> tuple[Any, ...]:
        return tuple(make() for _ in range(chance.randrange(3)))

    texts = (None, *_TEXTS)
    fields: dict[str, Any] = {
        "id": one("x", "urn:a:b", f"https://a.example/{number}", " spaced", "tag:é", f"entry {number}"),
        "title": one(*_TEXTS),
        "published": one(None, *_DATES),
        "updated": one(None, *_DATES),
        "first_seen": one(*_DATES),
        "link": one(None, *_LINKS),
        "author": one(*texts),
        "authors": some(lambda: Person(name=one(*_TEXTS), uri=one(None, *_LINKS), email=one(*_EMAILS))),
        "tags": some(lambda: Tag(term=one(*_TEXTS), scheme=one(None, "urn:x", "topics"), label=one(*texts))),
        "language": one(None, "de", "zh-Hant-TW", "x-y", "zh_CN"),
        "summary": one(*texts),
        "rights": one(*texts),
        "enclosures": some(
            lambda: Enclosure(href=one(*_LINKS), type=one(*_TYPES), length=one(None, 0, 10**20), title=one(*texts))
        ),
        "feed": Feed(title=one(*_TEXTS), id=one(None, "urn:x", "feed"), link=one(None, *_LINKS), rights=one(*texts)),
        "categories": one(("a",), ("a b", "c/d"), ("&amp;",), (" x ",)),
        "content": SafeHtml(one(*_HTML)),
    }
    kept = {name: value for name, value in fields.items() if chance.random() < 0.3}
    return (episode_item if chance.random() < 0.2 else make_item)(number, **kept)
