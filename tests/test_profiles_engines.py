"""Profiles made for an engine: their look, dates that are instants whatever the clocks do, and edits by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.entry import Entry, SafeHtml
from aggregator.store.profiles import NewerPostError, PostFormatError, Profile, get_profile
from tests.post_records import entry, full_entry

NAMES = ("hexo", "hugo", "jekyll")
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Europe/Amsterdam", "UTC")
CORPUS = Path(__file__).parent / "corpus"

each = pytest.mark.parametrize("name", NAMES)
#: Where the rules of the zones are those of today.
modern = st.integers(631152000, 2114380800).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC))


def _post(profile: Profile, found: Entry) -> str:
    return profile.render(found).post.decode()


def _edited(profile: Profile, found: Entry, change: Callable[[str], str]) -> Entry:
    return profile.read(change(_post(profile, found)).encode(), None)


@each
def test_a_post_looks_as_documented(name: str) -> None:
    """Keys, their order and their look are those of the documented example."""
    assert _post(get_profile(name, "Asia/Shanghai"), full_entry()) == (CORPUS / f"post-{name}.md").read_text("utf-8")


@pytest.mark.post_row("D13")
@each
@settings(deadline=None, max_examples=40)
@given(
    hours=st.integers(-30, 30),
    seconds=st.integers(0, 3600),
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(
        ["2021-03-14 07:00", "2021-11-07 06:00", "2021-03-28 01:00", "2021-10-31 01:00", "1937-07-01 00:00"]
    ),
)
def test_an_instant_beside_a_change_of_the_clocks_survives(name: str, hours: int, seconds: int, zone: str, change: str) -> None:
    """Hours that come twice or never, and odd offsets of old, are told apart."""
    instant = datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(hours=hours, seconds=seconds)
    found = entry(published=instant, updated=instant + timedelta(hours=1))

    assert _edited(get_profile(name, zone), found, str) == found


@each
def test_another_zone_of_the_site_moves_no_old_post(name: str) -> None:
    """A post written while the site was in one zone reads the same when it is in another."""
    written = get_profile(name, "America/New_York").render(full_entry())

    assert get_profile(name, "Asia/Shanghai").read(written.post, None) == full_entry()


@each
def test_the_ends_of_the_calendar_survive(name: str) -> None:
    """Where the zone's clock would show the year 0 or 10000, the date is written in UTC."""
    for zone in ("Asia/Shanghai", "America/New_York"):
        for instant in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
            found = entry(published=instant)
            assert _edited(get_profile(name, zone), found, str) == found


@each
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2021-09-12 10:00:00", (12, 2)),
        ("2021-09-12T10:00:00Z", (12, 10)),
        ("Sun, 12 Sep 2021 10:00:00 GMT", (12, 10)),
        ("'2021-09-12 10:00:00 +0100'", (12, 9)),
        ("2021-09-12", (11, 16)),
    ],
)
def test_a_date_typed_by_hand_wins(name: str, written: str, read: tuple[int, int]) -> None:
    """A date without a zone is wall-clock time in the site's; one with a zone is what it says."""
    profile = get_profile(name, "Asia/Shanghai")
    line = next(line for line in _post(profile, entry()).splitlines() if line.startswith("date:"))
    seen = _edited(profile, entry(), lambda post: post.replace(line, f"date: {written}"))

    assert seen.published == datetime(2021, 9, *read, tzinfo=UTC)


@pytest.mark.post_row("R53")
@each
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_and_byte_order_marks_change_nothing(name: str, line_end: str) -> None:
    """Editors on other systems may save a post: it is read as before."""
    found = full_entry(content=SafeHtml("<pre>a\n\n\n  {{ b }}</pre>\n"), summary="a\nb")

    assert _edited(get_profile(name), found, lambda post: "\ufeff" + post.replace("\n", line_end)) == found


@each
def test_a_hand_written_body_comes_back_raw(name: str) -> None:
    """A body is taken as typed; making it safe is the caller's part."""
    seen = _edited(get_profile(name), entry(), lambda post: post[: post.index("\n<div>")] + "\n<p onclick='x()'>mine</p>\n")

    assert seen.content == "<p onclick='x()'>mine</p>"


@each
def test_posts_of_the_default_profile_are_read(name: str) -> None:
    """Who changes from `default` to an engine's profile loses none of the posts that are there."""
    assert get_profile(name, "Asia/Shanghai").read(get_profile("default").render(full_entry()).post, None) == full_entry()


@each
def test_a_later_format_is_told(name: str) -> None:
    """A post that a later version wrote is not read half."""
    with pytest.raises(NewerPostError, match="later version"):
        _edited(get_profile(name), entry(), lambda post: post.replace("format: 1", "format: 2"))


@each
def test_a_post_without_its_keys_is_told(name: str) -> None:
    """What an entry cannot be without is named."""
    with pytest.raises(PostFormatError, match="has no categories, date, id, source"):
        get_profile(name).read(b"---\ntitle: a\n---\n", None)


@pytest.mark.parametrize(
    ("instant", "zone", "lines"),
    [
        ("2021-09-11T00:22:19", "Asia/Shanghai", "date: 2021-09-11 08:22:19\nutc_offset: '+08:00'"),
        ("2021-03-14T06:59:59", "America/New_York", "date: 2021-03-14 01:59:59\nutc_offset: '-05:00'"),
        # Hexo reads 03:00 as if it were UTC, when New York was still on winter time.
        ("2021-03-14T07:00:00", "America/New_York", "date: 2021-03-14 02:00:00\nutc_offset: '-05:00'"),
        ("2021-03-14T12:00:00", "America/New_York", "date: 2021-03-14 08:00:00\nutc_offset: '-04:00'"),
        ("1900-01-01T00:00:00", "Asia/Shanghai", "date: 1900-01-01 08:05:43\nutc_offset: '+08:05:43'"),
    ],
)
def test_hexo_gets_the_wall_clock_that_it_turns_into_the_instant(instant: str, zone: str, lines: str) -> None:
    """The date is unquoted wall-clock time, with the offset that Hexo will use beside it."""
    found = entry(published=datetime.fromisoformat(instant).replace(tzinfo=UTC))

    assert f"\n{lines}\n" in _post(get_profile("hexo", zone), found)


@settings(deadline=None, max_examples=60)
@given(instant=modern, zone=st.sampled_from(ZONES))
def test_hexo_s_own_arithmetic_gives_the_instant(instant: datetime, zone: str) -> None:
    """The wall clock taken for UTC, less the zone's offset at that moment, is the instant, but in one hour of autumn."""
    post = _post(get_profile("hexo", zone), entry(published=instant))
    wall = datetime.fromisoformat(next(line[6:] for line in post.splitlines() if line.startswith("date: "))).replace(tzinfo=UTC)
    shown = wall - (wall.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())

    assert shown == instant or abs(shown - instant) == timedelta(hours=1)
    if (instant.month, zone) not in {(month, zone) for month in (9, 10, 11)}:
        assert shown == instant


@pytest.mark.parametrize("offset", ["x", "+8h", "+24:00", "[]", "8"])
def test_an_offset_that_is_none_is_told(offset: str) -> None:
    """An offset that cannot be read is an error that says what one looks like."""
    with pytest.raises(PostFormatError, match=r"utc_offset .*\+08:00"):
        _edited(get_profile("hexo"), entry(), lambda post: post.replace("'+00:00'", offset))


def test_a_hexo_post_without_offset_is_in_the_site_s_zone() -> None:
    """Who takes the offset away means the site's wall clock, as Hexo does."""
    profile = get_profile("hexo", "Asia/Shanghai")

    assert _edited(profile, entry(), lambda post: post.replace("utc_offset: '+08:00'\n", "")) == entry()


@pytest.mark.post_row("R50")
def test_hugo_finds_nothing_of_ours_at_the_top() -> None:
    """Keys that mean something to Hugo, now or later, are used for that meaning alone; ours stand in `params`."""
    front = _post(get_profile("hugo"), full_entry()).split("---\n")[1]
    top = [line.partition(":")[0] for line in front.splitlines() if not line.startswith(" ")]

    assert top == ["title", "date", "lastmod", "categories", "tags", "images", "author", "params"]


def test_hugo_keys_may_stand_at_the_top() -> None:
    """A hand may write link or lang beside the title; id and source are those of params."""
    seen = _edited(
        get_profile("hugo"), full_entry(), lambda post: post.replace("params:", "lang: fr\nid: mine\nsource: theme\nparams:", 1)
    )

    assert seen == full_entry(language="fr")


def test_hugo_params_that_are_no_mapping_are_told() -> None:
    """A text where our keys were is named."""
    with pytest.raises(PostFormatError, match="params is not a mapping"):
        get_profile("hugo").read(b"---\ntitle: a\nparams: b\n---\n", None)


def test_jekyll_names_begin_with_the_day_in_the_site_s_zone() -> None:
    """The evening in New York is the next day in Shanghai; the other profiles' names begin with the title."""
    late = entry(published=datetime(2021, 9, 11, 20, tzinfo=UTC))

    assert get_profile("jekyll", "Asia/Shanghai").name_start(late) == "2021-09-12-"
    assert get_profile("jekyll", "America/New_York").name_start(late) == "2021-09-11-"
    assert {get_profile(name).name_start(late) for name in ("default", "volantis", "hexo", "hugo")} == {""}
