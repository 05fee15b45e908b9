"""What one run of `sync` costs, in counts: requests, calls, statements, files. No clock: a count is the same on any machine.

Everything happens in this process: the workers are replaced by a stand-in that runs their jobs here, after the journey through
pickle. Calls are counted by the interpreter's own profile hook, files by its audit hook, statements by SQLite's trace: nothing
else is replaced, so that what is counted is what runs.
"""

from __future__ import annotations

import os
import pickle
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
import sqlalchemy as sa

from aggregator.model.parsed import hash_entry
from aggregator.normalise import normalise_entry
from aggregator.normalise.sanitise import sanitise
from aggregator.parse.fast import read_fast
from aggregator.parse.reader import read_xml
from aggregator.pipeline import outputs, sync
from aggregator.store.files import sync_file_system
from aggregator.store.profiles import default
from aggregator.workers import Workers
from tests.upstream import Folder, Upstream

#: What is counted, by the code that runs it.
_CALLS: dict[CodeType, str] = {
    read_fast.__code__: "read fast",
    read_xml.__code__: "read by feedparser",
    hash_entry.__code__: "hashed",
    normalise_entry.__code__: "normalised",
    sanitise.__code__: "sanitised",
    default.render.__code__: "rendered",
    sync_file_system.__code__: "synced all",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?(\w+)', re.IGNORECASE)


@dataclass(slots=True)
class Cost:
    """The counts of one run."""

    said: str = ""  #: what it told
    requests: Counter[int] = field(default_factory=Counter)  #: by status
    calls: Counter[str] = field(default_factory=Counter)  #: of what the work is made of
    jobs: Counter[str] = field(default_factory=Counter)  #: that went to workers
    sent: Counter[str] = field(default_factory=Counter)  #: bytes of those
    files: Counter[str] = field(default_factory=Counter)  #: "read posts", "written public", "renamed posts", "listed posts"
    durable: int = 0  #: files and folders that were made durable one by one
    statements: list[str] = field(default_factory=list)  #: as SQLite runs them: one for each row that is written

    @property
    def asked(self) -> Counter[str]:
        """Return how many statements there were of each kind and table; those that only set the connection up are left out."""
        found: Counter[str] = Counter()
        for text in self.statements:
            word = text.split(None, 1)[0].upper()
            table = _TABLE.search(text)
            if word == "BEGIN":
                found["transactions that write"] += 1
            elif table is not None and not table[1].startswith("sqlite_"):
                found[f"{word} {table[1]}"] += 1
        return found


class _Here(Workers):
    """Workers that are this process: each job is sent through pickle and done at once."""

    cost = Cost()

    async def run(self, function: Callable[[Any], Any], job: Any) -> Any:
        """Do the job here."""
        sent = pickle.dumps(job)
        self.cost.jobs[function.__name__.removeprefix("run_")] += 1
        self.cost.sent[function.__name__.removeprefix("run_")] += len(sent)
        return pickle.loads(pickle.dumps(function(pickle.loads(sent))))  # noqa: S301 - our own


class _Watch:
    """The audit hook, which Python never lets go of: there is one, and it is deaf unless a run is measured."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.cost = Cost()
        sys.addaudithook(self.hear)

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self.root is None:
            return
        if event == "open":
            path, mode, flags = details
            writing = (isinstance(mode, str) and mode[:1] in {"w", "a", "x"}) or bool(flags & _WRITING)
            if not flags & os.O_DIRECTORY:
                self.note("written" if writing else "read", path)
        elif event in {"os.scandir", "os.listdir"}:
            self.note("listed", details[0])
        elif event == "os.rename":
            self.note("renamed", details[1])
        elif event == "os.remove":
            self.note("removed", details[0])

    def note(self, what: str, path: object) -> None:
        if isinstance(path, str | os.PathLike) and self.root is not None and (place := os.fspath(path)).startswith(self.root):
            top = place[len(self.root) :].split("/")[0]
            if top in {"posts", "public", "archive", "ledger.jsonl"}:
                self.cost.files[f"{what} {top}"] += 1


_watch: list[_Watch] = []


@contextmanager
def _measured(root: Path) -> Iterator[Cost]:
    cost = Cost()
    if not _watch:
        _watch.append(_Watch())
    [watch] = _watch

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (name := _CALLS.get(frame.f_code)) is not None:
            cost.calls[name] += 1

    def connected(connection: Any, _: object) -> None:
        connection.set_trace_callback(cost.statements.append)

    def fsync(descriptor: int, sync: Callable[[int], None] = os.fsync) -> None:
        cost.durable += 1
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Here, "cost", cost)
        patch.setattr(sync, "Workers", _Here)
        patch.setattr(os, "fsync", fsync)
        outputs._READ.clear()  # a new worker has read nothing
        sa.event.listen(sa.pool.Pool, "connect", connected)
        watch.root, watch.cost = f"{root}/", cost
        sys.setprofile(called)
        try:
            yield cost
        finally:
            sys.setprofile(None)
            watch.root = None
            sa.event.remove(sa.pool.Pool, "connect", connected)


def cost_of_sync(folder: Folder, upstream: Upstream, *words: str) -> Cost:
    """Run `sync` and return what it cost."""
    upstream.requests.clear()
    with _measured(folder.root) as cost:
        done = folder.here("sync", *words)
    assert done.returncode == 0, done.stderr
    cost.said = done.stderr
    cost.requests.update(request.status for request in upstream.requests)
    return cost


def feeds(upstream: Upstream, entries: Mapping[str, str], *, remark: str = "", validators: bool = True) -> dict[str, str]:
    """Serve one feed for each name, of these <item> elements; return their addresses."""
    for name, items in entries.items():
        page = upstream.feed(f"/{name}", items, validators=validators)
        page.body = page.body.replace(b"</channel>", f"<!--{remark}--></channel>".encode()) if remark else page.body
    return {name: f"{upstream.address}/{name}" for name in entries}
