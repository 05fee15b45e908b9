"""What is told when whoever starts the command has closed stdin, stdout and stderr: nothing, to nobody, and into no file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.daemon_play import PATIENCE, Daemon
from tests.upstream import Folder

_CLOSED = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")


@pytest.mark.parametrize("log_format", ["auto", "json"])
def test_a_daemon_without_streams_writes_its_log_into_no_file(folder: Folder, log_format: str) -> None:
    """It runs, and the lock that it opens first has not taken the place of stderr."""
    folder.sources("sources: {}\n")
    daemon = Daemon([*_CLOSED, *folder.command("run", "--no-serve", "--log-format", log_format)], folder.environment())
    try:
        daemon.wait_for_ready()
        places = [str(Path(f"/proc/{daemon.pid}/fd/{number}").resolve()) for number in range(3)]
        assert daemon.stop() == 143
    finally:
        daemon.close()

    assert places == ["/dev/null"] * 3
    assert (folder.root / "state" / "daemon.lock").read_text("utf-8").count("\n") == 1


def test_a_command_without_streams_ends_as_with_them(folder: Folder) -> None:
    """A configuration that is wrong has its exit code, though nobody can be told why."""
    folder.sources("sources: 7\n")
    done = subprocess.run([*_CLOSED, *folder.command("sync")], env=folder.environment(), timeout=PATIENCE, check=False)

    assert done.returncode == 3
