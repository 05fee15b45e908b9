"""Real feed readers, each run as its users run it: an address in, what it keeps of every entry out.

Each has a HOME of its own, where it remembers what it has read, and lives in a time zone that is not UTC. A reader that
refuses a feed gives back nothing. Those that make messages of entries are in `reader_mailers`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

from tests.conftest import need
from tests.reader_entries import Facts, File
from tests.reader_tools import NPM_READERS, ROOT, environment, instant, link_file, npm_reader, python_reader, rows, run, whole
from tests.upstream import wait_until

#: Liferea says this when it has done with a feed, whatever became of it; and this when it has said where it will ask.
_LIFEREA_DONE = "trying to download icon"
_LIFEREA_ASKS = "trying URL: "


def read_newsboat(home: Path, address: str) -> Iterator[Facts]:
    """`newsboat -x reload`; its cache."""
    newsboat = need("newsboat")
    environment(home)
    (home / "urls").write_text(f"{address}\n", "utf-8")
    run(home, newsboat, "-u", f"{home}/urls", "-c", f"{home}/cache.db", "-C", "/dev/null", "-x", "reload")
    for row in rows(home / "cache.db", "select * from rss_item"):
        yield Facts(
            id=row["guid"],
            title=row["title"],
            link=row["url"] or None,
            date=instant(row["pubDate"]),
            authors=(row["author"],) if row["author"] else (),
            files=(File(href=row["enclosure_url"], type=row["enclosure_type"] or None),) if row["enclosure_url"] else (),
        )


def about_newsboat(home: Path) -> tuple[str, str]:
    """Return title and page of the feed itself."""
    [row] = rows(home / "cache.db", "select * from rss_feed")
    return row["title"], row["url"]


def read_sfeed(home: Path, address: str) -> Iterator[Facts]:
    """`sfeed_update` with a feed in sfeedrc; the lines of its file."""
    sfeed_update = need("sfeed_update")
    need("curl")
    environment(home)
    (home / "sfeedrc").write_text(
        f"sfeedpath={shlex.quote(str(home))}/feeds\nfeeds() {{\n  feed ours {shlex.quote(address)}\n}}\n"
    )
    run(home, sfeed_update, str(home / "sfeedrc"))
    for line in (home / "feeds" / "ours").read_text("utf-8").splitlines():
        date, title, link, _, _, entry_id, author, enclosure = line.split("\t")[:8]
        yield Facts(
            id=entry_id,
            title=title,
            link=link or None,
            date=instant(int(date)) if date else None,
            authors=(author,) if author else (),
            files=(File(href=enclosure),) if enclosure else (),
        )


def read_liferea(home: Path, address: str) -> Iterator[Facts]:
    """`liferea --add-feed` on a screen of its own; its database."""
    with _liferea(home, address):
        wait_until(lambda: _LIFEREA_ASKS in (home / "log").read_text("utf-8", "replace"), seconds=40)
    database = home / ".local/share/liferea/liferea.db"
    more: dict[int, list[tuple[str, str]]] = {}
    for row in rows(database, "select item_id, key, value from metadata order by item_id, nr"):
        more.setdefault(row["item_id"], []).append((row["key"], row["value"]))
    for row in rows(database, "select * from items"):
        found = more.get(row["item_id"], [])
        yield Facts(
            id=row["source_id"],
            title=row["title"],
            link=row["source"] or None,
            date=instant(row["date"]),
            authors=tuple(value for key, value in found if key in {"author", "creator"}),
            files=tuple(_liferea_file(value) for key, value in found if key == "enclosure"),
        )


def about_liferea(home: Path) -> tuple[str, str]:
    """Return title and page of the feed itself, as it names them in its log; its database has them seconds later."""
    log = (home / "log").read_text("utf-8")
    [title] = re.findall(rf'{_LIFEREA_DONE} for "(.*)"', log)
    [page] = re.findall(r"\(2\) adding favicon search URL: (\S+)", log)
    return title, page


@contextmanager
def _liferea(home: Path, address: str) -> Iterator[None]:
    """Run Liferea; it and all that it started are gone when this ends."""
    runtime = home / "runtime"
    # Without a list of feeds it would subscribe to those that it comes with, and ask the Internet for them.
    (home / ".config/liferea").mkdir(parents=True)
    (home / ".config/liferea/feedlist.opml").write_text(
        '<?xml version="1.0"?>\n<opml version="1.0"><head><title>none</title></head><body></body></opml>\n'
    )
    runtime.mkdir(mode=0o700)
    command = [need("dbus-run-session"), "--", need("liferea"), "--disable-plugins", "--debug-update", f"--add-feed={address}"]
    with _screen() as display, (home / "log").open("wb") as log:
        more = {"DISPLAY": display, "XDG_RUNTIME_DIR": str(runtime), "GSETTINGS_BACKEND": "memory"}
        running = subprocess.Popen(
            command, env=environment(home, **more), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group: the bus and the helpers that it started for Liferea."""
    os.killpg(running.pid, SIGTERM)
    running.wait(20)
    with suppress(ProcessLookupError):  # nobody is left, as it should be
        os.killpg(running.pid, SIGKILL)


@contextmanager
def _screen() -> Iterator[str]:
    """Run an X server without a screen; return its display. It chooses the number itself, so that several do not collide."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [need("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait(20)


def _liferea_file(text: str) -> File:
    """Read Liferea's own writing, `enc:<whether it was downloaded>:<type>:<length, 0 if it is not known>:<address>`."""
    _, _, kind, length, href = text.split(":", 4)
    return File(href=href, type=kind or None, length=whole(length))


def read_reader(home: Path, address: str) -> Iterator[Facts]:
    """`python -m reader add` and `update`; its database."""
    reader = [python_reader("reader", "python"), "-m", "reader", "--db", f"{home}/db.sqlite"]
    if not (home / "db.sqlite").exists():
        run(home, *reader, "add", address)
    run(home, *reader, "update", "--no-scheduled")
    for row in rows(home / "db.sqlite", "select * from entries"):
        date = row["published"] or row["updated"]
        yield Facts(
            id=row["id"],
            title=row["title"],
            link=row["link"],
            date=datetime.fromisoformat(date).replace(tzinfo=UTC) if date else None,
            authors=tuple(person["name"] for person in json.loads(row["author"] or "[]")),
            files=tuple(File(**file) for file in json.loads(row["enclosures"] or "[]")),
        )


def about_reader(home: Path) -> tuple[str, str]:
    """Return title and page of the feed itself."""
    [row] = rows(home / "db.sqlite", "select * from feeds")
    return row["title"], row["link"]


def _javascript(home: Path, library: str, address: str) -> dict[str, Any]:
    """Return what a library of JavaScript makes of the feed."""
    node = need("node")
    npm_reader(library)
    environment(home)
    said = run(home, node, str(ROOT / "tests/engines/readers/read.mjs"), str(NPM_READERS), library, address)
    (home / "found.json").write_text(said, "utf-8")
    return _found(home)


def _found(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "found.json").read_text("utf-8"))
    return found


def read_rss_parser(home: Path, address: str) -> Iterator[Facts]:
    """`new Parser().parseURL(address)`."""
    for entry in _javascript(home, "rss-parser", address).get("items", ()):
        author = entry.get("author") or entry.get("creator")
        file = entry.get("enclosure")
        yield Facts(
            id=entry.get("id") or entry.get("guid"),
            title=entry["title"],
            link=entry.get("link"),
            date=datetime.fromisoformat(entry["isoDate"]),
            authors=(author,) if author else (),
            files=(File(href=file["url"], type=file.get("type"), length=whole(file.get("length"))),) if file else (),
            duration=whole(entry.get("itunes", {}).get("duration")),
        )


def about_rss_parser(home: Path) -> tuple[str, str]:
    """Return title and page of the feed itself."""
    found = _found(home)
    return found["title"], found["link"]


def read_feedsmith(home: Path, address: str) -> Iterator[Facts]:
    """`parseFeed(text)`."""
    found = _javascript(home, "feedsmith", address)
    if "refused" in found:
        return
    shape = {"atom": _smith_atom, "rss": _smith_rss, "json": _smith_json}[found["format"]]
    for entry in found["feed"]["entries" if found["format"] == "atom" else "items"]:
        yield shape(entry)


def about_feedsmith(home: Path) -> tuple[str, str]:
    """Return title and page of the feed itself."""
    found = _found(home)
    feed = found["feed"]
    if found["format"] == "atom":
        return feed["title"]["value"], next(link["href"] for link in feed["links"] if link["rel"] == "alternate")
    return feed["title"], feed["link" if found["format"] == "rss" else "home_page_url"]


def _smith_atom(entry: dict[str, Any]) -> Facts:
    return Facts(
        id=entry["id"],
        title=entry["title"]["value"],
        link=next((link["href"] for link in entry["links"] if link["rel"] == "alternate"), None),
        date=datetime.fromisoformat(entry.get("published") or entry["updated"]),
        authors=tuple(person["name"] for person in entry["authors"]),
        files=tuple(link_file(link) for link in entry["links"] if link["rel"] == "enclosure"),
        duration=entry.get("itunes", {}).get("duration"),
    )


def _smith_rss(entry: dict[str, Any]) -> Facts:
    linked = (link for link in entry.get("atom", {}).get("links", ()) if link["rel"] == "enclosure")
    enclosed = (
        File(href=file["url"], type=file.get("type"), length=whole(file.get("length"))) for file in entry.get("enclosures", ())
    )
    return Facts(
        id=entry["guid"]["value"],
        title=entry["title"],
        link=entry.get("link"),
        date=parsedate_to_datetime(entry["pubDate"]),
        authors=tuple(entry.get("dc", {}).get("creators", ())),
        files=(*enclosed, *(link_file(link) for link in linked)),
        duration=entry.get("itunes", {}).get("duration"),
    )


def _smith_json(entry: dict[str, Any]) -> Facts:
    files = entry.get("attachments", ())
    return Facts(
        id=entry["id"],
        title=entry["title"],
        link=entry.get("url"),
        date=datetime.fromisoformat(entry["date_published"]),
        authors=tuple(person["name"] for person in entry.get("authors", ())),
        files=tuple(File(href=file["url"], type=file.get("mime_type"), length=file.get("size_in_bytes")) for file in files),
        duration=next((file["duration_in_seconds"] for file in files if "duration_in_seconds" in file), None),
    )
