"""What became of category names: the renames of a site, in the order in which they happened.

A rename moves a level and everything below it. What is asked: where a path leads now, under which name its feed began, and
what it was called in between. Nothing here knows files, posts or the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """One category that was given another name."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    file: str | None = None  #: where the feed of `old` lay, relative to the public folder; None: where its name says


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """All of them, the first one first."""

    steps: tuple[Rename, ...] = ()

    def current(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return what a path that was written at any time is called now."""
        for step in self.steps:
            if is_below(path, step.old):
                path = step.new + path[len(step.old) :]
        return path

    def earlier(self, path: tuple[str, ...]) -> Iterator[tuple[Rename, tuple[str, ...]]]:
        """Yield the renames that gave a path its name, the last one first, each with the name before it.

        What contradicts itself, as hands and merges can make it, yields nothing: then a path is what it is called.
        """
        steps: list[tuple[Rename, tuple[str, ...]]] = []
        name = path
        for step in reversed(self.steps):
            if is_below(name, step.new):
                name = step.old + name[len(step.new) :]
                steps.append((step, name))
        if self.current(name) == path:
            yield from steps

    def first(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return the first name of a path, which its feed has its id from (RFC 4287 §4.2.6: the same feed, relocated)."""
        for _, name in self.earlier(path):
            path = name
        return path


NEVER = Renames()  #: nothing was ever renamed


def is_below(path: tuple[str, ...], top: tuple[str, ...]) -> bool:
    """Tell whether a category is another one, or stands below it."""
    return path[: len(top)] == top
