"""The daemon's log: one event, one line, whatever an upstream wrote."""

from __future__ import annotations

import errno
import json
import sys
from datetime import UTC, datetime
from io import StringIO

import pytest

from aggregator.cli.journal import Journal
from aggregator.model.poll import Begin, Event, Note, Outcome, OutputEvent, PostExpired, SourceEvent

HOSTILE = "a\nb\r\x1b[31mred\x07\u2028\u0085\u202etail \ud83d\ude00"
FAILED = SourceEvent(
    source_id="a", outcome=Outcome.FAILED, kind="http", message=HOSTILE, next_poll=None, next_reason="", trace="Traceback"
)
NEWS = SourceEvent(
    source_id="新", outcome=Outcome.NEWS, new=1, next_poll=datetime(2026, 1, 1, tzinfo=UTC), next_reason="", warnings=(HOSTILE,)
)
DULL: tuple[Event, ...] = (Begin(due=3), PostExpired(path="x.md", source_id="a"), OutputEvent(path="a.atom", changed=True))


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    text = capsys.readouterr().err
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Text with line ends, escapes and directions in it is told on one line that moves no cursor, in both forms."""
    for as_text in (True, False):
        Journal(as_text=as_text, quiet=False, verbosity=0).report(FAILED)
        [line] = _lines(capsys)
        assert len(line.splitlines()) == 1
        assert not {"\x1b", "\x07", "\u202e", "\u2028"} & set(line)
    assert json.loads(line)["message"] == json.loads(json.dumps(HOSTILE))


def test_a_poll_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """A poll is told with its time, level, source and outcome; tracebacks only when they are asked for."""
    Journal(as_text=False, quiet=False, verbosity=0).report(FAILED)
    Journal(as_text=False, quiet=False, verbosity=2).report(FAILED)
    brief, whole = (json.loads(line) for line in _lines(capsys))

    assert (brief["event"], brief["level"], brief["source_id"], brief["outcome"]) == ("poll", "error", "a", "failed")
    assert datetime.fromisoformat(brief["time"]).tzinfo is not None
    assert "trace" not in brief
    assert whole["trace"] == "Traceback"


def test_what_is_told_follows_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    """-q tells only what failed, nothing tells what is no news without -v."""
    for quiet, verbosity, told in ((True, 0, 1), (False, 0, 3), (False, 1, 5)):
        journal = Journal(as_text=False, quiet=quiet, verbosity=verbosity)
        for event in (*DULL, Note(text="n"), NEWS, FAILED):
            journal.report(event)
        assert len(_lines(capsys)) == told, (quiet, verbosity)


class _Full(StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", text[:0])


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under the log is no reason to stop polling."""
    monkeypatch.setattr(sys, "stderr", _Full())

    Journal(as_text=True, quiet=False, verbosity=0).say("a")
    Journal(as_text=False, quiet=False, verbosity=0).report(FAILED)
