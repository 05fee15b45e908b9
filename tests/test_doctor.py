"""`aggregator doctor`: each thing is broken for real, and is named with what to do; what is well is said to be."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.doctor import disk, machine, network, program, tree, work
from aggregator.doctor.finding import Finding, Findings, Level, Situation
from aggregator.errors import ConfigError
from aggregator.store.opening import open_state
from tests.conftest import absent, need
from tests.projects import SITE, read, write
from tests.upstream import Folder

ROOT = Path(__file__).parents[1]


def test_a_fresh_project_is_well(tmp_path: Path) -> None:
    """In a project that `init` has just made nothing fails, each check says a word, and no file is made or changed."""
    folder = Folder(tmp_path / "p")
    before = _listing(folder.root)

    done = folder.run("doctor", "--offline")

    assert done.returncode == 0, done.stdout
    names = [line.split()[2] for line in done.stdout.splitlines() if not line.startswith("  ->")]
    assert names[0] == "config"
    assert {"program", "clock", "zones", "encoding", "open-files", "memory", "workers", "room", "rights", "state"} <= set(names)
    assert "fail" not in done.stdout
    assert _listing(folder.root) == before


def test_the_report_as_json(tmp_path: Path) -> None:
    """With --json one object holds every finding, with a stable word, a level, and what to do where something is to be done."""
    folder = Folder(tmp_path / "p")
    (folder.root / "config" / "settings.yaml").write_text("site: {}\n", "utf-8")

    done = folder.run("--json", "doctor", "--offline")

    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    [config] = [finding for finding in told["findings"] if finding["name"] == "config"]
    assert config["level"] == "fail"
    assert "aggregator check config" in config["advice"]
    assert all(finding["advice"] for finding in told["findings"] if finding["level"] != "ok")


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    """Where there is no project, nor even a folder, that is what fails, and the rest is judged all the same."""
    done = subprocess.run(
        [sys.executable, "-m", "aggregator", "-C", str(tmp_path / "none"), "doctor", "--offline"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.startswith("✗ fail config")
    assert "ok   workers" in done.stdout
    assert "Traceback" not in done.stderr


def test_quietly_only_what_is_wrong_is_said(tmp_path: Path) -> None:
    """With -q nothing is said of what is well."""
    done = Folder(tmp_path / "p").run("-q", "doctor", "--offline")

    assert all(line.startswith(("!", "✗", "  ->")) for line in done.stdout.splitlines())
    assert done.stderr == ""


# -- the program -----------------------------------------------------------------------------------------------------


def test_packages_that_do_not_fit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is missing and one of another version than the program asks for fail; those that fit are not named."""
    info = tmp_path / "feed_aggregator-9.9.dist-info"
    info.mkdir()
    lines = ["click>=99", "lxml>=5.3", "no-such-thing", "nor-this; extra == 'postgres'", "pyyaml<7,>=6.0.2", "feedgen==1.0.0"]
    (info / "METADATA").write_text("".join(f"{line}\n" for line in ["Metadata-Version: 2.1", "Name: feed-aggregator"]), "utf-8")
    with (info / "METADATA").open("a", encoding="utf-8") as file:
        file.writelines(f"Requires-Dist: {line}\n" for line in lines)
    monkeypatch.syspath_prepend(str(tmp_path))

    first, second = _bad(program.program(_situation(tmp_path)))

    assert "the package click is 8" in first.text
    assert "no-such-thing is missing" in second.text


def test_a_worker_that_cannot_start_fails(tmp_path: Path) -> None:
    """Where a process may not open the few files that starting a worker takes, that fails, in the words of `sync`."""
    told = _under("ulimit -n 14", tmp_path, "program.workers")

    assert told.startswith("fail no worker process: cannot start a worker process: [Errno 24] Too many open files")


def test_little_address_space_is_odd_and_will_do(tmp_path: Path) -> None:
    """A limit of address space below what a worker sets itself is named, and kept: the worker starts all the same."""
    told = _under("ulimit -v 900000", tmp_path, "machine.memory", "program.workers")

    assert "warn processes may use 878 MiB of address space" in told
    assert "ok a worker process answers" in told


# -- the machine -----------------------------------------------------------------------------------------------------


def test_a_clock_before_the_program_fails(tmp_path: Path) -> None:
    """A clock that says 1970 is before the program was installed."""
    [found] = machine.clock(replace(_situation(tmp_path), now=datetime(1970, 1, 1, tzinfo=UTC)))

    assert found.level is Level.FAIL
    assert "1970-01-01" in found.text


def test_a_clock_before_its_own_files_is_odd(tmp_path: Path) -> None:
    """A file of the project that is of a later time than now is named, with how much later it is."""
    write(tmp_path, {"ledger.yaml": "{}"})
    situation = _situation(tmp_path)
    later = situation.now.timestamp() + 118 * 60
    os.utime(tmp_path / "config" / "ledger.yaml", (later, later))

    [found] = machine.clock(situation)

    assert found.level is Level.WARN
    assert "config/ledger.yaml" in found.text
    assert "118 min" in found.text


def test_a_clock_that_nobody_keeps_is_odd(tmp_path: Path) -> None:
    """Where timedatectl says that the clock is not synchronised, that is told; where it cannot say, nothing is."""
    fake = tmp_path / "timedatectl"
    for script, level in (("echo no", Level.WARN), ("echo yes", Level.OK), ("echo no; exit 1", Level.OK)):
        fake.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        fake.chmod(0o755)
        [found] = machine.clock(replace(_situation(tmp_path), environ={"PATH": str(tmp_path)}))
        assert found.level is level, script


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Mars/Olympus", Level.WARN),
        ("../etc", Level.WARN),
        ("Asia/Shanghai", Level.OK),
        (":UTC", Level.OK),
        ("CST-8", Level.OK),
    ],
)
def test_a_time_zone_that_is_none_is_odd(tmp_path: Path, name: str, level: Level) -> None:
    """A TZ that names no zone, which the C library would silently take for UTC, is named."""
    [found] = machine.zones(replace(_situation(tmp_path), environ={"TZ": name}))

    assert found.level is level


def test_a_locale_without_utf_8_fails(tmp_path: Path) -> None:
    """Where file names cannot be in every script, that fails, with the variable to set."""
    told = _under("export LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0", tmp_path, "machine.encoding")

    assert "fail file names are written in ascii" in told
    assert "LANG=C.UTF-8" in told


def test_too_few_open_files_are_odd(tmp_path: Path) -> None:
    """A limit of open files below what fetch.concurrency may want is named, with both numbers."""
    told = _under("ulimit -n 150", tmp_path, "machine.open_files")

    assert "warn 150 files may be open at once; with fetch.concurrency 50 a run may want 256" in told


# -- the disk --------------------------------------------------------------------------------------------------------


def test_folders_that_may_not_be_written_fail() -> None:
    """A posts folder of another user, and a state file that may only be read, are named with their owner."""
    with _as_nobody() as place:
        (place / "posts" / "news").mkdir(parents=True)
        (place / "state").mkdir(mode=0o777)
        (place / "state").chmod(0o777)
        (place / "state" / "state.sqlite").write_bytes(b"")
        for path, mode in (("posts/news", 0o555), ("state/state.sqlite", 0o444)):
            (place / path).chmod(mode)
        for path in ("", "posts"):
            (place / path).chmod(0o777)
        if os.geteuid() == 0:
            os.seteuid(65534)

        found = _bad(disk.rights(_situation(place)))

    assert [finding.text.partition(" cannot")[0] for finding in found] == ["posts/news", "state/state.sqlite"]


def test_a_configuration_that_may_not_be_read_ends_nothing() -> None:
    """Where the configuration may not be read by this user, what needs none of it is judged all the same."""
    with _as_nobody() as place:
        folder = Folder(place / "p")
        (folder.root / "config" / "settings.yaml").chmod(0)
        (folder.root / "config").chmod(0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)

        done = folder.here("doctor", "--live")

    assert done.returncode == 1
    assert "no daemon runs" in done.stdout


def test_root_in_somebody_elses_project_is_odd(tmp_path: Path) -> None:
    """Run as root in a project that belongs to another user, it says whom to run it as."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(tmp_path, 65534, 65534)

    [found] = disk.rights(_situation(tmp_path))

    assert found.level is Level.WARN
    assert "sudo -u" in str(found.advice)


def test_a_disk_that_is_full_or_read_only(tmp_path: Path) -> None:
    """A disk with little room is odd; a full one, and one that can only be read, fail."""
    place = tmp_path / "p"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    mounted = subprocess.run([need("mount"), "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        absent("this machine does not let us mount")
    try:
        [scarce] = disk.room(_situation(place))
        with pytest.raises(OSError, match="No space"), (place / "full").open("wb") as file:
            file.write(b"0" * 6_000_000)
        [full] = disk.room(_situation(place))
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        [fixed] = disk.room(_situation(place))
        kinds = list(disk.kinds(_situation(place)))
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)

    assert (scarce.level, full.level, fixed.level) == (Level.WARN, Level.FAIL, Level.FAIL)
    assert "5 MB are left" in scarce.text
    assert "is full" in full.text
    assert "can only be read" in fixed.text
    assert [finding.level for finding in kinds] == [Level.WARN] * 3
    assert "all posts are gone when the machine stops" in kinds[0].text


@pytest.mark.parametrize(
    ("kind", "named"), [("nfs4", ["state"]), ("fuse.sshfs", ["state"]), ("overlay", ["posts", "feeds", "state"]), ("xfs", [])]
)
def test_file_systems_are_judged_by_their_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, named: list[str]
) -> None:
    """A state over the network is odd, and so is a project in a container's own layer; the nearest mount point counts."""
    table = tmp_path / "mountinfo"
    table.write_text(
        f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:40 / {tmp_path}/my\\040news rw shared:1 - {kind} server:/x rw\n", "utf-8"
    )
    monkeypatch.setattr(disk, "_MOUNTS", table)
    (tmp_path / "my news").mkdir()

    found = list(disk.kinds(_situation(tmp_path / "my news")))

    assert [finding.text.split()[0 if kind == "overlay" else 1] for finding in _bad(found)] == named


# -- the state and the work ------------------------------------------------------------------------------------------


def test_a_state_that_cannot_be_read_fails(tmp_path: Path) -> None:
    """A state that is no database is named, in the words that every command has for it."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.sqlite").write_bytes(b"no database at all" * 100)

    [found] = work.state(_situation(tmp_path))

    assert found.level is Level.FAIL
    assert "sets it aside and rebuilds it" in found.text


def test_a_state_without_a_write_ahead_log_is_odd(synced: Folder) -> None:
    """A state whose file system did not allow a write-ahead log is named; one with it is well."""
    [well] = work.state(_situation(synced.root))
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=DELETE')"
    subprocess.run([sys.executable, "-c", code, str(synced.root / "state" / "state.sqlite")], check=True)

    [odd] = work.state(_situation(synced.root))

    assert (well.level, odd.level) == (Level.OK, Level.WARN)


def test_what_is_overdue_is_told(synced: Folder) -> None:
    """Where no daemon runs, sources that are due while nothing was polled for a day are told; sooner they are not."""
    levels = [next(work.polls(_situation(synced.root, later=timedelta(hours=hours)))).level for hours in (0, 20, 30)]

    assert levels == [Level.OK, Level.OK, Level.WARN]


def test_a_live_daemon_polls(synced: Folder) -> None:
    """A health check fails where no daemon runs, and where one runs that has polled nothing for long though sources are due."""
    situation = _situation(synced.root)
    with closing(open_state("sqlite:///state/state.sqlite", synced.root).state) as state:
        polled = max(each.last_poll for each in state.sources().values() if each.last_poll)

    def judged(minutes: int = 1) -> Level:
        [found] = work.alive(replace(situation, now=polled + timedelta(minutes=minutes)))
        return found.level

    assert judged() is Level.FAIL
    with _daemon(synced.root):
        assert judged() is Level.OK
        assert judged(minutes=80) is Level.OK
        assert judged(minutes=100) is Level.FAIL


def test_a_bad_edit_makes_no_daemon_unwell(synced: Folder) -> None:
    """A health check passes while a daemon runs on with the configuration of before, since a new one could not start."""
    (synced.root / "config" / "settings.yaml").write_text("site: {}\n", "utf-8")
    with _daemon(synced.root):
        done = synced.run("-q", "doctor", "--live")

    assert done.returncode == 0
    assert "aggregator check config" in done.stdout


def test_failing_sources_make_no_daemon_unwell(synced: Folder) -> None:
    """A health check passes while every upstream fails: they are polled all the same."""
    synced.sources_at({"a": "http://127.0.0.1:9/a", "b": "http://127.0.0.1:9/b"})
    assert synced.run("sync").returncode == 4
    with _daemon(synced.root):
        done = synced.run("doctor", "--live")

    assert done.returncode == 0, done.stdout


# -- the network -----------------------------------------------------------------------------------------------------


def test_names_that_are_not_found_fail(tmp_path: Path) -> None:
    """Where no host of a few sources is found, each is named; one that is found will do, and offline none is looked up."""
    lost = _with_sources(tmp_path, a="https://nothing.invalid/", b="https://nor-this.invalid/")
    [found] = network.names(lost)
    assert found.level is Level.FAIL
    assert "nothing.invalid nor for nor-this.invalid" in found.text
    assert list(network.names(replace(lost, offline=True))) == []

    [well] = network.names(
        _with_sources(tmp_path, a="https://nothing.invalid/", b="http://localhost:1/", allow="127.0.0.1, '::1'")
    )
    assert well.level is Level.OK
    assert "localhost is found" in well.text


def test_a_name_that_leads_to_a_refused_address_is_odd(tmp_path: Path) -> None:
    """A name that resolves, but only to addresses that would be refused, is named with them."""
    [found] = network.names(_with_sources(tmp_path, a="http://localhost:1/"))

    assert found.level is Level.WARN
    assert "(loopback)" in found.text


@pytest.mark.parametrize(
    ("address", "allow", "odd"),
    [
        ("http://127.0.0.1:1200/x", "", True),
        ("http://127.0.0.1:1200/x", "127.0.0.1", False),
        ("http://localhost:1200/x", "", True),
        ("http://[::1]:1200/x", "127.0.0.1", True),
        ("http://10.1.2.3/x", "10.0.0.0/8", False),
        ("http://rsshub:1200/x", "", True),
        ("http://rsshub:1200/x", "172.30.0.0/24", False),
        ("https://blog.example/x", "", False),
    ],
)
def test_private_addresses_that_would_be_refused(tmp_path: Path, address: str, allow: str, odd: bool) -> None:  # noqa: FBT001
    """A source at an address that is not public, without an allow_private that has it, is named; others are not."""
    found = list(network.private(_with_sources(tmp_path, a=address, allow=allow)))

    assert [finding.level for finding in found] == [Level.WARN] * odd


def test_without_authorities_every_https_source_fails(tmp_path: Path) -> None:
    """Where no certificate authority is known, that fails if a source needs one."""
    _with_sources(tmp_path, a="https://nothing.invalid/")
    (tmp_path / "empty").mkdir()

    told = _under(f"export SSL_CERT_FILE=/nothing SSL_CERT_DIR='{tmp_path}/empty'", tmp_path, "network.certificates")

    assert told.startswith("fail no certificate authority is known: every https source will fail")


# -- git -------------------------------------------------------------------------------------------------------------


def test_what_git_keeps_is_judged(tmp_path: Path) -> None:
    """A state that git would keep, or keeps, and posts that it ignores are named; a project as `init` makes it is well."""
    git = need("git")

    def judged(ignore: str) -> list[str]:
        (tmp_path / ".gitignore").write_text(ignore, "utf-8")
        return [finding.text for finding in _bad(tree.tree(_situation(tmp_path)))]

    assert "no git tree" in next(tree.tree(_situation(tmp_path))).text
    subprocess.run([git, "init", "--quiet", str(tmp_path)], check=True)
    assert judged("state/\n") == []
    assert judged("") == ["git does not ignore state/, an index that can be rebuilt"]
    assert judged("/state/\n*.md\n*.jsonl\n") == ["git ignores posts, ledger.jsonl, which nothing can make again"]
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "lock").touch()
    subprocess.run([git, "-C", str(tmp_path), "add", "--force", "state"], check=True)
    assert judged("state/\n") == ["git keeps the state, which differs on each machine"]


# -- what the tests are made of --------------------------------------------------------------------------------------


def _bad(findings: Findings | list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level is not Level.OK]


def _situation(root: Path, *, later: timedelta = timedelta(minutes=1)) -> Situation:
    try:
        settings = read(root) if (root / "config" / "settings.yaml").exists() else read(write(root, {}))
    except (ConfigError, PermissionError, OSError):
        settings = None
    return Situation(root=root, config=root / "config", settings=settings, now=datetime.now(UTC) + later, environ=os.environ)


def _with_sources(root: Path, *, allow: str = "", **addresses: str) -> Situation:
    lines = [f"  {name}: {{feed: '{address}', categories: [news]}}\n" for name, address in addresses.items()]
    settings = SITE + f"fetch: {{allow_private: [{allow}]}}\n"
    write(root, {"settings.yaml": settings, "sources/a.yaml": "sources:\n" + "".join(lines)})
    return _situation(root)


def _under(preparation: str, root: Path, *checks: str) -> str:
    """Run checks from a shell that was prepared so; return what they found."""
    module = "aggregator.doctor"
    code = f"""
import os, sys
from datetime import datetime, UTC
from pathlib import Path
from {module} import machine, network, program
from {module}.finding import Situation
from tests.projects import read
root = Path(sys.argv[1])
settings = read(root) if (root / "config").exists() else None
situation = Situation(root=root, config=root / "config", settings=settings, now=datetime.now(UTC), environ=os.environ)
for check in ({", ".join(checks)},):
    for each in check(situation):
        print(each.level, each.text, each.advice)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    shell = f'{preparation}\nexec "$@"'
    command = ["bash", "-c", shell, "bash", sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _as_nobody() -> Iterator[Path]:
    """Give a folder that everybody can reach; whoever takes root's rights off in it gets them back."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    me = os.geteuid()
    try:
        yield place
    finally:
        os.seteuid(me)
        subprocess.run(["chmod", "-R", "u+rwx", str(place)], check=True)
        shutil.rmtree(place)


@contextmanager
def _daemon(root: Path) -> Iterator[None]:
    """Hold the lock that a daemon holds."""
    with (root / "state" / "daemon.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _listing(root: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(root.rglob("*"))}
