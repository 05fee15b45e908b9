"""Files of the posts folder that the old generator wrote -> what they say, and what becomes of each. Reads; writes nothing.

`look_at` runs in a worker, on whatever the files hold; `plan_adoption` decides, from what they say and what is adopted already.
The same files give the same plan: no clock and no file time gets into it, but to tell dates that have not come yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

from aggregator.model.key import entry_key, key_of_name
from aggregator.model.settings import Settings
from aggregator.model.traits import adopted_title
from aggregator.pipeline.jobs import OldFile, OldPostsJob
from aggregator.store.posts import read_post, read_post_file
from aggregator.store.profiles import PostFormatError, get_profile

ADOPTED, THERE, TWIN, BANNED, FOREIGN, UNREADABLE = KINDS = (
    *("adopted", "already there", "twin", "taken down", "not of the generator", "unreadable"),
)
#: Dates before are no dates of such posts: zeros of some clock.
_FIRST_YEAR = 2000
#: What undated posts are dated with where no post at all has a date: the year in which the generator began.
_BEGINNING = datetime(2021, 1, 1, tzinfo=UTC)
_LOST = "its name ends like that of a post of ours, and archive/{}.json is missing: bring that file back"
_HIDDEN = "_"


def look_at(job: OldPostsJob) -> tuple[OldFile, ...]:
    """Read files; one that is gone meanwhile is left out."""
    found = (_look(job, path) for path in job.paths)
    return tuple(each for each in found if each is not None)


def _look(job: OldPostsJob, path: str) -> OldFile | None:
    """Return what one file is; None where it is gone."""
    place, key = job.place, key_of_name(path)
    profile = get_profile(place.profile, place.timezone)
    if key is not None:
        try:
            if (found := read_post(place.root, path, profile, place.archive)) is not None:
                return OldFile(path=path, ours=found.entry.source_id, title=found.entry.title)
        except PostFormatError:
            if profile.keeps_archive:
                return OldFile(path=path, unreadable=_LOST.format(key))
    try:
        post = read_post_file(place.root, path)
    except PostFormatError as error:
        return OldFile(path=path, unreadable=str(error))
    return None if post is None else _old_file(job, path, post)


def _old_file(job: OldPostsJob, path: str, post: bytes) -> OldFile:
    from aggregator.store.profiles.adopted import ForeignPostError, extra_of, read, read_old

    try:
        old = read_old(post)
        categories = old.categories or tuple(path.split("/")[:-1])
        if not categories:
            return OldFile(path=path, unreadable="it names no categories, and stands in no folder")
        date, naive = _date(old.date, job)
        told = "\0".join((old.title, old.date or "", old.html))
        file = OldFile(
            path=path,
            id=f"urn:sha256:{sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}",
            title=old.title,
            categories=categories,
            author=old.author,
            date=date,
            date_written=old.date,
            naive=naive,
            named=bool(old.categories),
        )
        # It must be readable as it will be read from now on.
        stand_in = _BEGINNING if naive or date is None else None
        read(post, _bytes(extra_of(**_facts(file, ("source", "Source")), stand_in=stand_in)))
    except ForeignPostError as error:
        return OldFile(path=path, foreign=str(error))
    except PostFormatError as error:
        return OldFile(path=path, unreadable=str(error))
    return file


def _date(written: str | None, job: OldPostsJob) -> tuple[datetime | None, bool]:
    """Return the instant that a date says, and whether it named no zone."""
    from aggregator.store.profiles.dates import parse_date

    date = parse_date(written) if written is not None else None
    if date is None or written is None or not _FIRST_YEAR <= date.year <= job.now.year + 1:
        return None, False
    # A date to which a zone can be added had none.
    naive = any(parse_date(f"{written}{more}") is not None for more in (" +00:00", " 00:00 +00:00"))
    if naive:
        date = date.replace(tzinfo=ZoneInfo(job.zone)).astimezone(UTC)
    return (date, naive) if date <= job.now else (None, False)


# -- what becomes of them ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What becomes of one file."""

    path: str
    what: str  #: one of KINDS
    why: str | None = None
    key: str | None = None
    id: str | None = None
    title: str | None = None
    source_id: str | None = None
    categories: tuple[str, ...] = ()
    extra: bytes | None = None  #: its archive file, where that is to be written
    beside: str | None = None  #: a post of our own with its title, which may be the same entry
    undated: bool = False
    naive: bool = False

    @property
    def hidden(self) -> bool:
        """Tell whether Hexo passes the file over: a part of its path begins with `_`."""
        return any(part.startswith(_HIDDEN) for part in self.path.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is adopted already, and what must not be."""

    paths: Mapping[str, str] = field(default_factory=dict)  #: path by key, as the archive files say
    banned: frozenset[str] = frozenset()  #: keys of what was taken down


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionPlan:
    """What becomes of all files."""

    rows: tuple[Adoption, ...]  #: by path
    stand_in: datetime  #: what posts without a date are dated with
    homeless: Mapping[tuple[str, ...], str]  #: paths of categories that no source has -> the source id they got
    shared: Mapping[tuple[str, ...], tuple[str, ...]]  #: paths that several sources have -> their names

    @property
    def is_dated(self) -> bool:
        """Tell whether any post has a date; where none has, the stand-in is a day of our own choice."""
        return self.stand_in != _BEGINNING

    def count(self, what: str) -> int:
        """Return how many files are of one of KINDS."""
        return sum(row.what == what for row in self.rows)


def plan_adoption(files: Iterable[OldFile], settings: Settings, standing: Standing) -> AdoptionPlan:
    """Return what becomes of the files; `settings` are the effective ones."""
    ordered = sorted(files, key=lambda file: file.path)
    ours = {(file.ours, adopted_title(file.title)): file.path for file in reversed(ordered) if file.ours is not None}
    ordered = [file for file in ordered if file.ours is None]
    dated = [file.date for file in ordered if file.date is not None]
    plan = _Plan(settings, standing, min(dated, default=_BEGINNING), {file.path for file in ordered}, ours)
    rows = tuple(plan.row(file) for file in ordered)
    return AdoptionPlan(rows=rows, stand_in=plan.stand_in, homeless=plan.homeless, shared=plan.shared)


class _Plan:
    """The files in their order: the first of several that are alike counts."""

    def __init__(
        self,
        settings: Settings,
        standing: Standing,
        stand_in: datetime,
        there: set[str],
        ours: Mapping[tuple[str, bytes], str],
    ) -> None:
        self._ours = ours
        self.stand_in = stand_in
        self.homeless: dict[tuple[str, ...], str] = {}
        self.shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._standing = standing
        self._there = there
        self._adopted = {path: key for key, path in standing.paths.items()}
        self._taken: dict[str, str] = {}  #: path by key, of this plan
        self._renamed = settings.renamed
        self._by_category: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}
        self._names = {name.casefold() for source in settings.sources for name in (source.id, source.name)}
        for source in settings.sources:
            facts = (source.id, source.name, source.title or source.author or source.name)
            self._by_category.setdefault(_folded(source.categories), []).append(facts)

    def row(self, file: OldFile) -> Adoption:
        if file.path in self._adopted:
            if file.categories:
                self._source(file)  # it is told which source is missing as long as it is missing
            key = self._adopted[file.path]
            return Adoption(path=file.path, what=THERE, key=key, title=file.title or None, categories=file.categories)
        if file.foreign is not None or file.unreadable is not None:
            what, why = (UNREADABLE, file.unreadable) if file.foreign is None else (FOREIGN, file.foreign)
            return Adoption(path=file.path, what=what, why=why)
        source_id, title = self._source(file)
        key = entry_key(source_id, file.id)
        row = Adoption(
            path=file.path,
            what=ADOPTED,
            key=key,
            id=file.id,
            title=file.title,
            source_id=source_id,
            categories=file.categories,
            undated=file.date is None,
            naive=file.naive,
            beside=self._ours.get((source_id, adopted_title(file.title))),
        )
        if key in self._standing.banned:
            return replace(row, what=BANNED, why="ledger.jsonl says that it was taken down: it is not published again")
        # An adopted post whose file has gone was moved here: the same text cannot be adopted twice.
        first = self._standing.paths.get(key)
        first = self._taken.get(key) if first is None or first not in self._there else first
        if first is not None:
            return replace(row, what=TWIN, why=f"title, date and text are those of {first}; kept, not published")
        self._taken[key] = file.path
        stand_in = (file.date or self.stand_in) if file.naive or file.date is None else None
        from aggregator.store.profiles.adopted import extra_of

        extra = extra_of(**_facts(file, (source_id, title)), stand_in=stand_in)
        return replace(row, extra=_bytes(extra))

    def _source(self, file: OldFile) -> tuple[str, str]:
        """Return id and title of the source that a post belongs to."""
        # A category that was renamed since has its sources under its name of today.
        now = self._renamed.current(file.categories)
        found = self._by_category.get(_folded(file.categories)) or self._by_category.get(_folded(now))
        if found:
            if len(found) > 1:
                self.shared[file.categories] = tuple(name for _, name, _ in found)
            return found[0][0], found[0][2]
        folded = _folded(file.categories)
        source_id = next((name for path, name in self.homeless.items() if _folded(path) == folded), None)
        if source_id is None:
            source_id = self.homeless[file.categories] = self._free_id(file.categories)
        return source_id, file.author or file.categories[-1]

    def _free_id(self, categories: tuple[str, ...]) -> str:
        from aggregator.catalogue import slug_id

        name = slug_id("-".join(_folded(categories))) or "old-posts"
        # A source of that name with other categories has other entries.
        while name.casefold() in self._names:
            name += "-old"
        self._names.add(name.casefold())
        return name


def _facts(file: OldFile, source: tuple[str, str]) -> dict[str, Any]:
    return {
        "entry_id": file.id,
        "path": file.path,
        "source": source,
        "date_written": file.date_written,
        "categories": () if file.named else file.categories,
    }


def _bytes(extra: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(extra, ensure_ascii=False, indent=2, sort_keys=True)}\n".encode()


def _folded(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(normalize("NFC", part.strip().casefold()) for part in path)
