"""Where an entry stands in the published feeds, and why not where it does not. Reads the published files and the state.

What is published is what lies in the files; the reasons are those that publishing itself would give now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import atom_id, is_absolute_iri
from aggregator.model.output import OutputEntry, OutputFeed
from aggregator.model.settings import Settings
from aggregator.pipeline.chain import pages_on_disk
from aggregator.pipeline.frames import plan_frames
from aggregator.publish.document import Standing, read_standing
from aggregator.publish.gate import find_refusal
from aggregator.publish.pages import PageName, entry_ids, month_of
from aggregator.store.files import read_file
from aggregator.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlace:
    """One feed that an entry's category leads to."""

    path: str  #: relative to the public folder
    position: int | None  #: 1 is the newest; None: it does not stand there
    entries: int  #: that stand there
    reason: str | None = None  #: why it does not


class Shelves:
    """The published feeds of a project; each file is read once."""

    def __init__(self, settings: Settings, state: State) -> None:
        """Take effective settings and the open state."""
        self._state = state
        self._public: Path = settings.root / settings.public.dir
        self._names = {source.id: source.name for source in settings.sources}
        self._order = {source.id: number for number, source in enumerate(settings.sources)}
        self._leaves = state.leaves()
        self._current = settings.renamed.current
        self._frames = plan_frames(settings, self._leaves)
        self._outputs = state.outputs()
        self._files: dict[str, tuple[Standing, ...] | None] = {}

    def places(self, row: PostRow, entry: Entry | None, absence: str | None) -> tuple[FeedPlace, ...]:
        """Return every feed that the entry's category leads to: `all`, every prefix, its own.

        `entry` is the post as it reads now, sanitised unless it is as we wrote it; `absence` says why it is published nowhere.
        """
        row = replace(row, categories=self._current(row.categories))
        if entry is not None:
            entry = replace(entry, categories=self._current(entry.categories))
        categories = row.categories if entry is None else entry.categories
        frames = [frame for frame in self._frames if _leads_to(frame, categories) or _leads_to(frame, row.categories)]
        twins = self._twins(row)
        refusal = None if entry is None else find_refusal(OutputEntry(key=row.key, entry=entry))
        if refusal is not None:
            absence = absence or f"the gate leaves it out: {refusal}"
        return tuple(self._place(frame, row, entry, twins, absence) for frame in frames)

    def _twins(self, row: PostRow) -> list[PostRow]:
        """Return the other sources' posts with the same atom:id."""
        if not is_absolute_iri(row.entry_id):
            return []  # then it is derived from the source's id as well
        return [twin for twin in self._state.find((), ids=(row.entry_id,)) if twin.source_id != row.source_id]

    def _place(
        self, frame: OutputFeed, row: PostRow, entry: Entry | None, twins: list[PostRow], absence: str | None
    ) -> FeedPlace:
        standing = self._standing(frame.path)
        ids = [each.id for each in standing or ()]
        own = atom_id(row.source_id, row.entry_id)
        first = self._first_of(frame, row, twins)
        if own in ids and first is None and absence is None:
            return FeedPlace(path=frame.path, position=ids.index(own) + 1, entries=len(ids))
        if first is not None:
            name = self._names.get(first.source_id, first.source_id)
            reason = f'an entry of "{name}" has the same atom:id, and that source comes first in the configuration'
        else:
            reason = absence or self._reason(frame, row, entry, standing)
            page = self._page(frame, row) if absence is None else None
            reason = f"{reason}; it is in {page}" if page else reason
        return FeedPlace(path=frame.path, position=None, entries=len(ids), reason=reason)

    def _first_of(self, frame: OutputFeed, row: PostRow, twins: list[PostRow]) -> PostRow | None:
        """Return the twin that takes this entry's place in a feed, if one does (`publish.select`)."""
        rivals = [twin for twin in twins if _leads_to(frame, self._current(twin.categories))]
        first = min([row, *rivals], key=lambda each: (self._order.get(each.source_id, len(self._order)), each.source_id))
        return None if first is row else first

    def _standing(self, path: str) -> tuple[Standing, ...] | None:
        if path not in self._files:
            content = read_file(self._public, path)
            self._files[path] = None if content is None else read_standing(content)
        return self._files[path]

    def _page(self, frame: OutputFeed, row: PostRow) -> str | None:
        """Return the archive page of a feed that holds an entry; none is of an earlier month than the entry."""
        own, month = atom_id(row.source_id, row.entry_id), month_of(int(row.date.timestamp()))
        pages = (path for path in pages_on_disk(frame, self._public) if (name := PageName.of(path)) and name.month >= month)
        return next((path for path in pages if own in entry_ids(read_file(self._public, path) or b"")), None)

    def _reason(self, frame: OutputFeed, row: PostRow, entry: Entry | None, standing: tuple[Standing, ...] | None) -> str:
        if standing is None:
            return "the file is not there, or is no feed: aggregator build"
        if entry is not None and not _leads_to(frame, entry.categories):
            return f"its post says another category: {' / '.join(entry.categories)}"
        newer = self._state.newer(row, [leaf for leaf in self._leaves if _leads_to(frame, self._current(leaf))])
        if newer >= frame.max_entries:
            return f"{newer} newer ones come before it, and the feed holds {frame.max_entries} (`entries`)"
        known = self._outputs.get(frame.path)
        oldest = standing[-1].date if standing else None
        if oldest is not None and row.date < oldest and (known is None or not known.dirty):
            return f"the {len(standing)} newest fill the feed's {frame.max_bytes} bytes (`public.max_bytes`)"
        waits = "the feed waits to be written, or was refused" if known is None or known.dirty else "no reason is stored"
        return f"{waits}: aggregator build says more"


def replaced_content(entry: Entry) -> Entry:
    """Return an entry whose post is not known to be ours, with its HTML made safe, as publishing does."""
    from aggregator.normalise.sanitise import sanitise

    return replace(entry, content=sanitise(entry.content, entry.link))


def _leads_to(frame: OutputFeed, categories: tuple[str, ...]) -> bool:
    return categories[: len(frame.category)] in {frame.category, *frame.also}
