"""A project as it lies there -> the records that its pages are made of (`model.page`). Reads only, holds no lock.

The posts are read for what only they hold (texts, authors, files), the state's index for everything else; the ledger says what
was taken out, renamed or moved. A state that is missing, being written, of another version or damaged means that less is known,
never that a page fails. Threads may ask at once. What is kept between questions is of one version; `version` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from aggregator.model.changes import PostRow
from aggregator.model.key import is_key
from aggregator.model.page import Card, FeedsPage, Frame, Gone, ListPage, Moved, Page
from aggregator.model.settings import PAGE_LANGUAGES, Settings
from aggregator.model.source import Source
from aggregator.pipeline.entry_lists import every_list, list_of_category, list_of_source, parted
from aggregator.pipeline.entry_page import entry_page
from aggregator.pipeline.lists import NOTHING_BESIDE, Beside, EntryList, Lists
from aggregator.pipeline.moments import Moments
from aggregator.pipeline.months import is_month
from aggregator.pipeline.page_places import Leaf
from aggregator.pipeline.planning import upcoming
from aggregator.pipeline.shown import Shown
from aggregator.pipeline.shown_posts import NOTHING, Asked, Brief, UnreadablePostError, read_brief
from aggregator.pipeline.source_pages import source_of, status_of
from aggregator.publish.addresses import OPML_PATH, STATUS_PATH

Answer = Page | Moved | Gone | None
_REMEMBERED = 8192  #: posts of which a list's words are kept: a few hundred bytes each
_REMEMBERED_AT_ONCE = 65_536  #: where all pages are made one after the other, an entry stands in half a dozen of them
_AT_ONCE = 5000
#: Parts of a language tag that tell which of the two Chinese writings is meant (BCP 47: script, then region).
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


class Pages:
    """The pages of one project."""

    def __init__(self, settings: Callable[[], Settings], *, clock: Callable[[], datetime], static: bool = False) -> None:
        """Take what returns the settings as they are now, and the time; `static`: for a host that only has files.

        The same settings are the same object: another one means that the configuration was read anew.
        """
        self._settings = settings
        self._clock = clock
        self._static = static
        self._moments = Moments(settings)
        self._brief = lru_cache(maxsize=_REMEMBERED_AT_ONCE if static else _REMEMBERED)(read_brief)

    @property
    def problem(self) -> str | None:
        """Return why less is shown than there is, in words; None: nothing is known to be amiss."""
        return self._moments.problem

    @property
    def failures(self) -> int:
        """Return how many questions to the state had no answer, although it is there."""
        return self._moments.failures

    def close(self) -> None:
        """Let the state go."""
        self._moments.close()

    def version(self) -> str:
        """Return a text that is another whenever anything that pages show may have changed."""
        return self._moments.now()[0]

    def moment(self) -> Shown:
        """Return what is known now."""
        return self._moments.now()[1]

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
        shown = self.moment()
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
            built=None if self._static else self._moments.published(),
            sources=len(shown.settings.sources),
            failing=0 if self._static else shown.failing,
            is_static=self._static,
            carry=carry,
        )

    def page(self, path: tuple[str, ...], query: Mapping[str, str]) -> Answer:
        """Return what stands at a path, given in its decoded parts: () is the index.

        None: there is no such page, and never was as far as anybody knows.
        """
        shown = self.moment()
        found = self._found(shown, path, query)
        if found is None and (href := shown.places.moved(path)) is not None:
            return Moved(href=href)
        if found is None and path[:1] == ("c",) and {path[1:], parted(path[1:])[0]} & shown.places.removed:
            return Gone()
        if isinstance(found, ListPage) and found.path != _address(path):
            return Moved(href=found.path)  # its links are relative: here they would lead astray
        return found

    def addresses(self) -> Iterator[str]:
        """Yield the address of every page of the site, but for searches."""
        shown = self.moment()
        yield from ("/feeds/", "/status/")
        lists = self.lists(shown)
        for which in self.all_lists(shown):
            yield which.base
            yield from (address for address, _, _ in lists.addresses(which))
        for key in self.keys():
            yield f"/e/{key}/"

    def keys(self) -> Iterator[str]:
        """Yield the keys of all entries that are shown."""
        shown = self.moment()
        after = ""
        while portion := _keys_behind(shown, after):
            yield from (key for key in portion if key not in shown.hidden)
            after = portion[-1]

    # -- for searching ----------------------------------------------------------------------------------------------

    def leaves(self, parts: tuple[str, ...]) -> tuple[Leaf, ...] | None:
        """Return what is stored for the category at /c/PARTS/, with those below it; None: there is none."""
        place = self.moment().places.categories.get(parts)
        return None if place is None else place.leaves

    def source_id(self, name: str) -> str | None:
        """Return the identity of the source at /s/NAME/; None: there is none."""
        shown = self.moment()
        own = _identity(shown, name)
        if own is None or (shown.places.source(own) is None and not shown.days_of_source(own)):
            return None
        return own

    def cards(self, keys: Sequence[str]) -> list[Card]:
        """Return the entries with these keys, in this order, as lists show them; those that are not shown are left out."""
        shown = self.moment()
        rows = {row.key: row for row in shown.found(keys)}
        return [self.card(shown, rows[key]) for key in keys if key in rows]

    # -- what pages are made of -------------------------------------------------------------------------------------

    def lists(self, shown: Shown) -> Lists:
        """Return what makes pages of lists."""
        return Lists(shown, lambda row: self.card(shown, row), static=self._static)

    def all_lists(self, shown: Shown) -> Iterator[EntryList]:
        """Yield every list of entries that has a page: of each category and of each source."""
        return every_list(shown)

    def card(self, shown: Shown, row: PostRow) -> Card:
        """Return an entry as lists show it."""
        return shown.card(row, self._read(shown, row))

    def _read(self, shown: Shown, row: PostRow) -> Brief:
        try:
            return self._brief(shown.posts, Asked.of(row))
        except UnreadablePostError:
            return NOTHING

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
            case ("status",):
                return status_of(shown, self._clock())
        return self._category(shown, path) if not path or is_month(path[0]) else None

    def _category(self, shown: Shown, parts: tuple[str, ...]) -> ListPage | None:
        lists = self.lists(shown)
        places = shown.places.categories
        if (place := places.get(parts)) is not None:
            sources = tuple(shown.places.sources_in(place))
            return lists.front(list_of_category(shown, place), self._beside(shown, sources))
        head, month, number = parted(parts)
        place = places.get(head)
        return None if place is None or month is None else lists.month(list_of_category(shown, place), month, number)

    def _source(self, shown: Shown, name: str, rest: tuple[str, ...]) -> Page | None:
        own = _identity(shown, name)
        if own is None:
            return None
        lists, which = self.lists(shown), list_of_source(shown, own)
        if rest:
            head, month, number = parted(rest)
            return None if head or month is None else lists.month(which, month, number)
        source = shown.places.source(own)
        if source is None and not which.months:
            return None
        entries = lists.front(which)
        # What polls came to is of the moment: on a static host each of them would write the page anew.
        return entries if source is None or self._static else source_of(shown, source, entries, self._clock())

    def _entry(self, shown: Shown, key: str, query: Mapping[str, str]) -> Page | Gone | None:
        row = shown.row(key) if is_key(key) else None
        if row is None:
            return Gone() if key in shown.gone or (is_key(key) and shown.has_expired(key)) else None
        mode = shown.settings.pages.pictures
        may = mode != "never" and not self._static
        pictures = mode == "always" or (may and query.get("pictures") == "1")
        return entry_page(shown, row, shown.card, pictures=pictures, may_show_pictures=may)

    def _beside(self, shown: Shown, sources: Sequence[Source]) -> Beside:
        if self._static:
            return NOTHING_BESIDE

        def next_poll() -> datetime | None:
            now = self._clock()
            nexts = (upcoming(source, shown.sources.get(source.id), shown.hosts, now).at for source in sources)
            return min((at for at in nexts if at is not None), default=None)

        return Beside(dots=shown.dots(sources), next_poll=next_poll)


def _identity(shown: Shown, name: str) -> str | None:
    """Return the identity of the source that is called so; one that was removed is called by it."""
    source = shown.places.sources.get(name)
    if source is not None:
        return source.id
    return None if shown.places.source(name) is not None else name


def _address(path: tuple[str, ...]) -> str:
    """Return the address of a list, given in its parts."""
    return "/".join(["", *path, ""]) if path else "/"


def _keys_behind(shown: Shown, after: str) -> list[str]:
    return shown.ask(lambda state: state.listing.keys(after, _AT_ONCE)) or []


def _nearest(tag: str) -> str | None:
    """Return the language of ours that a language tag means, if there is one."""
    parts = tag.lower().replace("_", "-").split("-")
    if parts[0] == "en":
        return "en"
    if parts[0] != "zh":
        return None
    return "zh-TW" if _TRADITIONAL & set(parts[1:]) and "hans" not in parts else "zh-CN"
