"""Real feed readers that remember what they have read ask for a feed again. Those that are not installed are skipped."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.serve.server import serve
from tests.reader_entries import LATER, NEW, SAMPLES
from tests.reader_expectations import CLIENTS, Client, differences
from tests.reader_site import configure, sync
from tests.upstream import Folder, Upstream

#: Those that read on in the same home; sfeed makes another line of an entry whose title changes, Liferea is slow to remember.
_REMEMBER = ("newsboat", "lemon24/reader", "feed2exec (mailbox)", "rss2email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """What was published one day, and the next."""

    first: Path
    second: Path


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Sync the samples, then one more entry and a new title for an old one."""
    root = tmp_path_factory.mktemp("days")
    folder = Folder(root / "project")
    with Upstream() as upstream:
        configure(folder, upstream, "https://news.example/")
        sync(folder, upstream, SAMPLES)
        first = Path(shutil.copytree(folder.root / "public", root / "first"))
        sync(folder, upstream, LATER)
    return Days(first=first, second=folder.root / "public")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("client", "format_"),
    [
        pytest.param(client, format_, id=f"{client.name}-{format_}")
        for client in CLIENTS
        if client.name in _REMEMBER
        for format_ in client.formats
    ],
)
def test_a_reader_that_asks_again_finds_the_news(
    client: Client, format_: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Who reads on has every entry once: the new one is there, and an edited one is no second one."""
    client.version()  # first: no project is synced for readers that are not there
    days: Days = request.getfixturevalue("days")
    name, public, home = f"feeds/news.{format_}", tmp_path / "public", tmp_path / "home"
    shutil.copytree(days.first, public)

    with serve(public) as server:
        before = list(client.read(home, server.url + name))
        shutil.copy(days.second / name, tmp_path / "next")
        os.replace(tmp_path / "next", public / name)  # noqa: PTH105 - as a feed is swapped
        after = list(client.read(home, server.url + name))

    assert len(before) == len(SAMPLES)
    wrong = differences(client.expected(format_, (*SAMPLES, NEW) if client.sends else LATER), after)
    assert not wrong, "\n".join(wrong)
