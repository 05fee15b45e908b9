import gzip
import http.client
import json
import re
import shutil
import socket
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import pytest
from click.testing import CliRunner

from aggregator.settings import load_settings
from benchmarks.farm.formats import Format
from benchmarks.farm.make import Counts, make_farm, plan_sources, read_counts
from benchmarks.farm.nginx import running
from benchmarks.stages import main as stages

PORT = 18_080


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm of eight sources."""
    out = tmp_path_factory.mktemp("farm")
    make_farm(out, sources=8, seed=1, port=PORT)
    return out


def _read(path: Path) -> list[tuple[str, str, str]]:
    """Return id, title and body of each entry, as a parser of that format reads them."""
    if path.suffix == ".json":
        items = json.loads(path.read_bytes())["items"]
        return [(item["id"], item["title"], item["content_html"]) for item in items]
    parsed = feedparser.parse(path.read_bytes(), sanitize_html=False, resolve_relative_uris=False)
    assert not parsed.bozo, path.name
    return [
        (entry.id, entry.title, entry.content[0].value if "content" in entry else entry.summary) for entry in parsed.entries
    ]


def test_every_format_is_there_and_the_counts_are_what_a_parser_finds(farm: Path) -> None:
    """Eight files of four formats; farm.json counts sources, entries and bytes of all and of the XML ones."""
    files = sorted((farm / "feeds").iterdir())
    entries = {path: len(_read(path)) for path in files}
    xml = [path for path in files if path.suffix != ".json"]

    assert {path.suffix.removeprefix(".") for path in files} == set(Format)
    assert all(10 <= count <= 50 for count in entries.values())
    assert read_counts(farm) == Counts(
        sources=8,
        entries=sum(entries.values()),
        bytes=sum(path.stat().st_size for path in files),
        xml_sources=len(xml),
        xml_entries=sum(entries[path] for path in xml),
        port=PORT,
        seed=1,
    )


def test_bodies_are_html_of_the_stated_size(farm: Path) -> None:
    """Bodies have 1 to 12 KB (a block more at most), paragraphs, links, pictures and lists, in two scripts."""
    entries = [entry for path in (farm / "feeds").iterdir() for entry in _read(path)]
    bodies = [body for _, _, body in entries]
    everything = "".join(bodies)

    assert all(1024 <= len(body.encode()) <= 14 * 1024 for body in bodies)
    assert all(tag in everything for tag in ("<p>", '<a href="', "<img ", "<ul><li>", "<strong>"))
    assert re.search("[一-龥]{6}", everything)
    assert re.search("[a-z]{6} [a-z]", everything)
    assert len({id_ for id_, _, _ in entries}) == len(entries)
    assert all(title.strip() for _, title, _ in entries)


def test_no_entry_is_younger_than_the_fixed_date(farm: Path) -> None:
    """Dates are spread before a fixed instant, newest first, and the file carries the newest as its time."""
    for path in (farm / "feeds").glob("*.rss"):
        dates = [entry.published_parsed for entry in feedparser.parse(path.read_bytes()).entries]
        assert dates == sorted(dates, reverse=True)
        assert dates[0] < datetime(2025, 11, 1, tzinfo=UTC).timetuple()
        assert datetime.fromtimestamp(path.stat().st_mtime, UTC).timetuple()[:6] == dates[0][:6]


def test_the_seed_alone_decides_the_bytes(farm: Path, tmp_path: Path) -> None:
    """The same seed gives the same feeds, also on another port; another seed gives others."""
    make_farm(tmp_path / "same", sources=8, seed=1, port=PORT + 1)
    make_farm(tmp_path / "other", sources=8, seed=2, port=PORT)
    read = {
        out: {path.name: path.read_bytes() for path in (out / "feeds").iterdir()}
        for out in (farm, tmp_path / "same", tmp_path / "other")
    }

    assert read[farm] == read[tmp_path / "same"]
    assert not set(read[farm].values()) & set(read[tmp_path / "other"].values())


def test_the_formats_of_a_big_farm_have_their_shares() -> None:
    """Of 1,000 sources 700 are RSS 2.0, 250 Atom, 30 RDF, 20 JSON Feed, each on a loopback address of its own."""
    places = plan_sources(1000, seed=1)

    assert Counter(place.form for place in places) == {
        Format.RSS20: 700,
        Format.ATOM: 250,
        Format.RDF: 30,
        Format.JSON: 20,
    }
    assert len({place.host for place in places}) == 1000
    assert all(ip_address(place.host).is_loopback for place in plan_sources(20_000, seed=1))
    leaves = {place.categories for place in places}
    assert (len(leaves), {len(path) for path in leaves}) == (50, {3})


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 50])
def test_a_small_farm_has_as_many_sources_as_asked_for(count: int) -> None:
    """Rounding the shares neither adds nor drops a source."""
    assert len(plan_sources(count, seed=1)) == count


def test_nginx_listens_on_loopback_only_and_serves_what_is_listed(farm: Path) -> None:
    """Every `listen` names a loopback address; newsboat's list has the XML feeds, the project all of them."""
    conf = (farm / "nginx.conf").read_text(encoding="utf-8")
    hosts = re.findall(r"^ *listen ([^:;]+):(\d+);$", conf, re.MULTILINE)
    urls = (farm / "urls").read_text(encoding="utf-8").split()
    project = farm / "project"
    addresses = {source.feed for source in load_settings(project, project / "config", {}).sources}

    assert conf.count("listen ") == len(hosts) == 8
    assert all(ip_address(host).is_loopback and port == str(PORT) for host, port in hosts)
    assert all((farm / "feeds" / urlsplit(address).path[1:]).is_file() for address in addresses)
    assert addresses - set(urls) == {address for address in addresses if address.endswith(".json")}
    assert (len(addresses), len(urls)) == (8, 7)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_serves_the_farm_conditionally_and_gzipped(tmp_path: Path) -> None:
    """A feed has its type, goes out gzipped, and is answered 304 the second time; afterwards the port is free."""
    place = plan_sources(1, seed=3)[0]
    with socket.create_server((place.host, 0)) as free:
        port = free.getsockname()[1]
    make_farm(tmp_path, sources=1, seed=3, port=port)
    body = (tmp_path / "feeds" / place.file).read_bytes()

    with running(tmp_path, host=place.host, port=port):
        with closing(http.client.HTTPConnection(place.host, port, timeout=10)) as connection:
            connection.request("GET", f"/{place.file}", headers={"Accept-Encoding": "gzip"})
            first = connection.getresponse()
            assert gzip.decompress(first.read()) == body
            assert first.getheader("Content-Type") == "application/rss+xml"
            connection.request("GET", f"/{place.file}", headers={"If-None-Match": str(first.getheader("ETag"))})
            second = connection.getresponse()
            assert (second.status, second.read()) == (304, b"")
        with pytest.raises(RuntimeError, match="another server listens"), running(tmp_path, host=place.host, port=port):
            pass

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.host, port), timeout=1)


def test_the_clock_around_the_stages_finds_each_of_them(farm: Path, tmp_path: Path) -> None:
    """`benchmarks.stages` prints a line for every stage; a name that the program no longer has would end it."""
    result = CliRunner().invoke(stages, ["--farm", str(farm), "--feeds", "4", "--rounds", "1", "--work", str(tmp_path / "w")])

    assert result.exit_code == 0, result.output
    found = set(re.findall(r"^\| ([\w, ]+) \|", result.output, re.MULTILINE))
    assert {"parse", "read the texts", "normalise, all else", "render", "write", "row"} <= found
