"""A project as it lies there -> the records that its pages are made of (`model.page`). Reads only, holds no lock.

The posts are read for what only they hold (texts, authors, files), the state's index for everything else; the ledger says what
was taken out, renamed or moved. A state that is missing, being written, of another version or damaged means that less is known,
never that a page fails. Threads may ask at once. What is kept between questions is of one version; `version` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from threading import Lock

from aggregator.errors import ConfigError, StoreError
from aggregator.model.changes import PostRow
from aggregator.model.page import Card, FeedsPage, Frame, Gone, ListPage, Moved, Page
from aggregator.model.settings import PAGE_LANGUAGES, Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import effective
from aggregator.pipeline.entry_page import entry_page
from aggregator.pipeline.jobs import PostsPlace
from aggregator.pipeline.lists import NOTHING_BESIDE, Beside, EntryList, Lists, since
from aggregator.pipeline.months import is_month
from aggregator.pipeline.page_places import CategoryPlace
from aggregator.pipeline.planning import upcoming
from aggregator.pipeline.shown import Shown
from aggregator.pipeline.shown_posts import NOTHING, Asked, Brief, UnreadablePostError, read_brief
from aggregator.pipeline.state_reader import StateReader
from aggregator.publish.addresses import OPML_PATH, STATUS_PATH
from aggregator.store.ledger import FILE_NAME, Ledger
from aggregator.store.listing import Wanted

Answer = Page | Moved | Gone | None
_REMEMBERED = 8192  #: posts of which a list's words are kept: a few hundred bytes each
_AT_ONCE = 5000
#: Parts of a language tag that tell which of the two Chinese writings is meant (BCP 47: script, then region).
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


class Pages:
    """The pages of one project."""

    def __init__(self, settings: Callable[[], Settings], *, clock: Callable[[], datetime], static: bool = False) -> None:
        """Take what returns the settings as they are now, and the time; `static`: for a host that only has files."""
        self._settings = settings
        self._clock = clock
        self._static = static
        self._lock = Lock()
        first = settings()
        self._reader = StateReader(first.state.url, first.root)
        self._brief = lru_cache(maxsize=_REMEMBERED)(read_brief)
        self._told = first
        self._changes = 0
        self._ledger: Ledger | None = None
        self._ledger_mark: object = None
        self._now: tuple[str, Shown] | None = None
        self._ledger_problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Return why less is shown than there is, in words; None: nothing is known to be amiss."""
        return self._reader.problem or self._ledger_problem

    def close(self) -> None:
        """Let the state go."""
        self._reader.close()

    def version(self) -> str:
        """Return a text that is another whenever anything that pages show may have changed."""
        return self._shown()[0]

    def language(self, asked: Sequence[str] = ()) -> str:
        """Return the language of ours that comes first among those asked for; without any, the site's."""
        settings = self._settings()
        for tag in () if self._static else asked:
            if (found := _nearest(tag)) is not None:
                return found
        return settings.pages.language or _nearest(settings.site.language or "en") or "en"

    def frame(self, language: str, *, carry: str = "") -> Frame:
        """Return what all pages have in common; `carry` is the query that links carry on.

        Of a static host's it tells nothing that is of the moment: every page would change with it.
        """
        _, shown = self._shown()
        site, places = shown.settings.site, shown.places
        return Frame(
            title=site.title,
            url=site.url if site.url.endswith("/") else f"{site.url}/",
            language=language,
            languages=(language,) if self._static else PAGE_LANGUAGES,
            nav=places.nav(),
            all_feed=places.everything.feed,
            opml=f"/{OPML_PATH}",
            timezone=site.timezone,
            built=None if self._static else self._built(),
            sources=len(shown.settings.sources),
            failing=0 if self._static else shown.failing,
            is_static=self._static,
            carry=carry,
        )

    def page(self, path: tuple[str, ...], query: Mapping[str, str]) -> Answer:
        """Return what stands at a path, given in its decoded parts: () is the index.

        None: there is no such page, and never was as far as anybody knows.
        """
        _, shown = self._shown()
        return self._found(shown, path, query) or self._moved(shown, path)

    def addresses(self) -> Iterator[str]:
        """Yield the address of every page of the site, but for searches."""
        _, shown = self._shown()
        yield from ("/feeds/", "/status/")
        lists = self._lists(shown)
        for which in self._all_lists(shown):
            yield which.base
            yield from (address for address, _, _ in lists.addresses(which))
        for key in self.keys():
            yield f"/e/{key}/"

    def keys(self) -> Iterator[str]:
        """Yield the keys of all entries that are shown."""
        _, shown = self._shown()
        after = ""
        while portion := self._keys_behind(shown, after):
            yield from (key for key in portion if key not in shown.hidden)
            after = portion[-1]

    def _keys_behind(self, shown: Shown, after: str) -> list[str]:
        return shown.ask(lambda state: state.listing.keys(after, _AT_ONCE)) or []

    # -- one page ---------------------------------------------------------------------------------------------------

    def _found(self, shown: Shown, path: tuple[str, ...], query: Mapping[str, str]) -> Answer:
        match path:
            case ("c", _, *_):
                return self._category(shown, path[1:])
            case ("s", name, *rest):
                return self._source(shown, name, tuple(rest))
            case ("e", key):
                return self._entry(shown, key, query)
            case ("feeds",):
                status = f"/{STATUS_PATH}" if shown.settings.public.status else None
                return FeedsPage(feeds=shown.places.feeds(), status=status)
        return self._category(shown, path) if not path or is_month(path[0]) else None

    def _moved(self, shown: Shown, path: tuple[str, ...]) -> Moved | None:
        href = shown.places.moved(path)
        return Moved(href=href) if href is not None else None

    def _category(self, shown: Shown, parts: tuple[str, ...]) -> ListPage | None:
        lists = self._lists(shown)
        places = shown.places.categories
        if (place := places.get(parts)) is not None:
            return lists.front(_of_category(shown, place), self._beside(shown, list(shown.places.sources_in(place))))
        head, month, number = _split(parts)
        place = places.get(head)
        return None if place is None or month is None else lists.month(_of_category(shown, place), month, number)

    def _source(self, shown: Shown, name: str, rest: tuple[str, ...]) -> Page | None:
        own = self._identity(shown, name)
        if own is None:
            return None
        lists, which = self._lists(shown), _of_source(shown, own)
        if rest:
            head, month, number = _split(rest)
            return None if head or month is None else lists.month(which, month, number)
        source = shown.places.source(own)
        if source is None:
            return lists.front(which) if which.months else None
        return lists.front(which, self._beside(shown, [source]))

    def _identity(self, shown: Shown, name: str) -> str | None:
        """Return the identity of the source that is called so; one that was removed is called by it."""
        source = shown.places.sources.get(name)
        if source is not None:
            return source.id
        return None if shown.places.source(name) is not None else name

    def _entry(self, shown: Shown, key: str, query: Mapping[str, str]) -> Page | Gone | None:
        row = shown.row(key)
        if row is None:
            return Gone() if key in shown.gone or shown.has_expired(key) else None
        mode = shown.settings.pages.pictures
        may = mode != "never" and not self._static
        pictures = mode == "always" or (may and query.get("pictures") == "1")
        return entry_page(shown, row, self._card(shown, row), pictures=pictures, may_show_pictures=may)

    # -- what pages are made of -------------------------------------------------------------------------------------

    def _lists(self, shown: Shown) -> Lists:
        return Lists(shown, lambda row: self._card(shown, row))

    def _all_lists(self, shown: Shown) -> Iterator[EntryList]:
        for place in shown.places.categories.values():
            yield _of_category(shown, place)
        own = [source.id for source in shown.settings.sources]
        for each in dict.fromkeys((*own, *(shown.ask(lambda state: state.listing.sources()) or ()))):
            which = _of_source(shown, each)
            if which.months or shown.places.source(each) is not None:
                yield which

    def _beside(self, shown: Shown, sources: Sequence[Source]) -> Beside:
        if self._static:
            return NOTHING_BESIDE

        def next_poll() -> datetime | None:
            now = self._clock()
            nexts = (upcoming(source, shown.sources.get(source.id), shown.hosts, now).at for source in sources)
            return min((at for at in nexts if at is not None), default=None)

        return Beside(dots=shown.dots(sources), next_poll=next_poll)

    def _card(self, shown: Shown, row: PostRow) -> Card:
        brief = self._read(shown.posts, row)
        return Card(
            key=row.key,
            title=row.title,
            href=f"/e/{row.key}/",
            source=shown.source_link(row.source_id),
            date=row.date,
            summary=brief.summary,
            language=brief.language,
            categories=shown.places.trail(row.categories),
            audio=brief.audio,
        )

    def _read(self, place: PostsPlace, row: PostRow) -> Brief:
        try:
            return self._brief(place, Asked.of(row))
        except UnreadablePostError:
            return NOTHING

    def _built(self) -> datetime | None:
        mark = self._feeds_mark()
        return None if mark is None else datetime.fromtimestamp(mark // 1_000_000_000, UTC)

    def _feeds_mark(self) -> int | None:
        settings = self._told
        try:
            return (settings.root / settings.public.dir / "feeds/all.atom").stat().st_mtime_ns
        except OSError:
            return None

    # -- versions ---------------------------------------------------------------------------------------------------

    def _shown(self) -> tuple[str, Shown]:
        """Return this moment's version, and what is known in it."""
        settings = self._settings()
        with self._lock:
            if settings is not self._told:
                self._changes += 1
                self._told = settings
                if self._ledger_mark is not None:
                    self._ledger_mark = ()  # renames count for other settings now
            changed = self._look_at_ledger(settings)
            marks = (self._changes, self._reader.mark(), self._ledger_mark, self._feeds_mark())
            version = sha256(repr(marks).encode()).hexdigest()[:16]
            if self._now is None or self._now[0] != version or changed:
                self._now = (version, Shown(self._effective(settings), self._ledger, self._reader))
            return self._now

    def _look_at_ledger(self, settings: Settings) -> bool:
        """Read the ledger if it changed; one that cannot be read leaves what the last one said."""
        path = settings.root / FILE_NAME
        try:
            found = path.stat()
            mark: object = (found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            mark = None
        if mark == self._ledger_mark and self._ledger is not None:
            return False
        self._ledger_mark = mark
        try:
            self._ledger = Ledger.load(path)
            self._ledger_problem = None
        except StoreError as error:
            self._ledger_problem = str(error)
        return True

    def _effective(self, settings: Settings) -> Settings:
        if self._ledger is None:
            return settings
        try:
            return effective(settings, self._ledger)
        except ConfigError as error:
            self._ledger_problem = str(error)
            return settings


def _of_category(shown: Shown, place: CategoryPlace) -> EntryList:
    taken = shown.places.categories
    return EntryList(
        base=place.link.href,
        title=place.link.title,
        wanted=Wanted(categories=place.leaves),
        since=since(shown.days(place), shown.settings.pages.entries + 1),
        months=tuple((month, number) for month, number in shown.months_of(place) if (*place.parts, month) not in taken),
        feed=place.feed,
        parents=shown.places.trail(place.frame.category)[:-1],
        children=place.children,
    )


def _of_source(shown: Shown, own: str) -> EntryList:
    link = shown.source_link(own)
    days = shown.days_of_source(own)
    return EntryList(
        base=link.href,
        title=link.title,
        wanted=Wanted(source_id=own),
        since=since(days, shown.settings.pages.entries + 1),
        months=shown.months(days),
    )


def _split(parts: tuple[str, ...]) -> tuple[tuple[str, ...], str | None, int | None]:
    """Return the list that a path belongs to, the month, and the number of a full page of it."""
    if parts and is_month(parts[-1]):
        return parts[:-1], parts[-1], None
    if len(parts) > 1 and is_month(parts[-2]) and parts[-1].isascii() and parts[-1].isdigit() and parts[-1][0] != "0":
        return parts[:-2], parts[-2], int(parts[-1][:9])
    return parts, None, None


def _nearest(tag: str) -> str | None:
    """Return the language of ours that a language tag means, if there is one."""
    parts = tag.lower().replace("_", "-").split("-")
    if parts[0] == "en":
        return "en"
    if parts[0] != "zh":
        return None
    return "zh-TW" if _TRADITIONAL & set(parts[1:]) and "hans" not in parts else "zh-CN"
