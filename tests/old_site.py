"""An old site as its generator left it, written from the description of its form, and what its upstreams say today.

Nothing is escaped, on purpose: marks in titles become `_`, braces references, pictures go through a proxy, files lose dots.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path

MARKS = str.maketrans(dict.fromkeys(":/\\?*“”<>|[]", "_"))
PROXY = "https://cors.zfour.workers.dev/?"
START = datetime(2021, 6, 1, 3, 7, 19, tzinfo=UTC)
RFC, NAIVE, INVALID = "rfc", "naive", "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A feed of the old site."""

    path: tuple[str, str, str]
    id: str
    dates: str = RFC
    posts: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """One entry, as upstream wrote it."""

    route: Route
    number: int

    @property
    def published(self) -> datetime:
        """Return when upstream published it."""
        return START + timedelta(hours=5, minutes=11) * self.number

    @property
    def title(self) -> str:
        """Return its true title."""
        n = self.number
        titles = (
            f"Win11/Win10 第 {n} 次更新：a*b?",
            f"“心瘾”第 {n} 集 [图]",
            f'It\'s release 1.{n} # "final"',
            f"C:\\Users 与 <T> | {n}",
            f"全省推进第{n}项改革开放动员会召开",
            f"Tom's note {n}: 3.8万人",
            f"{{{{ tag {n} }}}} & more &amp; so",
        )
        if self.route.id == "1x":
            return f"© Anna Name_{n % 4}"
        if self.route.id == "mastodon":
            return f'@user_{n % 5} ""'
        return titles[n % len(titles)]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """Return its text."""
        words = f"{self.route.path[1]} {self.number}"
        return (
            f"第{self.number}条：{words} 的正文在这里开始，讲的是数字{self.number * 7919 % 10007}和它的来历，以及后来的事。",
            f"据{words}报道，{self.number * 104729 % 99991}名读者在当天读到了这篇文章，并写下了自己的看法与建议。",
        )

    @property
    def picture(self) -> str:
        """Return its picture, at http as in those days."""
        return f"http://img{self.number % 3}.example/{self.route.id}/{self.number}.jpg"

    def html(self) -> str:
        """Return the description as RSSHub gave it then."""
        body = "".join(f"<p>{text}</p>" for text in self.paragraphs)
        shown = f'<img class="lazy opacity_0 " src="{self.picture}" referrerpolicy="no-referrer">'
        if self.route.id == "1x":
            return shown
        if self.route.id == "mastodon":
            return f"<p>#tag {self.number * 31} {self.number * 7}</p><hr>"
        if self.route.id == "oschina":
            first, second = self.paragraphs
            return f'<div class="content">\n  \n{" " * 60}<p>{first}</p>\n\n    *x* # 1.\n<p>{second}</p></div>'
        if self.route.id == "juejin":
            return f"<style>.a{{color:red}}</style>{body}<pre><code>if (a) {{{{ b }}}}</code></pre>"
        if self.number % 3 == 0:
            return f'<div class="img_box" onclick="">{shown}</div>{body}<p></p><div id="recommend_bottom"></div>'
        return body

    def html_today(self) -> str:
        """Return what the same entry says today: cleaned by other hands."""
        if self.route.id == "1x":
            return f'<p><img src="{self.picture.replace("http:", "https:")}" alt=""></p>'
        if self.route.id == "mastodon":
            return f"<p>#tag {self.number * 31} {self.number * 7}</p>"
        body = "".join(f'<p style="margin:0">{text}</p>\n' for text in self.paragraphs)
        if self.route.id == "juejin":
            return f"{body}<pre><code>if (a) {{{{ b }}}}</code></pre>"
        if self.route.id == "oschina":
            return f"<p>{self.paragraphs[0]}</p>\n*x* # 1.<p>{self.paragraphs[1]}</p>"
        picture = f'<img src="{self.picture.replace("http:", "https:")}" referrerpolicy="no-referrer">'
        return (picture if self.number % 3 == 0 else "") + body

    # -- the old file --------------------------------------------------------------------------------------------------

    @property
    def mangled(self) -> str:
        """Return its title as the generator wrote it."""
        return self.title.translate(MARKS)

    @property
    def path(self) -> str:
        """Return where the generator put it."""
        name = self.mangled.replace("\n", "").replace("#", "").replace(".", "")
        if self.route.id in {"1x", "mastodon"}:
            name += f" {self.number}"  # else the last of a name would have won
        return f"{'/'.join(self.route.path)}/{name}.md"

    def post(self) -> bytes:
        """Return its post."""
        title = f'"{self.mangled}"' if "'" in self.mangled else f"'{self.mangled}'"
        body, cover = self.html(), self.picture
        if "<img" not in body:
            cover = f"https://picsum.photos/400/300?random={self.number * 37 % 10000}"
        elif "https://" not in cover:
            body, cover = body.replace('src="http://', f'src="{PROXY}http://'), f"{PROXY}{cover}"
        date = {
            RFC: format_datetime(self.published, usegmt=True),
            NAIVE: f"{self.published + timedelta(hours=3):%Y-%m-%d %H:%M:%S}",
            INVALID: "Invalid Date",
        }[self.route.dates]
        section, site, route = self.route.path
        text = (
            f"\n---\ntitle: {title}\ncategories: \n - {section}\n - {site}\n - {route}\nheadimg: '{cover}'\nauthor: {site}\n"
            f"comments: false\ndate: {date}\nthumbnail: '{cover}'\n---\n\n<div>   \n{body}  \n</div>\n            "
        )
        return text.replace("{", "&#123;").replace("}", "&#125;").encode()

    def item(self) -> str:
        """Return the <item> as RSSHub writes it now."""
        link = f"https://{self.route.id}.example/p/{self.number}"
        return (
            f"<item><title>{escape(self.title)}</title><description>{escape(self.html_today())}</description><link>{link}</link>"
            f'<guid isPermaLink="false">{link}</guid><pubDate>{format_datetime(self.published, usegmt=True)}</pubDate></item>'
        )


ROUTES = (
    Route(path=("新媒体", "ZAKER", "source"), id="zaker-source"),
    Route(path=("新媒体", "ZAKER", "channel"), id="zaker-channel", posts=80),
    Route(path=("编程", "掘金", "前端"), id="juejin"),
    Route(path=("编程", "segmentfault", "blogs"), id="segmentfault", dates=NAIVE),
    Route(path=("编程", "开源中国", "资讯"), id="oschina"),
    Route(path=("阅读", "简书", "首页"), id="jianshu", dates=INVALID),
    Route(path=("设计", "1X", "latest"), id="1x", dates=NAIVE, posts=40),
    Route(path=("社交媒体", "Mastodon", "timeline"), id="mastodon"),
)
HOMELESS = Route(path=("游戏", "3DM", "新闻"), id="3dm", posts=20)


def old_posts() -> dict[str, bytes]:
    """Return all posts of the site by path: 500 of them."""
    return {old.path: old.post() for route in (*ROUTES, HOMELESS) for old in entries(route)}


def entries(route: Route) -> list[Old]:
    """Return what the old site holds of a route, oldest first."""
    return [Old(route=route, number=number) for number in range(1, route.posts + 1)]


def write_site(root: Path) -> dict[str, bytes]:
    """Write the site's posts below source/_posts."""
    posts = old_posts()
    for path, content in posts.items():
        place = root / "source" / "_posts" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return posts
