"""Nodes and shapes -> values with their place; what does not fit becomes a problem of the document.

Values come out flat, under their key path (`("rights", "mode")`), so that defaults of a file and values of a source merge
key by key. Secrets given as `{env: NAME}` or `{file: PATH}` are looked up here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from aggregator.model.source import Secret
from aggregator.settings.documents import Document, Pair
from aggregator.settings.kinds import Items, Scalar, SecretText, UnfitError
from aggregator.settings.nodes import NULLS, ListNode, MapNode, Node, TextNode, has_foreign_tag, is_null
from aggregator.settings.shapes import Shape, Table, Top, nullable, required

KeyPath = tuple[str, ...]


class Value(NamedTuple):
    """One value and where it was written."""

    value: Any  #: None: taken back by `null`
    document: Document
    node: Node


Values = dict[KeyPath, Value]

#: What people write who know another tool.
_OTHER_WORDS = {
    "url": "feed",
    "link": "feed",
    "address": "feed",
    "name": "title",
    "category": "categories",
    "path": "categories",
    "interval": "every",
    "refresh": "every",
    "lang": "language",
    "tz": "timezone",
    "disabled": "paused",
    "user": "username",
    "http_headers": "headers",
}
_SMELLS_SECRET = re.compile("pass|token|secret|auth|cookie|key|head|prox|cred|user", re.IGNORECASE)
_FORMS = "must be a text, {env: NAME} or {file: PATH}"
_MAX_SECRET_BYTES = 65_536
_SHORT = 60
_KEY = re.compile(r"[\w-]{1,40}\Z")
_WRITTEN_NULLS = NULLS - {""}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    known = list(known)
    other = _OTHER_WORDS.get(word.lower())
    if other in known:
        return other
    return next(iter(get_close_matches(word.lower(), known, 1)), None)


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads one document."""

    document: Document
    schema: str  #: the name of its schema: settings, categories or sources
    env: Mapping[str, str]
    root: Path

    def top(self, top: Top) -> dict[str, Pair]:
        """Return the document's top-level keys; an empty document has none."""
        root = self.document.root
        if root is None or is_null(root):
            return {}
        if not isinstance(root, MapNode):
            self._hide_lists(root)
            self.document.fault(root, "the file must hold keys and values", hint=self._all_keys())
            return {}
        return {pair.name: pair for pair in self.known(root, top.keys, "the file")}

    def known(self, node: MapNode, keys: Iterable[str], where: str) -> list[Pair]:
        """Return the pairs whose keys are known; the others are problems."""
        found: list[Pair] = []
        for pair in self.document.pairs(node, where):
            if pair.name in keys:
                found.append(pair)
            else:
                self._unknown(pair, keys, where)
        return found

    def mapping(self, node: Node, where: str, kind: Shape | Table | None = None) -> MapNode | None:
        """Return the node if it is a mapping; nothing at all stands for an empty one."""
        if isinstance(node, MapNode):
            return node
        if not is_null(node):
            self._hide_lists(node)
            if kind is not None and _holds_secrets(kind):
                self.document.hide(node)
            self.document.fault(node, f"{where} must be {kind.words if kind else 'a mapping'}", hint=self._all_keys())
        return None

    def shape(self, shape: Shape, node: Node, where: str, path: KeyPath = ()) -> Values:
        """Return the values of a mapping with known keys, flat."""
        mapping = self.mapping(node, where, shape)
        if mapping is None:
            return {}
        values: Values = {}
        for pair in self.known(mapping, shape.keys, where):
            kind = shape.keys[pair.name]
            here = (*path, pair.name)
            if _is_taken_back(pair.value) and nullable(shape, pair.name):
                values[here] = Value(None, self.document, pair.value)
            elif isinstance(kind, Shape):
                values |= self.shape(kind, pair.value, f'"{pair.name}" in {where}', here)
            elif isinstance(kind, Table):
                values |= self.table(kind, pair.value, f'"{pair.name}" in {where}', here)
            else:
                values[here] = Value(self.leaf(kind, pair.value, pair.name, where), self.document, pair.value)
        return values

    def table(self, table: Table, node: Node, where: str, path: KeyPath = ()) -> Values:
        """Return the values of a mapping with the user's own keys, flat."""
        mapping = self.mapping(node, where, table)
        values: Values = {}
        seen: dict[str, str] = {}
        for pair in self.document.pairs(mapping, where) if mapping else ():
            name = self.name(table, pair, where)
            label = pair.name
            if _holds_secrets(table) and (name is None or is_null(pair.value)):
                self.document.hide(pair.key)  # perhaps no name at all: `headers: {hunter2}`
                label = "***"
            if name is not None and seen.setdefault(name.lower(), pair.name) != pair.name:
                self.document.fault(pair.key, f'"{pair.name}" in {where} is the same name as "{seen[name.lower()]}"')
            here = (*path, name or pair.name)
            if isinstance(table.value, Shape):
                values |= self.shape(table.value, pair.value, f'"{label}" in {where}', here)
            else:
                leaf = self.leaf(table.value, pair.value, label, where)
                values[here] = Value(leaf, self.document, pair.value)
        return values

    def name(self, table: Table, pair: Pair, where: str) -> str | None:
        """Return a key of a table as it counts, or None after reporting why it does not."""
        try:
            return table.name(pair.name)
        except UnfitError as fault:
            shown = "***" if _holds_secrets(table) else _short(pair.name)
            self.document.fault(pair.key, f'"{shown}" in {where} {fault.reason}', hint=fault.hint)
            return None

    def leaf(self, kind: Scalar | Items | SecretText, node: Node, key: str, where: str) -> Any:
        """Return one value, or None after reporting why there is none."""
        try:
            if isinstance(kind, Scalar):
                return _scalar(kind, node)
            return self._items(kind, node, key, where) if isinstance(kind, Items) else self._secret(kind, node)
        except UnfitError as fault:
            self._unfit(node, f'"{key}" in {where}', fault)
            return None

    def missing(self, shape: Shape, values: Values, node: Node | None, where: str, path: KeyPath = ()) -> None:
        """Report required keys that are not there, of the shape and of every nested one that is begun."""
        for key in required(shape):
            value = values.get((*path, key))
            if value is None or (value.value is None and is_null(value.node)):
                hint = f"add  {key}:  (all keys: aggregator config schema {self.schema})"
                self.document.fault(node, f'missing key "{key}" in {where}', hint=hint)
        depth = len(path) + 1
        for key in dict.fromkeys(here[depth - 1] for here in values if len(here) > depth and here[: depth - 1] == path):
            kind = shape.keys[key]
            if isinstance(kind, Shape):
                self.missing(kind, values, node, f'"{key}" in {where}', (*path, key))

    def _items(self, kind: Items, node: Node, key: str, where: str) -> tuple[Any, ...]:
        if not isinstance(node, ListNode):
            if not isinstance(node, TextNode) or is_null(node):
                raise UnfitError(f"must be {kind.words}", hint=None if kind.least else "write [] for none")
            return kind.alone(_text(node)) if kind.alone is not None else (_scalar(kind.item, node),)
        if len(node.items) < kind.least:
            raise UnfitError("is empty", hint=f"it must be {kind.words}")
        return tuple(self.leaf(kind.item, item, key, where) for item in node.items)

    def _secret(self, kind: SecretText, node: Node) -> Secret:
        self.document.hide(node)
        if isinstance(node, TextNode) and not is_null(node):
            text = _text(node)
        elif isinstance(node, MapNode):
            text = self._looked_up(node)
        else:
            raise UnfitError(_FORMS)
        kind.check(text)
        return Secret(text)

    def _looked_up(self, node: MapNode) -> str:
        pairs = [(key.value, value.value) for key, value in node.items if type(key) is type(value) is TextNode]
        if len(pairs) != 1 or len(node.items) != 1 or pairs[0][0] not in {"env", "file"}:
            raise UnfitError(_FORMS)
        form, name = pairs[0]
        if form == "file":
            return self._from_file(name)
        if not (text := self.env.get(name, "")):
            raise UnfitError(f'wants the environment variable "{name}", which is not set', hint=f"export {name}=...")
        return text

    def _from_file(self, name: str) -> str:
        try:
            with (self.root / name).open("rb") as file:
                raw = file.read(_MAX_SECRET_BYTES + 1)
            text = raw.decode()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UnfitError(f'wants the file "{name}", which cannot be read: {reason}') from None
        except ValueError:
            raise UnfitError(f'wants the file "{name}", which is no UTF-8 text') from None
        if len(raw) > _MAX_SECRET_BYTES:
            raise UnfitError(f'wants the file "{name}", which is larger than any secret')
        return text.removesuffix("\n").removesuffix("\r")

    def _unfit(self, node: Node, label: str, fault: UnfitError) -> None:
        self._hide_lists(node)
        if fault.secret:
            self.document.hide(node)
        self.document.fault(node, f"{label} {fault.reason}", hint=fault.hint)

    def _unknown(self, pair: Pair, keys: Iterable[str], where: str) -> None:
        near = nearest(pair.name, keys)
        # A value is shown only beside a key that was probably meant and that holds no secret: under headers that are
        # indented wrongly, every header stands as an unknown key.
        if near is None or near == "url" or _SMELLS_SECRET.search(near) or _SMELLS_SECRET.search(pair.name):
            self.document.hide(pair.value)
        name = f' "{pair.name}"'
        if not _KEY.match(pair.name) or (is_null(pair.value) and " in " in where):
            self.document.hide(pair.key)  # `auth: {password:hunter2}`: perhaps no key at all
            name = ""
        guess = f'did you mean "{near}"?  ' if near else ""
        self.document.fault(pair.key, f"unknown key{name} in {where}", hint=f"{guess}{self._all_keys()}")

    def _all_keys(self) -> str:
        return f"All keys: aggregator config schema {self.schema}"

    def _hide_lists(self, node: Node) -> None:
        """Hide what stands where something else was wanted: nobody knows what is in it."""
        if not isinstance(node, TextNode):
            self.document.hide(node)


def _scalar(kind: Scalar, node: Node) -> Any:
    if not isinstance(node, TextNode):
        raise UnfitError(f"must be {kind.words}")
    if is_null(node):
        raise UnfitError("has no value", hint="write one, or remove the line")
    if kind.bare and node.style:
        raise UnfitError(f"must be {kind.words}", hint="remove the quotes")
    return kind.parse(node.value if node.tag is None else _text(node))


def _text(node: TextNode) -> str:
    if has_foreign_tag(node):
        raise UnfitError("has a tag; none is used here", hint='put a text that begins with "!" into quotes')
    return node.value


def _is_taken_back(node: Node) -> bool:
    """Tell whether `null` or `~` is written; a null that is nothing at all is an oversight, this one is meant."""
    return isinstance(node, TextNode) and node.value in _WRITTEN_NULLS and is_null(node)


def _holds_secrets(kind: Shape | Table) -> bool:
    values = kind.keys.values() if isinstance(kind, Shape) else [kind.value]
    return any(isinstance(value, SecretText) for value in values)


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
