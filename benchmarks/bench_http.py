"""`python -m benchmarks.bench_http`, which `make bench-http` runs: our server beside a bare one and nginx, in one run.

In: nothing. Out: benchmarks/serving.json and its section of docs/performance.md, or with --dry-run the section on stdout.
Needs wrk and nginx.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from shutil import which

import click

from benchmarks.http_servers import ANSWERS
from benchmarks.machine import describe
from benchmarks.programs import ROOT
from benchmarks.serving import BARE, NGINX, OURS, Rate, Serving, load, render_section, save, with_section

_PAGE = ROOT / "docs" / "performance.md"
_TARGET = "/feeds/all.atom"
_CURRENT, _PACKED = "304", "gzip"
_ENTRIES = 50
_SETTLED = 3.0  #: seconds after which a file is one that does not change any more
_NGINX = """\
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {{
    listen 127.0.0.1:{port};
{recipe}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server that runs."""

    port: int
    pid: int


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=3, show_default=True, help="Of each measurement.")
@click.option("--rounds", type=click.IntRange(1), default=11, show_default=True)
@click.option("--connections", type=click.IntRange(1), default=16, show_default=True)
@click.option("--dry-run", is_flag=True, help="Print the section and write nothing.")
@click.option("--again", is_flag=True, help="Measure nothing; write the section of the results that are there.")
def main(*, seconds: int, rounds: int, connections: int, dry_run: bool, again: bool) -> None:
    """Compare what three servers answer in a second of their own processor time."""
    found = load() if again else None
    if found is None:
        for tool in ("wrk", "nginx"):
            if which(tool) is None:
                raise click.ClickException(f"{tool} is not on the PATH")
        with tempfile.TemporaryDirectory(prefix="aggregator-bench-http-") as folder:
            found = _measure(Path(folder), seconds=seconds, rounds=rounds, connections=connections)
    if dry_run:
        click.echo(render_section(found))
        return
    save(found)
    _PAGE.write_text(with_section(_PAGE.read_text("utf-8"), render_section(found)), "utf-8")


def _measure(folder: Path, *, seconds: int, rounds: int, connections: int) -> Serving:
    _write_feed(folder / "public")
    time.sleep(_SETTLED)
    phrases = (*describe(folder, programs=set()), _version("wrk", "-v"), _packages())
    with ExitStack() as stack:
        ours = stack.enter_context(_python("ours", folder))
        asked = {_CURRENT: {"If-None-Match": _tag(ours.port)}, _PACKED: {"Accept-Encoding": "gzip"}}
        packed = _record(ours.port, folder, asked)
        bare = stack.enter_context(_python("bare", folder))
        nginx = stack.enter_context(_nginx(folder))
        asked_of_nginx = {**asked, _CURRENT: {"If-None-Match": _tag(nginx.port)}}
        places: dict[str, tuple[Place, Callable[[str], str], dict[str, dict[str, str]]]] = {
            OURS: (ours, lambda _kind: _TARGET, asked),
            BARE: (bare, lambda kind: f"/{kind}", asked),
            NGINX: (nginx, lambda _kind: _TARGET, asked_of_nginx),
        }
        rates: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for kind in asked:
                for server, (place, target, headers) in places.items():
                    _check(place.port, target(kind), headers[kind], 304 if kind == _CURRENT else 200)
                    rate = _rate(place, target(kind), headers[kind], seconds, connections)
                    rates.setdefault((kind, server), []).append(rate)
                    click.echo(f"{kind} {server}: {rate:,.0f} a second", err=True)
    return Serving(
        day=datetime.now(UTC).date(),
        phrases=phrases,
        connections=connections,
        seconds=seconds,
        packed_bytes=packed,
        rates=tuple(Rate(kind=kind, server=server, per_second=tuple(found)) for (kind, server), found in rates.items()),
    )


def _write_feed(public: Path) -> None:
    """Write a feed as large as feeds are: fifty entries of some kilobytes."""
    words = random.Random(1)
    stock = ["".join(words.choices("abcdefghijklmnopqrstuvwxyz", k=words.randint(2, 10))) for _ in range(4000)]
    entries = "".join(
        f"<entry><id>urn:x:{number}</id><title>{' '.join(words.choices(stock, k=8))}</title>"
        "<updated>2026-01-01T00:00:00Z</updated>"
        f'<content type="html">{" ".join(words.choices(stock, k=300))}</content></entry>'
        for number in range(_ENTRIES)
    )
    content = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>x</title>{entries}</feed>'.encode()
    (public / "feeds").mkdir(parents=True)
    (public / "feeds" / "all.atom").write_bytes(content)
    (public / "feeds" / "all.atom.gz").write_bytes(gzip.compress(content, 6, mtime=0))


def _ask(port: int, target: str, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def _tag(port: int) -> str:
    return {name.lower(): value for name, value in _ask(port, _TARGET, {})[1]}["etag"]


def _record(ours: int, folder: Path, asked: dict[str, dict[str, str]]) -> int:
    """Note what our server answers, for the bare one to answer the same; return the size of the packed body."""
    answers, size = {}, 0
    for kind, headers in asked.items():
        # wrk names no coding that it does not ask for; http.client would ask for identity.
        status, said, body = _ask(ours, _TARGET, {"Accept-Encoding": "", **headers})
        answers[f"/{kind}"] = {"status": status, "headers": said, "body": body.hex()}
        size = max(size, len(body))
    (folder / ANSWERS).write_text(json.dumps(answers), "utf-8")
    return size


def _check(port: int, target: str, headers: dict[str, str], status: int) -> None:
    found, said, _ = _ask(port, target, {"Accept-Encoding": "", **headers})
    packed = {name.lower(): value for name, value in said}.get("content-encoding")
    if found != status or (status != 304) != (packed == "gzip"):  # noqa: PLR2004 - not modified
        raise click.ClickException(f"port {port} answers {found}, packed as {packed}, where {status} was meant")


def _rate(server: Place, target: str, headers: dict[str, str], seconds: int, connections: int) -> float:
    """Return what it answers in a second of its own processor time."""
    before = _processor_seconds(server.pid)
    number = _wrk(f"http://127.0.0.1:{server.port}{target}", headers, seconds, connections)
    return number / (_processor_seconds(server.pid) - before)


def _processor_seconds(pid: int) -> float:
    """Return what a process and its children, which all live, have taken."""
    ticks, waiting = 0, [str(pid)]
    while waiting:
        folder = Path("/proc", waiting.pop())
        fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        waiting += [child for task in (folder / "task").iterdir() for child in (task / "children").read_text("utf-8").split()]
    return ticks / os.sysconf("SC_CLK_TCK")


def _wrk(url: str, headers: dict[str, str], seconds: int, connections: int) -> int:
    """Return how many answers came."""
    named = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    argv = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", *named, url]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise click.ClickException(f"not every answer was a good one: {said}")
    found = re.search(r"(\d+) requests in", said)
    if found is None or "Socket errors" in said:
        raise click.ClickException(f"wrk was not well: {said}")
    return int(found[1])


@contextmanager
def _python(kind: str, folder: Path) -> Iterator[Place]:
    port = _free_port()
    with _running([sys.executable, "-m", "benchmarks.http_servers", kind, str(folder), str(port)], port) as place:
        yield place


@contextmanager
def _nginx(folder: Path) -> Iterator[Place]:
    """Run nginx on the same folder, as the documentation says."""
    port = _free_port()
    found = re.search(r"^```nginx\n(.*?)^```$", (ROOT / "docs/deployment.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise click.ClickException("docs/deployment.md has no nginx block")
    recipe = found[1].replace("/srv/news/public", str(folder / "public"))
    (folder / "nginx.conf").write_text(_NGINX.format(port=port, recipe=recipe), "utf-8")
    # A root nginx gives its workers to `nobody`, who need not be allowed to read the folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    with _running(["nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr", "-g", directives], port) as place:
        yield place


@contextmanager
def _running(argv: list[str], port: int) -> Iterator[Place]:
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise click.ClickException(f"{argv[0]} does not answer")
            yield Place(port=port, pid=process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _version(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return " ".join((done.stdout or done.stderr).splitlines()[0].split()[:2])


def _packages() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("starlette", "uvicorn", "h11"))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.bench_http")
