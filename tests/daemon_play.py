"""`aggregator run` as its users run it: a process whose log is read line by line, and which is told to end.

What it says to a service manager is heard too, so that a test need not guess when it is ready. No test measures with its own
clock: a log line says when it was written, and the waits here only keep a test from hanging.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from tests.upstream import Folder

#: Seconds after which a test that waits gives up; a loaded machine may be ten times slower than a quiet one.
PATIENCE = 60.0

Line = dict[str, Any]


class Daemon:
    """A daemon that was started."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Start it; `log` and `told` fill by themselves."""
        self.log: list[Line] = []  #: what it wrote, as it was read
        self.told: list[str] = []  #: what it said to its manager
        self.astray: list[str] = []  #: lines that are no JSON object: there must be none
        self._news = threading.Condition()
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # In the abstract namespace: a path below a test's folder would be too long.
        address = f"aggregator-test-{uuid.uuid4()}"
        self._manager.bind(f"\0{address}")
        self.process = subprocess.Popen(
            command,
            env={**environment, "NOTIFY_SOCKET": f"@{address}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._readers = [threading.Thread(target=work, daemon=True) for work in (self._read, self._hear)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Return the number of its main process."""
        return self.process.pid

    # -- what it says -----------------------------------------------------------------------------------------------

    def lines(self, event: str | None = None, source: str | None = None, *, since: int = 0) -> list[Line]:
        """Return what it wrote so far: of one kind (poll, output, daemon, note), of one source, from line `since` on."""
        with self._news:
            found = self.log[since:]
        return [
            line for line in found if event in {None, line["event"]} and (source is None or line.get("source_id") == source)
        ]

    def polls(self, source: str | None = None, *, since: int = 0) -> list[Line]:
        """Return the polls that it wrote of."""
        return self.lines("poll", source, since=since)

    def words(self, *, since: int = 0) -> list[str]:
        """Return what it said about itself."""
        return [str(line["message"]) for line in self.lines("daemon", since=since)]

    def wait(self, true: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
        """Wait until something holds, which is looked at whenever it says something; return what was found."""
        end = time.monotonic() + seconds
        while not (found := true()):
            assert self.process.poll() is None, f"it has ended with {self.process.returncode}: {self.tail()}"
            assert time.monotonic() < end, f"it did not happen; the last it said: {self.tail()}"
            with self._news:
                self._news.wait(0.1)
        return found

    def wait_for_poll(self, source: str, *, since: int = 0, **fields: Any) -> Line:
        """Wait until a source was polled, with an outcome that has these fields; return the line."""
        return self._first(lambda: self.polls(source, since=since), fields)

    def wait_for_output(self, path: str, *, since: int = 0) -> Line:
        """Wait until a file was published anew; return the line. The daemon must have been started with -v."""
        return self._first(lambda: self.lines("output", since=since), {"path": path, "changed": True})

    def wait_for_words(self, part: str, *, since: int = 0) -> str:
        """Wait until it says something that contains this."""
        found: str = self.wait(lambda: next((text for text in self.words(since=since) if part in text), None))
        return found

    def wait_for_ready(self, times: int = 1) -> None:
        """Wait until it has said so often that it is ready."""
        self.wait(lambda: self.told.count("READY=1") >= times)

    def wait_for_idle(self) -> None:
        """Wait until its first round is over: it then says when the next one is."""
        self.wait(lambda: any(text.startswith("STATUS=") and ", next " in text for text in self.told))

    def tail(self, number: int = 12) -> str:
        """Return the last lines, for a message."""
        with self._news:
            return "\n".join([json.dumps(line) for line in self.log[-number:]] + self.astray[-number:])

    @property
    def mark(self) -> int:
        """Return where the log ends now, to be given as `since`."""
        with self._news:
            return len(self.log)

    # -- what is done to it -----------------------------------------------------------------------------------------

    def send(self, number: int) -> None:
        """Send a signal to its main process."""
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = PATIENCE) -> int:
        """End it with a signal and return its exit code; every line that it ever wrote must have been a JSON object."""
        self.send(number)
        code = self.process.wait(seconds)
        self._readers[0].join(seconds)
        assert not self.astray, self.astray[:20]
        return code

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End whatever is left of it."""
        if self.process.poll() is None:
            self.kill()
        self._readers[0].join(PATIENCE)
        with suppress(OSError):
            self._manager.shutdown(socket.SHUT_RDWR)
        self._manager.close()

    # -- threads ----------------------------------------------------------------------------------------------------

    def _first(self, found: Callable[[], list[Line]], fields: dict[str, Any]) -> Line:
        line: Line = self.wait(lambda: next((line for line in found() if fields.items() <= line.items()), None))
        return line

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for raw in stream:
                text = raw.decode("utf-8", "replace").rstrip("\n")
                try:
                    line = json.loads(text)
                    with self._news:
                        self.log.append({**line, "event": line["event"]})
                        self._news.notify_all()
                except (ValueError, TypeError, KeyError):
                    self.astray.append(text)

    def _hear(self) -> None:
        with suppress(OSError):
            while data := self._manager.recv(4096):
                with self._news:
                    self.told.extend(data.decode().split("\n"))
                    self._news.notify_all()


@contextmanager
def running(
    folder: Folder,
    *words: str,
    serves: bool = False,
    ready: bool = True,
    environment: Mapping[str, str] | None = None,
    **variables: str,
) -> Iterator[Daemon]:
    """Run a daemon in this project, with -v and a log in JSON; whatever is left of it at the end is killed."""
    served = ("--listen", "127.0.0.1:0") if serves else ("--no-serve",)
    command = folder.command("-v", "run", "--log-format", "json", *served, *words)
    daemon = Daemon(command, folder.environment(**(environment or {}), **variables))
    try:
        if ready:
            daemon.wait_for_ready()
        yield daemon
    finally:
        daemon.close()


def moment(line: Line, field: str = "time") -> datetime:
    """Return an instant that a line names; when it was written, unless told otherwise."""
    return datetime.fromisoformat(line[field])
