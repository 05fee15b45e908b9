"""YAML events -> nodes that know their place. Pure, and without recursion.

PyYAML's parser is used, not its composer and constructor: a scalar stays the text that was written (`on`, `12:30`, `1e3`),
and no depth of nesting ends the process, as it does in libyaml's composer. libyaml parses where it is there; the same
documents pass and fail without it. No tag is obeyed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
)

#: libyaml where PyYAML was built with it: 20 times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
#: Deeper than any configuration; what reads the nodes recurses.
MAX_DEPTH = 64
#: Nodes that aliases may stand for; a "billion laughs" file has 9 lines and 10^9 of them.
MAX_ALIASED = 100_000
#: One scalar: `value` as written, `style` its quotes.
TextNode = ScalarEvent


@dataclass(slots=True, kw_only=True, eq=False)
class ListNode:
    """A sequence."""

    items: list[Node]
    tag: str | None
    start_mark: Any
    end_mark: Any
    size: int  #: nodes below it, with aliases followed


@dataclass(slots=True, kw_only=True, eq=False)
class MapNode:
    """A mapping, in the order written; keys may repeat."""

    items: list[tuple[Node, Node]]
    tag: str | None
    start_mark: Any
    end_mark: Any
    size: int


Node = TextNode | ListNode | MapNode


class UnwantedError(Exception):
    """YAML that is correct and not wanted."""

    def __init__(self, event: Any, message: str, hint: str | None = None) -> None:
        """Take the event it begins with."""
        self.event = event
        self.hint = hint
        super().__init__(message)


class Composer:
    """Composes one document from the events of a parser."""

    def __init__(self) -> None:
        """Begin with nothing open."""
        self._root: list[Node] = []
        self._children = self._root
        self._open: list[tuple[Any, list[Node]]] = []  #: start event, children of what it stands in
        self._anchors: dict[str, Node] = {}
        self._aliased = 0
        self._documents = 0

    def compose(self, next_event: Callable[[], Any]) -> Node | None:
        """Return the root, or None for an empty text.

        Raises:
            UnwantedError: for YAML that no configuration needs, and that could do harm.
        """
        while type(event := next_event()) is not StreamEndEvent:
            # Most events are scalars, and there are thousands of them.
            if type(event) is ScalarEvent:
                self._children.append(event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = event
            elif isinstance(event, CollectionStartEvent):
                if len(self._open) >= MAX_DEPTH:
                    raise UnwantedError(event, f"nested deeper than {MAX_DEPTH} levels")
                self._open.append((event, self._children))
                self._children = []
            elif isinstance(event, CollectionEndEvent):
                self._close(event)
            elif isinstance(event, AliasEvent):
                self._children.append(self._alias(event))
            elif isinstance(event, DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise UnwantedError(event, "a second document begins here", "one file is one document")
        return self._root[0] if self._root else None

    def _close(self, event: Any) -> None:
        start, parent = self._open.pop()
        items = self._children
        size = 1 + len(items) + sum([item.size for item in items if not isinstance(item, TextNode)])
        node: ListNode | MapNode
        if isinstance(start, MappingStartEvent):
            pairs = list(zip(items[::2], items[1::2], strict=True))
            node = MapNode(items=pairs, tag=start.tag, start_mark=start.start_mark, end_mark=event.end_mark, size=size)
        else:
            node = ListNode(items=items, tag=start.tag, start_mark=start.start_mark, end_mark=event.end_mark, size=size)
        if start.anchor is not None:
            self._anchors[start.anchor] = node
        parent.append(node)
        self._children = parent

    def _alias(self, event: AliasEvent) -> Node:
        # An anchor counts from the end of its node on, so that nothing can contain itself.
        node = self._anchors.get(event.anchor or "")
        if node is None:
            hint = 'put a text that begins with "*" into quotes'
            raise UnwantedError(event, "an alias without an anchor before it", hint)
        self._aliased += 1 if isinstance(node, TextNode) else node.size
        if self._aliased > MAX_ALIASED:
            raise UnwantedError(event, f"aliases stand for more than {MAX_ALIASED} values")
        return node


def is_null(node: Node) -> bool:
    """Tell whether the value is null: nothing, `~` or `null`, without quotes and tag."""
    return type(node) is TextNode and node.value in NULLS and not node.style and node.tag is None


def has_foreign_tag(node: Node) -> bool:
    """Tell whether the value carries a tag that asks for more than plain data."""
    return node.tag is not None and node.tag not in _CORE_TAGS
