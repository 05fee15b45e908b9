"""Project folder, config folder and environment -> Settings, or one ConfigError with every problem.

`settings.yaml`, `categories.yaml` and `sources/*.yaml` are read whole before anything is refused. The environment is an
argument; only files of the config folder, and those named by `{file: ...}`, are opened.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Category, Settings, split_category
from aggregator.model.source import Source
from aggregator.settings.build import build, under
from aggregator.settings.checks import check_categories, check_feed, check_folders, check_headers, check_secret
from aggregator.settings.documents import Document, read_document
from aggregator.settings.kinds import INSTANCES, Items
from aggregator.settings.nodes import ListNode, Node, TextNode
from aggregator.settings.reader import KeyPath, Reader, Value, Values, nearest
from aggregator.settings.shapes import (
    BASES,
    CATEGORIES,
    CATEGORIES_FILE,
    CATEGORY,
    DEFAULTS,
    SETTINGS_FILE,
    SOURCE,
    SOURCES,
    SOURCES_FILE,
    Shape,
    Table,
)

_OVERRIDE = re.compile(r"AGGREGATOR_([A-Z0-9_]+?)__(\w+)\Z")
_YAML = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings, and for each value that was given where: a file and line, or a variable."""

    settings: Settings
    origins: Mapping[KeyPath, str]  #: `("site", "title")`, `("sources", id, "every")`, `("categories", path, "slug")`
    bases: Mapping[str, tuple[str, ...]]  #: the instances of every `bases:`, in order of trial


@dataclass(slots=True, kw_only=True)
class _Raw:
    """Everything that was read, before anything is built."""

    pending: Mapping[Path, bytes] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    settings: Values = field(default_factory=dict)
    categories: dict[str, tuple[Values, Document, Node]] = field(default_factory=dict)
    bases: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    sources: dict[str, tuple[Values, Document, Node]] = field(default_factory=dict)
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: by source id


def load_settings(root: Path, config: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings of a project.

    Raises:
        ConfigError: with every problem of every file, in file and line order.
    """
    root = root.absolute()
    with _collector_at_rest():
        return _built(_read(root, config, env, {}), root, config)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from walking over all nodes again and again: a third of the time of a big config."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load(root: Path, config: Path, env: Mapping[str, str], pending: Mapping[Path, bytes] | None = None) -> Loaded:
    """Return the settings of a project and the origin of each value.

    `pending` is what some of its files are about to hold: they are read as if it stood in them already. A sources file among
    them need not be there yet.

    Raises:
        ConfigError: with every problem of every file, in file and line order.
    """
    root = root.absolute()
    raw = _read(root, config, env, pending or {})
    bases = {name: addresses for name, (addresses, _) in raw.bases.items()}
    return Loaded(settings=_built(raw, root, config), origins=_origins(raw), bases=bases)


def _read(root: Path, config: Path, env: Mapping[str, str], pending: Mapping[Path, bytes]) -> _Raw:
    raw = _Raw(pending=pending)
    if not (config / "settings.yaml").is_file() and not (config / "settings.yaml").is_symlink():
        raise ConfigError((_no_settings(root, config),))
    _read_settings(raw, root, config, env)
    _read_categories(raw, root, config, env)
    new = {path for path in raw.pending if path.parent == config / "sources"}
    for path in sorted({*_source_files(root, config / "sources"), *new}):
        _read_sources(raw, root, path, env)
    _check(raw, root, config)
    problems = [problem for document in raw.documents for problem in document.problems]
    if problems := _stray_files(root, config) + problems:
        raise ConfigError(tuple(problems))
    return raw


def shown_path(root: Path, path: Path) -> str:
    """Return a path as a person standing in the project folder would type it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _no_settings(root: Path, config: Path) -> Problem:
    return Problem(
        file=shown_path(root, config / "settings.yaml"),
        line=None,
        column=None,
        message="there is no such file, so this is no project folder",
        hint="make one: aggregator init   or name one: aggregator -C DIR",
    )


def _stray_files(root: Path, config: Path) -> list[Problem]:
    """Return a problem for each YAML file that stands where it would silently not be read."""
    read = {"settings.yaml", "categories.yaml"}
    stray = sorted(path for path in config.iterdir() if path.suffix in _YAML and path.name not in read)
    return [
        Problem(
            file=shown_path(root, path),
            line=None,
            column=None,
            message="this file is not read",
            hint=_stray_hint(path.name, read),
        )
        for path in stray
        if not path.name.startswith(".")
    ]


def _stray_hint(name: str, read: set[str]) -> str:
    near = nearest(name, sorted(read))
    guess = f'did you mean "{near}"?  ' if near else ""
    return f"{guess}Files here: settings.yaml, categories.yaml, sources/*.yaml"


def _source_files(root: Path, folder: Path) -> list[Path]:
    # A name that begins with a dot is an editor's lock or a copy.
    if not os.path.lexists(folder):
        return []
    try:
        found = list(folder.iterdir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Problem(file=shown_path(root, folder), line=None, column=None, message=f"cannot be read: {reason}")
        raise ConfigError((problem,)) from error
    return sorted(path for path in found if path.suffix in _YAML and not path.name.startswith("."))


def _open(raw: _Raw, root: Path, path: Path) -> Document:
    document = read_document(path, shown_path(root, path), raw.pending.get(path))
    raw.documents.append(document)
    return document


def _read_settings(raw: _Raw, root: Path, config: Path, env: Mapping[str, str]) -> None:
    document = _open(raw, root, config / "settings.yaml")
    reader = Reader(document=document, schema="settings", env=env, root=root)
    top = reader.top(SETTINGS_FILE)
    for section, shape in _sections():
        if section in top:
            raw.settings |= reader.shape(shape, top[section].value, section, (section,))
    for name in sorted(name for name in env if _OVERRIDE.match(name)):
        _override(raw, name, env, root)
    if not document.broken:
        for section, shape in _sections():
            node = top[section].key if section in top else document.root
            reader.missing(shape, raw.settings, node, section, (section,))


def _sections() -> Iterable[tuple[str, Shape]]:
    return ((name, shape) for name, shape in SETTINGS_FILE.keys.items() if isinstance(shape, Shape))


def _override(raw: _Raw, variable: str, env: Mapping[str, str], root: Path) -> None:
    """Let one `AGGREGATOR_SECTION__KEY` take the place of what the file says; an empty one counts as not set."""
    if not env[variable]:
        return
    document = Document(variable)
    raw.documents.append(document)
    section, key = (word.lower() for word in variable.removeprefix("AGGREGATOR_").split("__", 1))
    shape = dict(_sections()).get(section)
    if shape is None or key not in shape.keys:
        known = [f"AGGREGATOR_{s}__{k}".upper() for s, found in _sections() for k in found.keys]
        near = nearest(variable.lower(), [name.lower() for name in known])
        guess = f'did you mean "{near.upper()}"?  ' if near else ""
        document.fault(None, "no setting has this name", hint=f"{guess}All keys: aggregator config schema settings")
        return
    kind = shape.keys[key]
    if isinstance(kind, Shape | Table):
        document.fault(None, f'"{key}" in {section} cannot be given in one variable', hint="write it in settings.yaml")
        return
    node = _node(env[variable], as_list=isinstance(kind, Items) and "," in env[variable])
    reader = Reader(document=document, schema="settings", env=env, root=root)
    raw.settings[section, key] = Value(reader.leaf(kind, node, key, section), document, node)


def _node(text: str, *, as_list: bool) -> Node:
    """Return what stands for a text that comes from no file: tagged, so that no word of it means null."""
    if as_list:
        items = [_node(item.strip(), as_list=False) for item in text.split(",")]
        return ListNode(items=items, tag=None, start_mark=None, end_mark=None, size=len(items))
    return TextNode(None, "tag:yaml.org,2002:str", (False, True), text)


def _read_categories(raw: _Raw, root: Path, config: Path, env: Mapping[str, str]) -> None:
    path = config / "categories.yaml"
    if not path.exists() and not path.is_symlink():
        return
    document = _open(raw, root, path)
    reader = Reader(document=document, schema="categories", env=env, root=root)
    top = reader.top(CATEGORIES_FILE).get("categories")
    mapping = reader.mapping(top.value, "categories", CATEGORIES) if top is not None else None
    for pair in document.pairs(mapping, "categories") if mapping else ():
        name = reader.name(CATEGORIES, pair, "categories") or pair.name
        values = reader.shape(CATEGORY, pair.value, f'category "{pair.name}"')
        raw.categories.setdefault(name, (values, document, pair.key))


def _read_sources(raw: _Raw, root: Path, path: Path, env: Mapping[str, str]) -> None:
    document = _open(raw, root, path)
    reader = Reader(document=document, schema="sources", env=env, root=root)
    top = reader.top(SOURCES_FILE)
    defaults = reader.shape(DEFAULTS, top["defaults"].value, "defaults") if "defaults" in top else {}
    if "bases" in top:
        _read_bases(raw, reader, top["bases"].value)
    mapping = reader.mapping(top["sources"].value, "sources", SOURCES) if "sources" in top else None
    for pair in document.pairs(mapping, "sources") if mapping else ():
        name = reader.name(SOURCES, pair, "sources") or pair.name
        values = _merged(defaults, reader.shape(SOURCE, pair.value, f'source "{name}"'))
        reader.missing(SOURCE, values, pair.key, f'source "{name}"')
        check_headers(document, values, pair.key, name)
        if name in raw.sources and raw.sources[name][1] is not document:
            _, other, node = raw.sources[name]
            document.fault(pair.key, f'the source "{name}" is defined twice', hint=f"first in {other.place(node)}")
        else:
            raw.sources[name] = (values, document, pair.key)


def _read_bases(raw: _Raw, reader: Reader, node: Node) -> None:
    mapping = reader.mapping(node, "bases", BASES)
    for pair in reader.document.pairs(mapping, "bases") if mapping else ():
        name = reader.name(BASES, pair, "bases") or pair.name
        addresses = reader.leaf(INSTANCES, pair.value, name, "bases")
        place = reader.document.place(pair.key)
        if name in raw.bases and not raw.bases[name][1].startswith(f"{reader.document.shown}:"):
            hint = f"bases count for all files; first in {raw.bases[name][1]}"
            reader.document.fault(pair.key, f'the base "{name}" is defined twice', hint=hint)
        raw.bases.setdefault(name, (addresses or (), place))


def _merged(defaults: Values, own: Values) -> Values:
    """Return the defaults below a source's own values; `rights: null` takes back what stands in the defaults."""
    gone = tuple(path for path, value in own.items() if value.value is None)
    return {path: value for path, value in defaults.items() if path[:1] not in gone} | own


def _check(raw: _Raw, root: Path, config: Path) -> None:
    """Report what only shows when files are seen together."""
    check_folders(raw.settings, root, config)
    check_secret(raw.settings)
    check_categories(raw.categories)
    if any(document.broken for document in raw.documents):
        return  # a file that could not be read may define the base that seems to be missing
    bases = {name: addresses for name, (addresses, _) in raw.bases.items()}
    for name, (values, document, _) in raw.sources.items():
        raw.addresses[name] = check_feed(document, values, bases)


def _built(raw: _Raw, root: Path, config: Path) -> Settings:
    sections = {name: shape.record(**build(shape, under(raw.settings, (name,)))) for name, shape in _sections()}
    return Settings(
        root=root,
        config=config,
        categories=tuple(
            Category(path=split_category(name), **build(CATEGORY, values)) for name, (values, _, _) in raw.categories.items()
        ),
        sources=tuple(
            Source(id=name, addresses=raw.addresses[name], **build(SOURCE, values))
            for name, (values, _, _) in raw.sources.items()
        ),
        **sections,
    )


def _origins(raw: _Raw) -> dict[KeyPath, str]:
    found = {path: value.document.place(value.node) for path, value in raw.settings.items()}
    for part, entries in (("categories", raw.categories), ("sources", raw.sources)):
        for name, (values, document, node) in entries.items():
            found[part, name] = document.place(node)
            found |= {(part, name, *path): value.document.place(value.node) for path, value in values.items()}
    return found
