"""The systemd units of docs/deployment/systemd: systemd finds nothing wrong, and the program runs within their bounds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aggregator.cli import COMMANDS
from tests.confinement import read_unit
from tests.conftest import need
from tests.daemon_play import Daemon
from tests.upstream import Folder

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "docs" / "deployment" / "systemd"
SERVICES = ("aggregator.service", "aggregator-sync.service")
PROGRAM = "/opt/aggregator/bin/aggregator"


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Return copies of the units that name a program which is there."""
    program = tmp_path / "aggregator"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    found = []
    for path in sorted(UNITS.iterdir()):
        copy = tmp_path / path.name
        copy.write_text(path.read_text("utf-8").replace(PROGRAM, str(program)), "utf-8")
        found.append(copy)
    return found


def test_systemd_finds_nothing_wrong_with_the_units(units: list[Path]) -> None:
    """`systemd-analyze verify` says nothing at all."""
    done = _analyze("verify", *map(str, units))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_hardened(name: str, units: list[Path]) -> None:
    """Both services have an exposure of at most 2.5 by `systemd-analyze security`."""
    [unit] = [path for path in units if path.name == name]

    done = _analyze("security", "--offline=true", "--no-pager", "--threshold=25", str(unit))

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Overall exposure level" in done.stdout


def test_the_daemon_works_within_the_bounds(folder: Folder) -> None:
    """Under the unit's system calls, address families and memory rules the daemon polls, reloads, and ends with 143."""
    need("systemd-analyze")
    command = _confinement(*folder.command("run", "--listen", "127.0.0.1:0", "--log-format", "json"))
    daemon = Daemon(command, folder.environment(PYTHONPATH=str(ROOT), WATCHDOG_USEC="60000000"))
    try:
        daemon.wait_for_ready()
        assert daemon.wait_for_poll("a")["new"] == 3
        daemon.wait_for_idle()
        daemon.send(signal.SIGHUP)  # what ExecReload sends
        daemon.wait_for_words("the configuration is as it was")
        daemon.wait(lambda: {"RELOADING=1", "WATCHDOG=1"} <= set(daemon.told))
        assert daemon.stop() == 143
    finally:
        daemon.close()
    assert "STOPPING=1" in daemon.told
    assert len(list((folder.root / "posts").rglob("*.md"))) == 5


def test_the_bounds_are_in_force() -> None:
    """What the units forbid fails here too: another family of sockets, memory that is made executable, a call of root."""
    need("systemd-analyze")
    code = """
import ctypes, mmap, os, socket
def fail():
    raise OSError(ctypes.get_errno(), "refused")
for forbidden in (
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
    lambda: ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(0), 4096, mmap.PROT_EXEC) and fail(),
    lambda: os.chroot("/"),
):
    try:
        forbidden()
    except OSError as error:
        print(error.errno)
"""
    done = _confined(sys.executable, "-c", code)

    assert done.stdout.split() == ["97", "1", "1", "1"], done.stdout + done.stderr


def test_both_services_have_the_same_bounds() -> None:
    """What the daemon may use and touch is what a single run may."""
    bounds = [
        path.read_text("utf-8").split("\n# What it may use", 1)[1].split("\n[Install]")[0].strip() for path in _services()
    ]

    assert bounds[0] == bounds[1]


def test_the_commands_of_the_units_exist() -> None:
    """Each service runs a command that `aggregator --help` lists, in the folder that systemd makes for it."""
    for path in _services():
        service = read_unit(path)["Service"]
        [command] = service["ExecStart"]
        words = command.split()
        assert words[0] == PROGRAM
        assert words[words.index("-C") + 1] == f"/var/lib/{service['StateDirectory'][0]}" == service["WorkingDirectory"][0]
        assert words[words.index("-C") + 2] in COMMANDS


def test_the_daemon_is_ended_and_begun_again_as_its_exit_codes_mean() -> None:
    """143 and 130 are good ends; what only a person can mend, 2 and 3, is not tried again; all else is, for ever."""
    unit = read_unit(UNITS / SERVICES[0])
    service = unit["Service"]

    assert service["SuccessExitStatus"] == ["130 143"]
    assert service["RestartPreventExitStatus"] == ["2 3"]
    assert service["Restart"] == ["on-failure"]
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert int(service["TimeoutStopSec"][0]) > 10
    assert service["KillMode"] == ["mixed"]
    assert service["OOMPolicy"] == ["continue"]


def test_the_timer_comes_when_others_do_not() -> None:
    """The timer does not fire at minute 0, is spread, and makes up for what a machine that was off has missed."""
    timer = read_unit(UNITS / "aggregator-sync.timer")["Timer"]

    minute = re.fullmatch(r"\*:(\d+)/(\d+)", timer["OnCalendar"][0])
    assert minute is not None
    assert 0 < int(minute[1]) < int(minute[2])
    assert timer["Persistent"] == ["yes"]
    assert timer["RandomizedDelaySec"]


def test_every_unit_is_documented() -> None:
    """docs/deployment.md names each unit file."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")

    assert [path.name for path in UNITS.iterdir() if f"(deployment/systemd/{path.name})" not in text] == []


def _services() -> list[Path]:
    return [UNITS / name for name in SERVICES]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = need("systemd-analyze")
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)


def _confined(*command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(_confinement(*command), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def _confinement(*command: str) -> list[str]:
    return [sys.executable, "-m", "tests.confinement", str(UNITS / SERVICES[0]), *command]
