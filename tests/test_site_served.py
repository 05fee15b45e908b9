"""A project's pages over HTTP: what each address answers, and what becomes of it when the project changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from aggregator.pipeline.pages import Pages
from aggregator.pipeline.searching import Searching
from aggregator.pipeline.site import ProjectSite
from aggregator.serve.server import Server, serve
from aggregator.serve.site import Answer
from aggregator.settings import load_settings
from tests.raw_http import Reply, ask
from tests.upstream import Folder

_LINK = re.compile(r'(?:href|src)="([^"#]+)')


@contextmanager
def _serving(folder: Folder) -> Iterator[tuple[Server, ProjectSite]]:
    settings = load_settings(folder.root, folder.root / "config", {})
    with ProjectSite(settings, clock=lambda: datetime.now(UTC)) as site:
        index = Searching(site.index, again=timedelta(days=1))
        while not index.slice(site.effective(), None):
            pass
        with serve(folder.root / settings.public.dir, site=site) as server:
            yield server, site


@pytest.fixture
def served(synced: Folder) -> Iterator[tuple[Server, ProjectSite]]:
    """Return a server of a project after its first sync."""
    with _serving(synced) as running:
        yield running


@pytest.fixture
def get(served: tuple[Server, ProjectSite]) -> Callable[..., Reply]:
    """Return what asks it."""

    def get(target: str, *lines: str) -> Reply:
        return ask(served[0].port, target, *lines)

    return get


def _again(served: tuple[Server, ProjectSite]) -> None:
    """Have the server ask at once whether anything changed, and not within the second."""
    served[0]._application._version_at = float("-inf")


def _entries(get: Callable[..., Reply]) -> list[str]:
    return sorted(set(re.findall(r'href="(e/[a-z2-7]+/)', get("/").body.decode())))


def test_every_page_is_there_and_every_link_leads_somewhere(
    served: tuple[Server, ProjectSite], get: Callable[..., Reply]
) -> None:
    """Each address of the site is a page, and whatever it links to on this site is there as well."""
    settings = served[1].settings
    pages = Pages(lambda: settings, clock=lambda: datetime.now(UTC))
    addresses = ["/status" if address == "/status/" else address for address in pages.addresses()]
    pages.close()
    assert len(addresses) > 10
    linked = set()
    for address in addresses:
        reply = get(quote(address))
        assert (reply.status, reply.header("content-type")) == (200, "text/html; charset=utf-8"), address
        links = (
            urljoin(f"http://here{quote(address)}", found.replace("&amp;", "&")) for found in _LINK.findall(reply.body.decode())
        )
        linked |= {link.removeprefix("http://here") for link in links if link.startswith("http://here/")}
    lost = {link: status for link in sorted(linked) if (status := get(link).status) != 200}
    assert lost == {}


def test_what_pages_load_is_kept_for_good(get: Callable[..., Reply]) -> None:
    """The stylesheet and the script have names that tell their content: no browser asks twice."""
    page = get("/").body.decode()
    style = re.search(r'href="(static/[0-9a-f]+\.css)"', page)
    assert style is not None
    reply = get(f"/{style[1]}")

    assert (reply.status, reply.header("content-type")) == (200, "text/css; charset=utf-8")
    assert reply.header("cache-control") == "max-age=31536000, immutable"
    assert get("/static/0123456789ab.css").status == 404


def test_a_missing_slash_is_added_and_one_too_many_taken(get: Callable[..., Reply]) -> None:
    """Links in a page are relative, so it is at one address only; the other spelling leads there."""
    [entry, *_] = _entries(get)
    for target, location in (
        (f"/{entry.rstrip('/')}", f"/{entry}"),
        ("/feeds", "/feeds/"),
        ("/c/news", "/c/news/"),
        ("/status/", "/status"),
        ("/search/", "/search"),
        ("/search/?q=%E6%96%B0+x&other=1", "/search?q=%E6%96%B0+x"),
        ("/feeds?lang=zh-CN", "/feeds/?lang=zh-CN"),
    ):
        reply = get(target)
        assert (reply.status, reply.leads_from(target)) == (301, location)


def test_a_search_in_another_language_is_the_same_search(get: Callable[..., Reply]) -> None:
    """The links to other languages ask for the same words, in the same category and of the same source."""
    page = get("/search?q=Text&c=news&s=a").body.decode()
    links = [unescape(link) for link in re.findall(r'href="([^"]*)"[^>]*hreflang', page)]

    assert links == [f"?q=Text&c=news&s=a&lang={language}" for language in ("zh-CN", "zh-TW", "en")]
    assert [get(f"/search{link}").status for link in links] == [200] * 3


def test_who_goes_astray_is_led_back(get: Callable[..., Reply]) -> None:
    """What is no page is a 404 that lists the feeds; what only programs ask for is a few words."""
    for target in ("/nothing/", "/c/none/", "/e/aaaaaaaaaaaa/", "/s/none/", "/c/news/1999-01/"):
        reply = get(target)
        assert (reply.status, reply.header("content-type")) == (404, "text/html; charset=utf-8"), target
        assert b"feeds/all.atom" in reply.body
    for target in ("/feeds/none.atom", "/wp-login.php", "/static/x.js"):
        assert get(target).header("content-type") == "text/plain; charset=utf-8", target


def test_what_makes_no_difference_makes_no_page(
    served: tuple[Server, ProjectSite], get: Callable[..., Reply], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of addresses that anybody can make up by the thousand, with values that nothing is done with, one page is made, once."""
    [entry, *_] = _entries(get)
    site, made = served[1], Counter[str]()
    find = site.find

    def counted(path: tuple[str, ...], *rest: Any) -> Answer | None:
        made["/".join(path)] += 1
        return find(path, *rest)

    monkeypatch.setattr(site, "find", counted)
    monkeypatch.setattr(site, "version", lambda: "as it is")
    _again(served)
    for number in range(10):
        for target in ("", entry, "favicon.ico"):
            get(f"/{target}?pictures={number}&lang=x{number}")

    assert made == {"": 1, "favicon.ico": 1, entry: 2}  # with pictures an entry's page is another one


@pytest.mark.parametrize("start", ["/c", "/s/zaker", "/2026-01", "/x"])
def test_an_address_of_thousands_of_parts_costs_a_few_words(get: Callable[..., Reply], start: str) -> None:
    """Each link of a page climbs out of the address that was asked for: of one that is absurdly deep none is made."""
    reply = get(f"{start}{'/a' * 7000}/")

    assert (reply.status, reply.header("content-type")) == (404, "text/plain; charset=utf-8")
    assert len(reply.body) < 100


def test_former_addresses_are_looked_for_no_deeper_than_any_was(served: tuple[Server, ProjectSite]) -> None:
    """Whether a page has moved is asked for each beginning of its address that is no longer than a former one."""
    begun: list[object] = []

    class Parts(tuple[str, ...]):
        __slots__ = ()

        def __getitem__(self, at: Any) -> Any:
            begun.append(at)
            return super().__getitem__(at)

    parts = Parts(("c", *["a"] * 5000))
    assert served[1]._pages.moment().places.moved(parts) is None
    assert len(begun) < 10


@pytest.mark.parametrize("target", ["/c/none/", "/c/a%3Fb/", "/c/a%23b/", "/none"])
def test_who_goes_astray_anywhere_sees_the_page_whole(get: Callable[..., Reply], target: str) -> None:
    """The stylesheet is found from wherever somebody went astray, whatever the address is made of."""
    style = re.search(r'href="([^"]*static/[0-9a-f]+\.css)"', get(target).body.decode())
    assert style is not None

    assert get(urljoin(f"http://here{target}", style[1]).removeprefix("http://here")).status == 200


def test_an_entry_that_was_taken_down_is_gone(
    synced: Folder, served: tuple[Server, ProjectSite], get: Callable[..., Reply]
) -> None:
    """After a takedown its page is 410, and no list, feed or search names it."""
    [entry, *_] = _entries(get)
    key = entry.split("/")[1]
    assert get(f"/{entry}").status == 200
    done = synced.here("takedown", key, "--yes")
    assert done.returncode == 0, done.stderr
    _again(served)

    assert get(f"/{entry}").status == 410
    assert key not in get("/").body.decode()
    assert get(f"/{entry}", "If-None-Match: *").status == 410


def test_a_category_that_was_removed_is_gone(
    synced: Folder, served: tuple[Server, ProjectSite], get: Callable[..., Reply]
) -> None:
    """Its page answers 410 and lists the feeds that there are, as soon as nothing is published in it."""
    sources = synced.root / "config/sources/all.yaml"
    synced.sources(sources.read_text("utf-8").replace("[news, b]", "[other]"))
    assert get("/c/news/b/").status == 200
    assert synced.here("build", "--posts").returncode == 0
    served[1].settings = load_settings(synced.root, synced.root / "config", {})
    _again(served)

    reply = get("/c/news/b/")
    assert (reply.status, reply.header("content-type")) == (410, "text/html; charset=utf-8")
    assert b"feeds/other.atom" in reply.body
    assert get("/c/news/b/2025-12/").status == 410


def test_pages_come_in_three_languages(get: Callable[..., Reply]) -> None:
    """The words around the entries are the reader's: as asked, else as the browser says, else the site's."""
    found = {
        re.search(rb'<html[^>]* lang="([^"]+)"', get(target, *lines).body)[1].decode()  # type: ignore[index]
        for target, lines in (("/", ()), ("/", ("Accept-Language: zh-TW",)), ("/?lang=zh-CN", ("Accept-Language: en",)))
    }
    assert found == {"en", "zh-TW", "zh-CN"}


def test_status_for_programs(get: Callable[..., Reply]) -> None:
    """/status.json says of each source what /status does."""
    reply = get("/status.json")
    said = json.loads(reply.body)

    assert (reply.status, reply.header("content-type")) == (200, "application/json; charset=utf-8")
    assert {line["id"] for line in said["lines"]} == {"a", "b"}
    assert get("/metrics").status == 404  # nobody asked for it


def test_search_finds_and_is_not_kept(get: Callable[..., Reply]) -> None:
    """A search answers with what was found; no cache and no robot keeps such pages."""
    reply = get("/search?q=entry")

    assert reply.status == 200
    assert _LINK.search(reply.body.decode())
    assert re.search(rb'href="e/[a-z2-7]+/', reply.body)
    assert reply.header("cache-control") == "no-cache"
    assert b"Disallow: /search" in get("/robots.txt").body
    assert get("/search").status == 200


def test_a_page_is_current_until_something_changes(
    synced: Folder, served: tuple[Server, ProjectSite], get: Callable[..., Reply]
) -> None:
    """Its tag holds as long as its bytes do; a new title of the site changes both."""
    tag = get("/feeds/").header("etag")
    assert get("/feeds/", f"If-None-Match: {tag}").status == 304
    settings = synced.root / "config" / "settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace("Test site", "Other site"), "utf-8")
    served[1].settings = load_settings(synced.root, synced.root / "config", {})
    _again(served)
    reply = get("/feeds/", f"If-None-Match: {tag}")

    assert reply.status == 200
    assert b"Other site" in reply.body


def test_a_theme_is_taken_and_a_broken_one_is_told(
    synced: Folder, served: tuple[Server, ProjectSite], get: Callable[..., Reply]
) -> None:
    """Files in config/theme take the place of ours; one that is broken leaves ours, and readiness says so."""
    theme = synced.root / "config" / "theme"
    theme.mkdir()
    (theme / "extra.css").write_text("body { color: teal }")
    _again(served)
    style = re.search(r'href="(static/[0-9a-f]+\.css)"', get("/").body.decode())
    assert style is not None
    assert b"teal" in get(f"/{style[1]}").body
    assert get("/readyz").status == 200
    (theme / "list.html").write_text("{% if %}")
    _again(served)
    assert b"<h1" in get("/").body
    assert get("/readyz").status == 503
    assert any("list.html" in line for line in served[1].troubles())


def test_a_state_that_is_not_there_costs_no_page_its_answer(synced: Folder) -> None:
    """Without a state the pages say what is known; feeds are as they were."""
    for path in (synced.root / "state").iterdir():
        path.unlink()
    settings = load_settings(synced.root, synced.root / "config", {})
    with (
        ProjectSite(settings, clock=lambda: datetime.now(UTC)) as site,
        serve(synced.root / settings.public.dir, site=site) as server,
    ):
        statuses = {
            target: ask(server.port, target).status for target in ("/", "/status", "/feeds/", "/search?q=x", "/c/news/")
        }
        assert set(statuses.values()) == {200}, statuses
        assert ask(server.port, "/feeds/all.atom").status == 200
        assert ask(server.port, "/readyz").status == 200  # a host may have the published files alone


def test_a_round_that_hangs_makes_the_server_unready(served: tuple[Server, ProjectSite], get: Callable[..., Reply]) -> None:
    """A round of polls that has said nothing for long is no reason to send anybody here."""
    assert (get("/readyz").status, get("/readyz").body) == (200, b"ready\n")
    served[1].heard = lambda: datetime.now(UTC) - timedelta(hours=1)
    assert get("/readyz").status == 503
