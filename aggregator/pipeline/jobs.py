"""What travels to and from workers, and the doors that jobs go through.

Imports no parser: each door imports its stages when it is first opened, in the worker, so that the main process stays light.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aggregator.errors import AggregatorError
from aggregator.model.changes import Changes, KnownEntry, PostRow, Skipped
from aggregator.model.entry import Entry, Feed
from aggregator.model.health import Change, Kind
from aggregator.model.output import LeftOut, OutputFeed, Tombstone
from aggregator.model.renames import NEVER, Renames
from aggregator.model.retention import Room
from aggregator.model.settings import Settings, Site
from aggregator.model.source import Source
from aggregator.publish.pages import PageName

if TYPE_CHECKING:  # a dozen records that a run without news never meets
    from aggregator.model.parsed import NamedFeed, ParsedEntry, ParsedFeed

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsPlace:
    """Where posts live, and how they are written."""

    root: Path  #: the posts folder
    archive: Path  #: the folder for what a profile cannot hold
    profile: str
    timezone: str  #: of the site, for profiles that write wall-clock time


ARCHIVE = "archive"  #: below the project folder, for what a profile's posts cannot hold


def posts_place(settings: Settings) -> PostsPlace:
    """Return where and how a project's posts are written."""
    return PostsPlace(
        root=settings.root / settings.posts.dir,
        archive=settings.root / ARCHIVE,
        profile=settings.posts.profile,
        timezone=settings.site.timezone,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestJob:
    """One body and what is known of its source."""

    body: bytes
    coding: str | None
    headers: tuple[tuple[str, str], ...]
    final_address: str
    max_bytes: int
    source: Source  #: without its secrets
    known: Mapping[str, KnownEntry]
    now: datetime  #: tells dates that cannot be true
    stamp: datetime  #: first seen, for entries without a date
    limit: int | None  #: newest entries to look at
    place: PostsPlace
    dry_run: bool = False
    aliases: dict[str, str] = field(default_factory=dict)  #: key by upstream's id, as the ledger has them
    unstable: bool = False  #: the ledger says that the source's ids count for nothing
    settled: bool = False  #: what was recognised need not be written down before anything rests on it
    own_feeds: frozenset[str] = frozenset()  #: atom:ids of what this site publishes
    room: Room | None = None  #: for new posts; None: without limit
    moving: bool = False  #: a permanent redirect to another host, not believed yet, led to the body


#: What is said of a source whose posts cannot be seen.
NOT_MOUNTED = "{} of its posts are missing, more than a hand deletes: its folder looks unmounted; nothing was written"
#: What a source that is a feed of this site is told.
OWN_FEED = (
    "this is a feed of this site: polling it would bring back what was published here. Remove the source, or name the feeds"
    " that its entries come from"
)

#: What a source is told that moved to another host where nothing is known: a parked domain's feed, for one.
SOMEBODY_ELSE = (
    "the server says that the feed has moved for good, to {}, but no entry there is one of this source's: nothing was taken;"
    " if that is right, change feed: in the config"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNames:
    """Known entries that came under new ids. Nothing was written: the ledger comes first, then the job again."""

    aliases: tuple[tuple[str, str], ...]  #: (id, key)
    unstable: bool = False  #: the source's ids change again and again: they will count for nothing
    told: tuple[str, ...] = ()  #: the same in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The body is no feed; `kind` is a word of `model.fetched.Failed`."""

    kind: str
    message: str


FETCH, PARSE, NORMALISE, DECIDE = STAGES = ("fetch", "parse", "normalise", "decide")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamineJob:
    """One body to look at; nothing comes of it."""

    digest: DigestJob
    stage: str = DECIDE  #: the last one of STAGES to take
    newest: int | None = None  #: so many entries come back; None: all
    keep_body: bool = False  #: the inflated body comes back as well
    discover: bool = False  #: where it is no feed, the feeds that it names come back


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedEntry:
    """What the stages made of one entry."""

    parsed: ParsedEntry
    id: str
    key: str
    entry: Entry | Skipped | None = None  #: None: the stage was not taken
    date_from: str | None = None  #: which of upstream's dates it has, as written, or why none
    decision: str | None = None  #: new, known, changed, found in place, kept, left out
    why: str | None = None
    path: str | None = None  #: of its post, below the posts folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one body holds, as far as the stages were taken."""

    size: int  #: bytes, inflated
    body: bytes | None = None
    unreadable: Unreadable | None = None  #: it is no feed
    named: tuple[NamedFeed, ...] = ()  #: feeds that the page names
    is_list: bool = False  #: it is an OPML list
    parsed: ParsedFeed | None = None  #: without its entries, which stand below
    feed: Feed | None = None
    entries: tuple[ExaminedEntry, ...] = ()
    count: int = 0  #: entries that the document holds
    left: int = 0  #: of those, entries that repeat another one in every field


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputJob:
    """One feed to write."""

    frame: OutputFeed
    rows: tuple[PostRow, ...]  #: newest first; more than the feed holds, since some may fall out
    source_order: dict[str, int]  #: position in the config, for entries that share an atom:id
    place: PostsPlace
    public: Path
    gone_on_purpose: frozenset[str] = frozenset()  #: atom:ids that may vanish from the feed
    tombstones: tuple[Tombstone, ...] = ()  #: entries that the feed says are gone, newest first
    renamed: Renames = NEVER  #: posts may carry a category's former name


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputResult:
    """What became of it."""

    path: str
    written: tuple[str, ...] = ()  #: the feed's files, in any format, that changed
    refused: str | None = None
    lost: tuple[str, ...] = ()  #: atom:ids that would have vanished, where that is why
    copies: tuple[str, ...] = ()  #: files written where the feed lay under former names
    left_out: tuple[LeftOut, ...] = ()
    missing: tuple[PostRow, ...] = ()  #: posts that are not where the state says: then nothing was written
    unreadable: tuple[tuple[str, str], ...] = ()  #: (path, reason)
    edited: tuple[PostRow, ...] = ()  #: posts that changed since they were written, as they now are; locked unless plain
    digests: dict[str, bytes] = field(default_factory=dict)  #: SHA-256 of each file and copy, where there are hubs


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveJob:
    """Entries of one month to close: so few that one worker renders them in one go."""

    output: OutputJob  #: the live feed's; its rows are these entries'
    first: PageName  #: of the pages that they need
    previous: str | None  #: path of the page before that
    durable: bool  #: each page is on the disk before the next one, which links it
    mend: bool = False  #: write the first page only, even an empty one: others link it, and it is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What became of them."""

    pages: tuple[str, ...] = ()  #: written, oldest first
    refused: str | None = None  #: why not all of them were
    left_out: tuple[LeftOut, ...] = ()
    moved: frozenset[str] = frozenset()  #: atom:ids whose posts a hand has put into another category: not for these pages
    missing: tuple[PostRow, ...] = ()  #: then nothing was written
    unreadable: tuple[tuple[str, str], ...] = ()  #: (path, reason)
    edited: tuple[PostRow, ...] = ()  #: posts that changed since they were written, as they now are


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlJob:
    """The list of all feeds."""

    site: Site
    frames: tuple[OutputFeed, ...]
    path: str
    redirects: str  #: path of the file that says where feeds with former names are now
    gone: tuple[str, ...]  #: files of categories that are no more
    public: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusJob:
    """The feed that tells how sources are doing."""

    frame: OutputFeed
    site_id: str
    public: Path
    changes: tuple[Change, ...]  #: how sources are doing; what was said already is left out by whoever reads the file
    remembered: dict[str, Kind]  #: what was said last of sources that the file may no longer speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """What became of it."""

    output: OutputResult
    said: dict[str, Kind] | None  #: which sources it now says to fail or to be gone; None: what it said before
    begun_anew: bool = False  #: what lay there was no feed


POSTS_PER_INDEX_JOB = 250  #: enough to make the hand-over cheap, few enough to stay within a worker's time


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexJob:
    """Some posts to read."""

    place: PostsPlace
    paths: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()  #: keys of posts that an archive file names


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What they say."""

    rows: tuple[PostRow, ...]
    unreadable: tuple[tuple[str, str], ...]  #: (path, reason): kept as they are, not published


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPostsJob:
    """Some files that may be posts of the old generator."""

    place: PostsPlace
    paths: tuple[str, ...]
    zone: str  #: IANA name: where their dates were written that name no zone
    now: datetime  #: tells dates that cannot be true


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFile:
    """What one such file is: an old post, one of ours, or something to be left alone."""

    path: str
    ours: str | None = None  #: source id, where it is a post of our own; then only the title is said besides
    foreign: str | None = None  #: why it is somebody else's
    unreadable: str | None = None
    id: str = ""  #: `urn:sha256:` and the hash of title, date and text as written
    title: str = ""
    categories: tuple[str, ...] = ()
    author: str | None = None
    date: datetime | None = None  #: None: it gives none that can be true
    date_written: str | None = None
    naive: bool = False  #: the date named no zone: so the generator wrote the time of its visit
    named: bool = True  #: it names its categories itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteJob:
    """Some posts to write anew with what the settings say today."""

    place: PostsPlace
    rows: tuple[PostRow, ...]
    renamed: Renames
    sources: dict[str, Source]  #: by id, without their secrets; posts of others only get their category's name
    planned: dict[str, PostRow] | None = None  #: by key, each post as it is to be; None: only look


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """What was written, or would be."""

    rows: tuple[PostRow, ...] = ()  #: as their posts are now, or would be
    kept: tuple[str, ...] = ()  #: paths of posts that say otherwise and were edited by hand
    unreadable: tuple[tuple[str, str], ...] = ()  #: (path, reason)


class BugError(Exception):
    """A bug of ours in a worker: foreign exceptions do not all travel between processes, so its trace comes as text."""

    def __init__(self, message: str, trace: str) -> None:
        """Take what was raised, in one line, and the traceback."""
        self.trace = trace
        super().__init__(message, trace)

    def __str__(self) -> str:
        return str(self.args[0])


def _through(work: Callable[[Job], Result], job: Job) -> Result:
    """Do the work; let out only exceptions that can travel."""
    try:
        return work(job)
    except (AggregatorError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - not swallowed: shown as a bug by whoever asked
        raise BugError(f"{type(error).__name__}: {error}", traceback.format_exc()) from None


def run_digest(job: DigestJob) -> Changes | NewNames | Unreadable:
    """One fetched body into posts; see `pipeline.digest`."""
    from aggregator.pipeline.digest import digest

    return _through(digest, job)


def run_digests(jobs: tuple[DigestJob, ...]) -> tuple[Changes | NewNames | Unreadable | Exception, ...]:
    """Several bodies; what one of them raises stands in its place. Raises MemoryError, of any of them.

    Nothing is written before all of them are understood: one that kills this process has changed nothing for the others either.
    """
    from aggregator.pipeline.digest import Understood, carry_out, understand

    found = [_kept(understand, job) for job in jobs]
    return tuple(_kept(carry_out, each) if isinstance(each, Understood) else each for each in found)


def _kept(work: Callable[[Job], Result], job: Job) -> Result | AggregatorError | BugError:
    """Do the work; what it raises that can travel is returned."""
    try:
        return _through(work, job)
    except (AggregatorError, BugError) as error:
        return error


def run_examine(job: ExamineJob) -> Examined | Unreadable:
    """One fetched body looked at, without any effect; see `pipeline.examine`."""
    from aggregator.pipeline.examine import examine

    return _through(examine, job)


def run_index(job: IndexJob) -> Indexed:
    """Posts into rows; see `pipeline.index`."""
    from aggregator.pipeline.index import index_posts

    return _through(index_posts, job)


def run_old_posts(job: OldPostsJob) -> tuple[OldFile, ...]:
    """Files that may be old posts; see `pipeline.adopting`."""
    from aggregator.pipeline.adopting import look_at

    return _through(look_at, job)


def run_rewrite(job: RewriteJob) -> Rewritten:
    """Posts written anew; see `pipeline.rewrite`."""
    from aggregator.pipeline.rewrite import rewrite_posts

    return _through(rewrite_posts, job)


def run_output(job: OutputJob) -> OutputResult:
    """One category's feed; see `pipeline.outputs`."""
    from aggregator.pipeline.outputs import publish_output

    return _through(publish_output, job)


def run_archive(job: ArchiveJob) -> Archived:
    """Some archive pages; see `pipeline.archive`."""
    from aggregator.pipeline.archive import write_pages

    return _through(write_pages, job)


def run_opml(job: OpmlJob) -> OutputResult:
    """The list of feeds; see `pipeline.outputs`."""
    from aggregator.pipeline.outputs import publish_opml

    return _through(publish_opml, job)


def run_status(job: StatusJob) -> StatusResult:
    """The feed of how sources are doing; see `pipeline.status_output`."""
    from aggregator.pipeline.status_output import publish_status

    return _through(publish_status, job)
