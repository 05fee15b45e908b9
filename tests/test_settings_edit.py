"""Changes to a sources file: exactly the change, and every other byte as somebody wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from aggregator.errors import ConfigError, StoreError
from aggregator.settings import load
from aggregator.settings.edit import add_sources, remove_source, rename_source, save, set_flag
from tests.projects import write

NEW = {"neu": {"feed": "https://new.example/f", "title": "yes", "categories": ["A", "B: c"]}}
ADDED = "neu:\n{0}  feed: https://new.example/f\n{0}  title: 'yes'\n{0}  categories: [A, 'B: c']\n"

WILD = """\
# top
defaults: {every: 1h,   language: zh-CN}   # flow
bases:
    rsshub:
    - http://127.0.0.1:1200
    - https://rsshub.app   # second

sources:

    # about a
    a:
        feed:   https://a.example/   # aligned
        title:  "Quoted: 'x'"
        categories:
          - News
          - Deep   # deepest
    # about b

    b: {feed: https://b.example/f, categories: [x,
        y]}
    # trailing comment
# end
"""
LITERAL = "sources:\n  a:\n    title: |\n      two\n      lines\n"
PAUSED = "sources:\n  a:\n    feed: x  # f\n    paused: true  # p\n"
FLOW = "sources: {a: {feed: https://a.example/}, b: {feed: https://b.example/, paused: false},}  # all\n"


def file(folder: Path, text: str) -> Path:
    path = folder / "all.yaml"
    path.write_bytes(text.encode())
    return path


def block(indent: int) -> str:
    return " " * indent + ADDED.format(" " * indent)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WILD, WILD.replace("        y]}\n", "        y]}\n" + block(4))),
        (FLOW, FLOW.replace("false},", "false}, neu: {feed: 'https://new.example/f', title: 'yes', categories: [A, 'B: c']},")),
        ("", "sources:\n" + block(2)),
        ("# only a comment\n", "# only a comment\n\nsources:\n" + block(2)),
        ("sources:\n", "sources:\n" + block(2)),
        ("sources:   # mine\n  # an example\n", "sources:  # mine\n" + block(2) + "  # an example\n"),
        ("sources: {}  # none\n", "sources:  # none\n" + block(2)),
        ("sources: ~\ndefaults: {every: 1h}\n", "sources:\n" + block(2) + "defaults: {every: 1h}\n"),
        ("sources:\n  a:\n    feed: x://y\n\n\n", "sources:\n  a:\n    feed: x://y\n" + block(2) + "\n\n"),
        ("sources:\n  a:\n    feed: x://y", "sources:\n  a:\n    feed: x://y\n" + block(2)),
        ("sources:\n  a:\n    feed: x://y\n    title:\n", "sources:\n  a:\n    feed: x://y\n    title:\n" + block(2)),
        ("sources:\n  2024: {feed: x://y}\n", "sources:\n  2024: {feed: x://y}\n" + block(2)),
        (LITERAL + "\n", LITERAL + block(2) + "\n"),
    ],
)  # fmt: skip
def test_sources_are_added_behind_the_others(tmp_path: Path, before: str, after: str) -> None:
    """Whatever style a file is written in, the new source stands last and nothing else changes."""
    assert add_sources(file(tmp_path, before), NEW).decode() == after


def test_a_new_file_names_its_schema(tmp_path: Path) -> None:
    """A file that is not there yet begins with what editors need for completion."""
    made = add_sources(tmp_path / "new.yaml", NEW).decode()

    assert made == "# yaml-language-server: $schema=../schema/sources.json\n\nsources:\n" + block(2)


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [
        (WILD, "b", WILD.replace("    b: {feed: https://b.example/f, categories: [x,\n        y]}\n", "")),
        (WILD, "a", WILD[: WILD.index("    a:\n")] + WILD[WILD.index("    # about b") :]),
        (FLOW, "a", FLOW.replace("a: {feed: https://a.example/}, ", "")),
        (FLOW, "b", FLOW.replace(", b: {feed: https://b.example/, paused: false}", "")),
        ("sources:\n  a: {feed: x}\n", "a", "sources:\n"),
        ("sources: {a: {feed: x}}\n", "a", "sources: {}\n"),
        ("sources:\n  a: {feed: x}", "a", "sources:\n"),
        ("sources:\n  2024: {feed: x}\n  b: {feed: y}\n", "2024", "sources:\n  b: {feed: y}\n"),
    ],
)
def test_a_source_is_removed_and_comments_around_it_stay(tmp_path: Path, before: str, name: str, after: str) -> None:
    """Its own lines go and no other."""
    assert remove_source(file(tmp_path, before), name).decode() == after


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        (WILD, "a", "alpha", WILD.replace("    a:\n", "    alpha:\n")),
        (WILD, "b", "on", WILD.replace("    b: {", "    'on': {")),
        (FLOW, "a", "早报", FLOW.replace("{a: {", "{早报: {")),
        ("sources:\n  'a':   {feed: x}\n", "a", "b", "sources:\n  b:   {feed: x}\n"),
    ],
)
def test_a_source_is_renamed_in_its_place(tmp_path: Path, before: str, old: str, new: str, after: str) -> None:
    """Only its key changes."""
    assert rename_source(file(tmp_path, before), old, new).decode() == after


@pytest.mark.parametrize(
    ("before", "name", "value", "after"),
    [
        (WILD, "a", True, WILD.replace("    a:\n", "    a:\n        paused: true\n")),
        (WILD, "b", True, WILD.replace("b: {feed", "b: {paused: true, feed")),
        (FLOW, "b", True, FLOW.replace("paused: false", "paused: true")),
        (FLOW, "a", False, FLOW.replace("a: {feed", "a: {paused: false, feed")),
        (PAUSED, "a", False, PAUSED.replace("true", "false")),
    ],
)  # fmt: skip
def test_a_flag_is_set(tmp_path: Path, before: str, name: str, *, value: bool, after: str) -> None:
    """Where it stands already its value changes, else it becomes the source's first line."""
    assert set_flag(file(tmp_path, before), name, "paused", value=value).decode() == after


CHANGES: list[Callable[[Path], bytes]] = [
    lambda path: add_sources(path, NEW),
    lambda path: remove_source(path, "a"),
    lambda path: rename_source(path, "a", "alpha"),
    lambda path: set_flag(path, "a", "paused", value=True),
]


@pytest.mark.parametrize("change", CHANGES)
def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path, change: Callable[[Path], bytes]) -> None:
    """A file from Windows stays one: each line ends as the others do, and the mark at its start is kept."""
    plain = change(file(tmp_path, WILD)).decode()

    assert change(file(tmp_path, "\ufeff" + WILD.replace("\n", "\r\n"))).decode() == "\ufeff" + plain.replace("\n", "\r\n")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "text",
    [
        "{sources: {a: {feed: x}}, defaults: {every: 1h}}\n",
        "sources:\n  ? a\n  : {feed: x}\n",
        "sources:\n  a: &one {feed: x}\n  b: *one\n",
        "sources:\n  a:\n    feed: x\n...\n",
        "sources: {a: {feed: x}, # why\n  b: {feed: y}}\n",
        "sources: [a]\n",
    ],
)
def test_what_cannot_be_changed_exactly_is_refused(tmp_path: Path, text: str, change: Callable[[Path], bytes]) -> None:
    """Either the new text holds the change and nothing else, or there is a message that says to do it by hand."""
    path = file(tmp_path, text)
    told = ""
    try:
        changed = yaml.safe_load(change(path))
    except ConfigError as error:
        told = str(error)
    else:
        before = yaml.safe_load(text)
        for name in ("b", "defaults"):
            assert changed.get(name) == before.get(name)
            assert (changed["sources"] or {}).get(name) == before["sources"].get(name)

    assert not told or "by hand; nothing was written" in told
    assert path.read_text("utf-8") == text


def test_saving_keeps_permissions_and_follows_a_link(tmp_path: Path) -> None:
    """The file that a link names is replaced as a whole, with the rights that it had."""
    real = tmp_path / "real.yaml"
    real.write_text("old\n")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    save(link, b"new\n")

    assert (real.read_text(), oct(real.stat().st_mode & 0o777), link.is_symlink()) == ("new\n", "0o640", True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    """The message names the file, the old content is there, and nothing else is left behind."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StoreError, match="cannot write"):
        save(tmp_path / "file" / "below.yaml", b"new\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_new_file_counts_before_it_is_written(tmp_path: Path) -> None:
    """Settings can be read with files that are about to be written, new ones too; their defaults and all bases count."""
    write(tmp_path, {"sources/a.yaml": "bases: {hub: [https://h.example]}\nsources: {}\n"})
    before = (tmp_path / "config/sources/a.yaml").read_bytes()
    pending = {
        tmp_path / "config/sources/a.yaml": b"bases: {hub: [https://i.example]}\n",
        tmp_path / "config/sources/b.yaml": b"defaults: {language: de}\nsources: {x: {feed: 'hub:/x', categories: A}}\n",
    }
    loaded = load(tmp_path, tmp_path / "config", {}, pending)

    [source] = loaded.settings.sources
    assert (source.addresses, source.language, loaded.bases) == (
        ("https://i.example/x",),
        "de",
        {"hub": ("https://i.example",)},
    )
    assert [path.name for path in (tmp_path / "config/sources").iterdir()] == ["a.yaml"]
    assert (tmp_path / "config/sources/a.yaml").read_bytes() == before
    pending[tmp_path / "config/sources/b.yaml"] = b"sources: {x: {feed: 'hub:x', categories: A}}\n"
    with pytest.raises(ConfigError, match=r"config/sources/b\.yaml:1:"):
        load(tmp_path, tmp_path / "config", {}, pending)
