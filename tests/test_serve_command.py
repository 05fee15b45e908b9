"""`aggregator serve`: the real command, on a project that it must not touch."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.cli.listen import left_for_later, named_otherwise
from tests.projects import SITE, settings_of
from tests.raw_http import PATIENCE, Reply, ask, everything, parse
from tests.upstream import SITE_ID, Folder

_SECRET = "3q2-7wAAAAAAAAAA"


class _Serving:
    """A server that was started: its process, and the log as it was read."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, object]] = []

    def line(self, part: str) -> dict[str, object]:
        """Wait for a line of the log that contains this."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self.log.append(json.loads(text))
            if part in text:
                return self.log[-1]
        raise AssertionError(f"it has ended and said: {self.log}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def _serving(
    folder: Folder, *words: str, command: str = "serve", listen: str = "127.0.0.1:0"
) -> Iterator[tuple[_Serving, str]]:
    """Run the server until the end of the block; give it and its address."""
    line = folder.command("-v", command, "--log-format", "json", "--listen", listen, *words)
    with subprocess.Popen(line, env=folder.environment(), stderr=subprocess.PIPE, text=True) as process:
        served = _Serving(process)
        try:
            message = str(served.line("feeds are served at")["message"])
            yield served, message.removeprefix("feeds are served at ")
        finally:
            process.kill()


def _port(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def _tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file with its time and content."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(root.rglob("*")) if path.is_file()}


def _published(folder: Folder) -> None:
    feeds = folder.root / "public" / "feeds"
    feeds.mkdir(parents=True, exist_ok=True)
    (feeds / "all.atom").write_bytes(b"<feed><title>x</title></feed>")


def test_it_serves_and_touches_nothing(folder: Folder) -> None:
    """It serves feeds and says how it is, each request is a line of the log, and no file of the project is another after it."""
    folder.sources_at({"a": "https://a.example/feed"}, ", every: 10m")
    _published(folder)
    before = _tree(folder.root)
    with _serving(folder) as (served, url):
        reply = ask(_port(url), "/feeds/all.atom?token=hush", "User-Agent: x\x1b[31m")
        line = served.line('"request"')
        assert ask(_port(url), "/healthz").status == 200
        assert ask(_port(url), "/none").status == 404
        began = time.monotonic()
        assert served.stop() == 143
        assert time.monotonic() - began < 10

    assert (reply.status, reply.header("cache-control")) == (200, "max-age=600")
    assert (line["method"], line["path"], line["status"], line["sent"]) == ("GET", "/feeds/all.atom", 200, len(reply.body))
    assert "hush" not in str(line)
    assert _tree(folder.root) == before


@pytest.mark.parametrize("command", ["run", "serve"])
def test_at_another_port_than_feeds_name_it_says_so(folder: Folder, command: str) -> None:
    """The log's second line names the address that readers are given and that leads elsewhere."""
    settings = folder.root / "config" / "settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace("https://news.example/", "http://127.0.0.1:1/"), "utf-8")
    folder.sources("sources: {}\n")
    with _serving(folder, command=command) as (served, _):
        assert "name http://127.0.0.1:1/ as their address" in str(served.line("message"))


@pytest.mark.parametrize(
    ("named", "served", "told"),
    [
        ("http://127.0.0.1:8080/hushhushhushhush/", "http://127.0.0.1:8091/", "http://127.0.0.1:8080/ "),
        ("http://localhost/", "http://0.0.0.0:8080/", "http://localhost/ "),
        ("http://127.0.0.1:8080/", "http://0.0.0.0:8080/", None),
        ("http://127.0.0.1:8080/", "unix:/run/feeds.sock", None),
        ("https://news.example/", "http://127.0.0.1:8080/", None),
    ],
)
def test_feeds_that_name_another_port_are_told_of(tmp_path: Path, named: str, served: str, told: str | None) -> None:
    """Who took another port than that of `site.url` on this machine hears that no reader will find it, and no secret."""
    words = named_otherwise(settings_of(tmp_path, settings=SITE.replace("https://t.example/", named)), served)

    assert words is None if told is None else f"name {told}" in str(words)
    assert "hush" not in str(words)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_its_ends(folder: Folder, number: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM end it with the codes that `run` has."""
    with _serving(folder) as (served, _):
        assert served.stop(number) == code


def test_a_changed_configuration_is_taken_over(folder: Folder) -> None:
    """SIGHUP has it read again; one that cannot be used is refused with what is wrong, and the old one stays."""
    folder.sources_at({"a": "https://a.example/feed"}, ", every: 10m")
    _published(folder)
    with _serving(folder) as (served, url):
        folder.sources_at({"a": "https://a.example/feed"}, ", every: 20m")
        served.process.send_signal(signal.SIGHUP)
        served.line("read again")
        assert ask(_port(url)).header("cache-control") == "max-age=1200"
        folder.sources("sources: 7\n")
        served.process.send_signal(signal.SIGHUP)
        assert "the old one stays" in str(served.line("refused")["message"])
        assert ask(_port(url)).header("cache-control") == "max-age=1200"


def test_a_configuration_that_is_out_of_reach_is_refused(folder: Folder) -> None:
    """Where its folder cannot even be looked at, as one that was closed to this user, the old one stays and is served."""
    _published(folder)
    config = folder.root / "config"
    with _serving(folder) as (served, url):
        config.rename(folder.root / "elsewhere")
        config.symlink_to("x" * 300)  # which no file system has a name for
        served.process.send_signal(signal.SIGHUP)
        assert "the old one stays" in str(served.line("refused")["message"])
        assert ask(_port(url), "/feeds/all.atom").status == 200


_OF_THE_START = [
    ("server: {listen: '127.0.0.1:1'}", None, "server.listen"),
    ("server: {listen: '127.0.0.1:1'}", "127.0.0.1:0", None),
    ("server: {metrics: true}\npublic: {dir: elsewhere}", None, "server.metrics, public.dir"),
    ("server: {secret: " + _SECRET + "}", None, "server.secret"),
    ("daemon: {debounce: 1s}", None, None),
]


@pytest.mark.parametrize(("change", "listen", "kept"), _OF_THE_START)
def test_what_a_server_keeps_until_the_next_start_is_named(
    tmp_path: Path, change: str, listen: str | None, kept: str | None
) -> None:
    """Of a new configuration those keys are named that a server does not take over, unless an option goes before them."""
    site = f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/{_SECRET}/'}}\n"
    began, found = (settings_of(tmp_path, settings=site + more, sources="sources: {}\n") for more in ("", change))

    assert left_for_later(began, found, listen) == (kept and f"until the next start the server keeps its {kept}")


@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_log_says_what_waits_for_the_next_start(folder: Folder, command: str) -> None:
    """Whoever changes what the server keeps, and tells it to read the configuration again, finds it in the log."""
    folder.sources("sources: {}\n")
    _published(folder)
    with _serving(folder, command=command) as (served, url):
        ask(_port(url))
        folder.settings("public: {dir: elsewhere}")
        served.process.send_signal(signal.SIGHUP)
        served.line("until the next start the server keeps its public.dir")


def test_everything_is_behind_the_secret_and_no_log_holds_it(folder: Folder) -> None:
    """With `server.secret` the address without it has nothing, and neither the log nor what is said at the start shows it."""
    folder.settings(f"server: {{secret: {_SECRET}}}")
    settings = folder.root / "config" / "settings.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace("https://news.example/", f"https://news.example/{_SECRET}/"), "utf-8"
    )
    _published(folder)
    with _serving(folder) as (served, url):
        statuses = [ask(_port(url), f"{before}/feeds/all.atom").status for before in ("", f"/{_SECRET}")]
        served.line('"status": 200')
        served.stop()

    assert statuses == [404, 200]
    assert _SECRET not in str(served.log)


def test_a_socket_in_the_file_system(folder: Folder, tmp_path: Path) -> None:
    """It listens at a path as well; what a server that was killed has left there is replaced, and the end leaves nothing."""
    _published(folder)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    with _serving(folder, listen=f"unix:{path}") as (served, url):
        assert url == f"unix:{path}"
        reply = _ask_at(path)
        assert served.stop() == 143

    assert reply.status == 200
    assert not path.exists()


def _ask_at(path: Path) -> Reply:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return parse(everything(client))


def test_an_address_that_is_taken_is_told(folder: Folder) -> None:
    """It says which address, and what to do, and ends with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = folder.run("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", TZ="UTC")

    assert done.returncode == 1
    assert "cannot listen at 127.0.0.1 port" in done.stderr
    assert "Traceback" not in done.stderr
