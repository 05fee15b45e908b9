from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aggregator.cli.import_opml import read_bounded
from aggregator.model.settings import join_category
from aggregator.opml import MERGED, NEW, REFUSED, THERE, Plan, plan_import
from aggregator.parse.opml import NotOpmlError, OpmlList, read_opml
from aggregator.settings.kinds import parse_source_id
from aggregator.workers import Workers
from tests.opml_shapes import SHAPES, SOURCES, Shape
from tests.projects import read, write

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
