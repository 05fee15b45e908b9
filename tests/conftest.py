"""What every test gets: a seed that is printed, sweeps sampled unless --whole, and missing tools skipped by name.

With REQUIRE_EVERYTHING=1 (CI sets it) a test that would be skipped for a missing system package or a missing ../shared fails
instead.
"""

from __future__ import annotations

import os
import platform
import random
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from tests.agreement_table import AgreementTable
from tests.day_table import DayTable
from tests.families import FAMILIES
from tests.mark_table import MarkPlugin
from tests.post_rows import POSTS
from tests.publishing_rows import PUBLISHING
from tests.reader_table import ReaderTable
from tests.rules import CONDUCT
from tests.upstream import PROCESSES, Folder, Upstream, item
from tests.watch import plugin as watch

if TYPE_CHECKING:
    from tests.chromium import Chromium

Case = TypeVar("Case")
SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run every sweep whole instead of a sample")
    parser.addoption("--processes", action="store_true", help="run every command as a process, as its users do")
    parser.addoption("--sweep-seed", type=int, default=None, help="seed of the samples; printed in the header")
    parser.addoption("--sweep-table", default=None, help="write the table of sweeps to this file")
    for table in (CONDUCT, FAMILIES, POSTS, PUBLISHING):
        parser.addoption(table.option, default=None, help="print this table, and write it to this file ('-': only print)")
    parser.addoption("--day-table", default=None, help="write the table of the simulated day to this file")
    parser.addoption("--agreement-table", default=None, help="write the table of fast path and feedparser to this file")
    parser.addoption("--reader-table", default=None, help="write the table of readers to this file")
    parser.addoption("--sweep-share", type=float, default=None, help="share of each sweep to run, e.g. 0.1 in CI")


def pytest_configure(config: pytest.Config) -> None:
    watch.pytest_configure(config)
    for table in (CONDUCT, FAMILIES, POSTS, PUBLISHING):
        config.pluginmanager.register(MarkPlugin(config, table), f"{table.mark}-table")
    config.pluginmanager.register(DayTable(config, _commit), "day-table")
    config.pluginmanager.register(AgreementTable(config, _commit), "agreement-table")
    config.pluginmanager.register(ReaderTable(config, _commit), "reader-table")
    if config.getoption("--processes"):
        os.environ[PROCESSES] = "1"
    if config.getoption("--sweep-seed") is None:
        # One seed for all worker processes of a run; a new one each minute, so that runs wander over the sweeps.
        config.option.sweep_seed = int(os.environ.get("SWEEP_SEED") or int(time.time()) // 60)
        os.environ["SWEEP_SEED"] = str(config.option.sweep_seed)


def pytest_report_header(config: pytest.Config) -> str:
    return f"sweeps: {'whole' if config.getoption('--whole') else f'sampled, --sweep-seed={config.option.sweep_seed}'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test marked `sampled(n)` run n cases, drawn by the printed seed; all of them under --whole.

    Tests marked `sampled(n, of=name)` are drawn together: n of all that bear the name. CI runs each of those.
    """
    if config.getoption("--whole"):
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for each in items:
        marker = each.get_closest_marker("sampled")
        if marker and not (marker.kwargs and config.getoption("--processes")):
            cases[marker.kwargs.get("of") or each.nodeid.partition("[")[0]].append(each)
    left_out: set[pytest.Item] = set()
    for found in cases.values():
        marker = found[0].get_closest_marker("sampled")
        number = marker.args[0] if marker else len(found)
        ordered = sorted(found, key=lambda item: item.nodeid)
        left_out |= set(ordered) - set(random.Random(config.option.sweep_seed).sample(ordered, min(number, len(ordered))))
    if left_out:
        config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
        items[:] = [item for item in items if item not in left_out]


class Sweep:
    """Takes a sample of a sweep's cases, or all of them."""

    def __init__(self, config: pytest.Config, record: Callable[[str, object], None]) -> None:
        self._record = record
        self.whole = bool(config.getoption("--whole"))
        self.seed = int(config.option.sweep_seed)
        self.share: float | None = config.getoption("--sweep-share")

    def sample(self, cases: list[Case], at_most: int) -> list[Case]:
        """Return all cases under --whole, else at most so many of them, drawn by the printed seed."""
        number = min(len(cases), self.count(len(cases), at_most))
        return cases if number == len(cases) else random.Random(self.seed).sample(cases, number)

    def count(self, whole: int, sampled: int) -> int:
        """Return how many cases of an endless sweep to run."""
        sample = max(1, round(whole * self.share)) if self.share else min(sampled, whole)
        taken = whole if self.whole else sample
        self._record("sweep", f"{taken} of {whole}")
        return taken


@pytest.fixture
def sweep(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Sweep:
    """How much of a sweep this run takes; what it took stands in the table at the end."""
    doc = str(getattr(request.function, "__doc__", "")).split("\n", maxsplit=1)[0]
    record_property("fact", doc)
    return Sweep(request.config, record_property)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what each sweep took; with --sweep-table write it down as well."""
    rows = [
        (report.nodeid.rpartition("/")[2], dict(report.user_properties), word, report.duration)
        for word in ("passed", "failed")
        for report in terminalreporter.stats.get(word, ())
        if report.when == "call" and "sweep" in dict(report.user_properties)
    ]
    if not rows:
        return
    lines = ["| sweep | what is true | cases | outcome | s |", "|---|---|---|---|---|"]
    for name, found, word, seconds in sorted(rows, key=lambda row: row[0]):
        lines.append(f"| `{name}` | {found.get('fact', '')} | {found['sweep']} | {word} | {seconds:.0f} |")
    for name, found, _, _ in sorted(rows, key=lambda row: row[0]):
        if "table" in found:
            lines += ["", f"`{name}`:", "", *str(found["table"]).splitlines()]
    terminalreporter.section("sweeps")
    terminalreporter.write_line("\n".join(lines))
    place = config.getoption("--sweep-table")
    if place:
        when = f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}"
        text = f"{when}, Python {platform.python_version()}, seed {config.option.sweep_seed}"
        page = ["# Verification", "", f"`make verify` runs every sweep whole. Last run: {text}.", "", *lines]
        Path(place).write_text("\n".join(page) + "\n", "utf-8")


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with corpora and the sample; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        absent("../shared is not beside this checkout")
    return SHARED


def need(command: str) -> str:
    """Return the path of a system command, or skip the test and say why."""
    found = shutil.which(command)
    if found is None:
        absent(f"{command} is not installed (apt-get install {command})")
    return found


def absent(reason: str) -> NoReturn:
    """Skip the test and say why; fail it where nothing may be missing."""
    if os.environ.get("REQUIRE_EVERYTHING"):
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A daemon that a test ran in this process leaves signals ignored, and whatever is started later would be deaf to them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        _two_feeds(running)
        yield running


@pytest.fixture
def folder(tmp_path: Path, upstream: Upstream) -> Folder:
    made = Folder(tmp_path / "project")
    made.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"})
    return made


@pytest.fixture(scope="session")
def lasting_upstream() -> Iterator[Upstream]:
    """An upstream for the whole session; `synced` gives it its two feeds anew."""
    with Upstream() as running:
        yield running


@pytest.fixture(scope="session")
def synced_once(lasting_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project after its first sync, which nobody may touch: `synced` copies it, since a sync costs a second."""
    _two_feeds(lasting_upstream)
    made = Folder(tmp_path_factory.mktemp("synced") / "project")
    made.sources_at({name: f"{lasting_upstream.address}/{name}" for name in ("a", "b")})
    made.sync()
    return made


@pytest.fixture
def synced(synced_once: Folder, lasting_upstream: Upstream, tmp_path: Path) -> Folder:
    """A project of one's own after its first sync; its upstream is `lasting_upstream`."""
    _two_feeds(lasting_upstream)
    return synced_once.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def one_chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser for the whole session: to start one costs seconds."""
    from tests import chromium  # which asks this module for the program

    yield from chromium.running(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def browser(one_chromium: Chromium) -> Chromium:
    """A browser with a page of the module's own."""
    one_chromium.renew()
    return one_chromium


def _two_feeds(upstream: Upstream) -> None:
    upstream.pages.clear()
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False))
    upstream.feed("/b", item(11) + item(12))
