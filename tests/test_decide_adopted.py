"""Which entries are an adopted post: those that can be nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from aggregator.decide.adopted import recognise_adopted, same_titles
from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Enclosure, Entry, Feed, SafeHtml
from aggregator.model.traits import traits_of
from tests.conftest import Sweep

NOON = datetime(2021, 9, 11, 12, 7, 31, tzinfo=UTC)
LONG = "<p>" + "".join(f"第{n}句话讲的是另一件事情。" for n in range(12)) + "</p>"
OTHER = "<p>" + "".join(f"Sentence {n} speaks of quite another matter. " for n in range(9)) + "</p>"


def _post(name: str = "old", title: str = "Win11_Win10", content: str = LONG, published: datetime | None = NOON) -> Entry:
    first_seen = None if published else NOON
    return Entry(
        id=name,
        source_id="s",
        title=title,
        categories=("a",),
        content=SafeHtml(content),
        published=published,
        first_seen=first_seen,
        feed=Feed(title="S"),
    )


def _new(name: str = "new", title: str = "Win11/Win10", content: str = LONG, published: datetime | None = NOON) -> Entry:
    return replace(_post(name, title, content, published), link=f"https://a.example/{name}")


def _found(entries: list[Entry], posts: list[Entry], *, gone: bool = False, present: tuple[str, ...] = ()) -> dict[str, str]:
    known = {
        post.id: KnownEntry(
            raw_hash=None,
            link_hash=b"",
            path="" if gone else "x.md",
            post_hash=None,
            locked=True,
            traits=traits_of(post, adopted=True),
        )
        for post in posts
    }
    pairs = same_titles(entries, known, present)
    read: dict[str, Entry | None] = {post.id: None if gone else post for post in posts}
    return {one.id: one.key for one in recognise_adopted(pairs, {each.id: each for each in entries}, read, known)}


@pytest.mark.parametrize(
    ("mangled", "title"),
    [
        ("Win11_Win10", "Win11/Win10"),
        ("_心瘾_ _图_", "“心瘾” [图]"),
        ("C_ a_b_ _T_", "C: a\\b? <T>"),
        ("a &amp; b", "a & b"),
        ("a\nb  c", "a b c"),
    ],
)
def test_a_title_is_known_without_its_marks(mangled: str, title: str) -> None:
    """Each of the twelve marks may have become `_`, entities may have stayed, line ends may have gone."""
    assert _found([_new(title=title)], [_post(title=mangled)]) == {"new": "old"}


def test_another_title_is_another_entry() -> None:
    """Nothing but those marks may differ: not even where everything else is the same."""
    assert _found([_new(title="Win11/Win8")], [_post()]) == {}


def test_title_and_second_are_enough_without_a_text() -> None:
    """A toot without text that was published at the same second is the post."""
    assert _found([_new(content="")], [_post(content="<hr>")]) == {"new": "old"}


def test_title_and_second_are_not_enough_against_the_text() -> None:
    """Two texts or two pictures that have nothing in common are two entries, whatever their time."""
    assert _found([_new(content=OTHER)], [_post()]) == {}
    one, two = '<img src="http://i.example/1.jpg">', '<img src="http://i.example/2.jpg">'
    assert _found([_new(content=one)], [_post(content=two)]) == {}


def test_a_full_hour_is_no_second() -> None:
    """Midnight says a day only: two entries of a day with one title need a text to be told by."""
    day = NOON.replace(hour=16, minute=0, second=0)

    assert _found([_new(content="", published=day)], [_post(content="", published=day)]) == {}
    assert _found([_new(published=day)], [_post(published=day)]) == {"new": "old"}


def test_soft_dates_need_the_same_text() -> None:
    """Within a day and a half the very same text is the same entry; beyond it is next week's, with a word less another one."""
    soft = NOON + timedelta(hours=20)

    assert _found([_new(content=LONG.replace("<p>", '<p class="x"> '), published=soft)], [_post()]) == {"new": "old"}
    assert _found([_new(content=LONG.replace("第3句话", "第三句话"), published=soft)], [_post()]) == {}
    assert _found([_new(content=LONG, published=NOON + timedelta(days=7))], [_post()]) == {}
    assert _found([_new(content=OTHER, published=NOON + timedelta(hours=2))], [_post()]) == {}
    assert _found([_new(content="<p>short</p>", published=NOON + timedelta(hours=2))], [_post(content="<p>short</p>")]) == {}


def test_without_a_date_all_must_be_the_same() -> None:
    """An undated post is recognised by each letter, picture and link; one word more makes another entry."""
    undated = _post(published=None)

    assert _found([_new()], [undated]) == {"new": "old"}
    assert _found([_new(published=None)], [_post()]) == {"new": "old"}
    assert _found([_new(content=LONG + "<p>12</p>")], [undated]) == {}
    assert _found([_new(content=LONG + '<a href="https://a.example/">.</a>')], [undated]) == {}
    assert _found([_new(content=LONG + '<img src="https://a.example/1.jpg">')], [undated]) == {}
    assert _found([_new(content="<p>short</p>")], [_post(content="<p>short</p>", published=None)]) == {}


def test_the_weekly_title_is_never_merged() -> None:
    """A column that has one title every week stays one post a week, dated or not."""
    weeks = [_post(f"w{n}", "Open thread", f"{LONG}<p>week {n}</p>", NOON + timedelta(weeks=n)) for n in range(3)]
    fourth = _new("new", "Open thread", f"{LONG}<p>week 4</p>", NOON + timedelta(weeks=4))

    assert _found([fourth], weeks) == {}
    assert _found([fourth], [replace(week, published=None, first_seen=NOON) for week in weeks]) == {}
    assert _found([fourth], [replace(weeks[0], published=None, first_seen=NOON)]) == {}


def test_files_that_no_old_post_could_hold_make_another_entry() -> None:
    """An episode is its sound: of the same title and text two are two; a picture that came along as a file says nothing."""
    episode, cover = (Enclosure(href="https://a.example/1", type=kind) for kind in ("audio/mpeg", "image/jpeg"))

    assert _found([replace(_new(), enclosures=(episode,))], [_post(published=None)]) == {}
    assert _found([replace(_new(), enclosures=(cover,))], [_post(published=None)]) == {"new": "old"}
    assert _found([replace(_new(), enclosures=(episode,))], [_post()]) == {"new": "old"}


def _some(rng: Random) -> list[int]:
    return rng.sample(range(6), rng.randrange(1, 5))


def test_columns_are_never_merged(sweep: Sweep) -> None:
    """Of columns with one title and one frame each day, whatever is adopted and served: an entry is itself or nobody."""
    rng = Random(sweep.seed)
    recognised = 0
    for _ in range(sweep.count(3000, 100)):
        frame = "".join(rng.choices("每日一句的框架文字不变", k=rng.choice((0, 20, 300))))
        # With one title, the same second and a long text that is nearly the same, it is the same entry.
        step = timedelta(seconds=rng.choice((0, 1, 3600, 86400, 604800) if len(frame) < 30 else (1, 3600, 86400, 604800)))
        words = rng.choice((("晴", "雨", "阴", "雪", "风", "雾"), tuple("123456"), tuple("abcdef")))
        days = [
            (
                f"<p>{frame}{words[day]}{frame}</p>" + rng.choice(("", f'<img src="http://i.example/{day}.jpg">')),
                NOON + step * day,
            )
            for day in range(6)
        ]
        dated = rng.choice((True, False))
        posts = [_post(f"{day}", "Daily", days[day][0], days[day][1] if dated else None) for day in _some(rng)]
        served = rng.choice((True, True, False))
        new = [_new(f"n{day}", "Daily", days[day][0], days[day][1] if served else None) for day in _some(rng)]
        found = _found(new, posts)
        recognised += len(found)
        assert all(name == f"n{key}" for name, key in found.items()), (days, posts, new)
    assert recognised


def test_photographers_titles_are_told_by_their_pictures() -> None:
    """`© Name` is the title of many pictures: each finds the post with its own picture, a new one finds none."""
    pictures = [f'<img src="http://i{n}.example/{n}.jpg">' for n in range(4)]
    posts = [_post(f"p{n}", "© Name", pictures[n], None) for n in range(3)]
    new = [_new(f"n{n}", "© Name", pictures[n].replace("http:", "https:"), NOON + timedelta(days=n)) for n in (1, 2, 3)]

    assert _found(new, posts) == {"n1": "p1", "n2": "p2"}


def test_what_fits_two_fits_none() -> None:
    """Two posts for one entry, or two entries for one post: in doubt they are entries of their own."""
    assert _found([_new()], [_post("one"), _post("two")]) == {}
    assert _found([_new("one"), _new("two")], [_post()]) == {}


def test_a_post_that_is_in_the_document_already_is_not_claimed() -> None:
    """An entry that is known under its own name cannot come under another one at the same time."""
    assert _found([_new()], [_post()], present=("old",)) == {}


def test_what_was_taken_out_is_recognised_by_its_traits() -> None:
    """A post that is gone left its time, and all letters and files as one hash: enough for what is the same in them."""
    raw = f'<style>p {{}}</style><div onclick="">{LONG}</div><img src="http://i.example/1.jpg">'
    clean = f'{LONG}<img src="https://i.example/1.jpg">'

    assert _found([_new(content="")], [_post()], gone=True) == {"new": "old"}
    assert _found([_new(content="", published=NOON + timedelta(seconds=1))], [_post()], gone=True) == {}
    assert _found([_new(content=clean)], [_post(content=raw, published=None)], gone=True) == {"new": "old"}
    assert _found([_new(content=OTHER)], [_post(published=None)], gone=True) == {}
    assert _found([_new(content=clean, published=NOON + timedelta(days=7))], [_post(content=raw)], gone=True) == {}
    assert _found([_new(content="<p>short</p>")], [_post(content="<p>short</p>", published=None)], gone=True) == {}


def test_only_adopted_posts_are_recognised_this_way() -> None:
    """A post of our own with the mangled title has another trait."""
    known = {
        "own": KnownEntry(
            raw_hash=None, link_hash=b"", path="x-own.md", post_hash=None, locked=False, traits=traits_of(_post())
        )
    }

    assert same_titles([_new()], known, ()) == {}
