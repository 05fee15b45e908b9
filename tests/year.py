"""A scripted year of three upstreams, which judge by what they sent whether an hour brought news, and the site's repository.

`diary` is quiet for weeks and then bursts; `paper` brings something most days, counts its readers and tags its links anew;
`shaky` answers 500 for hours, empties its feed and fills it again, and mends its texts without a word. All from one seed.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from tests.raw_upstream import Exchange, reply
from tests.runner import documented
from tests.timeline import RSS_TYPE, START, Timeline
from tests.upstream import rss

HOURS = 365 * 24
WINDOW = 15  #: entries that a feed holds
NAMES = ("diary", "paper", "shaky")
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Item:
    """One entry as its upstream has it now."""

    number: int
    born: int  #: hour
    edits: int = 0
    dated: bool = True

    @property
    def essence(self) -> tuple[int, int]:
        """Return what tells a reader that it is another text."""
        return self.number, self.edits

    def written(self, name: str, noise: int) -> str:
        """Return its <item>; `noise` changes what no reader sees as news."""
        date = f"<pubDate>{START + self.born * _HOUR:%a, %d %b %Y %H:%M:%S} GMT</pubDate>" if self.dated else ""
        mended = "".join(f" Mended for the {edit}. time, with a sentence of its own." for edit in range(1, self.edits + 1))
        return (
            f"<item><title>{name} entry {self.number}</title><guid isPermaLink='false'>{name}-{self.number}</guid>"
            f"<link>http://{name}.example/{self.number}?utm_campaign=c{noise}</link>{date}"
            f"<description><![CDATA[<p>What {name} says in its entry number {self.number}, at some length.{mended}</p>"
            f"<p>{noise * 7 + 3} views | 阅读 {noise * 11 + 5}</p>]]></description></item>"
        )


@dataclass(slots=True)
class Source:
    """One upstream."""

    name: str
    chance: random.Random
    items: list[Item] = field(default_factory=list)  #: newest first, never more than the window
    made: int = 0
    noise: int = 0
    broken_until: int = 0
    empty_until: int = 0
    coming: int = 0  #: of a burst
    seen: dict[int, int] = field(default_factory=dict)  #: edits of each entry when it was last sent whole

    def pass_hour(self, hour: int) -> None:
        """Let an hour of this upstream's life go by."""
        {"diary": self._burst, "paper": self._print, "shaky": self._shake}[self.name](hour, self.chance.random())

    def _burst(self, hour: int, chance: float) -> None:
        if chance < 1 / (20 * 24):
            self.coming = self.chance.randint(4, 12)
        if self.coming:
            self._add(hour, min(self.coming, self.chance.randint(1, 4)))

    def _print(self, hour: int, chance: float) -> None:
        if chance < 0.03:
            self._add(hour, 1)
        elif chance < 0.05:
            self.noise += 1

    def _shake(self, hour: int, chance: float) -> None:
        if chance < 0.012:
            self._add(hour, 1, dated=self.chance.random() < 0.5)
        elif chance < 0.020 and self.items:
            self.chance.choice(self.items).edits += 1
        elif chance < 0.024:
            self.broken_until = hour + self.chance.randint(1, 12)
        elif chance < 0.026:
            self.empty_until = hour + self.chance.randint(1, 30)

    def _add(self, hour: int, number: int, *, dated: bool = True) -> None:
        for _ in range(number):
            self.made += 1
            self.items.insert(0, Item(number=self.made, born=hour, dated=dated))
        self.coming = max(0, self.coming - number)
        del self.items[WINDOW:]

    def answer(self, hour: int, etag: bytes | None) -> tuple[bytes, bool]:
        """Return what is sent, and whether a reader who has had all that came before finds news in it."""
        if hour < self.broken_until:
            return reply(500), False
        shown = [] if hour < self.empty_until else self.items
        body = rss("".join(item.written(self.name, self.noise) for item in shown), title=self.name)
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        if etag == tag.encode():
            return reply(304, etag=tag), False
        news = any(self.seen.get(item.number) != item.edits for item in shown)
        self.seen.update(item.essence for item in shown)
        return reply(200, body, content_type=RSS_TYPE, etag=tag), news


class Year:
    """The three upstreams; `script` is what they answer with, `news` the hours in which they sent any."""

    def __init__(self, seed: int) -> None:
        """Take the seed that everything comes from."""
        self.sources = {name: Source(name=name, chance=random.Random(f"{seed} {name}")) for name in NAMES}
        self.hour = 0
        self.news: set[int] = set()
        self.asked = 0
        for source in self.sources.values():
            source._add(0, 3)

    def pass_hour(self) -> None:
        """Go on to the next hour."""
        self.hour += 1
        for source in self.sources.values():
            source.pass_hour(self.hour)

    def script(self, exchange: Exchange) -> None:
        """Answer one request."""
        source = self.sources[exchange.asked.target.decode().strip("/")]
        data, news = source.answer(self.hour, exchange.asked.header("if-none-match"))
        self.asked += 1
        if news:
            self.news.add(self.hour)
        exchange.send(data)


class Site:
    """The project's folder as a git repository, and a look at it that is cheaper than git's."""

    def __init__(self, timeline: Timeline) -> None:
        """Take a project that has its config."""
        self.root = timeline.root
        self.git("init", "--quiet", "--initial-branch=main")
        for name, value in {"user.name": "Ada", "user.email": "a@news.example", "gc.auto": "0", "core.fsync": "none"}.items():
            self.git("config", name, value)
        (self.root / ".gitignore").write_text(documented(".gitignore"), "utf-8")
        self.commit("the site")
        self._stat = self.stat()

    def git(self, *words: str) -> str:
        """Run git, which must succeed."""
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit all that git sees."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def changed(self) -> str:
        """Return what git says has changed."""
        self.git("add", "--all")
        return self.git("status", "--porcelain")

    def touched(self) -> bool:
        """Tell whether any file has another time, size or inode than when last asked: without that, git sees no change."""
        before, self._stat = self._stat, self.stat()
        return before != self._stat

    def stat(self) -> dict[str, tuple[int, int, int]]:
        """Return time, size and inode of every file that is no state."""
        found: dict[str, tuple[int, int, int]] = {}
        places = [self.root]
        while places:
            for entry in places.pop().glob("*"):
                if entry.is_dir():
                    places += [entry] if entry.name not in {".git", "state"} else []
                else:
                    stat = entry.stat()
                    found[str(entry)] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found

    def size(self) -> int:
        """Return the bytes of the packed repository."""
        self.git("gc", "--quiet", "--prune=now")
        return sum(path.stat().st_size for path in (self.root / ".git").rglob("*") if path.is_file())
