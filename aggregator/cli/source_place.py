"""A source that is to be added -> the file of config/sources/ that can take it, its new bytes, and what would count then.

The configuration is read with the file as it would be, so what is shown, polled and written is one and the same source, and
nothing that makes the configuration invalid is ever written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from aggregator.catalogue import DEFAULT_CATEGORY, Catalogue
from aggregator.cli import Invocation
from aggregator.cli.project import load_whole
from aggregator.cli.sources_file import files_to_try
from aggregator.errors import ConfigError
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import effective, load_effective
from aggregator.settings.edit import add_sources
from aggregator.settings.kinds import show_duration
from aggregator.store.ledger import FILE_NAME, Ledger, Renamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The configuration at one moment."""

    settings: Settings  #: the effective ones
    catalogue: Catalogue
    bases: Mapping[str, tuple[str, ...]]
    former: frozenset[str]  #: names that sources had before they were renamed: their posts' own

    @classmethod
    def read(cls, invocation: Invocation) -> Self:
        """Read it. Raises ConfigError."""
        loaded = load_whole(invocation)
        ledger = Ledger.load(invocation.root / FILE_NAME)
        settings = effective(loaded.settings, ledger)
        former = frozenset(line.old for line in ledger.of(Renamed) if line.what == "source")
        return cls(settings=settings, catalogue=Catalogue(settings, former), bases=loaded.bases, former=former)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The source to add, as far as it is decided."""

    feed: str
    name: str | None = None  #: its id; None: made of a title, else of the address
    title: str | None = None  #: to be written
    feed_title: str | None = None  #: upstream's, which an id is made of
    category: tuple[str, ...] = DEFAULT_CATEGORY
    every: timedelta | None = None
    private: tuple[str, ...] = ()  #: for allow_private
    into: str | None = None  #: --into

    def lines(self, categories: tuple[str, ...]) -> dict[str, Any]:
        """Return the keys of the source as they stand in its file."""
        own: dict[str, Any] = {"feed": self.feed}
        if self.title is not None:
            own["title"] = self.title
        own["categories"] = list(categories)
        if self.every is not None:
            own["every"] = show_duration(self.every)
        if self.private:
            own["allow_private"] = list(self.private)
        return own


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a source would stand, and what would count for it there."""

    name: str
    target: Path
    shown: str  #: the target as a person in the project folder would type it
    content: bytes  #: of the whole file
    source: Source
    inherited: tuple[str, ...]  #: keys that it has from the file's defaults
    notes: tuple[str, ...]


def find_place(invocation: Invocation, known: Known, wanted: Wanted) -> Place:
    """Return the place of a source. Raises ConfigError, and RefusedError for a category that meets another one."""
    notes: list[str] = []
    # A catalogue of its own: ids and categories that are only tried must not count as taken.
    catalogue = Catalogue(known.settings, known.former)
    own = wanted.lines(catalogue.fit(wanted.category, notes))
    name = wanted.name or catalogue.free_id(wanted.title or wanted.feed_title, wanted.feed)
    target, content = _file_for({name: own}, files_to_try(invocation.config, wanted.into))
    loaded = load_whole(invocation, {target: content})
    load_effective(loaded.settings)  # an id that another source had before it was renamed is refused here
    keys = {path[2] for path in loaded.origins if path[:2] == ("sources", name) and len(path) > 2}  # noqa: PLR2004
    return Place(
        name=name,
        target=target,
        shown=os.path.relpath(target, invocation.root),
        content=content,
        source=next(each for each in loaded.settings.sources if each.id == name),
        inherited=tuple(sorted(keys - own.keys())),
        notes=tuple(notes),
    )


def _file_for(sources: Mapping[str, Mapping[str, Any]], files: tuple[Path, ...]) -> tuple[Path, bytes]:
    """Return the first file that can take the sources, as it would be; else tell what is wrong with the first one."""
    first: ConfigError | None = None
    for target in files:
        try:
            return target, add_sources(target, sources)
        except ConfigError as error:
            first = first or error
    raise first or ConfigError(())
