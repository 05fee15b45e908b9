"""The folder of feeds as it lies there -> everything that is wrong with it, file by file. Reads, never writes, takes no lock.

Each file is looked at alone (`publish.examiners`), then beside what the configuration promises, beside its twins, and as a link
of its archive (`archive_findings`). What stands there and is no file, or is huge, costs one finding and no time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.errors import PlaceError, UnfitFileError
from aggregator.model.output import OutputFeed
from aggregator.model.settings import Settings
from aggregator.pipeline.archive_findings import archive_findings, is_page
from aggregator.pipeline.frames import plan_frames, status_frame
from aggregator.pipeline.removed import gone_files
from aggregator.publish.addresses import FOLDER, OPML_PATH, REDIRECTS_PATH, STYLE_PATH
from aggregator.publish.examiners import examine_any, examine_published, format_of_path
from aggregator.publish.findings import Examined, Finding, Weight
from aggregator.publish.scan import quoted
from aggregator.store.files import TEMPORARY_PREFIX, read_file, store_error

#: No feed of anybody is larger; what is, is not read.
MOST_BYTES = 64 * 1024 * 1024
_BUILD = "`aggregator build` writes it anew; if it comes back, it is a fault of the program: report it"
_CLOSED = "bring the page back from version control or a backup, or delete it: `aggregator build` makes it again from the posts"
_NOTHING = ("nothing publishes this file", "delete it when you like; it stays as it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFinding:
    """Something that is wrong with a published file, or with the lot of them."""

    code: str  #: a stable word
    place: str  #: the file, as the user would type it
    line: int | None = None
    text: str
    rule: str | None = None  #: what it breaks, with the section
    entry: str | None = None  #: id of the entry concerned
    title: str | None = None  #: of that entry
    advice: str | None = None
    is_note: bool = False  #: worth knowing, but no fault


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFeeds:
    """All files, and what is wrong with them."""

    files: tuple[str, ...]  #: that were looked at, below the public folder
    findings: tuple[FeedFinding, ...]


def look_at_feeds(settings: Settings, leaves: Sequence[tuple[str, ...]], now: datetime) -> SeenFeeds:
    """Look at every file below the folder of feeds; `leaves` are the categories that posts stand in.

    Raises:
        StoreError: the folder cannot be listed, or the disk fails.
    """
    frames = plan_frames(settings, leaves)
    look = _Look(settings, now)
    found = dict(look.walk(FOLDER))
    health = (status_frame(settings),) if settings.public.status else ()
    expected = {path for frame in (*frames, *health) for path in frame.files} | {OPML_PATH, STYLE_PATH}
    copies = {copy: path for frame in frames for path, former in frame.former_files.items() for copy in former}
    gone = gone_files(settings.removed, frames)
    if copies or gone:
        expected.add(REDIRECTS_PATH)
    for path in sorted(expected | copies.keys()):
        if path not in found:
            look.missing(path)
    ours = expected | copies.keys() | {REDIRECTS_PATH}  # which stays, empty, when no category is called otherwise any more
    for path, examined in found.items():
        if path in ours or is_page(path):
            look.document(path, examined)
        else:
            look.stray(path)
    for frame in (*frames, *health):
        look.frame(frame, found)
    look.copies(copies)
    look.listing(frames, found)
    look.redirects(copies | dict.fromkeys(gone), found)
    pages = {path: examined for path, examined in found.items() if is_page(path)}
    for frame in frames if settings.public.archives else ():
        for path, text, advice in archive_findings(frame, found.get(frame.path), pages, settings.site.url):
            look.add("archive", path, text, advice, rule="RFC 5005 §4")
    return SeenFeeds(files=tuple(found), findings=tuple(look.findings))


def look_at_file(path: Path, shown: str, now: datetime) -> tuple[str | None, list[FeedFinding]]:
    """Look at one file of anybody; return its format, as its content tells, and the findings; what only we demand is a note."""
    try:
        content = _read(path.resolve().parent, path.resolve().name)
    except PlaceError as error:
        why = error.why.partition(": ")[0] if isinstance(error, UnfitFileError) else _why(error)
        return None, [
            FeedFinding(code="no-file", place=shown, text=f"cannot be read: {why}", advice="name a file that holds a feed")
        ]
    if content is None:
        return None, [FeedFinding(code="no-file", place=shown, text="is not there any more", advice=None)]
    kind, examined = examine_any(content, now=now)
    return kind, [_told(shown, each, each.advice, is_note=each.weight is not Weight.FAULT) for each in examined.findings]


def _told(place: str, found: Finding, advice: str | None, *, is_note: bool) -> FeedFinding:
    rule = None if found.rule == "none" else found.rule
    return FeedFinding(
        code="document",
        place=place,
        line=found.line,
        text=found.text,
        rule=rule,
        entry=found.entry,
        title=found.title,
        advice=advice,
        is_note=is_note,
    )


def _read(root: Path, path: str) -> bytes | None:
    """Return the bytes of a file, None where there is none. Raises: StoreError; UnfitFileError for what is no file, or huge."""
    try:
        size = os.lstat(root / path).st_size
    except OSError:
        size = 0  # reading says what is wrong
    if size > MOST_BYTES:
        why = f"it is larger than {MOST_BYTES // 1024**2} MiB, as no feed is: move it away"
        raise UnfitFileError(f"cannot read {path}: {why}", path=root / path, why=why)
    return read_file(root, path, at_most=MOST_BYTES)


def _why(error: PlaceError) -> str:
    """Return what is wrong with a place and what to do there, without its path, which stands in front already."""
    return error.why if isinstance(error, UnfitFileError) else str(error).partition(": ")[2]


class _Look:
    """One look at the public folder: collects findings."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.findings: list[FeedFinding] = []
        self._unfit: dict[str, str] = {}  #: why a file cannot be read
        self._sizes: dict[str, int] = {}
        self._now = now
        self._public = settings.root / settings.public.dir
        self._shown = settings.public.dir.as_posix()

    def add(
        self, code: str, path: str, text: str, advice: str | None, *, rule: str | None = None, is_note: bool = False
    ) -> None:
        """Take one finding about a file below the public folder."""
        place = f"{self._shown}/{path}"
        self.findings.append(FeedFinding(code=code, place=place, text=text, rule=rule, advice=advice, is_note=is_note))

    def walk(self, folder: str) -> Iterator[tuple[str, Examined]]:
        """Yield every file of a format of ours with what a look at it found; tell what else stands there."""
        place = self._public / folder
        if not place.is_dir():
            return
        try:
            with os.scandir(place) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise store_error("read", self._public, folder, error) from error
        for entry in ordered:
            path = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False) and format_of_path(path) is None:
                yield from self.walk(path)
            elif entry.name.startswith(TEMPORARY_PREFIX):
                text, advice = "is left over from a run that died", "the next run that writes there takes it away"
                self.add("leftover", path, text, advice, is_note=True)
            elif format_of_path(path) is None:
                self.stray(path)
            else:
                yield from self._examined(path)

    def _examined(self, path: str) -> Iterator[tuple[str, Examined]]:
        try:
            content = _read(self._public, path)
        except PlaceError as error:
            self._unfit[path] = _why(error)
            yield path, Examined(findings=())
            return
        if content is not None:  # else it went while we looked
            self._sizes[path] = len(content)
            yield path, examine_published(path, content, now=self._now)

    def missing(self, path: str) -> None:
        """Tell of a file that the configuration promises."""
        self.add("missing", path, "is not there, although the configuration promises it", "`aggregator build` writes it")

    def stray(self, path: str) -> None:
        """Tell of a file that nobody writes."""
        text, advice = _NOTHING
        self.add("stray", path, text, advice, is_note=True)

    def document(self, path: str, examined: Examined) -> None:
        """Tell what is wrong with a document by itself."""
        advice = _CLOSED if is_page(path) else _BUILD
        if path in self._unfit:
            self.add("no-file", path, f"cannot be read: {self._unfit[path]}", "then `aggregator build` writes it anew")
        for each in examined.findings:
            note = each.weight is Weight.NOTE
            told = _told(f"{self._shown}/{path}", each, each.advice if note else advice, is_note=note)
            self.findings.append(told)

    def frame(self, frame: OutputFeed, found: Mapping[str, Examined]) -> None:
        """Compare a feed's own words with the configuration, and its twins with it."""
        own = found.get(frame.path)
        facts = {"id": frame.id, "title": frame.title, "alternate": frame.page_link, "language": frame.language}
        if own is not None and own.frame:
            self._compare(frame.path, own, {"self": frame.self_link, **facts})
            self._bounds(frame, own)
        for twin in frame.twins:
            other = found.get(twin.path)
            if other is None or not other.frame:
                continue
            self._compare(twin.path, other, {"self": twin.self_link, **facts})
            if own is not None and own.frame and own.ids != other.ids:
                self.add("twin", twin.path, _difference(own.ids, other.ids, frame.path), _BUILD)

    def _bounds(self, frame: OutputFeed, own: Examined) -> None:
        """Tell of a feed that outgrew its limits; one entry may, or the feed could stay empty for ever."""
        size, number = self._sizes[frame.path], len(own.ids)
        limits = (("entries", number, frame.max_entries), ("bytes", size if number > 1 else 0, frame.max_bytes))
        for what, found, most in limits:
            if found > most:
                text = f"holds {found} {what}, more than the {most} that the configuration sets"
                self.add("bounds", frame.path, text, "`aggregator build` writes it anew")

    def _compare(self, path: str, examined: Examined, expected: Mapping[str, str | None]) -> None:
        for name, value in expected.items():
            if (own := examined.frame.get(name)) != value:
                said = f"its {name} is {quoted(own) if own else 'missing'}"
                text = f"{said}, and the configuration says {quoted(value) if value else 'none'}"
                self.add("frame", path, text, "if config/ is right, `aggregator build` writes it anew")

    def copies(self, copies: Mapping[str, str]) -> None:
        """Compare the files at former addresses with what lies at the new ones."""
        for copy, path in copies.items():
            try:
                one, other = _read(self._public, copy), _read(self._public, path)
            except PlaceError:
                continue  # told already
            if one is not None and other is not None and one != other:
                text = f"differs from {self._shown}/{path}, of which it is the copy at a former address"
                self.add("copy", copy, text, "`aggregator build` writes it anew")

    def listing(self, frames: Sequence[OutputFeed], found: Mapping[str, Examined]) -> None:
        """Compare the list of feeds with the feeds."""
        listed = found.get(OPML_PATH)
        if listed is None or listed.faults:
            return
        addresses = {frame.self_link for frame in frames}
        for address in sorted(addresses - set(listed.ids)):
            self.add("list", OPML_PATH, f"does not name the feed {address}", "`aggregator build` writes it anew")
        for address in sorted(set(listed.ids) - addresses):
            self.add(
                "list",
                OPML_PATH,
                f"names {quoted(address)}, which is no feed of this site",
                "`aggregator build` writes it anew",
            )

    def redirects(self, table: Mapping[str, str | None], found: Mapping[str, Examined]) -> None:
        """Compare the table of former addresses with what the ledger knows was renamed and removed."""
        own = found.get(REDIRECTS_PATH)
        if own is None or own.faults:
            return
        for former in sorted(table.keys() | own.frame.keys()):
            said, known = _led(own.frame, former), _led(table, former)
            if said != known:
                text = f"says of {quoted(former)} that it is {said}, and the ledger says {known}"
                self.add("redirects", REDIRECTS_PATH, text, "`aggregator build` writes it anew")


def _led(table: Mapping[str, str | None], former: str) -> str:
    """Return where a table says that a feed is now, in words."""
    now = table.get(former)
    return f"now {quoted(now)}" if now is not None else "gone" if former in table else "nothing"


def _difference(ours: tuple[str, ...], theirs: tuple[str, ...], atom: str) -> str:
    lost = [each for each in ours if each not in set(theirs)]
    added = [each for each in theirs if each not in set(ours)]
    if not lost and not added:
        return f"holds the entries of {atom} in another order"
    parts = [f"lacks {len(lost)} of the entries of {atom}"] if lost else []
    parts += [f"holds {len(added)} that {'it' if lost else atom} does not hold"] if added else []
    return f"{' and '.join(parts)}; the first is {quoted((lost or added)[0])}"
