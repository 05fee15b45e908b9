"""The daemon's log: one event, one line, whatever an upstream wrote."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime

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


def _told(events: Iterable[Event], *, as_text: bool = False, quiet: bool = False, verbosity: int = 0) -> list[str]:
    """Return the lines of a log to which these events were told."""
    out, into = os.pipe()
    with Journal(as_text=as_text, quiet=quiet, verbosity=verbosity, descriptor=into) as journal:
        for event in events:
            journal.report(event)
    os.close(into)
    with open(out, encoding="utf-8") as log:  # noqa: PTH123 - a pipe
        text = log.read()
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_a_log_line_is_one_line() -> None:
    """Text with line ends, escapes and directions in it is told on one line that moves no cursor, in both forms."""
    for as_text in (True, False):
        [line] = _told([FAILED], as_text=as_text)
        assert len(line.splitlines()) == 1
        assert not {"\x1b", "\x07", "\u202e", "\u2028"} & set(line)
    assert json.loads(line)["message"] == json.loads(json.dumps(HOSTILE))


def test_a_poll_is_one_object() -> None:
    """A poll is told with its time, level, source and outcome; tracebacks only when they are asked for."""
    [brief], [whole] = ([json.loads(line) for line in _told([FAILED], verbosity=verbosity)] for verbosity in (0, 2))

    assert (brief["event"], brief["level"], brief["source_id"], brief["outcome"]) == ("poll", "error", "a", "failed")
    assert datetime.fromisoformat(brief["time"]).tzinfo is not None
    assert "trace" not in brief
    assert whole["trace"] == "Traceback"


def test_what_is_told_follows_the_options() -> None:
    """-q tells only what failed, nothing tells what is no news without -v."""
    events = (*DULL, Note(text="n"), NEWS, FAILED)

    assert len(_told(events, quiet=True)) == 1
    assert len(_told(events)) == 3
    assert len(_told(events, verbosity=1)) == 5


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    """A full disk under the log is no reason to stop polling."""
    full = os.open("/dev/full", os.O_WRONLY)
    with Journal(as_text=True, quiet=False, verbosity=0, descriptor=full) as journal:
        journal.say("a")
        journal.report(FAILED)
    os.close(full)


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    """Who tells does not wait for who reads; what is lost is counted once somebody does."""
    found: list[bytes] = []
    out, into = os.pipe()
    with Journal(as_text=True, quiet=False, verbosity=0, descriptor=into) as journal:
        for _ in range(12_000):
            journal.say("0123456789" * 20)
        reader = threading.Thread(target=_drain, args=(out, found))
        reader.start()
        while not found or b"are lost" not in b"".join(found):
            time.sleep(0.05)
    os.close(into)
    reader.join()


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    """Whoever shares it may have made it so: no line is lost, and none is cut, when it is full for a moment."""
    found: list[bytes] = []
    out, into = os.pipe()
    os.set_blocking(into, False)
    with Journal(as_text=False, quiet=False, verbosity=0, descriptor=into) as journal:
        for number in range(2000):
            journal.say(f"{number} {'0123456789' * 20}")
        time.sleep(0.2)  # it has filled the pipe
        reader = threading.Thread(target=_drain, args=(out, found))
        reader.start()
        ends = time.monotonic() + 30
        while b"".join(found).count(b"\n") < 2000 and time.monotonic() < ends:
            time.sleep(0.05)
    os.close(into)
    reader.join()

    assert [json.loads(line)["message"].split()[0] for line in b"".join(found).splitlines()] == [str(n) for n in range(2000)]


def _drain(descriptor: int, found: list[bytes]) -> None:
    while piece := os.read(descriptor, 1 << 16):
        found.append(piece)
    os.close(descriptor)
