"""Closed archive pages -> without the entries that left the feed since, and with links to where the site is now.

All else of a closed page stays to the byte. Cut out is only what is known to be gone: deleted, taken down, expired, or moved to
another category. An entry of which nothing is known stays, for the page may be all that is left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator.errors import PublishError
from aggregator.model.key import atom_id
from aggregator.model.output import OutputFeed, Tombstone
from aggregator.model.poll import Event, OutputEvent
from aggregator.publish.pages import PageName, entry_ids, previous_of, relocate, site_of
from aggregator.store.files import make_durable, read_file, write_file

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_IDS_AT_ONCE = 100
_TAIL = 100  #: bytes in which a whole document ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What the pages of a feed say."""

    open: set[str]  #: atom:ids of the feed's posts that no page holds
    holes: tuple[tuple[str, str | None], ...]  #: pages that are linked and gone, each with the one that goes before it
    damaged: bool  #: a page does not say any more what it held, so nobody can tell what is open; it was told


def prune_pages(
    project: Project, frame: OutputFeed, pages: Sequence[str], standing: Collection[str], report: Callable[[Event], None]
) -> Pruned:
    """Mend the pages of a feed and return what they hold; `standing` are the atom:ids of its posts. Raises StoreError."""
    waiting = set(
        standing
    )  # and not what the pages hold: those are strings that nothing else needs, one for each entry of years
    holes: list[tuple[str, str | None]] = []
    before: str | None = None
    doubtful: dict[str, list[str]] = {}
    damaged = False
    for path in pages:
        content = read_file(project.public, path) or b""
        if (
            not content[-_TAIL:].rstrip().endswith(b"</feed>")
        ):  # cut by a disk or by another program: what stood behind the cut is not open for that
            damaged = True
            _tell_damaged(project, path, report)
            before = path
            continue
        site = site_of(content, path)
        if site is not None and site.rstrip("/") != frame.page_link.rstrip("/"):
            content = relocate(content, site, frame.page_link)
            _write(project, path, content, report)
        linked = previous_of(content, frame.page_link)
        if linked is not None and linked not in pages and linked.rpartition("/")[0] in frame.archive and PageName.of(linked):
            holes.append((linked, before))
        before = path
        ids = entry_ids(content)
        waiting.difference_update(ids)
        if found := [each for each in ids if each not in standing]:
            doubtful[path] = found
    gone = _gone(project, frame, {each for found in doubtful.values() for each in found}) if doubtful else {}
    for path, found in doubtful.items():
        if going := [gone[each] for each in found if each in gone]:
            _cut(project, path, going, report)
    return Pruned(open=waiting, holes=tuple(holes), damaged=damaged)


def _gone(project: Project, frame: OutputFeed, doubtful: set[str]) -> dict[str, Tombstone]:
    """Return which of these entries are known to have left the feed."""
    told = {tombstone.id: tombstone for tombstone in project.tombstones(frame)}
    gone = {each: told.get(each, _silent(each)) for each in doubtful & project.gone_on_purpose()}
    rest = doubtful - gone.keys()
    minted = {each for each in rest if each.startswith("urn:uuid:")}
    keys = [key for key, source, entry in project.state.every_id() if atom_id(source, entry) in minted] if minted else []
    ids = sorted(rest - minted)
    rows = project.state.find(keys)
    for at in range(0, len(ids), _IDS_AT_ONCE):
        rows += project.state.find((), ids=ids[at : at + _IDS_AT_ONCE])
    # Its post is known, and stands in no category of this feed: expired, or moved.
    known = {atom_id(row.source_id, row.entry_id) for row in rows if row.key not in project.misnamed}
    return gone | {each: _silent(each) for each in rest & known}


def _silent(each: str) -> Tombstone:
    """Return what cuts an entry without a word: it was not deleted."""
    return Tombstone(id=each, at=datetime(1970, 1, 1, tzinfo=UTC))


def _cut(project: Project, path: str, going: Sequence[Tombstone], report: Callable[[Event], None]) -> None:
    from aggregator.publish.cut import cut_entries  # lxml: only who cuts pays for it

    content = read_file(project.public, path) or b""
    silent = {tombstone.id for tombstone in going if tombstone == _silent(tombstone.id)}
    try:
        after = cut_entries(content, going, own=project.own_feeds(), output=path, elsewhere=silent)
    except PublishError as error:
        project.outputs_refused += 1
        report(
            OutputEvent(
                path=path, changed=False, refused=f"{error}. The page stays as it is: delete it, then: aggregator build"
            )
        )
        return
    if after is not None:
        _write(project, path, after, report)


def _tell_damaged(project: Project, path: str, report: Callable[[Event], None]) -> None:
    project.outputs_refused += 1
    why = f"{path}: the page is damaged: its end is missing. This archive gets no more pages until it is mended"
    advice = "bring the page back from version control or a backup, or delete it, then: aggregator build"
    report(OutputEvent(path=path, changed=False, refused=f"{why}: {advice}"))


def _write(project: Project, path: str, content: bytes, report: Callable[[Event], None]) -> None:
    write_file(project.public, path, content)
    if project.settings.posts.durable:
        make_durable(project.public, (path,))
    project.outputs_written += 1
    report(OutputEvent(path=path, changed=True))
