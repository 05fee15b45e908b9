"""Settings, and the categories that posts stand in -> where each page is, and what it is linked as. Pure.

A category's page has the parts of its feed's path: /c/new-media/zaker/ belongs to /feeds/new-media/zaker.atom. No such part is
ever a month, so a list's months stand below it; where a category is called like one, it has the address and the month has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aggregator.model.output import OutputFeed
from aggregator.model.page import FeedLinks, Link
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import all_names, former_names
from aggregator.pipeline.frames import plan_frames
from aggregator.publish.addresses import FOLDER, SUFFIX
from aggregator.store.ledger import Ledger, Renamed

Leaf = tuple[str, ...]
Parts = tuple[str, ...]
_FORMATS = {"rss": "RSS", "json": "JSON"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPlace:
    """One category as pages know it; () is everything."""

    parts: Parts  #: of its page's address, behind /c/
    link: Link
    frame: OutputFeed
    leaves: tuple[Leaf, ...]  #: categories as stored whose posts stand in it
    children: tuple[Link, ...]

    @property
    def feed(self) -> FeedLinks:
        """Return its feed in all formats."""
        twins = (Link(title=_FORMATS[twin.format], href=f"/{twin.path}") for twin in self.frame.twins)
        return FeedLinks(
            title=self.link.title,
            page=self.link.href,
            depth=len(self.frame.category),
            atom=f"/{self.frame.path}",
            twins=tuple(twins),
        )


class Places:
    """Where the pages of one site are."""

    def __init__(self, settings: Settings, leaves: Iterable[Leaf], ledger: Ledger | None) -> None:
        """Take the settings that count, and the categories of the posts as stored."""
        self._settings = settings
        self._titles = {category.path: category.title for category in reversed(settings.categories) if category.title}
        frames = plan_frames(settings, leaves := sorted(leaves))
        self._of_path: dict[Leaf, OutputFeed] = {path: frame for frame in frames for path in (frame.category, *frame.also)}
        below: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in leaves:
            now = settings.renamed.current(leaf)
            for file in dict.fromkeys(self._of_path[now[:depth]].path for depth in range(len(now) + 1)):
                below[file].append(leaf)
        children: dict[str, list[Link]] = defaultdict(list)
        for frame in frames:
            if frame.category:
                children[self._of_path[frame.category[:-1]].path].append(self._link(frame))
        self.categories: dict[Parts, CategoryPlace] = {
            _parts(frame.path) if frame.category else (): CategoryPlace(
                parts=_parts(frame.path) if frame.category else (),
                link=self._link(frame),
                frame=frame,
                leaves=tuple(below[frame.path]),
                children=tuple(children[frame.path]),
            )
            for frame in frames
        }
        self._former = {_parts(file): self._link(frame).href for frame in frames for file in frame.former}
        self._deepest = max(map(len, self._former), default=0)
        #: Of the pages of categories that are no more.
        self.removed: frozenset[Parts] = frozenset(map(_parts, settings.removed)) - self.categories.keys() - self._former.keys()
        self.sources: dict[str, Source] = {source.name: source for source in settings.sources}
        self._by_id: dict[str, Source] = {source.id: source for source in settings.sources}
        self._renamed = _former_sources(self.sources.values(), ledger)

    @property
    def everything(self) -> CategoryPlace:
        """Return the list of all entries: the index."""
        return self.categories[()]

    def nav(self) -> tuple[Link, ...]:
        """Return the categories of the first level."""
        return self.everything.children

    def feeds(self) -> tuple[FeedLinks, ...]:
        """Return all feeds, that of everything first, each category with those below it behind it."""
        found: list[FeedLinks] = []
        waiting = [self.everything.link]
        by_href = {place.link.href: place for place in self.categories.values()}
        while waiting:
            place = by_href[waiting.pop().href]
            found.append(place.feed)
            waiting += reversed(place.children)
        return tuple(found)

    def trail(self, category: Leaf) -> tuple[Link, ...]:
        """Return the links from the first level down to a category, which may be written as it was called at any time."""
        now = self._settings.renamed.current(category)
        steps = (self._of_path.get(now[:depth]) for depth in range(1, len(now) + 1))
        return tuple(self._link(frame) for frame in steps if frame is not None)

    def place_of(self, category: Leaf) -> CategoryPlace | None:
        """Return the category that an entry stands in, given what is stored."""
        frame = self._of_path.get(self._settings.renamed.current(category))
        return None if frame is None else self.categories[_parts(frame.path) if frame.category else ()]

    def leaves_of(self, category: Leaf) -> tuple[Leaf, ...]:
        """Return what is stored for exactly this category, without those below it."""
        place = self.place_of(category)
        if place is None:
            return (category,)
        own = {place.frame.category, *place.frame.also}
        return tuple(leaf for leaf in place.leaves if self._settings.renamed.current(leaf) in own)

    def sources_in(self, place: CategoryPlace) -> Iterator[Source]:
        """Yield the sources of a category and those below it, as configured."""
        own = {place.frame.category, *place.frame.also}
        depth = len(place.frame.category)
        for source in self._settings.sources:
            if source.categories[:depth] in own:
                yield source

    def source(self, own: str) -> Source | None:
        """Return the source with this identity, if it is configured."""
        return self._by_id.get(own)

    def source_link(self, own: str, titles: Mapping[str, str]) -> Link:
        """Return how the source with this identity is linked; `titles` are what upstreams call themselves."""
        source = self._by_id.get(own)
        name = source.name if source is not None else own
        title = (source.title if source is not None else None) or titles.get(own) or name
        return Link(title=title, href=f"/s/{name}/")

    def moved(self, path: Parts) -> str | None:
        """Return where a page is now that bore another address before its category or source was renamed."""
        if not path:
            return None
        if path[0] == "s" and len(path) > 1 and path[1] in self._renamed:
            return "/".join(["/s", self._renamed[path[1]], *path[2:], ""])
        if path[0] != "c":
            return None
        for depth in range(min(len(path) - 1, self._deepest), 0, -1):  # months of it come along
            if (now := self._former.get(path[1 : 1 + depth])) is not None:
                return "/".join([now.rstrip("/"), *path[1 + depth :], ""])
        return None

    def formers(self) -> dict[str, tuple[str, ...]]:
        """Return the addresses that pages of lists bore before, by the one that each has now."""
        found: dict[str, list[str]] = defaultdict(list)
        for parts, href in self._former.items():
            found[href].append(f"/c/{'/'.join(parts)}/")
        for old, now in self._renamed.items():
            found[f"/s/{now}/"].append(f"/s/{old}/")
        return {href: tuple(sorted(olds)) for href, olds in found.items()}

    def _link(self, frame: OutputFeed) -> Link:
        if not frame.category:
            return Link(title=self._settings.site.title, href="/")
        title = self._titles.get(frame.category) or frame.category[-1]
        return Link(title=title, href=f"/c/{'/'.join(_parts(frame.path))}/")


def _parts(file: str) -> Parts:
    return tuple(file.removeprefix(f"{FOLDER}/").removesuffix(SUFFIX).split("/"))


def _former_sources(sources: Iterable[Source], ledger: Ledger | None) -> dict[str, str]:
    """Return the former names of sources, each with the one that its source bears now; a name that is in use is none."""
    former = former_names(ledger.of(Renamed)) if ledger is not None else {}
    if not former:
        return {}
    sources = tuple(sources)
    used = {source.name for source in sources}
    return {name: source.name for source in sources for name in all_names(source.id, former) if name not in used}
