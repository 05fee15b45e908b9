"""Settings and the categories that posts stand in -> the feeds to publish, each with its frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from unicodedata import normalize

from aggregator.model.key import feed_id
from aggregator.model.output import OutputFeed, Twin
from aggregator.model.settings import FORMAT_NAMES, Category, Settings, Site
from aggregator.publish.addresses import STATUS_PATH, SUFFIX, output_path, public_url, style_link, twin_path
from aggregator.publish.pages import MOST_LEVELS, archive_folder
from aggregator.schedule import DEFAULT_EVERY

#: Where others have a category: its empty part is one that no category has, so no category's feed has the same id.
STATUS = ("", "status")
STATUS_ENTRIES = 50
#: Of the documents that `publish` makes: raised when their bytes change for the same entries, so that all are written again.
_FORMAT = 2


def plan_frames(settings: Settings, leaves: Iterable[tuple[str, ...]]) -> tuple[OutputFeed, ...]:
    """Return a frame for every category that is configured or holds posts, every prefix of it, and `all`.

    A configured category without posts gets a feed too, so that it can be subscribed to before its first entry. Order: `all`,
    then as configured, then what only old posts name, sorted. Posts that carry a category's former name stand in its feed.
    """
    paths: dict[tuple[str, ...], None] = {(): None}
    configured = [category.path for category in settings.categories] + [s.categories for s in settings.sources]
    for path in (*configured, *sorted({settings.renamed.current(leaf) for leaf in leaves})):
        for depth in range(1, len(path) + 1):
            paths.setdefault(path[:depth])
    frames: dict[str, OutputFeed] = {}
    intervals = _intervals(settings)
    named: dict[tuple[str, ...], Category] = {}
    for category in settings.categories:
        named.setdefault(category.path, category)
    for path in paths:
        frame = _frame(settings, path, named.get(path), intervals.get(path, DEFAULT_EVERY))
        # Old posts may spell a category otherwise than the config does now (News, news): one file, one feed.
        first = frames.setdefault(_folded(frame.path), frame)
        if first is not frame:
            frames[_folded(frame.path)] = replace(first, also=(*first.also, path))
    return _with_former(settings, tuple(frames.values()))


def status_frame(settings: Settings) -> OutputFeed:
    """Return the frame of the feed that tells how sources are doing; it has no twins, and no list names it."""
    site = settings.site
    return OutputFeed(
        category=STATUS,
        path=STATUS_PATH,
        id=feed_id(site.id, STATUS),
        title=f"Status - {site.title}",
        self_link=public_url(site.url, STATUS_PATH),
        page_link=site.url,
        style=style_link(site.url),
        author=site.author or site.title,
        language="en",
        icon=_picture(site, site.icon),
        logo=_picture(site, site.logo),
        max_entries=STATUS_ENTRIES,
        max_bytes=settings.public.max_bytes,
        hubs=tuple(dict.fromkeys(settings.public.hubs)),
    )


def _with_former(settings: Settings, frames: tuple[OutputFeed, ...]) -> tuple[OutputFeed, ...]:
    """Give each feed the files that it lay at before; one that another feed lies at now, or did last, is that one's."""
    if not settings.renamed.steps:
        return _with_archives(settings, frames)
    taken = {_folded(frame.path) for frame in frames}
    found: list[OutputFeed] = []
    for frame in frames:
        files: list[str] = []
        for file in _former_files(settings, frame.category, frame.path):
            if _folded(file) not in taken:
                taken.add(_folded(file))
                files.append(file)
        found.append(replace(frame, former=tuple(files)) if files else frame)
    return _with_archives(settings, tuple(found))


def _with_archives(settings: Settings, frames: tuple[OutputFeed, ...]) -> tuple[OutputFeed, ...]:
    """Say where the archive pages of each feed lie: below its name, and what was closed under former names there for ever."""
    if not settings.public.archives:
        return frames
    return tuple(
        replace(frame, archive=tuple(archive_folder(path) for path in (frame.path, *frame.former)))
        if len(frame.category) <= MOST_LEVELS
        else frame
        for frame in frames
    )


def _former_files(settings: Settings, path: tuple[str, ...], file: str) -> Iterator[str]:
    """Yield where a category's feed lay under its former names, the last one first."""
    for step, _ in settings.renamed.earlier(path):
        top = step.file or output_path(step.old, settings.categories)
        below = file.removesuffix(SUFFIX).split("/")[1 + len(step.new) :]  # each part of a path is one of its file's
        file = "/".join([top.removesuffix(SUFFIX), *below]) + SUFFIX
        yield file


def _folded(file: str) -> str:
    """Return a file's name such that two that some file system takes for one are equal."""
    return normalize("NFC", file.casefold())


def frame_hash(*parts: object) -> bytes:
    """Return a hash of everything about an output that is not its entries; records here have a faithful repr."""
    return sha256(repr((_FORMAT, parts)).encode("utf-8", "surrogatepass")).digest()[:16]


def outputs_of(settings: Settings, category: tuple[str, ...]) -> tuple[str, ...]:
    """Return the outputs that a post of this category stands in: its own, every prefix's, and `all`.

    For a spelling that is not the config's the path may differ in case from the one that is written; see `plan_frames`.
    """
    category = settings.renamed.current(category)
    return tuple(output_path(category[:depth], settings.categories) for depth in range(len(category) + 1))


def _intervals(settings: Settings) -> dict[tuple[str, ...], timedelta]:
    """Return the shortest interval of the sources of each category and of those below it, as configured."""
    shortest: dict[tuple[str, ...], timedelta] = {}
    for source in settings.sources:
        every = source.every or DEFAULT_EVERY
        for depth in range(len(source.categories) + 1):
            path = source.categories[:depth]
            shortest[path] = min(shortest.get(path, every), every)
    return shortest


def _frame(settings: Settings, path: tuple[str, ...], category: Category | None, interval: timedelta) -> OutputFeed:
    """Return the frame of one feed; `category` is what the config says of it."""
    site = settings.site
    own_title = category.title if category and category.title else None
    title = site.title if not path else f"{own_title or ' / '.join(path)} - {site.title}"
    file = output_path(path, settings.categories)
    own_formats = category.formats if category else None  # an empty list is Atom alone
    formats = settings.public.formats if own_formats is None else own_formats
    twins = {format_: twin_path(file, format_) for format_ in FORMAT_NAMES if format_ in formats and format_ != "atom"}
    return OutputFeed(
        category=path,
        path=file,
        id=feed_id(site.id, settings.renamed.first(path)),
        title=title,
        self_link=public_url(site.url, file),
        page_link=site.url,
        style=style_link(site.url),
        author=site.author or site.title,
        language=(category.language if category else None) or site.language,
        icon=_picture(site, (category.icon if category else None) or site.icon),
        logo=_picture(site, (category.logo if category else None) or site.logo),
        max_entries=(category.entries if category else None) or settings.public.entries,
        max_bytes=settings.public.max_bytes,
        ttl=max(1, round(interval / timedelta(minutes=1))),
        twins=tuple(Twin(format=name, path=twin, self_link=public_url(site.url, twin)) for name, twin in twins.items()),
        hubs=tuple(dict.fromkeys(settings.public.hubs)),
    )


def _picture(site: Site, given: str | None) -> str | None:
    """Return the address of a picture that is named by an address, or by a file's path below the site's."""
    if given is None or given.lower().startswith(("http://", "https://")):
        return given
    return public_url(site.url, given)
