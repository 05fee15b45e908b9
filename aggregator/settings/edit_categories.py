"""A category's name, changed in the text of a file of config/: every path that stands at it or below it, and no other byte.

Comes in: a file that was found good. Goes out: its new bytes, which say exactly that change (they are read again and compared
node by node), or a ConfigError that names the line and what to write there. Nothing is written (`edit.save` does that).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from aggregator.errors import ConfigError, Problem
from aggregator.model.renames import is_below
from aggregator.model.settings import join_category
from aggregator.settings.documents import Document, read_document
from aggregator.settings.kinds import UnfitError, parse_category, parse_part
from aggregator.settings.nodes import ListNode, MapNode, Node, TextNode

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_BOM = "\ufeff"
_Path = tuple[str, ...]


def rename_category(path: Path, shown: str, old: _Path, new: _Path) -> tuple[bytes, int]:
    """Return the file with this category under its new name, and at how many places it stood. Raises ConfigError."""
    content = path.read_bytes()
    document = read_document(path, shown, content)
    if document.problems:
        raise ConfigError(tuple(document.problems))
    edit = _Edit(shown=shown, text=content.decode("utf-8").removeprefix(_BOM), old=old, new=new)
    for node in _paths(document):
        edit.take(node)
    text = edit.done()
    after = read_document(path, shown, text.encode())
    if after.problems or not _says(document.root, after.root, edit.wanted):
        raise edit.refusal(edit.first, edit.wanted[id(edit.first)]) if edit.first else ConfigError(tuple(after.problems))
    bom = _BOM if content.startswith(_BOM.encode()) else ""
    return (bom + text).encode(), len(edit.wanted)


def _paths(document: Document) -> Iterator[Node]:
    """Yield what holds a category path: values of `categories` in a sources file, keys in categories.yaml."""
    for key, value in _pairs(document.root):
        if key.value == "categories":
            yield from (name for name, _ in _pairs(value))
        elif key.value == "defaults":
            yield from (own for name, own in _pairs(value) if name.value == "categories")
        elif key.value == "sources":
            yield from (own for _, source in _pairs(value) for name, own in _pairs(source) if name.value == "categories")


def _pairs(node: Node | None) -> Iterator[tuple[TextNode, Node]]:
    """Yield the keys of a mapping, with those of mappings that are merged into it."""
    for key, value in node.items if isinstance(node, MapNode) else ():
        if not isinstance(key, TextNode):
            continue
        if key.value == "<<" and not key.style:
            for merged in value.items if isinstance(value, ListNode) else [value]:
                if isinstance(merged, MapNode):
                    yield from _pairs(merged)
        else:
            yield key, value


@dataclass(slots=True, kw_only=True)
class _Edit:
    """The changes to one text."""

    shown: str
    text: str
    old: _Path
    new: _Path
    wanted: dict[int, str | list[str]] = field(default_factory=dict)  #: by node, what it is to say
    splices: list[tuple[int, int, str]] = field(default_factory=list)
    first: Node | None = None  #: the first one that changes

    def take(self, node: Node) -> None:
        """Note what becomes of one path, if it stands at the old name or below it."""
        now = _path_of(node)
        if now is None or not is_below(now, self.old) or id(node) in self.wanted:
            return
        after = self.new + now[len(self.old) :]
        self.wanted[id(node)] = list(after) if isinstance(node, ListNode) else join_category(after)
        self.first = self.first or node
        if isinstance(node, TextNode):
            self._text(node, join_category(after), node, after)
        elif isinstance(node, ListNode):
            self._list(node, after)

    def done(self) -> str:
        """Return the new text."""
        text = self.text
        for start, end, insert in sorted(self.splices, reverse=True):
            text = text[:start] + insert + text[end:]
        return text

    def refusal(self, node: Node, wanted: str | list[str]) -> ConfigError:
        """Return what to tell where no program can safely make the change."""
        mark: Any = node.start_mark
        return ConfigError(
            (
                Problem(
                    file=self.shown,
                    line=int(mark.line) + 1,
                    column=int(mark.column) + 1,
                    message="the category is written in a way that no program can safely change",
                    hint=f"write {_flow(wanted)} there and run the command again; nothing was written",
                ),
            )
        )

    def _list(self, node: ListNode, after: _Path) -> None:
        depth = len(self.old)
        parts = [item for item in node.items if isinstance(item, TextNode)]
        if len(parts) != len(node.items):
            raise self.refusal(node, list(after))
        for part, word in zip(parts[:depth], self.new, strict=False):
            if parse_part(part.value) != word:
                self._text(part, word, node, after)
        last = parts[min(depth, len(self.new)) - 1]
        flow = self.text.startswith("[", _start(node))
        if len(self.new) > depth:
            mark: Any = last.start_mark
            dash = int(mark.column) - (_start(last) - self.text.rfind("-", 0, _start(last)))
            lead = ", " if flow else f"\n{' ' * dash}- "
            insert = "".join(f"{lead}{_flow(word)}" for word in self.new[depth:])
            self.splices.append((_end(self.text, last), _end(self.text, last), insert.replace("\n", self._break())))
        elif len(self.new) < depth:
            if not flow:
                raise self.refusal(node, list(after))
            self.splices.append((_end(self.text, last), _end(self.text, parts[depth - 1]), ""))

    def _text(self, scalar: TextNode, word: str, node: Node, after: _Path) -> None:
        """Put a word in a scalar's place, in its quotes."""
        if scalar.style in {"|", ">"} or scalar.anchor is not None or scalar.tag is not None:
            raise self.refusal(node, list(after))
        quoted = "'" + word.replace("'", "''") + "'" if scalar.style == "'" and word.isprintable() else None
        if scalar.style == '"' and word.isprintable():
            quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self.splices.append((_start(scalar), _end(self.text, scalar), quoted or _flow(word)))

    def _break(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def _path_of(node: Node) -> _Path | None:
    """Return the path that a node says, None if it is none: then the configuration was refused already."""
    try:
        if isinstance(node, TextNode):
            return parse_category(node.value)
        if isinstance(node, ListNode):
            return tuple(parse_part(item.value) for item in node.items if isinstance(item, TextNode))
    except UnfitError:
        pass
    return None


def _start(node: Node) -> int:
    return int(node.start_mark.index)  # type: ignore[union-attr]  # nodes of a file have marks


def _end(text: str, node: TextNode) -> int:
    """Return the place behind a scalar's last character."""
    end = int(node.end_mark.index)  # type: ignore[union-attr]
    return _start(node) + len(text[_start(node) : end].rstrip())


def _flow(value: str | list[str]) -> str:
    """Return a text or a list in one line, quoted where it must be: good in a flow and in a block."""
    text: str = yaml.dump([value], Dumper=_DUMPER, allow_unicode=True, width=2**20, default_flow_style=True)
    return text.strip()[1:-1]


def _says(before: Node | None, after: Node | None, wanted: dict[int, str | list[str]]) -> bool:
    """Tell whether two documents say the same, but for the nodes that were to say something else."""
    if (expected := wanted.get(id(before))) is not None:
        if isinstance(after, TextNode):
            return bool(after.value == expected)
        items = after.items if isinstance(after, ListNode) else []
        return [item.value if isinstance(item, TextNode) else None for item in items] == expected
    if isinstance(before, MapNode) and isinstance(after, MapNode):
        pairs = zip(before.items, after.items, strict=False)
        same = all(_says(key, key2, wanted) and _says(value, value2, wanted) for (key, value), (key2, value2) in pairs)
        return same and len(before.items) == len(after.items)
    if isinstance(before, ListNode) and isinstance(after, ListNode):
        same = all(_says(one, two, wanted) for one, two in zip(before.items, after.items, strict=False))
        return same and len(before.items) == len(after.items)
    if isinstance(before, TextNode) and isinstance(after, TextNode):
        return bool(before.value == after.value and bool(before.style) == bool(after.style))
    return before is after
