"""What a daemon makes of the violent death of a part of it, and what its own leaves behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.daemon.asks import Ask, ask_daemon
from aggregator.model.poll import Outcome, Summary
from tests.crash_scenarios import outcome
from tests.daemon_play import Daemon, running
from tests.faults import CHANGES, HANG, Fault, Shim
from tests.processes import fork_server, of_session, workers
from tests.upstream import Folder, Upstream, item, wait_until

EPOCH = "1767225600"
#: So many entries that writing their posts takes a worker some time.
MANY = 300
#: Number of a file call that writes one of them.
AMID_POSTS = 400


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running_one:
        running_one.feed("/big", "".join(item(number) for number in range(MANY)))
        running_one.feed("/small", item(MANY) + item(MANY + 1))
        yield running_one


@pytest.fixture
def folder(tmp_path: Path, upstream: Upstream) -> Folder:
    made = Folder(tmp_path / "project")
    made.sources_at({name: f"{upstream.address}/{name}" for name in ("big", "small")})
    return made


def _ask(folder: Folder) -> Summary:
    answer = ask_daemon(folder.root, Ask(force=True))
    assert answer is not None
    assert answer.summary is not None, answer.error
    assert answer.error is None
    return answer.summary


def _is_writing(folder: Folder) -> bool:
    return len(list((folder.root / "posts").rglob("*.md"))) > 5


def _as_undisturbed(folder: Folder, tmp_path: Path, upstream: Upstream) -> None:
    """Check that a project is as if nothing had happened."""
    other = Folder(tmp_path / "undisturbed")
    other.sources_at({name: f"{upstream.address}/{name}" for name in ("big", "small")})
    other.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
    found, wanted = outcome(folder), outcome(other)
    assert found.files == wanted.files
    assert found.state == wanted.state
    assert not list(folder.root.rglob(".tmp-*"))


def _nothing_is_left_of(daemon: Daemon) -> None:
    wait_until(lambda: not of_session(daemon.pid))


def test_a_worker_that_is_killed_costs_one_poll(folder: Folder, upstream: Upstream, tmp_path: Path) -> None:
    """The poll whose posts it was writing fails by its name, and is had again whole; the other source has lost nothing.

    Half a post that it leaves is gone after the next round, although nobody has killed the daemon.
    """
    shim = Shim(tmp_path, folder)
    shim.arm(Fault(action=HANG, at=AMID_POSTS, mask=CHANGES))
    with running(folder, "--jobs", "1", SOURCE_DATE_EPOCH=EPOCH, **shim.environment) as daemon:
        wait_until(lambda: shim.read()[2] is not None)
        assert "/posts/news/big/" in str(shim.read()[2])
        shim.arm(Fault())
        [worker] = workers(daemon.pid)
        os.kill(worker, signal.SIGKILL)
        daemon.wait_for_idle()

        polls = {line["source_id"]: line for line in daemon.polls()}
        assert (polls["big"]["outcome"], polls["big"]["kind"]) == ("failed", "crash")
        assert "SIGKILL" in polls["big"]["message"]
        assert polls["small"]["outcome"] == "news"
        halves = list(folder.root.rglob(".tmp-*"))  # on a slow machine a second round has cleared it away already

        summary = _ask(folder)
        assert (summary.failed, summary.due) == (0, 2)
        assert not any(half.exists() for half in halves)
        assert daemon.stop() == 143
    folder.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
    _as_undisturbed(folder, tmp_path, upstream)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("is_at_work", [True, False])
def test_a_fork_server_that_is_killed_is_started_again(
    folder: Folder, upstream: Upstream, tmp_path: Path, *, is_at_work: bool
) -> None:
    """Its workers go with it: at most the polls that were in them are lost, and the next ones get new ones."""
    with running(folder, "--jobs", "1", SOURCE_DATE_EPOCH=EPOCH) as daemon:
        if is_at_work:
            wait_until(lambda: _is_writing(folder))
        else:
            daemon.wait_for_idle()
        first = fork_server(daemon.pid)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        daemon.wait_for_idle()
        upstream.feed("/small", item(MANY) + item(MANY + 1) + item(MANY + 2))

        summary = _ask(folder)
        assert (summary.failed, summary.due) == (0, 2), daemon.tail()
        assert fork_server(daemon.pid) not in {None, first}
        assert daemon.stop() == 143
        _nothing_is_left_of(daemon)
    folder.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
    _as_undisturbed(folder, tmp_path, upstream)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("moment", ["workers load", "amid posts", "idle"])
def test_a_daemon_that_is_killed_leaves_no_process(folder: Folder, upstream: Upstream, tmp_path: Path, moment: str) -> None:
    """Its workers and what they were forked from end with it, and the next daemon goes on where it was."""
    with running(folder, SOURCE_DATE_EPOCH=EPOCH) as daemon:
        if moment == "workers load":
            wait_until(lambda: fork_server(daemon.pid) is not None)
        elif moment == "amid posts":
            wait_until(lambda: _is_writing(folder))
        else:
            daemon.wait_for_idle()
        daemon.kill()
        _nothing_is_left_of(daemon)
    with running(folder, SOURCE_DATE_EPOCH=EPOCH) as daemon:
        daemon.wait_for_idle()
        assert not [line for line in daemon.polls() if line["outcome"] == Outcome.FAILED], daemon.tail()
        assert daemon.stop() == 143
    folder.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
    _as_undisturbed(folder, tmp_path, upstream)
