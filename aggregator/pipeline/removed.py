"""Categories that are no more: the ledger says so of their feeds, and who asks for what is gone is told so (410).

The files stay until somebody deletes them: whoever subscribed must not be given nothing. A feed that only lies elsewhere now,
as after another slug, is known by its id. A category that is there again is not removed any more. The main process's side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aggregator.errors import PlaceError
from aggregator.model.output import OutputFeed
from aggregator.model.settings import FORMAT_NAMES
from aggregator.publish.addresses import REDIRECTS_PATH, SUFFIX, twin_path
from aggregator.store.files import read_file
from aggregator.store.ledger import Removed

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_ID = re.compile(rb"<id>([^<]{1,2000})</id>")  # the feed's own stands before those of its entries


def gone_files(removed: Iterable[str], frames: Iterable[OutputFeed]) -> tuple[str, ...]:
    """Return the files, in every format, of removed categories whose places no feed has taken, nor leads on from."""
    taken = {path for frame in frames for path in frame.everywhere}
    stems = sorted(set(removed) - taken)
    return tuple(file for stem in stems for name in FORMAT_NAMES if (file := twin_path(stem, name)) not in taken)


def settle_removed(project: Project, frames: Sequence[OutputFeed], left: Iterable[str]) -> frozenset[str]:
    """Note which of the Atom files that no category is published at any more are those of removed ones; return these.

    Struck out is what is published again. Raises StoreError.
    """
    taken = {path for frame in frames for path in frame.everywhere}
    lines = project.ledger.of(Removed)
    project.strike(line for line in lines if line.file in taken)
    ids = {frame.id for frame in frames}
    removed = {path for path in left if (own := _id_of(project, path)) is not None and own not in ids}
    if removed:
        removed |= {former for former, path in _table(project) if path in removed and former.endswith(SUFFIX)} - taken
    known = {line.file for line in lines}
    project.note(Removed(file=path, at=project.now) for path in sorted(removed - known))
    return frozenset(removed)


def _id_of(project: Project, path: str) -> str | None:
    try:
        found = _ID.search(read_file(project.public, path) or b"")
    except PlaceError:
        return None  # a folder, a link: nobody knows what it was
    return None if found is None else found[1].decode("utf-8", "replace")


def _table(project: Project) -> list[tuple[str, str]]:
    """Return the former places of feeds as they were published last, each with the one that it leads to."""
    try:
        said = json.loads(read_file(project.public, REDIRECTS_PATH) or b"{}")
    except (PlaceError, ValueError, RecursionError):
        return []
    return [(old, new) for old, new in said.items() if isinstance(new, str)] if isinstance(said, dict) else []
