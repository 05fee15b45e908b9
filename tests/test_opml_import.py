from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.cli.import_opml import read_bounded, read_list
from aggregator.errors import AggregatorError
from aggregator.model.settings import join_category
from aggregator.opml import MERGED, NEW, REFUSED, THERE, Plan, plan_import
from aggregator.parse.opml import NotOpmlError, OpmlList, read_opml
from aggregator.settings.kinds import parse_source_id
from aggregator.store.lock import project_lock
from aggregator.workers import Workers
from tests.opml_shapes import SHAPES, SOURCES, Shape, doc, feed, folder
from tests.projects import read, write
from tests.upstream import Folder

BASES = {"rsshub": ("http://127.0.0.1:1200", "https://hub.example/x")}
Said = list[tuple[int, str]]


def _plan(listing: OpmlList, project: Path) -> Plan:
    return plan_import(listing.feeds, read(project), BASES)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two sources, one of them at a base."""
    return write(tmp_path_factory.mktemp("opml") / "p", {"sources/a.yaml": SOURCES})


def test_there_are_118_shapes_of_distinct_names() -> None:
    """The table holds at least 118 shapes, each with a name and bytes of its own."""
    assert len(SHAPES) >= 118
    assert len({shape.name for shape in SHAPES}) == len({shape.body for shape in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_is_imported_or_refused_with_its_line(shape: Shape, project: Path) -> None:
    """Of every shape come the sources that it means, and each line that is none is named with the reason."""
    if shape.whole is not None:
        with pytest.raises(NotOpmlError, match=shape.whole):
            read_opml(shape.body)
        return
    listing = read_opml(shape.body)
    plan = _plan(listing, project)

    new = [(row.id, join_category(row.categories), row.address) for row in plan.rows if row.what == NEW]
    assert new == list(shape.new)
    _check_lines(shape.refused, [(row.line, str(row.why)) for row in plan.rows if row.what == REFUSED])
    _check_lines(shape.broken and (shape.broken,), [(each.line, each.text) for each in (listing.broken,) if each])
    merged = [(row.line, str(row.why)) for row in plan.rows if row.what == MERGED]
    _check_lines([(line, f"as line {first}") for line, first in shape.merged], merged)
    assert [(row.line, row.id) for row in plan.rows if row.what == THERE] == list(shape.there)
    said = [(note.line, note.text) for note in listing.notes] + [(row.line, text) for row in plan.rows for text in row.notes]
    _check_lines(shape.said, sorted(said))
    for name, key, value in shape.more:
        assert plan.sources[name].get(key) == value


def _check_lines(wanted: object, found: Said) -> None:
    """See that each fault is named with its line and word, and no other one."""
    pairs = list(wanted or ())  # type: ignore[call-overload]
    assert [line for line, _ in found] == [line for line, _ in pairs], found
    for (_, word), (_, text) in zip(pairs, found, strict=True):
        assert word in text


def test_every_shape_in_a_worker() -> None:
    """What a worker process brings back of each shape is what was read here."""

    async def read_all() -> list[OpmlList | str]:
        return list(await asyncio.gather(*(workers.run(read_bounded, shape.body) for shape in SHAPES)))

    with Workers(2) as workers:
        found = asyncio.run(read_all())

    for shape, listing in zip(SHAPES, found, strict=True):
        if shape.whole is not None:
            assert isinstance(listing, str)
            assert shape.whole in listing
        else:
            assert listing == read_opml(shape.body), shape.name


def test_every_new_source_is_legal(project: Path) -> None:
    """What the shapes add is a configuration that can be read, under ids that may stand there."""
    import yaml

    for shape in SHAPES:
        if shape.whole is not None:
            continue
        plan = _plan(read_opml(shape.body), project)
        assert all(parse_source_id(name) == name for name in plan.sources)
        if plan.sources:
            text = yaml.safe_dump({"sources": {k: dict(v) for k, v in plan.sources.items()}}, allow_unicode=True)
            loaded = read(write(project, {"sources/b.yaml": text}))
            assert {source.id for source in loaded.sources} == {"mine", "hub", *plan.sources}
            (project / "config/sources/b.yaml").unlink()


@pytest.fixture
def folder_(tmp_path: Path) -> Folder:
    """A project without sources, for the command as a process."""
    return Folder(tmp_path / "p")


LIST = doc(
    folder("新媒体", feed("https://a.example/f?a=1&b=2", "A: #1"), feed("feed://b.example/f", "null")),
    feed("https://c.example/f", "早报"),
)


def _config(project: Folder) -> dict[str, bytes]:
    return project.files("config")


def _save(project: Folder, body: bytes, name: str = "list.opml") -> str:
    path = project.root.parent / name
    path.write_bytes(body)
    return str(path)


def test_import_twice_changes_nothing(folder_: Folder) -> None:
    """The first import writes one file that a sync can use, the second changes no byte and says so."""
    path = _save(folder_, LIST)
    before = _config(folder_)
    first = folder_.run("import", "opml", path)
    after = _config(folder_)
    second = folder_.run("import", "opml", path)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert after.keys() - before.keys() == {"config/sources/opml.yaml"}
    assert {name: after[name] for name in before} == before
    assert _config(folder_) == after
    assert [(source.id, source.feed, source.title, source.categories) for source in read(folder_.root).sources] == [
        ("a-1", "https://a.example/f?a=1&b=2", "A: #1", ("新媒体",)),
        ("null", "http://b.example/f", "null", ("新媒体",)),
        ("早报", "https://c.example/f", "早报", ("inbox",)),
    ]
    assert first.stdout.splitlines()[1].split() == ["3", "new", "a-1", "新媒体", "https://a.example/f?a=1&b=2"]
    assert "1 feed stands in no folder: category inbox" in first.stderr
    assert second.stdout.count("already there") == 3


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_dry_run_shows_what_would_be_written(folder_: Folder, words: tuple[str, ...]) -> None:
    """--dry-run prints the very YAML that the import then writes, and touches nothing."""
    path = _save(folder_, LIST)
    before = folder_.files("config", "state")
    dry = folder_.run("import", "opml", path, "--dry-run", *words)
    assert dry.returncode == 0, dry.stderr
    assert folder_.files("config", "state") == before
    assert folder_.run("import", "opml", path).returncode == 0

    written = (folder_.root / "config/sources/opml.yaml").read_text("utf-8")
    assert (json.loads(dry.stdout)["yaml"] if words else dry.stdout.partition("# opml.yaml\n")[2]) == written


def test_refused_lines_are_named_and_the_rest_is_there(folder_: Folder) -> None:
    """Exit 1 with each refused line on stderr, without its password; everything else was imported."""
    body = doc(
        feed(), feed("exec:curl x", "X"), feed("https://ada:hunter2@x.example/f", "Y"), feed("https://x.example/f?key=hunter3")
    )
    done = folder_.run("-q", "import", "opml", _save(folder_, body))

    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["line 3", "line 4"]
    assert "auth:" in done.stderr
    assert "hunter" not in done.stdout + done.stderr
    assert [source.id for source in read(folder_.root).sources] == ["a", "a-2"]


def test_a_broken_list_is_read_up_to_the_break(folder_: Folder) -> None:
    """Exit 1 naming the line; what stands above is there, and the mended list adds only what is missing."""
    whole = doc(feed(), feed("https://b.example/f", "B"))
    done = folder_.run("import", "opml", _save(folder_, whole.replace(b'<outline text="B"', b"<outline text=B")))
    assert done.returncode == 1
    assert "line 3: the XML is broken" in done.stderr
    assert [source.id for source in read(folder_.root).sources] == ["a"]

    mended = folder_.run("import", "opml", _save(folder_, whole))
    assert mended.returncode == 0, mended.stderr
    assert [line.split()[1] for line in mended.stdout.splitlines()[1:]] == ["already", "new"]
    assert [source.id for source in read(folder_.root).sources] == ["a", "b"]


def test_standard_input_category_and_file_can_be_chosen(folder_: Folder) -> None:
    """`-` reads standard input; --category takes what has no folder, --into names the file, --json says it all."""
    command = folder_.command("import", "opml", "-", "--category", "新/早", "--into", "mine", "--json")
    done = subprocess.run(command, input=LIST, env=folder_.environment(), capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)

    assert data["file"] == "mine.yaml"
    assert [(row["line"], row["what"], row["id"]) for row in data["feeds"]] == [
        (3, "new", "a-1"),
        (4, "new", "null"),
        (6, "new", "早报"),
    ]
    assert (folder_.root / "config/sources/mine.yaml").is_file()
    assert read(folder_.root).sources[-1].categories == ("新", "早")


def test_other_files_are_refused_whole(folder_: Folder) -> None:
    """A feed, a web page or nothing is no list: exit 1 with what to do, and nothing is written."""
    before = _config(folder_)
    for shape in (shape for shape in SHAPES if shape.name in {"rss", "html", "empty"}):
        done = folder_.run("import", "opml", _save(folder_, shape.body))
        assert (done.returncode, done.stdout) == (1, "")
        assert str(shape.whole) in done.stderr
        assert "Traceback" not in done.stderr
    assert _config(folder_) == before


class Stalling(bytes):
    """A body that no parser ever gets through."""

    __slots__ = ()

    def __len__(self) -> int:  # noqa: PLE0303 - it never returns
        while True:
            pass


def test_a_list_that_stalls_is_refused() -> None:
    """Reading runs in a worker against the clock: a list that stalls ends as one message, not as a command that hangs."""
    file = SimpleNamespace(name="list.opml", read=lambda _: Stalling(b"x"))

    with pytest.raises(AggregatorError, match=r"list\.opml: the list took more than 5 s .* nothing was imported"):
        read_list(file)


def test_exit_codes(folder_: Folder) -> None:
    """Wrong usage is 2, an invalid configuration 3, a held project 6; each leaves the configuration as it was."""
    path = _save(folder_, LIST)
    before = _config(folder_)
    for words in (["none.opml"], [path, "--category", "a//b"], [path, "--into", "../x"], []):
        assert folder_.run("import", "opml", *words).returncode == 2
    with project_lock(folder_.root):
        assert folder_.run("import", "opml", path).returncode == 6
        assert folder_.run("import", "opml", path, "--dry-run").returncode == 0
    assert _config(folder_) == before
    folder_.sources("sources: {x: {}}\n")
    assert folder_.run("import", "opml", path).returncode == 3
