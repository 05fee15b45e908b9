"""The pytest side of the watch: a spool for the session, every child process made to fill it, a look after each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from aggregator.publish.examiners import examine_published
from tests.watch.sitecustomize import SPOOL, install

_HERE = Path(__file__).parent
_SCHEMA = Path(__file__).parents[3] / "shared" / "corpora" / "schema" / "atom.rng"
_REFUSED = "published by this test, and refused by the watch (tests/watch):"


class Watch:
    """Looks at what is new in a spool; each document once."""

    def __init__(self, spool: Path) -> None:
        """Take the folder that `sitecustomize.copy` fills."""
        self.spool = spool
        self.documents = 0
        self.by_schema = 0
        self.refused: list[str] = []
        self.seconds = 0.0
        self._seen: set[str] = set()

    def look(self) -> list[str]:
        """Return what is wrong with the documents that came since the last look, one line each."""
        began = time.perf_counter()
        found: list[str] = []
        for name in sorted({place.name for place in self.spool.iterdir()} - self._seen):
            if name.rpartition(".")[2].isdecimal():
                continue  # not whole yet
            self._seen.add(name)
            self.documents += 1
            complaints = self._complaints(name, (self.spool / name).read_bytes())
            if complaints:
                found.append(f"{self.spool / name}: {'; '.join(complaints[:3])}")
        self.refused += found
        self.seconds += time.perf_counter() - began
        return found

    def _complaints(self, name: str, content: bytes) -> list[str]:
        path = name.partition("-")[2].replace("%", "/")
        complaints = [str(fault) for fault in examine_published(path, content).faults]
        schema = _schema()
        if path.endswith(".atom") and schema is not None and not complaints:
            self.by_schema += 1
            if not schema.validate(etree.fromstring(content)):
                complaints.append(f"RELAX NG: {schema.error_log.last_error}")
        return complaints


@cache
def _schema() -> etree.RelaxNG | None:
    """Return the schema of RFC 4287, or None where ../shared is absent."""
    return etree.RelaxNG(etree.parse(_SCHEMA)) if _SCHEMA.is_file() else None


class OutputsWatch:
    """The plugin of one pytest process; under xdist each worker has its own, and the controller adds up."""

    def __init__(self, config: pytest.Config) -> None:
        """Make the spool, and have this process and all its children fill it."""
        self._config = config
        self._totals: list[float] = [0, 0, 0, 0]
        place = Path(tempfile.mkdtemp(prefix="watched-"))
        place.chmod(0o777)  # tests run commands as other users
        self.watch = Watch(place)
        os.environ[SPOOL] = str(place)
        os.environ["PYTHONPATH"] = watched_path(os.environ.get("PYTHONPATH"))
        _watch_children()
        install()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Fail the test after which a document is there that must not be."""
        result = yield
        found = self.watch.look()
        if found:
            pytest.fail("\n".join([_REFUSED, *found]), pytrace=False)
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look once more, for what processes wrote that outlived their test, and hand the figures on."""
        self.watch.look()
        self._add([self.watch.documents, self.watch.by_schema, len(self.watch.refused), self.watch.seconds])
        if self._totals[2]:  # of the workers too, whose own exit codes nobody asks for
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["outputs watched"] = self._totals
        if not self.watch.refused:
            shutil.rmtree(self.watch.spool, ignore_errors=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's figures."""
        self._add(getattr(node, "workeroutput", {}).get("outputs watched", [0] * 4))

    def _add(self, figures: list[float]) -> None:
        self._totals = [total + figure for total, figure in zip(self._totals, figures, strict=True)]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how much was watched."""
        documents, by_schema, refused, seconds = self._totals
        if documents:
            told = f"{documents} documents, {by_schema} by RELAX NG, {refused} refused ({seconds:.1f} s)"
            terminalreporter.write_line(f"outputs watched: {told}")


def watched_path(path: str | None) -> str:
    """Return a PYTHONPATH with the folder of `sitecustomize` in front."""
    parts = [part for part in (path or "").split(os.pathsep) if part and part != str(_HERE)]
    return os.pathsep.join([str(_HERE), *parts])


def _watch_children() -> None:
    """Have processes with an environment of their own be watched too: no test can forget it."""
    start: Any = subprocess.Popen.__init__
    if getattr(start, "watched", False):
        return

    def watched(self: Any, *arguments: Any, **how: Any) -> None:
        if how.get("env") is not None and SPOOL in os.environ:
            path = watched_path(how["env"].get("PYTHONPATH"))
            how["env"] = {SPOOL: os.environ[SPOOL], **how["env"], "PYTHONPATH": path}
        start(self, *arguments, **how)

    watched.watched = True  # type: ignore[attr-defined]
    subprocess.Popen.__init__ = watched  # type: ignore[method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Register the watch; tests/conftest.py calls this, and so does `-p tests.watch.plugin`."""
    if not config.pluginmanager.has_plugin("outputs-watch"):
        config.pluginmanager.register(OutputsWatch(config), "outputs-watch")
