"""A document that shows something -> a smaller one that still does. Slow; only ever run on a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.markup import Element, Raw, read_markup, write_markup

#: Of a change: called, it makes the document what it was before.
_Undo = Callable[[], None]


def shrink(text: str, still: Callable[[str], bool], *, tries: int = 3000) -> str:
    """Return the smallest document found for which `still` holds, by leaving out and emptying, until nothing more can go."""
    document = read_markup(text)
    if document is None or not still(write_markup(document)):
        return _shorter_lines(text, still)
    left = tries
    smaller = True
    while smaller and left > 0:
        smaller = False
        for undo in _changes(document):
            left -= 1
            if still(write_markup(document)):
                smaller = True
            else:
                undo()
            if left <= 0:
                break
    return write_markup(document)


def _changes(document: Element) -> Iterator[_Undo]:
    """Make one change after the other, the biggest first."""
    for element in list(document.walk()):
        yield from _without_children(element)
    for element in list(document.walk()):
        for name, value in list(element.attributes):
            before = list(element.attributes)
            element.attributes = [pair for pair in before if pair != (name, value)]
            yield _restore(element, before, element.children)
            if (name, value) in element.attributes or not name.startswith("xmlns"):
                yield from _shorter_value(element, name, value)
    for element in list(document.walk()):
        for child in list(element.children):
            if isinstance(child, Raw) and len(child.text) > 1:
                yield from _shorter_text(child)


def _without_children(element: Element) -> Iterator[_Undo]:
    half = max(1, len(element.children) // 2)
    while element.children:
        position = 0
        while position < len(element.children):
            before = list(element.children)
            element.children = before[:position] + before[position + half :]
            yield _restore(element, element.attributes, before)
            if len(element.children) == len(before):
                position += half
        if half == 1:
            break
        half //= 2
    for child in list(element.children):
        if isinstance(child, Element) and child in element.children and child.children:
            before = list(element.children)
            place = before.index(child)
            element.children = [*before[:place], *child.children, *before[place + 1 :]]
            yield _restore(element, element.attributes, before)


def _shorter_value(element: Element, name: str, value: str) -> Iterator[_Undo]:
    for shorter in ("", "x"):
        if (name, value) in element.attributes and len(shorter) < len(value):
            before = list(element.attributes)
            element.attributes = [(name, shorter) if pair == (name, value) else pair for pair in before]
            yield _restore(element, before, element.children)


def _shorter_text(raw: Raw) -> Iterator[_Undo]:
    for shorter in ("", "x", raw.text[: len(raw.text) // 2], raw.text[len(raw.text) // 2 :], raw.text.strip()):
        before = raw.text
        if len(shorter) < len(before):
            raw.text = shorter
            yield lambda before=before: setattr(raw, "text", before)  # type: ignore[misc]


def _restore(element: Element, attributes: list[tuple[str, str]], children: list[Raw | Element]) -> _Undo:
    def undo() -> None:
        element.attributes, element.children = attributes, children

    return undo


def _shorter_lines(text: str, still: Callable[[str], bool]) -> str:
    """Leave out runs of characters of what is no tree."""
    size = max(1, len(text) // 2)
    while size >= 1 and len(text) > 1:
        position = 0
        while position < len(text):
            shorter = text[:position] + text[position + size :]
            if still(shorter):
                text = shorter
            else:
                position += size
        if size == 1:
            break
        size //= 2
    return text
