"""Episodes of podcasts: what can be true of the texts that feeds write, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.entry import EPISODE_KINDS, Entry, Episode
from aggregator.model.parsed import ParsedEpisode
from aggregator.model.source import Rights, RightsMode
from aggregator.normalise.episode import read_duration, to_episode
from tests.parsing import ADDRESS, normal, rss


@pytest.mark.family(35)
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3723", 3723),
        (" 3723\n", 3723),
        ("1:02:03", 3723),
        ("01:02:03", 3723),
        ("62:03", 3723),
        ("00:62:03", 3723),
        ("0:00:09", 9),
        ("1:02:03.75", 3723),
        ("3723.75", 3723),
        ("1.02", None),
        ("62.03", None),
        ("1:02.03", 62),
        ("0", None),
        ("00:00:00", None),
        ("1:62:03", None),
        ("62:63", None),
        ("1:2:3", None),
        ("1:02:03:04", None),
        ("-5", None),
        ("+5", None),
        ("1_000", None),
        ("١٢٣", None),
        ("²", None),
        ("62 min", None),
        ("PT1H", None),
        ("about an hour", None),
        ("3600000", None),
        ("9" * 100_000, None),
        (":" * 100_000, None),
        ("", None),
        (None, None),
    ],
)
def test_durations(written: str | None, seconds: int | None) -> None:
    """A duration is whole seconds where it can mean only one thing; zero, and what is longer than 1,000 hours, is none."""
    assert read_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("62.5", 62),
        ("1.02", 1),
        ("3723", 3723),
        ("6e1", 60),
        ("0.4", None),
        ("NaN", None),
        ("-1", None),
        ("1e99", None),
        ("1:02", None),
    ],
)
def test_seconds_of_json_feed(written: str, seconds: int | None) -> None:
    """duration_in_seconds is a number of seconds by definition, so a fraction of it is one of a second."""
    found = to_episode(ParsedEpisode(seconds=written), ADDRESS)

    assert (found.duration if found else None) == seconds


@pytest.mark.family(35)
@pytest.mark.parametrize(
    ("written", "explicit"),
    [
        ("yes", True),
        ("TRUE", True),
        ("explicit", True),
        ("clean", False),
        ("No", False),
        ("false", False),
        ("maybe", None),
        ("1", None),
    ],
)
def test_ratings(written: str, explicit: bool | None) -> None:  # noqa: FBT001 - what is expected
    """Each word that Apple has ever asked for says yes or no, in any case; any other says nothing."""
    found = to_episode(ParsedEpisode(explicit=written), ADDRESS)

    assert (found.explicit if found else None) is explicit


def test_numbers_kinds_and_pictures() -> None:
    """Numbers are above 0, a kind is one of three, an address is absolute http(s); what is none of that is left out alone."""
    whole = ParsedEpisode(duration="9", number="014", season="2", kind=" Trailer", explicit="no", image="/art.png")
    faulty = ParsedEpisode(duration="9", number="S2E14", season="0", kind="interview", explicit="", image="javascript:x")

    assert to_episode(whole, ADDRESS) == Episode(
        duration=9, number=14, season=2, kind="trailer", explicit=False, image="https://feeds.example.org/art.png"
    )
    assert to_episode(faulty, ADDRESS) == Episode(duration=9)


def test_what_says_nothing_usable_is_no_episode() -> None:
    """An entry whose podcast fields are all unusable is an entry like any other."""
    assert to_episode(None, ADDRESS) is None
    assert to_episode(ParsedEpisode(duration="long", number="-1", kind="x", explicit="?", image="art:1"), ADDRESS) is None


@given(texts=st.lists(st.none() | st.text(max_size=12) | st.text("0123456789:.eE+-", max_size=12), min_size=7, max_size=7))
def test_any_text_is_survived(texts: list[str | None]) -> None:
    """Whatever is written, an episode keeps the promises of its record, or is none."""
    names = ("duration", "seconds", "number", "season", "kind", "explicit", "image")
    found = to_episode(ParsedEpisode(**dict(zip(names, texts, strict=True))), ADDRESS)

    if found is not None:
        numbers = (found.duration, found.number, found.season)
        assert found != Episode()
        assert all(number is None or number > 0 for number in numbers)
        assert found.kind in {None, *EPISODE_KINDS}
        assert found.image is None or found.image.startswith(("http://", "https://"))


def test_an_entry_of_which_only_the_link_may_be_shown_is_no_episode() -> None:
    """What describes the file goes with the file: `rights: link` keeps both back."""
    item = "<item><title>t</title><link>/1</link><enclosure url='/1.mp3'/><itunes:duration>9</itunes:duration></item>"
    [whole] = normal(rss(item))
    [link] = normal(rss(item), rights=Rights(mode=RightsMode.LINK))

    assert isinstance(whole, Entry)
    assert isinstance(link, Entry)
    assert (whole.episode, link.episode) == (Episode(duration=9), None)
