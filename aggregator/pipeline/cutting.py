"""What was taken down, and still stands in files that are not built anew -> cut out of them. The main process's side.

A feed that the gate refuses keeps its last good file, and a category that is published no more leaves its file behind:
building does not reach either. So every feed of ours below the folder of feeds is looked at: when the ledger names other
take-downs than the last time, and whenever the feeds are all built. A link is not followed: what it leads to is not ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from aggregator.errors import PlaceError, PublishError, UnfitFileError
from aggregator.model.key import atom_id
from aggregator.model.output import OutputFeed, Tombstone
from aggregator.model.poll import Event, Note
from aggregator.pipeline.pinging import news_of
from aggregator.publish.addresses import FOLDER, REDIRECTS_PATH, SUFFIXES
from aggregator.store.files import make_durable, read_file, write_file
from aggregator.store.ledger import Takedown

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_FACT = "taken_down"  #: of the state: which take-downs no file of ours holds any more
_ENDINGS = tuple(SUFFIXES.values())
_IDS_AT_ONCE = 100


def cut_taken_down(
    project: Project, frames: Iterable[OutputFeed], report: Callable[[Event], None], *, again: bool = False
) -> None:
    """Cut what was taken down out of every feed of ours that still holds it. Raises StoreError.

    A file that cannot be mended is told, and noted in `project.still_in`. `again`: also if nothing new was taken down.
    """
    lines = project.ledger.of(Takedown)
    seen = sha256("\n".join(sorted(line.key for line in lines)).encode()).hexdigest()
    if not lines or (not again and project.state.fact(_FACT) == seen):
        return
    gone = {tombstone.id: tombstone for tombstone in (Tombstone(id=atom_id(x.source, x.id), at=x.at) for x in lines)}
    sound = len(project.faults)
    changed: set[str] = set()
    for path, content, found in list(_holding(project, gone.keys())):
        elsewhere = _of_others(project, found)
        # In a feed that was built, such an entry is the other post's.
        cut = found - elsewhere if elsewhere and path in _built(project, frames) else found
        if cut:
            _cut(project, path, content, [gone[each] for each in sorted(cut)], elsewhere, report)
            changed.add(path)
    _note_news(project, changed & {path for frame in frames for path in frame.everywhere})
    if not project.still_in and len(project.faults) == sound:
        project.state.set_fact(_FACT, seen)


def _holding(project: Project, gone: Iterable[str]) -> Iterator[tuple[str, bytes, frozenset[str]]]:
    """Yield the feeds that seem to hold any of these entries: path, content, and which."""
    from aggregator.publish.cut import ids_in  # lxml: only a run that looks at files pays for it

    ids = frozenset(gone)
    for folder, folders, names in os.walk(project.public / FOLDER):
        folders.sort()
        for path in (os.path.relpath(f"{folder}/{name}", project.public) for name in sorted(names) if name.endswith(_ENDINGS)):
            if path == REDIRECTS_PATH:
                continue
            try:
                content = read_file(project.public, path)
            except UnfitFileError:
                continue
            except PlaceError as fault:
                project.bear(fault)
                continue
            if content is not None and (found := ids_in(content) & ids):
                yield path, content, found


def _cut(  # noqa: PLR0917 - private, called once
    project: Project,
    path: str,
    content: bytes,
    gone: list[Tombstone],
    elsewhere: frozenset[str],
    report: Callable[[Event], None],
) -> None:
    from aggregator.publish.cut import cut_file

    where = f"{project.settings.public.dir}/{path}"
    try:
        after = cut_file(content, gone, own=project.own_feeds(), output=path, elsewhere=elsewhere)
        if after is None:
            return
        write_file(project.public, path, after)
    except (PublishError, PlaceError) as error:
        project.still_in.append(where)
        report(Note(text=f"what was taken down is still in: {where} ({error}). Delete that file, then: aggregator build"))
        return
    if project.settings.posts.durable:
        make_durable(project.public, (path,))
    project.outputs_written += 1
    report(Note(text=f"{where}: what was taken down is cut out; the rest of this old file stays as it is"))


def _note_news(project: Project, paths: Iterable[str]) -> None:
    """Note that these feeds changed, for the hubs."""
    found = {path: content for path in sorted(paths) if (content := read_file(project.public, path)) is not None}
    if news := news_of(project, {path: sha256(content).digest() for path, content in found.items()}):
        project.state.pings.note(news)


def _of_others(project: Project, ids: frozenset[str]) -> frozenset[str]:
    """Return which of these atom:ids a post is published with that was not taken down: another source's copy."""
    wanted, gone = sorted(ids), project.gone_keys()
    portions = (wanted[at : at + _IDS_AT_ONCE] for at in range(0, len(wanted), _IDS_AT_ONCE))
    rows = [row for portion in portions for row in project.state.find((), ids=portion)]
    live = (row for row in rows if row.key not in gone and not row.expired)
    return ids & {atom_id(row.source_id, row.entry_id) for row in live}


def _built(project: Project, frames: Iterable[OutputFeed]) -> frozenset[str]:
    """Return the files, copies included, that hold what their feed was last built of."""
    known = project.state.outputs()
    sound = [frame for frame in frames if frame.path in known and not known[frame.path].dirty]
    return frozenset(path for frame in sound for path in frame.everywhere)
