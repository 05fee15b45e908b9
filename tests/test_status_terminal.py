"""`status` as a person sees it: bars, colours, narrow terminals, Chinese names, and the picture that is drawn anew."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.cli.columns import cells, clip, pad, wrap
from aggregator.cli.source import table
from aggregator.cli.status_lines import PIPE, Screen, SourceStatus, bars, lines_of
from aggregator.health import Health
from aggregator.model.page import Day
from aggregator.model.poll import Outcome, Poll, SourceState
from aggregator.store.opening import open_state
from aggregator.store.state import Batch
from tests.terminal import CTRL_C, drawn
from tests.upstream import Folder, Upstream, item

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WIDTHS = (20, 30, 40, 56, 60, 72, 80, 100, 132, 200)


def days(*counts: tuple[int, int]) -> tuple[Day, ...]:
    """Return thirty days that end with these counts of what went well and what failed."""
    known = [(0, 0)] * (30 - len(counts)) + list(counts)
    first = date(2026, 10, 28)
    return tuple(
        Day(day=first + timedelta(days=number), ok=ok, failed=failed, entries=0) for number, (ok, failed) in enumerate(known)
    )


def line(name: str, state: Health = Health.OK, **changes: object) -> SourceStatus:
    """Return a line of the table."""
    given: dict[str, object] = {
        "id": name,
        "state": state,
        "posts": 12,
        "last_success": NOW - timedelta(hours=3),
        "last_news": NOW - timedelta(days=1),
        "next_poll": NOW + timedelta(minutes=20),
        "next_reason": "every 60 min",
        "failures": 0,
        "error": None,
        "error_kind": None,
        "warnings": (),
        "days": days((9, 1), (0, 10), (10, 0)),
    }
    return SourceStatus(**(given | changes))  # type: ignore[arg-type]


def drawn_lines(lines: Sequence[SourceStatus], screen: Screen = PIPE) -> list[str]:
    """Return what is printed of these."""
    return list(lines_of(lines, NOW, screen))


@pytest.mark.parametrize(
    ("ok", "failed", "bar"),
    [(1, 0, "▇"), (48, 0, "▇"), (47, 1, "▅"), (24, 24, "▄"), (1, 47, "▂"), (0, 1, "×"), (0, 48, "×"), (0, 0, "·")],
)
def test_the_bar_of_a_day(ok: int, failed: int, bar: str) -> None:
    """Only a day without any failure is full, only one without any success is a cross, and unknown is neither."""
    assert bars(days((ok, failed)))[-1] == bar


def test_a_pipe_is_told_everything() -> None:
    """Thirty days, all facts, whole errors, no colour; names and bars stand below each other, whatever script they are in."""
    error = "the server answered 200 with a web page, not a feed " * 5
    ill = line("稀土掘金", Health.FAILING, error=error, failures=4, warnings=("a warning",))

    assert drawn_lines([ill, line("a")]) == [
        f"✗ failing  稀土掘金  {'·' * 27}▅×▇  news 24 h ago · 12 posts · next poll in 20 min (every 60 min)",
        f"    {error.strip()}  (4 failures in a row, since 3 h ago)",
        "    a warning",
        f"● ok       a         {'·' * 27}▅×▇  news 24 h ago · 12 posts · next poll in 20 min (every 60 min)",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Whatever its width and whatever stands in it, no line is broken by the terminal, and all bars begin in one column."""
    shown = [
        line("a-source-with-quite-a-long-name-" * 3, Health.FAILING, error="错误" * 90 + " and " + "x" * 300, failures=3),
        line("全省推进横琴粤澳深度合作区建设", Health.WAITING, next_reason="横琴" * 60),
        line("e\u0301te\u0301", Health.OK),
        line("b", Health.NEW, last_news=None, next_poll=None, days=days()),
    ]
    for colour in (False, True):
        found = drawn_lines(shown, Screen(width=width, colour=colour))
        plain = [text.replace("\x1b[0m", "") for text in found]
        for code in ("31", "32", "33", "2"):
            plain = [text.replace(f"\x1b[{code}m", "") for text in plain]
        assert plain == drawn_lines(shown, Screen(width=width))
        assert max(map(cells, plain)) <= width
    if width >= 40:
        ends = {cells(text.rpartition("▅×▇")[0]) for text in plain if "▅×▇" in text}
        assert len(ends) == 1


@pytest.mark.parametrize(("width", "shown"), [(200, 30), (80, 30), (60, 14), (40, 7)])
def test_a_narrow_terminal_shows_fewer_days(width: int, shown: int) -> None:
    """The last ones, today among them."""
    (text,) = drawn_lines([line("a", days=days(*[(1, 0)] * 30))], Screen(width=width))
    assert text.count("▇") == shown


def test_an_error_takes_as_many_lines_as_it_may() -> None:
    """On the terminal it is broken at spaces; where lines are dear the last one is cut."""
    ill = line("a", Health.FAILING, error="one two three four five six seven eight nine ten", failures=3)
    whole = drawn_lines([ill], Screen(width=30))[1:]
    assert len(whole) > 2
    assert " ".join(text.strip() for text in whole).startswith("one two three four five six seven")
    assert drawn_lines([ill], Screen(width=30, longest=2))[1:] == [whole[0], "    six seven eight nine ten…"]


def test_nothing_that_comes_from_upstream_moves_the_cursor() -> None:
    """An error with escapes, line ends or marks that turn the direction is one line of harmless text."""
    hostile = "\x1b[2J\x1b]0;title\x07 a\r\nb \u202e c"
    found = drawn_lines([line("a", Health.FAILING, error=hostile, failures=1, warnings=(hostile,), next_reason=hostile)])
    assert len(found) == 3
    assert not {"\x1b", "\x07", "\r", "\n", "\u202e"} & set("".join(found))


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("横琴", 4), ("e\u0301", 1), ("\u200bab", 2), ("한글", 4), ("ｱ", 1), ("👍", 2)]
)
def test_the_width_of_a_text(text: str, width: int) -> None:
    """Ideographs, Hangul and emoji take two columns, combining marks none."""
    assert cells(text) == width


def test_texts_are_cut_padded_and_wrapped_by_columns() -> None:
    """No character is cut in half: what does not fit leaves a column free."""
    assert (clip("横琴粤", 6), clip("横琴粤", 5), clip("横琴粤", 4), clip("ab", 1), clip("ab", 0)) == (
        "横琴粤",
        "横琴…",
        "横…",
        "…",
        "",
    )
    assert (pad("横", 4), pad("横琴粤", 4)) == ("横  ", "横… ")
    assert list(wrap("横琴粤澳 ab cd", 5)) == ["横琴", "粤澳", "ab cd"]
    assert list(wrap("", 5)) == []


def test_the_last_column_of_a_table_is_cut_by_columns() -> None:
    """Chinese takes two for each character, so half as many fit."""
    rows: list[tuple[str, ...]] = [("横琴", "全省推进横琴粤澳深度合作区建设" * 2), ("a", "b" * 60)]
    assert table(rows, 50) == [f"横琴  {'全省推进横琴粤澳深度合作区建设全省推进横琴'}…", f"a     {'b' * 43}…"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project whose two sources were polled: one is well, one has failed for two days."""
    made = Folder(tmp_path / "project")
    sources = {name: f"http://127.0.0.1:9/{name}" for name in ("稀土掘金", "b")}
    made.sources("sources:\n" + "".join(f"  {n}: {{feed: '{a}', categories: [c]}}\n" for n, a in sources.items()))
    opened = open_state("sqlite:///state/state.sqlite", made.root)
    opened.state.replace_entries((), profile="default")
    now = datetime.now(UTC).replace(microsecond=0)
    well = SourceState(id="b", last_poll=now, last_success=now)
    ill = SourceState(
        id="稀土掘金",
        last_poll=now,
        last_success=now - timedelta(days=2),
        failures=9,
        last_kind="http",
        last_message="500",
        last_status=500,
    )
    polls = (
        Poll(source_id="b", at=now, outcome=Outcome.NEWS, new=4),
        Poll(source_id="稀土掘金", at=now, outcome=Outcome.FAILED),
    )
    opened.state.save(Batch(sources=(well, ill), polls=polls))
    opened.state.close()
    return made


def test_json_gains_the_days(folder: Folder) -> None:
    """For programs a day has its numbers; a day of which nothing is known is left out."""
    ill, well = json.loads(folder.here("status", "--json").stdout)
    assert [(day["ok"], day["failed"], day["entries"]) for day in ill["days"]] == [(0, 1, 0)]
    assert [(day["ok"], day["failed"], day["entries"]) for day in well["days"]] == [(1, 0, 4)]
    assert date.fromisoformat(well["days"][0]["day"])


def test_every_sync_counts_its_polls(tmp_path: Path, upstream: Upstream) -> None:
    """What a run saves of polls it counts for their day: what went well, what failed, what was new."""
    made = Folder(tmp_path / "project")
    made.sources_at({"a": f"{upstream.address}/a"})
    upstream.feed("/a", item(1) + item(2))
    made.run("sync")
    made.run("sync", "--force")
    upstream.pages.clear()
    made.run("sync", "--force")

    [found] = json.loads(made.here("status", "--json").stdout)
    totals = [sum(day[name] for day in found["days"]) for name in ("ok", "failed", "entries")]
    assert totals == [2, 1, 2]  # over midnight these are two days


def test_failing_shows_what_fails(folder: Folder) -> None:
    """The others are counted in the sentence only."""
    done = folder.here("status", "--failing")
    assert [text.split()[2] for text in done.stdout.splitlines() if text[0] != " "] == ["稀土掘金"]
    assert "1 of 2 sources failing: 稀土掘金" in done.stderr


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_only_for_terminals_that_want_it(folder: Folder, more: dict[str, str], *, coloured: bool) -> None:
    """On a terminal there is colour, unless NO_COLOR says otherwise; in a pipe there is none, and the words are the same."""
    with drawn(folder, ["status"], columns=80, environment=more) as drawing:
        assert drawing.end() == 0
    assert ("\x1b[31m✗ failing" in drawing.raw) is coloured
    assert ("\x1b" in drawing.raw) is coloured
    assert "\x1b" not in folder.here("status").stdout


def test_watch_draws_again_and_gives_the_terminal_back(folder: Folder) -> None:
    """Each picture lies over the last one without clearing the screen; Ctrl-C ends it with 130 and the old screen is back."""
    with drawn(folder, ["status", "--watch"], columns=40, rows=10) as drawing:
        drawing.wait_for("✗ failing")
        first = drawing.picture()
        assert "1 of 2 sources failing" in first[0]
        assert max(map(cells, first)) <= 40
        folder.sources("sources: {}\n")
        drawing.wait_for("there is no source yet")
        drawing.press(CTRL_C)
        assert drawing.end() == 130
    assert drawing.raw.startswith("\x1b[?1049h\x1b[?25l")
    assert drawing.raw.count("\x1b[?1049h") == drawing.raw.count("\x1b[?1049l") == 1
    assert "\x1b[2J" not in drawing.raw
    assert drawing.raw.endswith("\x1b[?25h\x1b[?1049l\r\nstopped\r\n")


def test_watch_fits_into_any_window(folder: Folder) -> None:
    """Another size is drawn at once; lines that do not fit are counted."""
    with drawn(folder, ["status", "--watch"], columns=100, rows=20) as drawing:
        drawing.wait_for("● ok")
        drawing.resize(40, 4)
        drawing.wait_for("lines more")
        found = drawing.picture()
        assert len(found) == 4
        assert found[-1].startswith("... and ")
        drawing.process.send_signal(signal.SIGTERM)
        assert drawing.end() == 143
    assert "\x1b[?1049l" in drawing.raw


def test_watch_waits_for_a_state_and_survives_a_wrong_configuration(folder: Folder) -> None:
    """What cannot be read now may be there in two seconds: it says so and goes on, with the configuration it had."""
    state = folder.root / "state"
    state.rename(folder.root / "away")
    with drawn(folder, ["status", "--watch"], columns=300) as drawing:
        drawing.wait_for("there is no state yet")
        (folder.root / "away").rename(state)
        drawing.wait_for("✗ failing")
        folder.sources("sources: [\n")
        drawing.wait_for("the new configuration is refused")
        assert any("✗ failing" in text for text in drawing.picture())
        drawing.press(CTRL_C)
        assert drawing.end() == 130


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--watch",), "there is none"),
        (("--watch", "--json"), "give one of them"),
        (("--watch", "--conduct"), "give one of them"),
    ],
)
def test_watch_is_for_terminals(folder: Folder, words: tuple[str, ...], why: str) -> None:
    """In a pipe, as JSON or as the other report it is refused as wrong usage."""
    done = folder.here("status", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
