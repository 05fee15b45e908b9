"""Posts that are no more: deleted by a hand, or taken down. The main process's side; every effect follows its ledger line.

    missing -> judged (`absent`) -> a line `deleted` each -> forgotten by the state -> their feeds say so (RFC 6721)

A take-down is its line, then the files, then the state; whatever a crash cuts off is finished when the project is next opened.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from aggregator.errors import PlaceError, StoreError, UnmountedError
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.model.key import key_of_name
from aggregator.model.poll import Event, Note
from aggregator.model.settings import join_category
from aggregator.pipeline.absent import Absences, judge_absences
from aggregator.pipeline.remembered import gone_traits
from aggregator.store.files import remove_file
from aggregator.store.ledger import Deleted, Expired, Takedown
from aggregator.store.posts import (
    adopted_path,
    archive_path,
    extra_path,
    has_posts,
    is_adopted,
    list_pages,
    post_hash,
    read_post_file,
)
from aggregator.store.profiles import PostFormatError
from aggregator.store.state import Batch

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_Gone = TypeVar("_Gone", Deleted, Takedown, Expired)
_NAMED = 5


def settle_absences(project: Project, report: Callable[[Event], None]) -> Absences:
    """Find out what became of every post that is not where the state says, and do what follows. Raises StoreError.

    Looks at every file name below the posts folder: for when a post was missed. Of sources that look unmounted nothing changes;
    `project.unmounted` names them.
    """
    found = _look(project, report)
    if not found:
        return found
    project.unmounted = dict(found.unmounted)
    _note_moves(project, found.moved, report)
    if found.deleted:
        rows = project.state.find(found.deleted)
        project.note(replace(line_of(Deleted, row, project.now), post=_as_written(row)) for row in rows)
        project.state.forget_posts(found.deleted, project.outputs_of({row.categories for row in rows}))
        # A folder that went with its posts may come back as it was, its time included: then it is to be looked through.
        away = {row.path.rpartition("/")[0] for row in rows}
        away = {folder for folder in away if not (project.place.root / folder).is_dir()}
        project.state.save(Batch(open_folders=tuple(sorted(away))))
        project.deleted += len(rows)
        for row in rows[:_NAMED]:
            where = f"{project.settings.posts.dir}/{row.path}"
            renamed = "" if is_adopted(row.path, row.key) else f" (renamed? then its name must end in -{row.key}.md)"
            report(Note(text=f"{where}: deleted by hand; noted in ledger.jsonl, and not written again{renamed}"))
        if len(rows) > _NAMED:
            report(Note(text=f"and {_posts(len(rows) - _NAMED)} more were deleted by hand"))
    return found


def check_mounted(project: Project) -> None:
    """Refuse to work where posts are known and not one is to be seen. Raises UnmountedError, StoreError."""
    place = project.place.root
    if project.accept_deletions and place.is_dir():
        return
    if not project.state.is_empty() and not has_posts(place) and not _any_adopted(project):
        known = len(project.state.places())
        if known == 0:
            return  # all that the state remembers has expired
        folder = project.settings.posts.dir
        what = "holds no post of ours" if place.is_dir() else "is not there"
        # A mount point that is gone is no reason to believe that all was deleted: who made the folder has looked.
        make = "" if place.is_dir() else f"make the folder first (mkdir -p {shlex.quote(str(folder))}), then: "
        raise UnmountedError(
            f"{folder}: the posts folder {what}, but {_posts(known)} should be in it: it looks unmounted, "
            f"or the wrong one. Nothing was done. Mount it, or set posts.dir. If they were all deleted on purpose: {make}"
            "aggregator build --accept-deletions (they never come back), or delete state/ (what upstream still has is written"
            " again)",
            path=place,
        )


def unmounted_error(project: Project) -> UnmountedError:
    """Return the error that names the sources whose posts look unmounted."""
    counts = sorted(project.unmounted.items())
    named = ", ".join(f"{source_id} ({number})" for source_id, number in counts[:_NAMED])
    more = f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    return UnmountedError(
        f"{project.settings.posts.dir}: {_posts(sum(project.unmounted.values()))} of {named}{more} are missing, more than a "
        "hand deletes: is something not mounted, or another branch checked out? Nothing was concluded from it, and the feeds "
        "that they stand in are kept. If they were deleted on purpose: aggregator build --accept-deletions",
        path=project.place.root,
    )


def take_down(project: Project, lines: Iterable[Takedown], report: Callable[[Event], None]) -> None:
    """Write down what must not be published, and remove its posts, copies that a hand has made included. Raises StoreError."""
    project.note(lines)
    finish_takedowns(project, report)
    keys = {line.key for line in project.ledger.of(Takedown)}
    for path in list(list_pages(project.place.root)):
        if key_of_name(path) in keys and remove_file(project.place.root, path):
            report(Note(text=f"{project.settings.posts.dir}/{path}: a copy of what was taken down; removed"))
    for key in sorted(keys):  # of a post that a hand had deleted before, this is what is left
        for path in (archive_path(key), adopted_path(key)):
            remove_file(project.place.archive, path)


def finish_takedowns(project: Project, report: Callable[[Event], None]) -> None:
    """Remove what still stands of posts that were taken down: a run may have died, or a hand brought one back.

    One that is out of reach is told and waits: it is not published, and the run goes on. Raises StoreError.
    """
    lines = project.ledger.of(Takedown)
    removed: list[PostRow] = []
    for row in project.state.find([line.key for line in lines]) if lines else []:
        try:
            _remove(project, row, report)
        except PlaceError as fault:
            report(Note(text=f"taken down, but still there: {project.bear(fault)}"))
        else:
            removed.append(row)
    if removed:
        project.state.forget_posts([row.key for row in removed], project.outputs_of({row.categories for row in removed}))
        _forget_words(project, [row.key for row in removed], report)


def settle_lines(project: Project, report: Callable[[Event], None]) -> None:
    """Bring the state in line with what the ledger says was deleted or has expired. Raises StoreError.

    Another machine may have noted it, whose commit came with the lines: then the posts are gone without a word. A post that is
    there all the same was put back, or a merge has brought its line back: the line is struck out.
    """
    gone: tuple[Expired | Deleted, ...] = (*project.ledger.of(Expired), *project.ledger.of(Deleted))
    lines = {line.key: line for line in gone}
    taken = {line.key for line in project.ledger.of(Takedown)}
    # Asked twice, since most of the rows are those of posts that have expired, and stay.
    there = project.state.keys(sorted(lines.keys() - taken)) if lines else {}
    rows = [row for row in project.state.find(sorted(there)) if not row.expired] if there else []
    if not rows:
        return
    back = [row for row in rows if os.path.lexists(project.place.root / row.path)]
    project.strike(lines[row.key] for row in back)
    for row in back:
        report(Note(text=f"{project.settings.posts.dir}/{row.path}: is there, so it is published, whatever ledger.jsonl said"))
    kept = {row.key for row in back}
    away = [row for row in rows if row.key not in kept]
    # A line that a hand wrote knows the entry by its id alone: as long as the state remembers more, that goes into it.
    bare = [(row, lines[row.key]) for row in away if lines[row.key].traits is None]
    project.note(
        replace(line, traits=gone_traits(row), category=line.category or join_category(row.categories)) for row, line in bare
    )
    project.state.forget_posts([row.key for row in away], project.outputs_of({row.categories for row in rows}))


def without_gone(project: Project, rows: Iterable[PostRow], report: Callable[[Event], None]) -> tuple[PostRow, ...]:
    """Return the posts found on the disk that may be indexed, given what the ledger says of them. Raises StoreError.

    A file of an entry that was deleted by hand was put back by one: its line is struck out. One that was taken down is removed.
    """
    rows = tuple(rows)
    deleted = {line.key: line for line in project.ledger.of(Deleted)}
    taken = {line.key for line in project.ledger.of(Takedown)}
    if project.dry_run:
        return tuple(row for row in rows if row.key not in taken)
    if back := [row for row in rows if row.key in deleted and row.key not in taken]:
        project.strike(deleted[row.key] for row in back)
        unedited = {row.key for row in back if deleted[row.key].post == row.post_hash.hex()}
        rows = tuple(replace(row, raw_hash=SOME_VERSION) if row.key in unedited else row for row in rows)
        for row in back:
            report(Note(text=f"{project.settings.posts.dir}/{row.path}: was deleted by hand and is back; published again"))
    found = {row.key for row in rows}
    project.strike(line for line in project.ledger.of(Expired) if line.key in found)
    if banned := [row for row in rows if row.key in taken]:
        for row in banned:
            _remove(project, row, report)
    return tuple(row for row in rows if row.key not in taken)


def line_of(kind: type[_Gone], row: PostRow, at: datetime) -> _Gone:
    """Return the line that says that a post is gone, with all that its entry is recognised and published by."""
    category = join_category(row.categories)
    return kind(source=row.source_id, id=row.entry_id, key=row.key, at=at, category=category, traits=gone_traits(row))


def _as_written(row: PostRow) -> str | None:
    """Return the hash of a post that nobody but us has written."""
    return row.post_hash.hex() if row.raw_hash is not None and not row.locked else None


def _look(project: Project, report: Callable[[Event], None]) -> Absences:
    known = project.state.places()
    if not known:
        return Absences(moved={}, deleted=(), unmounted={})
    own = {key: path for key, _, path in known}
    there: dict[str, str] = {}
    pages = set(list_pages(project.place.root))
    for path in sorted(pages):
        key = key_of_name(path)
        if key is not None and (key not in there or own.get(key) == path):
            there[key] = path
    there |= {
        key: now for key, path in own.items() if is_adopted(path, key) and (now := _adopted_at(project, key, path, pages))
    }
    # A link or a folder in a post's place is no post, but no hand deleted it either: publishing names it.
    there |= {key: path for key, path in own.items() if key not in there and os.path.lexists(project.place.root / path)}
    missing = own.keys() - there.keys()
    if not missing:
        return _judged(project, known, there)
    from aggregator.pipeline.retention import Retention  # which rests on this module

    # Another machine may have kept them no longer, and its commit have come here.
    retention = Retention(project)
    beyond = retention.beyond(missing)
    believed = _sources_that_stand(known, there, but={row.key for row in beyond})
    beyond = tuple(row for row in beyond if row.source_id in believed)
    keys = {row.key for row in beyond}
    there |= _renamed(project, missing - keys, pages, report)
    found = _judged(project, [post for post in known if post[0] not in keys], there)
    retention.let_go([row for row in beyond if row.source_id not in found.unmounted])
    return found


def _sources_that_stand(known: Iterable[tuple[str, str, str]], there: Collection[str], *, but: Collection[str]) -> set[str]:
    """Return the sources of which at least half the posts are there, but for those that may have been let go.

    Where what `keep` leaves is missing too, nobody has kept anything: the folder is not mounted.
    """
    left = [(key, source_id) for key, source_id, _ in known if key not in but]
    standing = Counter(source_id for key, source_id in left if key in there)
    return {
        source_id
        for source_id, number in Counter(source_id for _, source_id in left).items()
        if 2 * standing[source_id] >= number
    }


def _judged(project: Project, known: Sequence[tuple[str, str, str]], there: Mapping[str, str]) -> Absences:
    folders = {path.rpartition("/")[0] for _, _, path in known}
    standing = {folder for folder in folders if (project.place.root / folder).is_dir()}
    return judge_absences(known, there, standing, accept=project.accept_deletions)


def _renamed(
    project: Project, missing: Collection[str], pages: Iterable[str], report: Callable[[Event], None]
) -> dict[str, str]:
    """Find missing posts that a hand has given names without a key; return their old paths: they were not deleted.

    Looked for in the same folder, among files that are nobody's post, and known by their bytes alone. `project.misnamed` has
    them: nothing is published of them until they are named well.
    """
    nameless: dict[str, list[str]] = {}
    for path in sorted(pages):
        if key_of_name(path) is None:
            nameless.setdefault(path.rpartition("/")[0], []).append(path)
    rows: dict[str, dict[bytes, PostRow]] = {}
    for row in project.state.find(sorted(missing)) if nameless and missing else ():
        folder = row.path.rpartition("/")[0]
        if folder in nameless and not is_adopted(row.path, row.key):
            rows.setdefault(folder, {})[row.post_hash] = row
    found: dict[str, str] = {}
    for folder, wanted in rows.items():
        for path in nameless[folder]:
            try:
                content = read_post_file(project.place.root, path)
            except (PostFormatError, PlaceError):
                continue  # no file of ours, then
            lost = wanted.get(post_hash(content)) if content is not None else None
            if lost is None:
                continue
            found[lost.key] = lost.path
            name = lost.path.rpartition("/")[2]
            text = f"{project.settings.posts.dir}/{path}: has the entry of {name}, renamed by hand: let its name end in"
            text += f" -{lost.key}.md, then: aggregator build. Until then no feed has it"
            if text not in project.told:
                project.told.add(text)
                report(Note(text=text))
    project.misnamed = frozenset(found)
    return found


def _adopted_at(project: Project, key: str, path: str, pages: Collection[str]) -> str | None:
    """Return where an adopted post is: where it was, or where its archive file says, which may come from another machine."""
    from aggregator.store.profiles.adopted import path_of  # reads YAML: most projects have no such posts

    if path in pages:
        return path
    try:
        now = path_of(read_post_file(project.place.archive, adopted_path(key)))
    except PostFormatError:
        return None
    return now if now in pages else None


def _any_adopted(project: Project) -> bool:
    """Tell whether any adopted post is to be seen: a site may have no others yet."""
    adopted = {path for key, _, path in project.state.places() if is_adopted(path, key)}
    return any(path in adopted for path in list_pages(project.place.root))


def _remove(project: Project, row: PostRow, report: Callable[[Event], None]) -> None:
    removed = remove_file(project.place.root, row.path)
    remove_file(project.place.archive, extra_path(row.path, row.key))
    if removed:
        report(Note(text=f"{project.settings.posts.dir}/{row.path}: taken down (ledger.jsonl); removed"))


def _forget_words(project: Project, keys: Sequence[str], report: Callable[[Event], None]) -> None:
    """Have nobody find by searching what was taken down; whoever searches without this index asks the ledger as well."""
    from aggregator.pipeline.searching import forget  # hardly a run takes anything down

    try:
        forget(project.settings.root, keys)
    except StoreError as error:
        report(Note(text=f"taken down, but its words may still stand in the index: {error}"))


def _note_moves(project: Project, moved: Mapping[str, str], report: Callable[[Event], None]) -> None:
    if not moved:
        return
    rows = [replace(row, path=moved[row.key]) for row in project.state.find(sorted(moved))]
    project.state.save(Batch(rows=tuple(rows), dirty_outputs=project.outputs_of({row.categories for row in rows})))
    for row in rows[:_NAMED]:
        report(Note(text=f"{project.settings.posts.dir}/{row.path}: moved here by hand; it stays here"))
    if len(rows) > _NAMED:
        report(Note(text=f"and {_posts(len(rows) - _NAMED)} more were moved by hand"))


def _posts(number: int) -> str:
    return "1 post" if number == 1 else f"{number} posts"
