"""Posts beyond the limits of `keep` -> gone, in an order that a crash anywhere leaves to the next run. The main process's.

    ledger (entries that no date would tell) -> state: marked -> files removed -> state: removed -> feeds -> state: expired

Never removes a post that is not byte for byte what we wrote. Decides by `decide.retention`; off unless the config sets a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from functools import cached_property

from aggregator.model.changes import FIRST_SEEN, PostRow
from aggregator.model.key import atom_id
from aggregator.model.poll import Event, Note, PostExpired
from aggregator.model.retention import FOR_EVER, Keep, Room, limits
from aggregator.model.source import Source
from aggregator.pipeline.gone import line_of
from aggregator.pipeline.project import Project
from aggregator.store.files import make_durable, read_file, remove_file
from aggregator.store.ledger import Expired
from aggregator.store.posts import extra_path, is_adopted, post_hash
from aggregator.store.profiles import get_profile

_CURE = "Look: aggregator build --expire --dry-run. If that is right: aggregator build --expire"
_NAMED = 5  #: sources in one message


def expired_ids(project: Project) -> frozenset[str]:
    """Return the atom:ids of entries whose posts were removed and which may still stand in a feed."""
    return frozenset(atom_id(row.source_id, row.entry_id) for row in project.state.expiry.missed())


class Retention:
    """What one run keeps, and what it removes."""

    def __init__(self, project: Project) -> None:
        """Take an open project."""
        self._project = project
        self._now = project.now
        general = project.settings.posts.keep
        self._own = {source.id: limits(source.keep, general) for source in project.settings.sources}
        self._names = {source.id: source.name for source in project.settings.sources}
        self._general = general
        self._off = {*self._own.values(), general} == {FOR_EVER}

    def room(self, source: Source) -> Room | None:
        """Return what a source has room for; None: everything."""
        keep = self._own.get(source.id, self._general)
        if keep == FOR_EVER:
            return None
        standing = self._project.state.expiry.newest(source.id, keep.entries) if keep.entries is not None else ()
        return Room(since=self._since(keep), entries=keep.entries, standing=standing)

    def foresee(self, report: Callable[[Event], None], *, insist: bool = False) -> int:
        """Tell what would be removed, if somebody should `insist` as well; return how many posts."""
        rows = [] if self._off else self._chosen(report, only_grown=None, insist=insist)
        rows = [row for row in rows if self._is_ours(row)]
        self._tell(rows, report)
        return len(rows)

    def expire(
        self, report: Callable[[Event], None], *, only_grown: Collection[str] | None = None, insist: bool = False
    ) -> int:
        """Remove what is kept no longer and return how many posts that were. Raises StoreError.

        By count only the sources named by `only_grown` are looked at; None: all. Whoever does not `insist` keeps what may be a
        mistake.
        """
        number = self._remove(self._project.state.expiry.marked(), report)  # a run died over them
        if self._off:
            return number
        rows = [row for row in self._chosen(report, only_grown=only_grown, insist=insist) if self._is_ours(row)]
        if not rows:
            return number
        project = self._project
        project.note(line_of(Expired, row, self._now) for row in rows if _is_undated(row))
        project.state.expiry.mark(
            [row.key for row in rows],
            folders=project.touched(row.path for row in rows),
            dirty=project.outputs_of({row.categories for row in rows}),
        )
        if project.settings.posts.durable:
            project.state.expiry.make_durable()
        return number + self._remove(rows, report)

    def beyond(self, keys: Collection[str]) -> tuple[PostRow, ...]:
        """Return which of these posts are kept no longer: another machine may have removed them first."""
        if self._off:
            return ()
        state = self._project.state
        found: list[PostRow] = []
        for source_id in state.expiry.spans():
            keep = self._own.get(source_id, self._general)
            if keep != FOR_EVER:
                beyond = state.expiry.beyond(source_id, self._since(keep), keep.entries, unsure=True)
                found += [row for row in beyond if row.key in keys]
        return tuple(found)

    def let_go(self, rows: Collection[PostRow]) -> None:
        """Note that these posts, whose files are gone, have expired."""
        if rows and not self._project.dry_run:
            expiry, gone = self._project.state.expiry, [row.key for row in rows]
            expiry.mark(gone, folders=(), dirty=self._project.outputs_of({row.categories for row in rows}))
            expiry.removed(gone)

    def settle(self) -> None:
        """Note that the feeds are written without what was removed; as long as one waits, its gate must still know."""
        state = self._project.state
        if state.expiry.missed() and not any(output.dirty for output in state.outputs().values()):
            state.expiry.forget_missed()

    # -- which ------------------------------------------------------------------------------------------------------

    @cached_property
    def _spans(self) -> dict[str, tuple[datetime, datetime]]:
        return self._project.state.expiry.spans()

    def _since(self, keep: Keep) -> datetime | None:
        if keep.age is None:
            return None
        from aggregator.decide.retention import reference  # what is off costs no import

        return reference(self._now, max((newest for _, newest in self._spans.values()), default=None)) - keep.age

    def _chosen(self, report: Callable[[Event], None], *, only_grown: Collection[str] | None, insist: bool) -> list[PostRow]:
        from aggregator.decide.retention import nearly_all, too_many

        state = self._project.state
        going: list[PostRow] = []
        whose: list[str] = []
        standing = 0
        for source_id, (oldest, _) in sorted(state.expiry.spans().items()):
            keep = self._own.get(source_id, self._general)
            since = self._since(keep)
            since = since if since is not None and oldest < since else None
            entries = keep.entries if only_grown is None or source_id in only_grown else None
            if since is None and entries is None:
                continue
            rows = state.expiry.beyond(source_id, since, entries, unsure=insist or only_grown is None)
            if not insist:
                rows = self._sure(source_id, rows, report)
            count = state.count(source_id)
            if not insist and too_many(len(rows), count):
                words = f"{self._named(source_id)}: {len(rows)} of {count} posts are beyond `keep` ({_written(keep)})"
                report(Note(text=f"{words}: so many at once may be a mistake, so they stay. {_CURE}"))
                continue
            if rows:
                whose.append(f"{len(rows)} of {self._named(source_id)} beyond {_written(keep)}")
            going += rows
            standing += count
        if not insist and going and nearly_all(len(going), standing):
            # Of the sources concerned; the others may outweigh them.
            standing = sum(number for number, _ in state.counts().values())
            if nearly_all(len(going), standing):
                words = f"{len(going)} of all {standing} posts are beyond `keep` at {self._now:%Y-%m-%d} ({_listed(whose)})"
                report(Note(text=f"{words}: so many at once may be a mistake, so they stay. {_CURE}"))
                return []
        return going

    def _sure(self, source_id: str, rows: list[PostRow], report: Callable[[Event], None]) -> list[PostRow]:
        """Leave out what somebody may have edited before the state was rebuilt."""
        known = [row for row in rows if row.raw_hash is not None and not row.noted]
        if number := len(rows) - len(known):
            posts = "1 post" if number == 1 else f"{number} posts"
            words = f"{self._named(source_id)}: {posts} beyond `keep` without a seal, so that nobody can tell whether they were"
            report(Note(text=f"{words} edited by hand; they stay. To remove them all the same: aggregator build --expire"))
        return known

    def _named(self, source_id: str) -> str:
        """Return what people call a source, also one that is not configured any more."""
        return self._names.get(source_id, source_id)

    def _is_ours(self, row: PostRow) -> bool:
        """Tell whether the post is there as we wrote it: an edited one stays, a missing one was deleted by somebody."""
        content = read_file(self._project.place.root, row.path)
        return content is not None and post_hash(content) == row.post_hash

    # -- the files --------------------------------------------------------------------------------------------------

    def _remove(self, rows: list[PostRow], report: Callable[[Event], None]) -> int:
        if not rows:
            return 0
        project, place = self._project, self._project.place
        expiry = project.state.expiry
        keeps_archive = get_profile(place.profile, place.timezone).keeps_archive
        going: list[PostRow] = []
        edited: list[PostRow] = []
        for row in rows:
            content = read_file(place.root, row.path)
            (going if content is None or post_hash(content) == row.post_hash else edited).append(row)
        if edited:
            # Since the run that marked them died.
            project.strike(line_of(Expired, row, self._now) for row in edited)
            expiry.keep_after_all([row.key for row in edited], project.outputs_of({row.categories for row in edited}))
        for row in going:
            remove_file(place.root, row.path, durable=False)
            if keeps_archive or is_adopted(row.path, row.key):
                # After its post, which cannot be read without it.
                remove_file(place.archive, extra_path(row.path, row.key), durable=False)
        if project.settings.posts.durable:
            make_durable(place.root, [row.path for row in going])
        expiry.removed([row.key for row in going])
        project.touched(row.path for row in going)
        self._tell(going, report)
        return len(going)

    def _tell(self, rows: Iterable[PostRow], report: Callable[[Event], None]) -> None:
        for row in rows:
            report(PostExpired(path=row.path, source_id=row.source_id))


def _written(keep: Keep) -> str:
    """Return the limits as they are written in the configuration, ages in days: `age: 30d, entries: 200`."""
    found = [] if keep.age is None else [f"age: {round(keep.age / timedelta(days=1), 2):g}d"]
    return ", ".join([*found, *([] if keep.entries is None else [f"entries: {keep.entries}"])])


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _NAMED} more sources" if len(words) > _NAMED else ""
    return "; ".join(words[:_NAMED]) + more


def _is_undated(row: PostRow) -> bool:
    """Tell whether upstream may give the entry no date, so that it would be new again once the state is lost."""
    return row.dated is None or row.dated.startswith(FIRST_SEEN)
