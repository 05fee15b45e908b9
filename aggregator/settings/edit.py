"""Changes to a file of config/sources/, made in its text: what is not changed stays byte for byte as somebody wrote it.

Comes in: a file that was found good, and a change to its sources. Goes out: its new bytes, which hold exactly that change
(they are read again and compared before anybody sees them). Nothing is written but by `save`. docs/decisions/0008 says why
the file is not written anew by a library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from aggregator.errors import ConfigError, Problem, StoreError
from aggregator.settings.documents import Document, read_document
from aggregator.settings.nodes import MapNode, Node, TextNode, is_null

_HEAD = "# yaml-language-server: $schema=../schema/sources.json\n\n"
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
#: Reads every scalar as its text: an id such as 2024 is no number, and `on` no truth.
_TEXT_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_WIDTH = 2**20  #: no line is ever folded
_BOM = "\ufeff"


def add_sources(path: Path, sources: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the file with these sources behind its own; a file that is not there begins with them. Raises ConfigError."""
    if not path.exists():
        return (_HEAD + "sources:\n" + _block(sources, 2)).encode()
    file = _File(path)
    return file.changed(lambda now: now | dict(sources), file.with_added(sources))


def remove_source(path: Path, name: str) -> bytes:
    """Return the file without this source; comments above it stay, those within it go. Raises ConfigError."""
    file = _File(path)
    return file.changed(lambda now: {key: value for key, value in now.items() if key != name}, file.without(name))


def rename_source(path: Path, old: str, new: str) -> bytes:
    """Return the file with this source under another key, in its old place. Raises ConfigError."""
    file = _File(path)
    return file.changed(lambda now: {new if key == old else key: value for key, value in now.items()}, file.renamed(old, new))


def set_flag(path: Path, name: str, key: str, *, value: bool, content: bytes | None = None) -> bytes:
    """Return the file with a setting of this source that is true or false. Raises ConfigError.

    `content` is what an earlier change made of the file; None: what stands on the disk.
    """
    file = _File(path, content)
    return file.changed(
        lambda now: {each: ({**own, key: value} if each == name else own) for each, own in now.items()},
        file.with_flag(name, key, value=value),
    )


def save(path: Path, content: bytes, *, make_folders: bool = True) -> None:
    """Put the new content in the file's place, whole or not at all, with its permissions; a link is followed.

    What is no file (a pipe, /dev/stdout) is written to. Unless `make_folders`, its folder must be there: a slip of the pen in a
    path that somebody has typed makes none.

    Raises:
        StoreError: it could not be written; the file is as before.
    """
    real = path.resolve()
    spare = real.with_name(f".tmp-{real.name}")
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
            return
        if make_folders:
            real.parent.mkdir(parents=True, exist_ok=True)
        with spare.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if real.exists():
            spare.chmod(real.stat().st_mode & 0o7777)
        spare.replace(real)
    except OSError as error:
        with suppress(OSError):
            spare.unlink()
        raise StoreError(
            f"cannot write {path}: {(error.strerror or str(error)).lower()}; it is as before", path=path
        ) from error


class _File:
    """One sources file, taken apart."""

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        self._path = path
        content = path.read_bytes() if content is None else content
        document = read_document(path, str(path.name), content)
        if document.problems:
            raise ConfigError(tuple(document.problems))
        text = content.decode("utf-8")
        self._bom = _BOM if text.startswith(_BOM) else ""
        self._text = text.removeprefix(_BOM)
        self._break = "\r\n" if "\r\n" in self._text else "\n"
        self._root = document.root
        self._key, self._sources = self._find(document)

    @staticmethod
    def _find(document: Document) -> tuple[Node | None, Node | None]:
        if not isinstance(document.root, MapNode):
            return None, None
        found = [(key, value) for key, value in document.root.items if isinstance(key, TextNode) and key.value == "sources"]
        return found[0] if found else (None, None)

    # -- the new text -----------------------------------------------------------------------------------------------

    def with_added(self, sources: Mapping[str, Mapping[str, Any]]) -> str:
        value = self._sources
        if self._key is None or value is None:
            self._unless(self._root is not None and self._flow(self._root))
            end = len(self._text.rstrip())
            lead = "\n\n" if end else ""
            return self._spliced(end, len(self._text), f"{lead}sources:\n{_block(sources, 2)}")
        if is_null(value) or (isinstance(value, MapNode) and not value.items):
            return self._first_added(self._key, value, sources)
        if not isinstance(value, MapNode):
            raise self._unfit()
        last = value.items[-1][1]
        if self._flow(value):
            return self._spliced(_end(last), _end(last), "".join(f", {_flow_pair(*each)}" for each in sources.items()))
        end = self._line_end(self._content_end(last))
        return self._spliced(end, end, ("\n" + _block(sources, _column(value.items[0][0]))).rstrip("\n"))

    def _first_added(self, key: Node, value: Node, sources: Mapping[str, Mapping[str, Any]]) -> str:
        """Put sources where there is none: right below `sources:`, whose own comment stays on its line."""
        self._unless(self._root is not None and self._flow(self._root))
        end = self._line_end(_end(value))
        _, mark, comment = self._text[_end(value) : end].partition("#")
        head = f":  #{comment}" if mark else ":"
        return self._spliced(_end(key), end, f"{head}\n{_block(sources, _column(key) + 2)}".rstrip("\n"))

    def without(self, name: str) -> str:
        value, number = self._pair(name)
        key, own = value.items[number]
        if not self._flow(value):
            start = self._line_start(key)
            end = self._line_end(self._content_end(own))
            return self._spliced(start, end + len(self._break) if end < len(self._text) else end, "")
        if number + 1 < len(value.items):
            return self._spliced(_start(key), _start(value.items[number + 1][0]), "")
        start = _end(value.items[number - 1][1]) if number else _start(key)
        return self._spliced(start, self._content_end(own), "")

    def renamed(self, old: str, new: str) -> str:
        value, number = self._pair(old)
        key = value.items[number][0]
        return self._spliced(_start(key), _end(key), _scalar(new))

    def with_flag(self, name: str, key: str, *, value: bool) -> str:
        above, number = self._pair(name)
        own = above.items[number][1]
        if not isinstance(own, MapNode) or not own.items:
            raise self._unfit()
        word = "true" if value else "false"
        there = next((node for each, node in own.items if isinstance(each, TextNode) and each.value == key), None)
        if there is not None:
            return self._spliced(_start(there), _end(there), word)
        if self._flow(own):
            start = _start(own.items[0][0])
            return self._spliced(start, start, f"{key}: {word}, ")
        first = own.items[0][0]
        start = self._line_start(first)
        return self._spliced(start, start, f"{' ' * _column(first)}{key}: {word}\n")

    def changed(self, change: Callable[[dict[str, Any]], dict[str, Any]], text: str) -> bytes:
        """Return the text as bytes, once it is certain that it says the same but for the change."""
        try:
            before, after = (yaml.load(each, Loader=_TEXT_LOADER) or {} for each in (self._text, text))  # noqa: S506
        except yaml.YAMLError as error:
            raise self._unfit() from error
        wanted, found = change(_sources_in(before)), _sources_in(after)
        # In order: the first source in the config wins where two bring one entry.
        self._unless(list(found.items()) != list(_as_text(wanted).items()) or _rest(before) != _rest(after))
        return (self._bom + text).encode("utf-8")

    # -- places -----------------------------------------------------------------------------------------------------

    def _pair(self, name: str) -> tuple[MapNode, int]:
        value = self._sources
        if isinstance(value, MapNode):
            for number, (key, _) in enumerate(value.items):
                if isinstance(key, TextNode) and key.value == name:
                    return value, number
        raise self._refusal(f'there is no source "{name}" here')

    def _flow(self, node: Node) -> bool:
        return self._text.startswith(("{", "["), _start(node))

    def _content_end(self, node: Node) -> int:
        """Return where the last character of a value stands: a block's own end mark lies behind comments and blank lines."""
        while not isinstance(node, TextNode) and not self._flow(node) and node.items:
            last = node.items[-1]
            node = last[1] if isinstance(last, tuple) else last
            if isinstance(last, tuple) and isinstance(node, TextNode) and _start(node) == _end(node):
                node = last[0]  # a key without a value
        start, end = _start(node), _end(node)
        return start + len(self._text[start:end].rstrip())

    def _line_start(self, node: Node) -> int:
        start = _start(node) - _column(node)
        self._unless(bool(self._text[start : _start(node)].strip()))
        return start

    def _line_end(self, index: int) -> int:
        """Return where the line ends that holds this place, its break left out."""
        end = self._text.find("\n", index)
        end = len(self._text) if end < 0 else end
        return end - 1 if end > index and self._text[end - 1] == "\r" else end

    def _spliced(self, start: int, end: int, insert: str) -> str:
        text = self._text[:start] + insert.replace("\n", self._break) + self._text[end:]
        return text if not text or text.endswith("\n") else text + self._break

    def _unless(self, unfit: bool) -> None:  # noqa: FBT001 - a guard
        if unfit:
            raise self._unfit()

    def _unfit(self) -> ConfigError:
        return self._refusal("the file is written in a way that no program can safely change")

    def _refusal(self, message: str) -> ConfigError:
        file = f"{self._path.parent.parent.name}/{self._path.parent.name}/{self._path.name}"
        hint = "change it by hand; nothing was written"
        return ConfigError((Problem(file=file, line=None, column=None, message=message, hint=hint),))


def _start(node: Node) -> int:
    return int(node.start_mark.index)  # type: ignore[union-attr]  # nodes of a file have marks


def _end(node: Node) -> int:
    return int(node.end_mark.index)  # type: ignore[union-attr]


def _column(node: Node) -> int:
    return int(node.start_mark.column)  # type: ignore[union-attr]


def _block(sources: Mapping[str, Mapping[str, Any]], indent: int) -> str:
    """Return sources as lines of a block mapping, lists in one line each."""
    # default_flow_style=None: what holds no collection stands in flow style, so each source is dumped by its own keys.
    lines: list[str] = []
    for name, own in sources.items():
        lines.append(f"{_scalar(name)}:")
        lines += [f"  {line}" for key, value in own.items() for line in _dump({key: value}).splitlines()]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _dump(value: Mapping[str, Any]) -> str:
    (inner,) = value.values()
    flow = None if isinstance(inner, list | tuple) else False
    plain = {key: list(each) if isinstance(each, tuple) else each for key, each in value.items()}
    text: str = yaml.dump(plain, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=flow)
    return text


def _flow_pair(name: str, own: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        {name: dict(own)}, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=True
    )
    return text.strip()[1:-1]


def _scalar(text: str) -> str:
    """Return a key as YAML: quoted where it must be."""
    line: str = yaml.dump({text: 0}, Dumper=_DUMPER, allow_unicode=True, width=_WIDTH, default_flow_style=False)
    return line.removesuffix(": 0\n")


def _sources_in(data: Any) -> dict[str, Any]:
    found = data.get("sources") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _rest(data: Any) -> Any:
    return {key: value for key, value in data.items() if key != "sources"} if isinstance(data, dict) else data


def _as_text(value: Any) -> Any:
    """Return data as `_TEXT_LOADER` reads it: every scalar is the text that stands there."""
    if isinstance(value, Mapping):
        return {key: _as_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
