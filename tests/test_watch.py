"""The watch over everything that tests publish: nothing escapes it, and nothing else is its business."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.store.files import write_file
from tests.conftest import SHARED
from tests.publish_records import make_frame
from tests.upstream import Folder
from tests.watch.plugin import OutputsWatch, Watch
from tests.watch.sitecustomize import SPOOL

_WRITE = """
import multiprocessing, sys
from pathlib import Path
from aggregator.store.files import write_file

def write(name):
    write_file(Path(sys.argv[1]), name, b"<feed/>")

if __name__ == "__main__":
    write("feeds/parent.atom")
    worker = multiprocessing.get_context("forkserver").Process(target=write, args=("feeds/worker.atom",))
    worker.start()
    worker.join()
"""


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch of this test's own, so that what it refuses does not fail the test."""
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv(SPOOL, str(spool))
    return Watch(spool)


def test_a_broken_feed_is_caught_in_process(watch: Watch, tmp_path: Path) -> None:
    """What a writer of ours puts below feeds/ and is no feed is refused, whoever wrote it; it is looked at once."""
    write_file(tmp_path, "feeds/a.atom", b"<feed/>")

    [complaint] = watch.look()
    assert "feeds%a.atom: its root is <feed>, not an atom:feed (RFC 4287 §4.1.1)" in complaint
    assert watch.look() == []


def test_a_broken_feed_is_caught_in_other_processes(watch: Watch, tmp_path: Path) -> None:
    """So is what a command of its own environment writes, and what its workers write."""
    script = tmp_path / "script.py"
    script.write_text(_WRITE, "utf-8")
    root = Path(__file__).parents[1]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root)}

    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environment, check=True, timeout=300)

    assert sorted(complaint.partition(":")[0].rpartition("-")[2] for complaint in watch.look()) == [
        "feeds%parent.atom",
        "feeds%worker.atom",
    ]


@pytest.mark.parametrize("path", ["posts/a.atom", "feeds/a.md", "all.atom"])
def test_other_files_are_not_watched(watch: Watch, tmp_path: Path, path: str) -> None:
    """Posts, the ledger and whatever lies elsewhere are no feeds."""
    write_file(tmp_path, path, b"<feed/>")

    assert watch.look() == []
    assert watch.documents == 0


@pytest.mark.publishes("R78")
def test_every_output_of_a_process_is_watched(tmp_path: Path, folder: Folder) -> None:
    """Every file that a sync leaves below feeds/ went through the watch, and all of them are sound."""
    watch = Watch(tmp_path / "spool")
    watch.spool.mkdir()
    folder.sync(**{SPOOL: str(watch.spool)})  # a process: workers of this one have this session's spool

    assert watch.look() == []
    published = [path for path in folder.files("public") if path.startswith("public/feeds/")]
    assert watch.documents == len(published)
    if SHARED.is_dir():
        assert watch.by_schema == sum(path.endswith(".atom") for path in published)


def test_every_output_of_this_session_is_watched(folder: Folder, pytestconfig: pytest.Config) -> None:
    """So are those of a command that runs in the tests' own process, and of its workers, whichever test has started them."""
    folder.here("sync")
    session: Any = pytestconfig.pluginmanager.get_plugin("outputs-watch")
    copies = {place.name.partition("-")[0] for place in session.watch.spool.iterdir()}

    published = {path: content for path, content in folder.files("public").items() if path.startswith("public/feeds/")}
    assert len(published) > 10
    assert [path for path, content in published.items() if sha256(content).hexdigest()[:24] not in copies] == []


def test_what_the_schema_alone_refuses_is_caught(watch: Watch, tmp_path: Path, shared: Path) -> None:  # noqa: ARG001 - the schema
    """Two judges see each Atom document: the gate and the RELAX NG schema; each document counts once."""
    from aggregator.publish.atom import build_feed

    write_file(tmp_path, "feeds/all.atom", build_feed(make_frame(), [], source_order={}).content)

    assert watch.look() == []
    assert (watch.documents, watch.by_schema) == (1, 1)


def test_the_test_that_published_it_fails(tmp_path: Path) -> None:
    """A session whose test publishes a broken feed fails, and the message names the file and the fault."""
    test = tmp_path / "test_it.py"
    test.write_text(
        "from pathlib import Path\nfrom aggregator.store.files import write_file\n\n"
        "def test_it(tmp_path: Path) -> None:\n    write_file(tmp_path, 'feeds/x.atom', b'<feed/>')\n",
        "utf-8",
    )
    done = _session(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "published by this test, and refused by the watch" in done.stdout
    assert "its root is <feed>" in done.stdout
    assert "outputs watched: 1 documents, 0 by RELAX NG, 1 refused" in done.stdout


def test_what_outlives_its_test_fails_the_session(tmp_path: Path) -> None:
    """A document that is written as the session ends, when no test is left to fail, fails the session."""
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\nimport pytest\nfrom aggregator.store.files import write_file\n\n"
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish():\n"
        "    write_file(Path(__file__).parent, 'feeds/x.atom', b'<feed/>')\n",
        "utf-8",
    )
    (tmp_path / "test_it.py").write_text("def test_it() -> None:\n    pass\n", "utf-8")

    done = _session(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "outputs watched: 1 documents, 0 by RELAX NG, 1 refused" in done.stdout


def test_what_a_worker_refused_fails_the_whole(watch: Watch) -> None:
    """The controller of several workers adds up what they saw; nobody asks for their own exit codes."""
    plugin = OutputsWatch.__new__(OutputsWatch)
    plugin.watch, plugin._totals, plugin._config = watch, [0, 0, 0, 0], SimpleNamespace()  # type: ignore[assignment]
    for refused in (0, 1):
        plugin.pytest_testnodedown(SimpleNamespace(workeroutput={"outputs watched": [7, 5, refused, 0.5]}))
    session: Any = SimpleNamespace(exitstatus=0)
    plugin.pytest_sessionfinish(session)

    assert plugin._totals[:3] == [14, 10, 1]
    assert session.exitstatus == 1


def _session(root: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest on a folder, with the watch and no other plugin of ours."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.watch.plugin", "-p", "no:cacheprovider", "-p", "no:randomly"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [*command, "--rootdir", str(root), str(root)],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_there_is_one_writer() -> None:
    """What publishes writes by `store.files` alone, which is what the watch wraps: nothing else there opens a file to write."""
    package = Path(__file__).parents[1] / "aggregator"
    writes = re.compile(r"\.write_(?:bytes|text)\(|\bos\.(?:replace|rename|link|write)\(|open\([^)]*[\"'](?:w|a|x)b?[\"']")
    parts = [*(package / "pipeline").rglob("*.py"), *(package / "publish").rglob("*.py"), *(package / "store").rglob("*.py")]

    # The other one only appends to its list of the files in a static tree, which hold what the first one has published.
    assert sorted(path.name for path in parts if writes.search(path.read_text("utf-8"))) == ["files.py", "static_tree.py"]
