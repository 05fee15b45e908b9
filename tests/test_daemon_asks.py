"""An ask of `sync` to the daemon beside it, and its answer, as files."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from aggregator.daemon.asks import FOLDER, Answer, Ask, AskBox, ask_daemon
from aggregator.model.poll import Note, Outcome, SourceEvent, Summary
from aggregator.store.lock import daemon_lock
from tests.daemon_play import PATIENCE

EVENT = SourceEvent(
    source_id="a",
    outcome=Outcome.NEWS,
    new=2,
    next_poll=datetime(2026, 11, 26, tzinfo=UTC),
    next_reason="every 1 h",
    warnings=("one",),
    posts=(("+", "x.md"),),
)
ANSWER = Answer(events=(EVENT, Note(text="见")), summary=Summary(sources=1, due=1, new=2), error=None)


def test_an_answer_comes_back_as_it_was_given(tmp_path: Path) -> None:
    """Whatever record the daemon answers with, `sync` has the equal one, and no file is left."""
    asked: list[Ask] = []

    def serve() -> None:
        box = AskBox(tmp_path)
        while (found := box.take()) is None:
            time.sleep(0.01)
        asked.append(found[1])
        box.answer(found[0], ANSWER)

    with daemon_lock(tmp_path):
        thread = threading.Thread(target=serve)
        thread.start()
        answer = ask_daemon(tmp_path, Ask(sources=("a",), force=True, limit=3))
        thread.join()

    assert answer == ANSWER
    assert asked == [Ask(sources=("a",), force=True, limit=3)]
    assert not list((tmp_path / FOLDER).iterdir())


def test_without_a_daemon_nobody_is_asked(tmp_path: Path) -> None:
    """Where no daemon holds its lock there is no answer, at once."""
    assert ask_daemon(tmp_path, Ask()) is None


def test_a_daemon_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    """When the daemon goes while it is asked there is no answer, and the ask does not stay."""
    with daemon_lock(tmp_path):
        ends = iter([None])

        def sleep(_seconds: float) -> None:
            next(ends, None)
            (tmp_path / "state" / "daemon.lock").unlink(missing_ok=True)  # what can be seen of it is gone

        assert ask_daemon(tmp_path, Ask(), sleep=sleep) is None

    assert not list((tmp_path / FOLDER).iterdir())


def test_a_daemon_that_never_answers_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """One whose disk is full cannot answer: who asks ends with words, and the ask does not stay."""
    with daemon_lock(tmp_path):
        answer = ask_daemon(tmp_path, Ask(), patience=0.1)

    assert answer is not None
    assert answer.summary is None
    assert answer.error is not None
    assert answer.error.startswith("it has not answered within an hour")
    assert not list((tmp_path / FOLDER).iterdir())


def test_garbage_among_the_asks_is_thrown_away(tmp_path: Path) -> None:
    """What is no ask does not stop those that are."""
    box = AskBox(tmp_path)
    folder = tmp_path / FOLDER
    for name, text in (("1", "{"), ("2", "[]"), ("3", '{"sources": 3}'), ("4", "\0")):
        (folder / f"{name}.ask.json").write_text(text)

    assert box.take() is None
    assert not list(folder.iterdir())


def test_an_ask_that_may_not_be_read_is_answered(tmp_path: Path) -> None:
    """One that root wrote for its own eyes is not waited for in vain: who asked is told why nothing comes of it."""
    with daemon_lock(tmp_path):
        box = AskBox(tmp_path)

        def sleep(_seconds: float) -> None:
            for path in (tmp_path / FOLDER).glob("*.ask.json"):
                path.unlink()
                path.symlink_to(path)  # which nobody can read
            assert box.take() is None

        answer = ask_daemon(tmp_path, Ask(), sleep=sleep, patience=PATIENCE)

    assert answer is not None
    assert answer.error is not None
    assert answer.error.startswith("what it is asked cannot be read: ")
    assert not list((tmp_path / FOLDER).iterdir())


def test_the_folder_of_asks_is_the_daemons(tmp_path: Path) -> None:
    """It is there before anybody asks: one that root makes would be one in which the daemon may remove nothing."""
    AskBox(tmp_path)

    assert (tmp_path / FOLDER).is_dir()


def test_old_leavings_are_swept(tmp_path: Path) -> None:
    """A daemon that starts removes what nobody waits for any more, and keeps what was asked just now."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for name in ("old.ask.json", "old.answer.json", ".old.ask.json.new", "new.ask.json"):
        (folder / name).write_text("{}")
        if "old" in name:
            os.utime(folder / name, (1, 1))

    AskBox(tmp_path)

    assert [path.name for path in folder.iterdir()] == ["new.ask.json"]
