"""Makes a farm: feed files, what serves them, and what polls them.

In: a folder, a number of sources, a seed and a port. Out, below that folder: `feeds/`, `nginx.conf`, `urls` (for
newsboat, the XML feeds), `all-urls`, `project/config/` (for this project, all feeds) and `farm.json` (the counts). The
files below `feeds/` depend on the seed alone, so two farms of one seed differ in addresses at most.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.farm.formats import FarmEntry, FarmFeed, Format, write_feed
from benchmarks.farm.nginx import write_conf
from benchmarks.farm.text import CHINESE, LATIN, make_body, make_title

_SHARES = {Format.RSS20: 0.70, Format.ATOM: 0.25, Format.RDF: 0.03, Format.JSON: 0.02}
_NEWEST = datetime(2025, 11, 1, tzinfo=UTC)  #: no entry of any farm is younger
_ENTRIES = (10, 50)  #: per feed, both included; so the mean is 30
_BODY_BYTES = (1024, 12 * 1024)
_CHINESE_SHARE, _CDATA_SHARE = 0.4, 0.6
_TOPS = (("资讯", "news"), ("Technology", "technology"))
_MIDDLES = (("本地", "local"), ("World", "world"), ("科学", "science"), ("Culture", "culture"), ("生活", "life"))
_LEAVES = 5  #: below each of the ten middle categories, which gives fifty leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmSource:
    """One place of the farm."""

    name: str  #: also the source's id
    form: Format
    host: str  #: a loopback address of its own: politeness counts by host, so it never makes the benchmark wait
    categories: tuple[str, ...]

    @property
    def file(self) -> str:
        """Return the name below feeds/."""
        return f"{self.name}.{self.form}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a farm holds; a benchmark compares what each program stored with it."""

    sources: int
    entries: int
    bytes: int
    xml_sources: int  #: all but JSON Feed, which newsboat 2.21 cannot read
    xml_entries: int
    port: int
    seed: int


def make_farm(out: Path, *, sources: int, seed: int, port: int) -> Counts:
    """Write the whole farm into an empty or new folder.

    Raises:
        FileExistsError: there is a farm already.
    """
    places = plan_sources(sources, seed=seed)
    (out / "feeds").mkdir(parents=True)
    entries: Counter[Format] = Counter()
    size_bytes = 0
    for place in places:
        feed = make_feed(place, seed=seed)
        body = write_feed(feed, place.form)
        path = out / "feeds" / place.file
        path.write_bytes(body)
        # nginx makes ETag and Last-Modified from it
        os.utime(path, (feed.entries[0].date.timestamp(),) * 2)
        entries[place.form] += len(feed.entries)
        size_bytes += len(body)
    xml = [place for place in places if place.form is not Format.JSON]
    for name, listed in (("urls", xml), ("all-urls", places)):
        (out / name).write_text("".join(f"{address_of(place, port)}\n" for place in listed), encoding="utf-8")
    write_conf(out, hosts=tuple(place.host for place in places), port=port)
    write_config(out / "project" / "config", places, port)
    counts = Counts(
        sources=len(places),
        entries=entries.total(),
        bytes=size_bytes,
        xml_sources=len(xml),
        xml_entries=entries.total() - entries[Format.JSON],
        port=port,
        seed=seed,
    )
    (out / "farm.json").write_text(json.dumps(asdict(counts), indent=1) + "\n", encoding="utf-8")
    return counts


def read_counts(farm: Path) -> Counts:
    """Read what `make_farm` counted."""
    return Counts(**json.loads((farm / "farm.json").read_text(encoding="utf-8")))


def plan_sources(count: int, *, seed: int) -> tuple[FarmSource, ...]:
    """Share the formats out, in an order that the seed draws; from four sources on each format is there."""
    if count < len(_SHARES):
        forms = list(_SHARES)[:count]
    else:
        forms = [form for form, share in _SHARES.items() for _ in range(max(1, round(count * share)))]
    forms = [Format.RSS20] * max(0, count - len(forms)) + forms
    forms = forms[len(forms) - count :]  # the commonest format, which stands first, gives way to the rare ones
    Random(f"forms {seed}").shuffle(forms)
    leaves = list(_leaf_categories())
    return tuple(
        FarmSource(
            name=f"s{index:05d}",
            form=form,
            host=f"127.{10 + index // 62_500}.{index // 250 % 250}.{1 + index % 250}",
            categories=leaves[index % len(leaves)],
        )
        for index, form in enumerate(forms)
    )


def make_feed(place: FarmSource, *, seed: int) -> FarmFeed:
    """Make one feed; it depends on the seed, the source's name and its format alone."""
    random = Random(f"feed {seed} {place.name}")
    site = f"https://{place.name}.example"
    chinese = random.random() < _CHINESE_SHARE
    moment = _NEWEST - timedelta(minutes=random.randrange(7 * 24 * 60))
    pace_minutes = random.choice((30, 120, 480, 1440, 4320))
    names = [make_title(random, chinese=chinese)[:12].strip() for _ in range(3)]
    entries = []
    for number in range(random.randint(*_ENTRIES), 0, -1):
        low, high = _BODY_BYTES
        size_bytes = low + round((high - low) * random.betavariate(1, 5.3))
        link = f"{site}/{moment:%Y/%m}/{random.choice(LATIN)}-{number}"
        entry = FarmEntry(
            id=f"{site}/?p={number}" if place.form is not Format.RDF else link,
            link=link,
            title=make_title(random, chinese=chinese),
            author=random.choice(names),
            tags=tuple(random.sample(CHINESE if chinese else LATIN, k=random.randrange(4))),
            date=moment,
            body=make_body(random, chinese=chinese, site=site, size_bytes=size_bytes),
        )
        entries.append(entry)
        moment -= timedelta(seconds=random.randrange(60, pace_minutes * 120))
    return FarmFeed(
        title=f"{make_title(random, chinese=chinese)[:40].strip()} {place.name}",
        site=site,
        language="zh-CN" if chinese else "la",
        cdata=random.random() < _CDATA_SHARE,
        entries=tuple(entries),
    )


def _leaf_categories() -> Iterator[tuple[str, ...]]:
    for top, _ in _TOPS:
        for middle, _ in _MIDDLES:
            for leaf in range(1, _LEAVES + 1):
                yield (top, middle, f"Desk {leaf}")


def address_of(place: FarmSource, port: int) -> str:
    """Return where nginx serves a source."""
    return f"http://{place.host}:{port}/{place.file}"


def write_config(config: Path, places: tuple[FarmSource, ...], port: int) -> None:
    """Write this project's configuration of the sources."""
    (config / "sources").mkdir(parents=True)
    settings = (
        "site:\n  id: urn:uuid:2f7f0a9c-5f0e-4b1a-8f0e-64d1c0a7b001\n  title: The farm\n"
        "  url: http://127.0.0.1:8080/\nfetch:\n  allow_private: [127.0.0.0/8]\n"
    )
    (config / "settings.yaml").write_text(settings, encoding="utf-8")
    slugs = dict(_TOPS + _MIDDLES)
    paths = sorted({place.categories[:depth] for place in places for depth in (1, 2, 3)})
    lines = [f"  {'/'.join(path)}: {{slug: {slugs.get(path[-1], path[-1].lower().replace(' ', '-'))}}}\n" for path in paths]
    (config / "categories.yaml").write_text("categories:\n" + "".join(lines), encoding="utf-8")
    for top, slug in _TOPS:
        blocks = [
            f"  {place.name}:\n    feed: {address_of(place, port)}\n    categories: [{', '.join(place.categories)}]\n"
            for place in places
            if place.categories[0] == top
        ]
        if blocks:
            (config / "sources" / f"{slug}.yaml").write_text("sources:\n" + "".join(blocks), encoding="utf-8")
