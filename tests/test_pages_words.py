"""The catalogue of words: whole in each language, used, and right in number."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from aggregator.health import Health
from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState, Validators
from aggregator.model.poll import Outcome, SourceState
from aggregator.model.reason import Reason
from aggregator.model.source import Source
from aggregator.pages.addresses import relative
from aggregator.pages.clip import clip
from aggregator.pages.words import LANGUAGES, closest, words
from aggregator.schedule import next_poll

PACKAGE = Path(__file__).parents[1] / "aggregator" / "pages"
_CALL = re.compile(r"""\b(?:t|say|has)\(\s*f?["']([\w-]+)["']""")
_BRANCH = re.compile(r"""\bt\('([\w-]+)'\)""")
#: Words that are chosen by a value: a state of a source, an outcome, a fact, a language's own name.
_CHOSEN = ("state_", "meaning_", "outcome_", "fact_", "told_", "reason_", "span_", "kind_")


def _used() -> set[str]:
    sources = [path.read_text("utf-8") for path in (*PACKAGE.rglob("*.html"), *PACKAGE.glob("*.py"))]
    return {key for text in sources for pattern in (_CALL, _BRANCH) for key in pattern.findall(text)}


def _fields(text: str | dict[str, str]) -> set[str]:
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}


def test_every_language_has_every_word() -> None:
    """All languages have the same words with the same places for values, and none is empty."""
    english = words("en").texts
    for language in LANGUAGES:
        texts = words(language).texts
        assert texts.keys() == english.keys()
        assert {key: _fields(text) for key, text in texts.items()} == {key: _fields(text) for key, text in english.items()}
        assert all(text or key == "between_sentences" for key, text in texts.items())


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    """Templates and code ask for no word that is missing, and the catalogue holds none that nobody asks for."""
    there = {key for key in words("en").texts if not key.startswith(_CHOSEN)} - {"name"}

    assert _used() - {"state_", "meaning_", "outcome_", "fact_", "told_"} == there


def test_states_and_outcomes_have_words() -> None:
    """Each state of a source and each outcome of a poll has its word and its meaning."""
    texts = words("en").texts
    for state in Health:
        assert {f"state_{state.value}", f"meaning_{state.value}"} <= texts.keys()
    assert {f"outcome_{outcome.value}" for outcome in Outcome} <= texts.keys()


def test_every_kind_of_failure_has_a_word() -> None:
    """Whatever a poll may fail with is said in the language of the reader."""
    code = "\n".join(path.read_text("utf-8") for part in ("fetch", "pipeline") for path in (PACKAGE.parent / part).glob("*.py"))
    kinds = set(re.findall(r'(?:Fault\(|\bkind=)"([a-z-]+)"', code))

    assert len(kinds) > 15
    assert {f"kind_{kind}" for kind in kinds} <= words("zh-CN").texts.keys()


_HOUR = timedelta(hours=1)
_NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_ASKED = SourceState(id="a", last_poll=_NOW, last_success=_NOW, validators=Validators(address="https://a.example/", etag=b"1"))


@pytest.mark.parametrize("source", [{}, {"every": 30 * _HOUR + timedelta(minutes=1)}, {"paused": True}, {"gone": _NOW}])
@pytest.mark.parametrize(
    "state",
    [
        {},
        {"last_poll": None},
        {"validators": None},
        {"failures": 1},
        {"failures": 12},
        {"fresh_until": _NOW + 50 * _HOUR},
        {"hints": Hints(ttl_minutes=60 * 24)},
        {"hints": Hints(update_period_minutes=60 * 24)},
        {"hints": Hints(skip_hours=tuple(range(23)))},
        {"hints": Hints(skip_days=("Friday", "Saturday"))},
        {"arrivals": 900.0, "watched": 20.0},
        {"arrivals": 20.0, "watched": 20.0},
        {"arrivals": 1.0, "watched": 20.0},
    ],
)
@pytest.mark.parametrize("held", [None, HostState(name="a.example", closed_until=_NOW + 99 * _HOUR, status=429)])
def test_why_a_source_is_polled_then(source: dict[str, Any], state: dict[str, Any], held: HostState | None) -> None:
    """English pages say what terminals say; others say all of it in their language, but for the names of what others made."""
    found = next_poll(
        Source(id="a", feed="https://a.example/", addresses=("https://a.example/",), categories=("A",), **source),
        replace(_ASKED, **state),
        held,
    )

    assert words("en").why(found.why) == found.reason
    for language in ("zh-CN", "zh-TW"):
        said = str(words(language).why(found.why))
        assert not re.search("[a-z]{2,}", re.sub("ttl|sy:updatePeriod|skipHours|skipDays|a.example", "", said)), said


def test_a_reason_that_no_catalogue_knows_is_said_in_english() -> None:
    """A word may be newer than the catalogue; what stands in it is text."""
    assert words("zh-CN").why((Reason(word="new", text="<new>"),)) == "&lt;new&gt;"


def test_words_are_no_markup() -> None:
    """No text of a catalogue holds what HTML would read as markup."""
    for language in LANGUAGES:
        for text in words(language).texts.values():
            assert not re.search('[<>&"]', str(text if isinstance(text, str) else [*text.values()]))


def test_number_chooses_the_form() -> None:
    """One is singular in English, and large numbers have their thousands apart."""
    assert words("en").say("sources_here", n=1) == "1 source"
    assert words("en").say("sources_here", n=1200) == "1,200 sources"
    assert words("zh-CN").say("sources_here", n=1) == "1 个来源"


def test_values_are_escaped() -> None:
    """What is put into a text is text, also where it looks like a place for a value."""
    assert words("en").say("not_found", query="<b>{n}") == "Nothing was found for &lt;b&gt;{n}."


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-GB", "en"),
        ("fr", "en"),
        ("zh", "zh-CN"),
        ("zh-Hans-HK", "zh-CN"),
        ("zh-HK", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("ZH_TW", "zh-TW"),
    ],
)
def test_the_closest_language(tag: str, language: str) -> None:
    """Readers of any language are spoken to in the one of ours that they read most likely."""
    assert closest(tag) == language


def test_days_and_months_in_each_language() -> None:
    """Days carry their weekday, months their name."""
    day = date(2021, 9, 11)

    assert [str(words(language).day(day)) for language in LANGUAGES] == [
        "Saturday 2021-09-11",
        "2021-09-11 星期六",
        "2021-09-11 星期六",
    ]
    assert [str(words(language).month("2021-09")) for language in ("en", "zh-CN")] == ["September 2021", "2021 年 9 月"]
    assert str(words("en").month("<2021>")) == "&lt;2021&gt;"


def test_a_week_is_told_by_weekdays() -> None:
    """What was less than a week ago is told by its weekday, all else by its date."""
    now = datetime(2021, 9, 11, 8, tzinfo=UTC)
    told = [str(words("en").since(datetime(2021, 9, day, 9, 10, tzinfo=UTC), now)) for day in (5, 4, 12)]

    assert told == ["Sunday 09:10", "2021-09-04 09:10", "2021-09-12 09:10"]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("short", "short"),
        ("漢" * 5, "漢" * 5),
        ("漢" * 6, "漢" * 5 + "…"),
        ("one two three", "one two…"),
        ("onetwothreefour", "onetwothre…"),
        ("ab漢字漢字漢字", "ab漢字漢字…"),
        ("a" * 9 + "e\u0301" * 9, "a" * 9 + "…"),
    ],
)
def test_texts_are_cut_by_columns(text: str, cut: str) -> None:
    """A text is cut to ten columns, a Chinese character fills two, and neither words nor letters are cut in two."""
    assert clip(text, 10) == cut


@pytest.mark.parametrize(
    ("start", "target", "link"),
    [
        ("/", "/", "./"),
        ("/", "/c/a/", "c/a/"),
        ("/c/a/", "/c/a/", "./"),
        ("/c/a/", "/", "../../"),
        ("/c/a/", "/c/b/?x=1", "../b/?x=1"),
        ("/status", "/feeds/", "feeds/"),
        ("/c/a/", "/status", "../../status"),
        ("/", "/a:b/", "./a:b/"),
        ("/a//b/c", "/x", "../../../x"),
        ("/e/a/", "/e/a/?lang=en", "./?lang=en"),
        ("/search?q=a/b", "/c/a/", "c/a/"),
    ],
)
def test_links_between_pages(start: str, target: str, link: str) -> None:
    """A link says how to get from one page to another, without the root they have in common."""
    assert relative(start, target) == link
