"""The least that the same work can cost: `python -m benchmarks.floor --farm DIR --out NEW`.

    fetch (httpx over aiohttp) -> inflate -> lxml -> nh3 without call-backs -> a file for each entry -> one syncfs per 2,000

In: a farm that nginx serves. Out: as many files with as many bodies as a cold sync writes, and their number on stdout. Two
workers, the fetching process beside them, and nothing else: no identity, no dates, no state, no feeds, no deadlines. It is no
program for use, only what ours is compared with.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import traceback
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from benchmarks.farm.formats import Format
from benchmarks.farm.make import FarmSource, address_of, plan_sources, read_counts

_WORKERS = 2
_IN_FLIGHT = 2  #: feeds that a worker has at hand
_CONNECTIONS = 50  #: as ours by default
_FILES_PER_SYNC = 2_000
_ATOM, _RSS10 = "{http://www.w3.org/2005/Atom}", "{http://purl.org/rss/1.0/}"
_ENTRIES = ("item", f"{_ATOM}entry", f"{_RSS10}item")
_TITLES = frozenset({"title", f"{_ATOM}title", f"{_RSS10}title"})
#: where a farm's feeds have their bodies; each entry has one of them
_BODIES = frozenset({"description", "{http://purl.org/rss/1.0/modules/content/}encoded", f"{_ATOM}content"})
_GZIP = 16 + zlib.MAX_WBITS
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@click.command()
@click.option("--farm", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder.")
def main(farm: Path, out: Path) -> None:
    """Fetch, inflate, tokenise, sanitise and write every feed of a running farm."""
    out.mkdir(parents=True)
    counts = read_counts(farm)
    places = plan_sources(counts.sources, seed=counts.seed)
    for folder in {_folder(out, place) for place in places}:
        Path(folder).mkdir(parents=True, exist_ok=True)
    # Forked before the loop and its threads exist; what they import they import while the first bodies come.
    ours = [_start_worker() for _ in range(_WORKERS)]
    click.echo(asyncio.run(_run(places, counts.port, out, ours)))
    for _ in ours:
        os.wait()


async def _run(places: tuple[FarmSource, ...], port: int, out: Path, sockets: list[socket.socket]) -> int:
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector
    from httpx import AsyncClient
    from httpx_aiohttp import AiohttpTransport

    bodies: asyncio.Queue[tuple[FarmSource, bytes] | None] = asyncio.Queue(maxsize=4 * _WORKERS)
    todo = iter(places)
    session = ClientSession(cookie_jar=DummyCookieJar(), connector=TCPConnector(limit=0), auto_decompress=False)
    async with AsyncClient(transport=AiohttpTransport(client=session, verify=False), trust_env=False) as client:

        async def fetch() -> None:
            for place in todo:
                headers = {"Accept-Encoding": "gzip"}
                async with client.stream("GET", address_of(place, port), headers=headers) as answer:
                    answer.raise_for_status()
                    await bodies.put((place, b"".join([chunk async for chunk in answer.aiter_raw()])))

        async def fetch_all() -> None:
            await asyncio.gather(*(fetch() for _ in range(_CONNECTIONS)))
            for _ in sockets:
                await bodies.put(None)

        written = _Written(out)
        async with asyncio.TaskGroup() as tasks:  # whoever fails ends the others
            tasks.create_task(fetch_all())
            for each in sockets:
                tasks.create_task(_feed_worker(each, bodies, out, written))
    await written.sync()
    return written.files


class _Written:
    """Counts files, and has them made durable as ours are: so many at a time, all at once, beside the other work."""

    def __init__(self, out: Path) -> None:
        self.files = 0
        self._out = out
        self._synced = 0
        self._syncing: asyncio.Task[None] | None = None

    def add(self, files: int) -> None:
        self.files += files
        if self.files - self._synced >= _FILES_PER_SYNC and (self._syncing is None or self._syncing.done()):
            self._synced = self.files
            self._syncing = asyncio.create_task(self._sync())

    async def sync(self) -> None:
        """Return when everything is on the disk."""
        if self._syncing is not None:
            await self._syncing
        await self._sync()

    async def _sync(self) -> None:
        from aggregator.store.files import sync_file_system

        await asyncio.to_thread(sync_file_system, self._out)


async def _feed_worker(
    sock: socket.socket, bodies: asyncio.Queue[tuple[FarmSource, bytes] | None], out: Path, written: _Written
) -> None:
    """Hand bodies to one worker, one feed per message, until there are no more."""
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    slots = asyncio.Semaphore(_IN_FLIGHT)

    async def hear() -> None:
        while line := await reader.readline():
            written.add(int(line))
            slots.release()
        if not told_to_end:
            raise RuntimeError("a worker ended before its work did; what it said stands above")

    told_to_end = False
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hear())
        while (found := await bodies.get()) is not None:
            await slots.acquire()
            place, body = found
            header = f"{place.form}\n{_folder(out, place)}/{place.name}\nhttps://{place.name}.example/\n{len(body)}\n"
            writer.write(header.encode() + body)
            await writer.drain()
        told_to_end = True
        writer.write_eof()
    writer.close()


def _folder(out: Path, place: FarmSource) -> str:
    return str(out.joinpath(*place.categories))


def _start_worker() -> socket.socket:
    """Fork a worker; return our end of the line to it."""
    ours, its = socket.socketpair()
    if os.fork():
        its.close()
        return ours
    status = 1
    try:
        ours.close()
        _work(its)
        status = 0
    except BaseException:  # noqa: BLE001 - this process never returns to its caller, so nobody else would say it
        traceback.print_exc()
    finally:
        os._exit(status)


def _work(sock: socket.socket) -> None:
    import nh3

    requests = sock.makefile("rb")
    while form := requests.readline():
        stem, base = (requests.readline()[:-1].decode() for _ in range(2))
        body = zlib.decompress(requests.read(int(requests.readline())), _GZIP)
        cleaner = nh3.Cleaner(link_rel=None, url_relative=("rewrite_with_base", base))
        entries = _json_entries(body) if form[:-1] == Format.JSON.encode() else _xml_entries(body)
        number = 0
        for number, (title, html) in enumerate(entries, 1):
            _write(f"{stem}-{number}.md", f"---\ntitle: {title}\n---\n\n{cleaner.clean(html)}\n".encode())
        sock.sendall(b"%d\n" % number)


def _xml_entries(body: bytes) -> Iterator[tuple[str, str]]:
    from lxml import etree

    for element in etree.fromstring(body, etree.XMLParser(resolve_entities=False)).iter(*_ENTRIES):
        title = html = ""
        for child in element:
            if child.tag in _TITLES:
                title = child.text or ""
            elif child.tag in _BODIES:
                html = child.text or ""
        yield title, html


def _json_entries(body: bytes) -> Iterator[tuple[str, str]]:
    for item in json.loads(body)["items"]:
        yield item["title"], item["content_html"]


def _write(path: str, content: bytes) -> None:
    """Write under another name, then rename: as posts are written."""
    descriptor = os.open(f"{path}.tmp", _NEW, 0o666)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    os.replace(f"{path}.tmp", path)  # noqa: PTH105 - paths stay text, as in store/files


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(prog_name="python -m benchmarks.floor")
