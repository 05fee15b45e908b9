"""The settings of a project: every default stands here, once, and nowhere else.

Plain records without a parser, so that workers can carry them; `aggregator.settings` fills them from files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aggregator.model.renames import NEVER, Renames
from aggregator.model.retention import FOR_EVER, Keep
from aggregator.model.source import Secret, Source

#: What a feed can be published as; Atom always is, since what a run knows of a feed stands in that file.
FORMAT_NAMES = ("atom", "rss", "json")

#: When hubs are told of changes: by the run that wrote them, or by `aggregator ping` once they are live.
PING_TIMES = ("now", "later")

#: Languages that the words of pages are there in.
PAGE_LANGUAGES = ("zh-CN", "zh-TW", "en")

#: What becomes of pictures of other hosts in a page: the reader may switch them on, they load at once, or never.
PICTURES = ("ask", "always", "never")

#: What a post can look like; each is a module of `store/profiles`.
PROFILE_NAMES = ("default", "volantis", "hexo", "hugo", "jekyll")


def split_category(text: str) -> tuple[str, ...]:
    r"""Return the parts of a category path written as one text: `新媒体/ZAKER`.

    A backslash takes the slash or backslash behind it as it is: `C\/C++` is one part. Parts may come out empty.
    """
    parts = [""]
    escaped = False
    for char in text:
        if escaped:
            parts[-1] += char if char in "\\/" else f"\\{char}"
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "/":
            parts.append("")
        else:
            parts[-1] += char
    if escaped:
        parts[-1] += "\\"
    return tuple(parts)


def join_category(parts: tuple[str, ...]) -> str:
    """Return a category path as one text, such that `split_category` gives the parts again."""
    return "/".join(part.replace("\\", "\\\\").replace("/", "\\/") for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Who publishes."""

    id: str  #: an absolute IRI minted once by `init` (urn:uuid:...); feed ids derive from it (RFC 4287 §4.2.6)
    title: str  #: of the site; the feed of everything carries it
    url: str  #: absolute http(s) address of the folder `public.dir` is served at, ending in "/"
    author: str | None = None  #: feed-level author; None means the title (§4.1.1)
    language: str | None = None  #: BCP 47; xml:lang of the feeds
    timezone: str = "UTC"  #: IANA name; used where a profile writes wall-clock time
    icon: str | None = None  #: small square picture of the feeds: absolute, or a path below `url`
    logo: str | None = None  #: picture twice as wide as high: absolute, or a path below `url`


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """How one host is treated; None means the general value."""

    per_host: int | None = None  #: requests at once
    gap: timedelta | None = None  #: between two requests


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """How upstreams are polled."""

    allow_private: tuple[str, ...] = ()  #: networks (CIDR) that may be reached although they are not public
    timeout: timedelta = timedelta(seconds=20)  #: of one whole exchange, redirects included
    max_bytes: int = 10 * 1024 * 1024  #: of a body, on the wire and again after decompression
    concurrency: int = 50  #: connections at once, over all hosts
    user_agent: str | None = None  #: None means `feed-aggregator/VERSION (+site.url; N subscribers)`
    subscribers: int | None = None  #: how many read our feeds; said to upstreams in the User-Agent
    per_host: int = 1  #: requests at once to one host; loopback 4
    gap: timedelta = timedelta(seconds=1)  #: between two requests to one host; loopback 0
    hosts: tuple[tuple[str, HostLimits], ...] = ()  #: other limits for single hosts, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsSettings:
    """Where and how posts are written."""

    dir: Path = Path("posts")  #: relative to the project folder
    profile: str = "default"  #: what a post looks like
    durable: bool = True  #: False skips fsync, for throw-away runners
    keep: Keep = FOR_EVER  #: how long the posts of each source are kept; without it, for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSettings:
    """What is published."""

    dir: Path = Path("public")  #: relative to the project folder
    entries: int = 50  #: per feed
    max_bytes: int = 1024 * 1024  #: per feed; the oldest entries give way
    formats: tuple[str, ...] = ("rss", "json")  #: besides Atom, which every feed is published as
    hubs: tuple[str, ...] = ()  #: WebSub hubs, named in every feed and told of each change
    ping: str = "now"  #: when hubs are told: once a run has written the feeds, or `later`, by `aggregator ping`
    status: bool = True  #: feeds/status.atom tells of changes of the health of sources
    archives: bool = True  #: what a feed no longer holds stands in archive pages that it links (RFC 5005 §4)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Where the disposable index lives."""

    url: Secret = field(default_factory=lambda: Secret("sqlite:///state/state.sqlite"))  #: SQLAlchemy URL


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """How `aggregator run` goes about it."""

    debounce: timedelta = timedelta(seconds=10)  #: news waits so long for more to come, then its feeds are written


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How what is published is served by `aggregator run` and `aggregator serve`."""

    listen: str = "127.0.0.1:8080"  #: HOST:PORT, or unix:PATH
    metrics: bool = False  #: /metrics for Prometheus
    secret: Secret | None = None  #: the first part of every address, without which nothing is served; None: none


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSettings:
    """How the pages for people look."""

    language: str | None = None  #: of the words around the entries; None: the one nearest to `site.language`
    pictures: str = "ask"  #: of other hosts, which learn from them who reads
    theme: Path = Path("theme")  #: folder below config/ whose files take the place of ours
    entries: int = 50  #: in a list
    out: Path | None = None  #: folder that the whole site is written to whenever something of it changed; None: it is served
    compress: bool = False  #: packed copies beside the files in `out`


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """How one category path is published."""

    path: tuple[str, ...]
    slug: str | None = None  #: last part of the output's path; None derives it from the name
    title: str | None = None  #: of its feed; None means the name
    language: str | None = None  #: BCP 47; None means the site's
    icon: str | None = None  #: as `site.icon`; None means the site's
    logo: str | None = None  #: as `site.logo`; None means the site's
    entries: int | None = None  #: overrides `public.entries`
    formats: tuple[str, ...] | None = None  #: overrides `public.formats`


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that config/ says."""

    root: Path  #: the project folder, absolute
    config: Path | None = None  #: the folder that this was read from; None: `config` in the project folder
    site: Site
    fetch: FetchSettings = FetchSettings()
    posts: PostsSettings = PostsSettings()
    public: PublicSettings = PublicSettings()
    state: StateSettings = field(default_factory=StateSettings)
    daemon: DaemonSettings = DaemonSettings()
    server: ServerSettings = ServerSettings()
    pages: PagesSettings = PagesSettings()
    categories: tuple[Category, ...] = ()  #: in config order
    sources: tuple[Source, ...] = ()  #: in config order: files by name, then as written
    renamed: Renames = NEVER  #: categories that had other names before, as the ledger tells; none before it was asked
    removed: tuple[str, ...] = ()  #: Atom files whose categories are no more, as the ledger tells; some may have come back
