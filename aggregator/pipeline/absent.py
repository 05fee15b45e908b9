"""Posts that are not where the state says -> moved by hand, deleted by hand, or not mounted. Pure.

A file that is gone says nothing about why. A hand deletes some; a disk that is not mounted, a wrong checkout or a mistyped
`rm -r` takes them by the folder. Only the first is obeyed (DESIGN 7): what is counted as deleted is never written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

#: So many posts may go at once, or this share of them, of one source and of all.
FEW = 20
SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Absences:
    """What became of the posts that are not where they were."""

    moved: Mapping[str, str]  #: key -> where the post is now
    deleted: tuple[str, ...]  #: keys, sorted
    unmounted: Mapping[str, int]  #: source id -> so many of its posts are missing that it was hardly a hand

    def __bool__(self) -> bool:
        """Tell whether anything is amiss."""
        return bool(self.moved or self.deleted or self.unmounted)


def judge_absences(
    known: Collection[tuple[str, str, str]], there: Mapping[str, str], folders: Collection[str], *, accept: bool = False
) -> Absences:
    """Return what became of the posts that are missing.

    `known` is key, source id and path of every post of the state; `there` is the path by key of every post on the disk;
    `folders` are those of known posts that exist. A post whose folder is gone may have been deleted too (git keeps no empty
    folders), but few are believed to be. `accept`: somebody said that all of them were deleted.
    """
    totals = Counter(source_id for _, source_id, _ in known)
    moved = {key: there[key] for key, _, path in known if key in there and there[key] != path}
    missing = [(key, source_id, path) for key, source_id, path in known if key not in there]
    if accept:
        return Absences(moved=moved, deleted=_keys(missing), unmounted={})
    lost = Counter(source_id for _, source_id, _ in missing)
    homeless = sum(path.rpartition("/")[0] not in folders for _, _, path in missing)
    if not there or not _few(len(missing), len(known)) or homeless > FEW:
        return Absences(moved=moved, deleted=(), unmounted=dict(lost))
    unmounted = {source_id: number for source_id, number in lost.items() if not _few(number, totals[source_id])}
    deleted = _keys(each for each in missing if each[1] not in unmounted)
    return Absences(moved=moved, deleted=deleted, unmounted=unmounted)


def _few(missing: int, known: int) -> bool:
    return missing <= max(FEW, SHARE * known)


def _keys(posts: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    return tuple(sorted(key for key, _, _ in posts))
