"""The archive chain of a feed, as whoever walks it would find it: every way in which a chain can be broken is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aggregator.model.output import OutputFeed
from aggregator.pipeline.archive_findings import archive_findings, file_at, is_page
from aggregator.publish.addresses import public_url
from aggregator.publish.findings import Examined
from tests.publish_records import SITE_URL, make_frame

FRAME = make_frame()
FOLDER = "feeds/新媒体.archive"
NEWEST, MIDDLE, OLDEST = f"{FOLDER}/2026-02.atom", f"{FOLDER}/2026-01-2.atom", f"{FOLDER}/2026-01.atom"
Chain = dict[str, Examined]


def _page(path: str, before: str | None, *ids: str, frame: OutputFeed = FRAME) -> Examined:
    facts = {"id": frame.id, "self": public_url(SITE_URL, path), "current": frame.self_link, "archive": "yes"}
    links = {"prev-archive": public_url(SITE_URL, before)} if before else {}
    return Examined(findings=(), frame={**facts, **links}, ids=ids)


def _chain() -> Chain:
    live = Examined(findings=(), frame={"id": FRAME.id, "prev-archive": public_url(SITE_URL, NEWEST)}, ids=("d", "e"))
    pages = {
        NEWEST: _page(NEWEST, MIDDLE, "c", "d"),  # an entry may stand in the live feed too
        MIDDLE: _page(MIDDLE, OLDEST, "b"),
        OLDEST: _page(OLDEST, None, "a"),
    }
    return {FRAME.path: live, **pages}


def _told(chain: Chain, frame: OutputFeed = FRAME) -> list[tuple[str, str]]:
    pages = {path: page for path, page in chain.items() if is_page(path)}
    found = list(archive_findings(frame, chain.get(frame.path), pages, SITE_URL))
    assert all(advice for _, _, advice in found)
    return [(path, text) for path, text, _ in found]


def test_a_sound_chain_has_no_finding() -> None:
    """Three pages that lead to each other down to the first, each entry in one of them."""
    assert _told(_chain()) == []


def test_a_feed_without_an_archive_has_no_finding() -> None:
    """A live feed that names no page and has none is whole."""
    assert _told({FRAME.path: Examined(findings=(), frame={"id": FRAME.id})}) == []


def _with(path: str, **facts: str | None) -> Callable[[Chain], Chain]:
    def edit(chain: Chain) -> Chain:
        page = chain[path]
        return {**chain, path: replace(page, frame={**page.frame, **{name.replace("_", "-"): v for name, v in facts.items()}})}

    return edit


def _without(path: str) -> Callable[[Chain], Chain]:
    return lambda chain: {name: page for name, page in chain.items() if name != path}


_DEFECTS: dict[str, tuple[Callable[[Chain], Chain], str, str]] = {
    "a page is gone": (_without(MIDDLE), NEWEST, f"goes on at {MIDDLE}, which is not there"),
    "the newest page is gone": (_without(NEWEST), FRAME.path, f"goes on at {NEWEST}, which is not there"),
    "the live feed links no page": (_with(FRAME.path, prev_archive=None), NEWEST, "nobody finds what it holds"),
    "a page links no other": (_with(NEWEST, prev_archive=None), MIDDLE, "nobody finds what it holds"),
    "a circle": (_with(OLDEST, prev_archive=public_url(SITE_URL, NEWEST)), OLDEST, "the walk never ends"),
    "a page of itself": (_with(OLDEST, prev_archive=public_url(SITE_URL, OLDEST)), OLDEST, "the walk never ends"),
    "a page elsewhere": (_with(MIDDLE, prev_archive="https://old.example/feeds/a.atom"), MIDDLE, "no address of this site"),
    "a page above": (_with(MIDDLE, prev_archive=f"{SITE_URL}feeds/../x.atom"), MIDDLE, "no address of this site"),
    "no mark": (_with(MIDDLE, archive=None), MIDDLE, "no fh:archive"),
    "another feed's page": (_with(MIDDLE, id="urn:uuid:other"), MIDDLE, "is a page of another feed"),
    "another live feed": (_with(MIDDLE, current="https://old.example/feeds/a.atom"), MIDDLE, "says that the live feed is"),
    "no live feed": (_with(MIDDLE, current=None), MIDDLE, 'says that the live feed is "nowhere"'),
    "an entry twice": (
        lambda chain: {**chain, OLDEST: _page(OLDEST, None, "a", "c")},
        OLDEST,
        f'holds the entry "c", which stands in {NEWEST} too',
    ),
}


@pytest.mark.parametrize(("edit", "path", "words"), _DEFECTS.values(), ids=_DEFECTS)
def test_a_broken_chain_is_told(edit: Callable[[Chain], Chain], path: str, words: str) -> None:
    """The break is told at the page that has it."""
    found = _told(edit(_chain()))

    assert any(place == path and words in text for place, text in found), found


def test_a_chain_goes_on_below_a_former_name() -> None:
    """Pages of a category's former name end the chain of its new one, and are not unlinked."""
    old = "feeds/media.archive/2025-12.atom"
    chain = _with(OLDEST, prev_archive=public_url(SITE_URL, old))(_chain()) | {old: _page(old, None, "z")}

    assert _told(chain, replace(FRAME, former=("feeds/media.atom",))) == []


def test_pages_of_other_feeds_are_not_this_one_s() -> None:
    """A page in another feed's folder is neither walked nor missed."""
    assert _told(_chain() | {"feeds/other.archive/2026-01.atom": _page("x", None, "q")}) == []


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (f"{SITE_URL}feeds/%E6%96%B0.atom", "feeds/新.atom"),
        ("https://news.example/other/feeds/a.atom", None),
        (f"{SITE_URL}feeds/a.atom?x", None),
        (f"{SITE_URL}feeds/%2e%2e/a.atom", None),
        ("", None),
    ],
)
def test_addresses_of_this_site_are_files(address: str, path: str | None) -> None:
    """An address below the site is the file that is served there; no other is followed."""
    assert file_at(address, SITE_URL) == path
