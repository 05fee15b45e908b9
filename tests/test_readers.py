"""Real feed readers read a project's feeds over HTTP, each as its users run it. Those that are not installed are skipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from aggregator.serve.server import serve
from tests.reader_entries import SAMPLES, SITE, Facts, File
from tests.reader_expectations import CLIENTS, FIELDS, FORMATS, Client, Limit, differences, within
from tests.reader_site import configure, sync
from tests.reader_tools import whole
from tests.upstream import ATOM, Folder, Upstream

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A synced project whose feeds are served."""

    public: Path
    address: str

    def feed(self, format_: str) -> Path:
        """Return the file of the feed that holds every sample."""
        return self.public / f"feeds/news.{format_}"

    def address_of(self, format_: str) -> str:
        """Return where that file is served."""
        return self.address + self.feed(format_).relative_to(self.public).as_posix()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Sync the samples once, and serve what was published."""
    folder = Folder(tmp_path_factory.mktemp("readers") / "project")
    with serve(folder.root / "public") as server, Upstream() as upstream:
        configure(folder, upstream, server.url)
        sync(folder, upstream, SAMPLES)
        yield Published(public=folder.root / "public", address=server.url)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
@pytest.mark.publishes("P15", "P19", "P33", "P34")
def test_a_reader_reads_what_was_published(
    client: Client,
    format_: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Every field of every entry arrives as it left, but for the reader's known limits, and so do the feed's title and page."""
    version = client.version()  # first: no project is synced for readers that are not there
    published: Published = request.getfixturevalue("published")

    assert published.feed(format_).is_file()  # or nobody could read it, and some are not meant to
    found = list(client.read(tmp_path / "home", published.address_of(format_)))

    record_property("reader", json.dumps([_place(client, format_), _row(client, version, format_)]))
    wrong = differences(client.expected(format_), found)
    assert not wrong, "\n".join(wrong)
    if client.about and format_ in client.formats:
        assert client.about(tmp_path / "home") == (f"news - {SITE}", published.address)


@pytest.mark.parametrize(
    ("name", "field", "limit"),
    [
        pytest.param(client.name, field, limit, id=f"{client.name}-{format_}-{field}")
        for client in CLIENTS
        for format_ in client.formats
        for field, limit in client.limits(format_).items()
    ],
)
def test_every_limit_shows(name: str, field: str, limit: Limit) -> None:
    """A limit that no sample would show is no limit."""
    assert [sample for sample in SAMPLES if within({field: limit}, sample.facts) != sample.facts], f"{name}: {limit.words}"


def test_the_samples_are_published_as_they_were_written(published: Published) -> None:
    """What the Atom file says, read by nothing but an XML parser, is what upstream wrote."""
    root = etree.parse(published.feed("atom")).getroot()

    found = [_facts(entry) for entry in root.iterfind("a:entry", ATOM)]

    assert differences([sample.facts for sample in SAMPLES], found) == []


def _facts(entry: etree._Element) -> Facts:
    links = [(link.get("rel"), link) for link in entry.iterfind("a:link", ATOM)]
    dates = [entry.findtext(f"a:{name}", namespaces=ATOM) for name in ("published", "updated")]
    return Facts(
        id=str(entry.findtext("a:id", namespaces=ATOM)),
        title=str(entry.findtext("a:title", namespaces=ATOM)),
        link=next((link.get("href") for rel, link in links if rel == "alternate"), None),
        date=datetime.fromisoformat(next(date for date in dates if date)),
        authors=tuple(str(name.text) for name in entry.iterfind("a:author/a:name", ATOM)),
        files=tuple(_file(link) for rel, link in links if rel == "enclosure"),
        duration=whole(entry.findtext(f"{{{ITUNES}}}duration")),
    )


def _file(link: etree._Element) -> File:
    return File(href=str(link.get("href")), type=link.get("type"), length=whole(link.get("length")))


def _place(client: Client, format_: str) -> int:
    """Return where the row stands in the table."""
    return CLIENTS.index(client) * len(FORMATS) + FORMATS.index(format_)


def _row(client: Client, version: str, format_: str) -> dict[str, str]:
    name, _, more = client.name.partition(" (")
    row = {"reader": f"{name} {version}{f' ({more}' if more else ''}", "format": format_}
    if format_ not in client.formats:
        return row | {"id": "does not read this format"}
    limits = client.limits(format_)
    row |= {column: limits[field].words if field in limits else "exact" for field, column in FIELDS.items()}
    return row | {"feed": "exact" if client.about else "not told"}
