"""The real engines build sites of three hundred hostile posts: every one has its page, at its instant, with its very text.

The layouts are our own and print what is looked for. Hexo comes from npm (`make engines`), the others from the system.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from zoneinfo import ZoneInfo

import lxml.html
import pytest

from aggregator.model.entry import Entry
from tests.engine_entries import bench_entries, entries_titled
from tests.engine_sites import Shown, Site
from tests.post_records import naughty_strings

ENTRIES = bench_entries()
MACHINES = ("UTC", "Asia/Shanghai")
#: What an engine says when something is wrong with a post or a file.
_TROUBLE = re.compile(r"\b(error|warn(ing)?|fatal|conflict|invalid|skipp(ed|ing)|omitted|could not)\b", re.IGNORECASE)
#: The one hour a year for which there is no wall clock that Hexo turns into the instant (store/profiles/hexo.py).
_HOURS = {
    "Europe/Berlin": datetime(2021, 10, 30, 23, tzinfo=UTC),
    "America/New_York": datetime(2021, 11, 7, 10, tzinfo=UTC),
}


def _build(
    root: Path, engine: str, profile: str, timezone: str, *, machine: str, config: str | None = None
) -> tuple[Site, dict[str, Entry]]:
    site = Site(root, engine, profile=profile, timezone=timezone, config=config)
    by_key = site.write(ENTRIES)
    site.aggregator("build", "新媒体", "👍")
    _trouble_free(site.build(machine))
    return site, by_key


def _trouble_free(said: str) -> None:
    assert [line for line in said.splitlines() if _TROUBLE.search(line) and "Generated: " not in line] == []


def _check(site: Site, by_key: Mapping[str, Entry]) -> None:
    _check_pages(by_key, site.pages())
    feeds = {path.relative_to(site.public): path.read_bytes() for path in (site.public / "feeds").rglob("*") if path.is_file()}
    assert len(feeds) >= 3
    assert {path: (site.copied / path).read_bytes() for path in feeds} == feeds


def test_hexo_runs_nothing_in_a_json_feed(tmp_path: Path) -> None:
    """Without `skip_render` Hexo reads JSON and writes it anew: the same data, and no template in it is executed."""
    site = Site(tmp_path, "hexo", profile="hexo", timezone="UTC")
    site.put("_config.yml", (site.root / "_config.yml").read_text("utf-8").replace("skip_render", "not_known"))
    site.write(ENTRIES[:60])
    site.aggregator("build", "新媒体")
    _trouble_free(site.build("UTC"))

    feeds = list((site.public / "feeds").rglob("*.json"))
    assert feeds
    for path in feeds:
        built = site.copied / path.relative_to(site.public)
        assert json.loads(built.read_bytes()) == json.loads(path.read_bytes())


def _check_pages(by_key: Mapping[str, Entry], pages: Mapping[str, Shown]) -> None:
    assert [entry.title for key, entry in by_key.items() if key not in pages] == []
    assert [(entry.title, pages[key].title) for key, entry in by_key.items() if pages[key].title != entry.title] == []
    assert list(_wrong_texts(by_key, pages)) == []


def _wrong_instants(by_key: Mapping[str, Entry], pages: Mapping[str, Shown]) -> list[tuple[datetime, datetime]]:
    return [(entry.date, pages[key].instant) for key, entry in by_key.items() if pages[key].instant != entry.date]


def _wrong_texts(by_key: Mapping[str, Entry], pages: Mapping[str, Shown]) -> Iterator[tuple[object, object]]:
    """Yield what differs between an entry's HTML and its page's: tags, attributes, texts; in <pre> to the last blank."""
    for key, entry in by_key.items():
        meant = lxml.html.document_fromstring(f"<article><div>\n{entry.content}\n</div></article>").find(".//article")
        yield from ((one, other) for one, other in zip_longest(_shape(meant), _shape(pages[key].html)) if one != other)


def _shape(article: lxml.html.HtmlElement) -> list[tuple[str, dict[str, str], str]]:
    """Return the elements with their text; around blocks white space counts as one blank, since nobody sees it."""
    return [
        (
            element.tag,
            dict(element.attrib),
            element.text_content()
            if element.tag == "pre"
            else " ".join(re.split(r"[ \t\n]+", element.text_content().strip(" \t\n"))),
        )
        for element in article.iter(lxml.html.etree.Element)
    ]


@pytest.mark.post_row("R54", "R55", "D13", "D26", "D28")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("machine", [*MACHINES, "site"])
@pytest.mark.parametrize("timezone", ["Asia/Shanghai", "America/New_York", "Europe/Berlin"])
@pytest.mark.publishes("P37")
def test_hexo_shows_every_post(tmp_path: Path, timezone: str, machine: str) -> None:
    """Profile hexo, timezone set: exact on a machine in UTC or in the site's zone, but for one hour of autumn.

    On a machine in a third zone an instant within half a day of a change of the clocks may be an hour off.
    """
    machine = timezone if machine == "site" else machine
    site, by_key = _build(tmp_path, "hexo", "hexo", timezone, machine=machine)

    _check(site, by_key)
    wrong = _wrong_instants(by_key, site.pages())
    if machine in {"UTC", timezone}:
        hour = _HOURS.get(timezone)
        assert all(hour and hour <= meant < hour + timedelta(hours=1) for meant, _ in wrong)
    assert all(abs(shown - meant) == timedelta(hours=1) and _clocks_change(meant, timezone) for meant, shown in wrong)


def _clocks_change(instant: datetime, timezone: str) -> bool:
    """Tell whether the zone's clocks change within 14 hours of the instant."""
    before, after = ((instant + timedelta(hours=hours)).astimezone(ZoneInfo(timezone)).utcoffset() for hours in (-14, 14))
    return before != after


@pytest.mark.post_row("R54", "R55", "D13")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("profile", ["default", "volantis"])
def test_hexo_shows_rfc_822_dates_where_it_has_no_time_zone(tmp_path: Path, profile: str, machine: str) -> None:
    """Profiles default and volantis with `timezone: ''`: every post, exact on every machine."""
    site, by_key = _build(tmp_path, "hexo", profile, "Asia/Shanghai", machine=machine, config="timezone: ''\n")

    _check(site, by_key)
    assert _wrong_instants(by_key, site.pages()) == []


@pytest.mark.post_row("R54", "R55", "D13")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("profile", "site_zone"), [("hugo", ""), ("hugo", "Asia/Tokyo"), ("default", "")])
@pytest.mark.publishes("P37")
def test_hugo_shows_every_post(tmp_path: Path, profile: str, site_zone: str, machine: str) -> None:
    """Profile hugo is exact whatever timeZone the site has; default is where it has none."""
    config = f"timeZone: '{site_zone}'\nmarkup: {{goldmark: {{renderer: {{unsafe: true}}}}}}\n"
    site, by_key = _build(tmp_path, "hugo", profile, "America/New_York", machine=machine, config=config)

    _check(site, by_key)
    assert _wrong_instants(by_key, site.pages()) == []


@pytest.mark.post_row("R54", "R55", "D13")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("timezone", ["Asia/Shanghai", "America/New_York"])
@pytest.mark.publishes("P37")
def test_jekyll_shows_every_post(tmp_path: Path, timezone: str, machine: str) -> None:
    """Profile jekyll: no post is passed over, the day in its address is that of its name, our configuration stays out."""
    site, by_key = _build(tmp_path, "jekyll", "jekyll", timezone, machine=machine)

    _check(site, by_key)
    pages = site.pages()
    assert _wrong_instants(by_key, pages) == []
    names = {path.name[:10] for path in site.posts.rglob("*.md")}
    assert {"-".join(pages[key].path.parent.parts[-3:]) for key in by_key} <= names
    assert not (site.built / "config").exists()


@pytest.mark.post_row("R49", "R54")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("engine", ["hexo", "hugo", "jekyll"])
def test_naughty_strings_have_pages(tmp_path: Path, shared: Path, engine: str) -> None:
    """Every text of the big list of naughty strings, as title, tag, byline and body, has its page and stands on it."""
    site = Site(tmp_path, engine, profile=engine, timezone="Asia/Shanghai")
    by_key = site.write(entries_titled(naughty_strings(shared)))
    _trouble_free(site.build("UTC"))

    _check_pages(by_key, site.pages())


@pytest.mark.parametrize("engine", ["hexo", "hugo", "jekyll"])
def test_the_check_is_content_with_a_site_that_is_right(tmp_path: Path, engine: str) -> None:
    """For the sites that are built here, `check posts --engine` has nothing to say."""
    site = Site(tmp_path, engine, profile=engine, timezone="Asia/Shanghai")
    site.write(ENTRIES[:20])

    assert site.aggregator("check", "posts", "--engine", engine) == "posts: 20 posts, no problem\n"
