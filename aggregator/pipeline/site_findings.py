"""A site's configuration, the settings and the posts -> what would go wrong in the site, each with the line to write. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from os.path import normpath
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.model.settings import Settings, Site
from aggregator.pipeline.post_findings import PostFinding, SeenPost, SeenPosts
from aggregator.pipeline.site_config import SiteConfig
from aggregator.publish.addresses import FOLDER

#: Engine -> the profiles whose posts it shows rightly, the best one first.
FITTING = {"hexo": ("hexo", "default", "volantis"), "hugo": ("hugo", "default"), "jekyll": ("jekyll",)}
ENGINES = tuple(FITTING)
#: Engine -> where it writes the site, and what its configuration calls that.
_OUTPUT = {"hexo": ("public_dir", "public"), "hugo": ("publishdir", "public"), "jekyll": ("destination", "_site")}
#: Names that every object of JavaScript has: Hexo takes a category of that name for something else, and loses the post.
_JS_NAMES = frozenset(
    {
        *("__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__", "constructor"),
        *("hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"),
    }
)
_MAX_CATEGORY_BYTES = 200
#: What Hexo reads alike everywhere (also a day alone), and what Hugo does.
_WALL_CLOCK = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?")
_DAY = timedelta(days=1)
_DEFAULT_ZONE = next(field.default for field in fields(Site) if field.name == "timezone")
_WITH_OFFSET = re.compile(r"['\"]?\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d ?(?:[Zz]|[+-]\d\d:?\d\d)['\"]?")
_DATED = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}-")
#: What of a project folder must not be part of a site that is built from the same folder.
OWN_FOLDERS = ("config", "state", "archive", "ledger.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """Everything that is judged."""

    engine: str
    site: Path  #: absolute
    config: SiteConfig
    settings: Settings
    seen: SeenPosts
    machine_zone: str | None  #: the variable TZ
    now: datetime

    @property
    def posts_dir(self) -> Path:
        """Return the posts folder."""
        return Path(normpath(self.settings.root / self.settings.posts.dir))

    @property
    def public_dir(self) -> Path:
        """Return the folder of the feeds."""
        return Path(normpath(self.settings.root / self.settings.public.dir))

    def problem(self, code: str, text: str, advice: str, *, is_note: bool = False) -> PostFinding:
        """Return a finding about the site's configuration."""
        return PostFinding(code=code, place=self.config.file, text=text, advice=advice, is_note=is_note)

    def ours(self, code: str, text: str, advice: str) -> PostFinding:
        """Return a finding about our configuration."""
        return PostFinding(code=code, place="settings.yaml", text=text, advice=advice)


def judge_site(view: SiteView) -> Iterator[PostFinding]:
    """Yield what would go wrong, what concerns every post first."""
    profile, fitting = view.settings.posts.profile, FITTING[view.engine]
    if profile not in fitting:
        yield view.ours(
            "profile",
            f'posts of the profile "{profile}" are not shown rightly by {view.engine.capitalize()}',
            f"write `posts: {{profile: {fitting[0]}}}` before the first sync; posts that are there are not rewritten",
        )
    yield from _places(view)
    yield from _JUDGES[view.engine](view)
    yield from _hidden_future(view)
    yield from _categories(view)


def _places(view: SiteView) -> Iterator[PostFinding]:
    if not _is_found(view):
        base = {"hexo": f"{_source_dir(view)}/_posts", "hugo": f"{_content_dir(view)}/posts", "jekyll": "_posts"}[view.engine]
        text = f"{view.engine.capitalize()} does not look into {view.settings.posts.dir}, where the posts are"
        yield view.ours("posts-dir", text, f"write `posts: {{dir: {base}}}`")
    key, default = _OUTPUT[view.engine]
    output = Path(normpath(view.site / (view.config.text(key) or default)))
    for name, folder in (("posts", view.posts_dir), ("public", view.public_dir)):
        if folder.is_relative_to(output):
            place = {"hexo": _source_dir(view), "hugo": "static", "jekyll": "news"}[view.engine]
            advice = f"write `public: {{dir: {place}}}`: what is there is copied as it is"
            text = f"{view.engine.capitalize()} writes its own site to {output.name}/ and removes what it does not know there"
            yield view.ours(f"{name}-output", text, advice if name == "public" else "give the posts another folder")


def _is_found(view: SiteView) -> bool:
    if view.engine == "hexo":
        return view.posts_dir.is_relative_to(view.site / _source_dir(view) / "_posts")
    if view.engine == "hugo":
        return view.posts_dir.is_relative_to(view.site / _content_dir(view))
    source = Path(normpath(view.site / view.config.text("source")))
    return view.posts_dir.is_relative_to(source) and "_posts" in view.posts_dir.relative_to(source).parts


def _source_dir(view: SiteView) -> str:
    return view.config.text("source_dir") or "source"


def _content_dir(view: SiteView) -> str:
    return view.config.text("contentdir") or "content"


def _judge_hexo(view: SiteView) -> Iterator[PostFinding]:
    zone, ours, profile = view.config.text("timezone"), view.settings.site.timezone, view.settings.posts.profile
    if profile == "hexo" and not zone:
        text = "it has no timezone, so every date is taken in the zone of the machine that builds the site"
        yield view.problem("timezone", text, f"write `timezone: {ours}`, the site.timezone of the posts")
    elif profile == "hexo" and not is_zone(zone):
        text = f"timezone is {zone}, which is no IANA name, so nobody knows what Hexo makes of a date"
        yield view.problem("timezone", text, f"write `timezone: {ours}`, the site.timezone of the posts")
    elif profile == "hexo" and zone != ours:
        text = f"timezone is {zone}, and the dates of new posts are the wall clock of {ours}"
        yield view.problem("timezone", text, _one_zone(view, zone))
    elif profile == "hexo":
        yield from _other_clocks(view, zone)
    elif profile in {"default", "volantis"} and zone and zone != view.machine_zone:
        text = f"timezone is {zone}: unless TZ is the same where the site is built, Hexo moves every date by the difference"
        yield view.problem("timezone", text, f"write `timezone: ''`, or build with TZ={zone}, or use the profile hexo")
    if profile == "hexo":
        yield from _other_dates(view, _WALL_CLOCK, "takes them for the zone of the machine, or moves them")
        yield from _adopted_dates(view, zone)
    yield from _dropped(view)
    if re.search(r":id\b", view.config.text("permalink")):
        text = "permalink holds :id, and the id of a post is the one that its source gave it, often an address"
        yield view.problem("permalink", text, "write `permalink: :year/:month/:day/:name/`")
    yield from _feeds_read(view)
    if view.config.text("updated_option") in {"", "mtime"}:
        text = "posts that were never updated are said to be as new as their file, which after a checkout is now"
        yield view.problem("updated", text, "write `updated_option: 'date'`", is_note=True)


def _feeds_read(view: SiteView) -> Iterator[PostFinding]:
    """Yield whether Hexo takes the JSON feeds for data of its own: it reads such files and writes them anew."""
    source, settings = view.site / _source_dir(view), view.settings
    named = [settings.public.formats, *(category.formats or () for category in settings.categories)]
    if not view.public_dir.is_relative_to(source) or not any("json" in formats for formats in named):
        return
    below = (view.public_dir / FOLDER).relative_to(source).as_posix()
    feeds = (f"{below}/all.json", f"{below}/news/paper.json")
    patterns = view.config.texts("skip_render")
    if not all(any(_matches(feed, pattern) for pattern in patterns) for feed in feeds):
        text = "Hexo reads the JSON feeds and writes them anew: the same data, but not the bytes that were checked"
        yield view.problem("feeds", text, f"write `skip_render: ['{below}/**']`", is_note=True)


def _matches(path: str, pattern: str) -> bool:
    """Tell whether a pattern as Hexo knows them takes in the path: `**` any folders, `*` nothing beyond one."""
    whole = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(whole, path) is not None


def _judge_hugo(view: SiteView) -> Iterator[PostFinding]:
    if not view.config.flag("markup", "goldmark", "renderer", "unsafe"):
        text = "Hugo leaves out the HTML of every post: the pages are empty"
        yield view.problem("unsafe", text, "write `unsafe = true` below `[markup.goldmark.renderer]`")
    zone = view.config.text("timezone")
    if zone and view.settings.posts.profile == "default":
        text = f"timeZone is {zone}: Hugo then takes the GMT of these posts' dates for that zone"
        yield view.problem("timezone", text, "take timeZone out, or use the profile hugo")
    elif zone:
        yield from _other_dates(view, _WITH_OFFSET, f"takes them for the time of {zone}")


def _other_dates(view: SiteView, form: re.Pattern[str], why: str) -> Iterator[PostFinding]:
    """Yield whether posts, those of another profile for example, have dates that the engine does not read as we do."""
    others = [post for post in view.seen.posts if not post.adopted and not form.fullmatch(post.date_as_written)]
    if others:
        has = _count(len(others), "post has", "posts have")
        text = f'{has} a date in another form ("{others[0].date_as_written[:40]}"), and {view.engine.capitalize()} {why}'
        place = f"{view.settings.posts.dir}/{others[0].path}"
        advice = {
            "hexo": "write it like `2021-09-11 08:22:19`, the clock of the site's zone, without quotes",
            "hugo": "write it like `2021-09-11T08:22:19+08:00`",
        }[view.engine]
        advice = f"run `aggregator build --posts`, which writes anew those that nobody edited; in the others {advice}"
        yield PostFinding(code="dates", place=place, text=text, advice=advice)


def _one_zone(view: SiteView, zone: str) -> str:
    """Return how site and posts come to one zone: as long as ours is the default, it is ours that nobody has chosen."""
    ours = view.settings.site.timezone
    then = ", then run `aggregator build --posts`" if view.seen.posts else ""
    own = f"`site: {{timezone: {zone}}}` in settings.yaml{then}"
    return f"write {own}" if ours == _DEFAULT_ZONE else f"write `timezone: {ours}`, or {own}"


def _other_clocks(view: SiteView, zone: str) -> Iterator[PostFinding]:
    """Yield whether posts have the clock of a zone that was configured before; the offset beside the date tells."""
    clock = ZoneInfo(zone)
    others = [
        post
        for post in view.seen.posts
        if not post.adopted and _WALL_CLOCK.fullmatch(post.date_as_written) and not _is_clock(post, clock)
    ]
    if others:
        text = (
            f"{_count(len(others), 'post has', 'posts have')} the clock of another zone, and Hexo takes it for that of {zone}"
        )
        advice = (
            "run `aggregator build --posts`, which writes anew those that nobody edited; in the others write the date as that"
        )
        advice += " zone's clock shows it, and take `utc_offset` out"
        place = f"{view.settings.posts.dir}/{others[0].path}"
        yield PostFinding(code="clock", place=place, text=text, advice=advice)


def _is_clock(post: SeenPost, zone: ZoneInfo) -> bool:
    """Tell whether a date is what a clock in the zone shows at its instant, on either side of a change of the clocks."""
    try:
        away = datetime.fromisoformat(post.date_as_written).replace(tzinfo=UTC) - post.date
        near = [(post.date + step).astimezone(zone).utcoffset() for step in (-_DAY, timedelta(), _DAY)]
    except (ValueError, OverflowError):  # where the calendar ends, posts are written in UTC
        return True
    return away in near


def _adopted_dates(view: SiteView, zone: str) -> Iterator[PostFinding]:
    """Yield what adopted posts need, which stay as they are: their form of date is right in one zone only."""
    others = [post for post in view.seen.posts if post.adopted and not _WALL_CLOCK.fullmatch(post.date_as_written)]
    if others and zone and view.machine_zone != zone:
        posts = _count(len(others), "adopted post has a date", "adopted posts have dates")
        text = f"{posts} that Hexo reads in the machine's zone"
        yield PostFinding(
            code="adopted-dates",
            place=str(view.settings.posts.dir),
            text=f"{text} and moves to {zone} (they stay as they are)",
            advice=f"build the site with TZ={zone}",
            is_note=True,
        )


def _dropped(view: SiteView) -> Iterator[PostFinding]:
    """Yield adopted posts that we can read and Hexo cannot."""
    for post in view.seen.posts:
        if post.fault is not None:
            text = f"the front matter is no YAML, so Hexo drops this page: {post.fault}"
            advice = "mend that line; the post stays adopted"
            yield PostFinding(code="no-yaml", place=f"{view.settings.posts.dir}/{post.path}", text=text, advice=advice)


def is_zone(name: str) -> bool:
    """Tell whether a time zone is a name of the IANA data base."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _judge_jekyll(view: SiteView) -> Iterator[PostFinding]:
    ours = view.settings.site.timezone
    nameless = [name for name in view.seen.names if not _DATED.match(name.rpartition("/")[2])]
    if nameless:
        text = f"{_count(len(nameless), 'post has', 'posts have')} no date in front of the name, and Jekyll passes over them"
        yield PostFinding(
            code="names",
            place=f"{view.settings.posts.dir}/{nameless[0]}",
            text=text,
            advice="rename them to YYYY-MM-DD-<name>; new ones have it with the profile jekyll",
        )
    if view.config.text("timezone") != ours:
        text = (
            "the day in the addresses of the posts is that of the machine's zone"
            if not view.config.text("timezone")
            else (f"timezone is {view.config.text('timezone')}, so the day in an address may not be that of the post's name")
        )
        yield view.problem("timezone", text, f"write `timezone: {ours}`")
    excluded = {name.strip("/") for name in view.config.texts("exclude")}
    copied = [name for name in OWN_FOLDERS if name not in excluded]
    if view.settings.root == Path(normpath(view.site / view.config.text("source"))) and copied:
        text = f"Jekyll copies {', '.join(copied)} of the project folder into the site, for everybody to read"
        yield view.problem("exclude", text, f"write `exclude: [{', '.join(OWN_FOLDERS)}]`")


def _hidden_future(view: SiteView) -> Iterator[PostFinding]:
    later = sum(post.date > view.now for post in view.seen.posts)
    shown = {
        "hexo": view.config.text("future").lower() != "false",
        "hugo": view.config.flag("buildfuture"),
        "jekyll": view.config.flag("future"),
    }[view.engine]
    if later and not shown:
        key = "buildFuture" if view.engine == "hugo" else "future"
        text = f"{_count(later, 'post is', 'posts are')} dated in the future, which the site does not show until then"
        yield view.problem("future", text, f"write `{key}: true` if it should")


def _categories(view: SiteView) -> Iterator[PostFinding]:
    for name in sorted({name for post in view.seen.posts for name in post.categories}):
        why = None
        if view.engine == "hexo" and name in _JS_NAMES:
            why = "Hexo stumbles over a category of that name and leaves its posts out"
        elif len(name.encode()) > _MAX_CATEGORY_BYTES:
            why = f"it is longer than {_MAX_CATEGORY_BYTES} bytes, and the folder that the site makes of it cannot be written"
        elif {".", ".."} & set(re.split(r"[/\\]", name)):
            why = "the page of such a category stands in another's folder, and Hugo does not build at all"
        if why:
            advice = "name the category otherwise, in the source's `categories` and in the posts that stand in it"
            yield PostFinding(code="category", place=f"category {name[:40]}", text=why, advice=advice)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


_JUDGES: dict[str, Callable[[SiteView], Iterator[PostFinding]]] = {
    "hexo": _judge_hexo,
    "hugo": _judge_hugo,
    "jekyll": _judge_jekyll,
}
