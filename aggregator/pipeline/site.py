"""A project -> the site that the server serves: pages as bytes, the schedule of its files, and whether it is fit to be served.

Never writes, holds no lock; what cannot be read is not shown, and said by `troubles`. Threads may ask at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from aggregator.errors import ConfigError
from aggregator.model.page import EntryPage, FeedsPage, Frame, Gone, ListPage, LostPage, Moved, Page, StatusPage
from aggregator.model.settings import PAGE_LANGUAGES, Settings
from aggregator.pages import Theme, render, script, stylesheet
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.pages import Pages
from aggregator.pipeline.readiness import Standing, obstacles
from aggregator.pipeline.search_page import search_page
from aggregator.pipeline.site_json import status_json
from aggregator.pipeline.theme_files import placed, read_theme, theme_mark
from aggregator.serve.site import Answer, Fields, Policy
from aggregator.store.opening import state_file
from aggregator.store.search import SEARCH_PATH

if TYPE_CHECKING:
    from aggregator.pipeline.metrics import Metrics

_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_SHORTEST = 60  #: seconds that any feed is good for without asking
_LONGEST = 3600  #: and the longest: what is taken down is not to stand in caches for a day
_OF_PAGES = 60  #: seconds that a page is good for
_DAY = 24 * 3600
#: Parts of an address beyond which nobody went astray: the links of a page there climb out of all of them, each of them again.
_DEEPEST = 50
_OF_ANY: Fields = {"lang": None}  # the server itself makes one of ours of it
_OF_AN_ENTRY: Fields = {**_OF_ANY, "pictures": frozenset({"1"})}
_OF_A_SEARCH: Fields = {**_OF_ANY, "q": None, "c": None, "s": None, "page": None}
#: For browsers that open a feed, which names no picture of its own.
_ICON = (
    b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' fill='#a3421f'/>"
    b"<circle cx='5' cy='11' r='1.6' fill='#fff'/><path d='M3.6 6.6a5.8 5.8 0 0 1 5.8 5.8M3.6 3.4a9 9 0 0 1 9 9' fill='none' "
    b"stroke='#fff' stroke-width='1.5'/></svg>"
)
#: A search is made of whatever somebody types: there is no end to such addresses.
_ROBOTS = b"User-agent: *\nDisallow: /search\n"
_NOBODY = b"User-agent: *\nDisallow: /\n"


class ProjectSite:
    """What one project publishes, as its settings of the moment say."""

    languages: tuple[str, ...] = PAGE_LANGUAGES

    def __init__(
        self, settings: Settings, *, clock: Callable[[], datetime], index: Path | None = None, metrics: Metrics | None = None
    ) -> None:
        """Take the project; `settings` may be set anew at any time. `index` is what is searched, if it lies elsewhere."""
        self.settings = settings
        #: The last word of the round of polls that is going on beside us; None: there is none.
        self.heard: Callable[[], datetime | None] = lambda: None
        self.index = index or settings.root / SEARCH_PATH
        self._clock = clock
        self._metrics = metrics
        self._pages = Pages(lambda: self.settings, clock=clock)
        self._theme: tuple[object, Theme | None] = (None, None)
        self._theme_problem: str | None = None
        self._ages: tuple[Settings, dict[tuple[str, ...], int]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is held open."""
        self._pages.close()

    def effective(self) -> Settings:
        """Return the settings that count, with what the ledger says of names and moves."""
        return self._pages.moment().settings

    def fields(self, path: tuple[str, ...]) -> Fields:
        """Return what of a query the answer at that address depends on."""
        return {"search": _OF_A_SEARCH, "e": _OF_AN_ENTRY}.get(path[0] if path else "", _OF_ANY)

    def version(self) -> str:
        """Return a word that changes with whatever is shown; each minute too, for how a source is doing depends on the time."""
        return f"{self._pages.version()} {theme_mark(self.settings)} {self._clock():%Y-%m-%dT%H:%M}"

    def find(self, path: tuple[str, ...], query: Mapping[str, str], languages: Sequence[str]) -> Answer | None:
        """Return what is at an address, as it is sent."""
        match path:
            case ("static", name):
                return self._asset(name)
            case ("favicon.ico",):
                return Answer(content=_ICON, type="image/svg+xml", max_age=_DAY, policy=Policy.NOTHING)
            case ("robots.txt",):
                content = _ROBOTS if self.settings.server.secret is None else _NOBODY
                return Answer(content=content, type=_TEXT, max_age=_DAY, policy=Policy.NOTHING)
            case ("status.json",):
                page = self._status()
                return None if page is None else Answer(content=status_json(page), type=_JSON, policy=Policy.NOTHING)
            case ("metrics",):
                return self._numbers()
        return self._page(path, query, self._pages.language(languages))

    def max_age(self, path: tuple[str, ...]) -> int:
        """Return for how long a feed is as new as it gets: the shortest interval of its sources, as its RSS twin's ttl says.

        What is no feed of now, such as an archive page or a list, is good for as long as the quickest feed.
        """
        settings = self.settings
        if self._ages is None or self._ages[0] is not settings:
            self._ages = (settings, _ages(settings))
        ages = self._ages[1]
        return ages.get(path) or ages[()]

    def troubles(self) -> Sequence[str]:
        """Say in words what keeps the site from being served well."""
        state = state_file(self.settings.state.url.reveal(), self.settings.root)
        is_new = state is not None and not state.exists()  # or a host that has the published files alone
        standing = Standing(
            now=self._clock(),
            state_problem=None if is_new else self._pages.problem,
            has_feeds=(self.settings.root / self.settings.public.dir / "feeds/all.atom").exists(),
            heard=self.heard(),
        )
        return (*obstacles(standing), *([self._theme_problem] if self._theme_problem else ()))

    # -- what is no page --------------------------------------------------------------------------------------------

    def _asset(self, name: str) -> Answer | None:
        """Return a file that pages are shown with; its name holds a hash of it."""
        for (known, content), kind in ((stylesheet(self._read_theme()), "text/css"), (script(), "text/javascript")):
            if name == known:
                return Answer(content=content, type=f"{kind}; charset=utf-8", is_lasting=True, policy=Policy.NOTHING)
        return None

    def _status(self) -> StatusPage | None:
        page = self._pages.page(("status",), {})
        return page if isinstance(page, StatusPage) else None

    def _numbers(self) -> Answer | None:
        if self._metrics is None:
            return None
        from aggregator.pipeline.metrics import CONTENT_TYPE

        content = self._metrics.text(self._status())
        return Answer(content=content, type=CONTENT_TYPE, policy=Policy.NOTHING, is_kept=False)

    # -- pages ------------------------------------------------------------------------------------------------------

    def _page(self, path: tuple[str, ...], query: Mapping[str, str], language: str) -> Answer | None:
        asked, ends_in_slash = path, path[-1:] == ("",)
        path = path[:-1] if ends_in_slash else path
        frame = self._pages.frame(language, carry=f"lang={language}" if query.get("lang") == language else "")
        is_search = path == ("search",)
        found = search_page(self._pages, self.index, query) if is_search else self._pages.page(path, query)
        if isinstance(found, Moved):
            return _elsewhere(found.href)
        if found is None or isinstance(found, Gone):
            return self._lost(asked, frame, gone=found is not None)
        if path and _is_folder(found) != ends_in_slash:  # else its links, which are relative, would lead astray
            return _elsewhere("/".join(path) + ("/" if _is_folder(found) else ""))
        return Answer(
            content=self._render(found, frame),
            type=_HTML,
            max_age=0 if is_search or isinstance(found, StatusPage) else _OF_PAGES,
            policy=Policy.PICTURES if isinstance(found, EntryPage) and found.shows_pictures else Policy.PAGE,
            by_language=True,
            is_kept=not is_search,
        )

    def _lost(self, path: tuple[str, ...], frame: Frame, *, gone: bool) -> Answer | None:
        """Return the page for people who went astray; None for what only programs ask for."""
        if not gone and path and ("." in path[-1] or path[0] == "static" or len(path) > _DEEPEST):
            return None
        feeds = self._pages.page(("feeds",), {})
        asked_for = "/" + "/".join(quote(part, safe="") for part in path)  # a "?" in a part does not end it
        page = LostPage(gone=gone, feeds=feeds.feeds if isinstance(feeds, FeedsPage) else (), path=asked_for)
        return Answer(content=self._render(page, frame), type=_HTML, status=410 if gone else 404, by_language=True)

    def _render(self, page: Page, frame: Frame) -> bytes:
        """Return the HTML; with a theme that is broken, ours, and `troubles` says so."""
        theme = self._read_theme()
        if theme is not None:
            try:
                return render(page, frame, theme=theme)
            except ConfigError as error:
                self._theme = (self._theme[0], None)
                self._theme_problem = f"pages have our own look, for the theme is broken: {placed(error, self.settings)}"
        return render(page, frame)

    def _read_theme(self) -> Theme | None:
        mark = (self.settings.pages.theme, theme_mark(self.settings))
        if mark != self._theme[0]:
            try:
                self._theme, self._theme_problem = (mark, read_theme(self.settings)), None
            except ConfigError as error:
                self._theme, self._theme_problem = (mark, None), f"pages have our own look, for the theme is broken: {error}"
        return self._theme[1]


def _elsewhere(href: str) -> Answer:
    return Answer(content=b"", type=_TEXT, status=301, location=href.removeprefix("/"))


def _is_folder(page: Page) -> bool:
    """Tell whether a page's address ends in a slash."""
    if isinstance(page, StatusPage):
        return False
    return not isinstance(page, ListPage) or page.path.endswith("/")


def _ages(settings: Settings) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for frame in plan_frames(settings, ()):
        age = min(max((frame.ttl or 0) * 60, _SHORTEST), _LONGEST)
        for path in (frame.path, *(twin.path for twin in frame.twins)):
            found[tuple(path.split("/"))] = age
    return found | {(): min(found.values())}
