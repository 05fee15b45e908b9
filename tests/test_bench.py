from __future__ import annotations

import http.client
import json
import socket
import sys
from contextlib import closing
from datetime import date
from email.utils import formatdate
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest

from benchmarks.bars import BARS, judge
from benchmarks.farm.make import plan_sources, read_counts
from benchmarks.farm.nginx import running, write_conf
from benchmarks.farm.versions import Version, make_version
from benchmarks.measure import CommandError, Cost, measure
from benchmarks.plot import render_plot
from benchmarks.programs import FLOOR, NEWSBOAT, NEWSBOAT_HELPED, OURS, READER, READER_PYTHON, Program
from benchmarks.report import render_report
from benchmarks.results import Figure, Measured, Results, load_results, save_results
from benchmarks.run import ensure_farm, run_scenario
from benchmarks.scenarios import COLD, PEERS, PLAIN, Entrant, Scenario, Sizes, Step, plan_scenarios, without
from tests.conftest import absent, need

_SOURCES = 4


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sources, one of each format, on a port that is free; nobody may write into its feeds."""
    with socket.create_server((plan_sources(1, seed=1)[0].host, 0)) as free:
        port = free.getsockname()[1]
    return ensure_farm(tmp_path_factory.mktemp("cache"), sources=_SOURCES, seed=1, port=port)


def _entries(path: Path) -> list[tuple[str, str, str]]:
    """Return id, link and title of each entry."""
    if path.suffix == ".json":
        return [(item["id"], item["url"], item["title"]) for item in json.loads(path.read_bytes())["items"]]
    parsed = feedparser.parse(path.read_bytes(), sanitize_html=False, resolve_relative_uris=False)
    assert not parsed.bozo, path.name
    return [(entry.id, entry.link, entry.title) for entry in parsed.entries]


def _all_entries(folder: Path) -> list[tuple[str, str, str]]:
    return [entry for path in sorted(folder.iterdir()) for entry in _entries(path)]


def _cost(wall: float) -> Cost:
    return Cost(wall_seconds=wall, cpu_seconds=2 * wall, main_cpu_seconds=1.5, peak_bytes=10**8, main_peak_bytes=5 * 10**7)


def _results(**seconds: float) -> Results:
    """Return results in which programs took so long, cold."""
    found = Results(day=date(2026, 1, 2), phrases=("2 processors",), seed=1, sizes=Sizes(), arguments="")
    found.farms[PEERS] = "1,000 feeds"
    for program, wall in seconds.items():
        figure = Figure(scenario=PEERS, step=COLD, program=program.replace("_", " "))
        found.measured[figure] = [Measured(cost=_cost(wall), answers={"200": 1000})]
    return found


# -- versions of a farm


def test_news_are_entries_that_some_feeds_have_gained(farm: Path) -> None:
    """With two rounds of news the first feed holds two entries more, at its head, and every other feed is the same file."""
    held = make_version(farm, Version(news=2))
    old, new = _all_entries(farm / "feeds"), _all_entries(farm / "feeds-news-2")

    assert held.entries == len(new) == len(old) + 2
    assert set(old) < set(new)
    first = plan_sources(_SOURCES, seed=1)[0].file
    assert _entries(farm / "feeds-news-2" / first)[2:] == _entries(farm / "feeds" / first)
    changed = [path.name for path in (farm / "feeds").iterdir() if not path.samefile(farm / "feeds-news-2" / path.name)]
    assert changed == [first]


def test_a_rewritten_feed_has_the_same_entries_in_other_bytes_of_another_time(farm: Path) -> None:
    """Nothing but bytes and time differs, so its validators do."""
    make_version(farm, Version(rewritten=True))
    pairs = [(path, farm / "feeds-rewritten" / path.name) for path in (farm / "feeds").iterdir()]

    assert all(_entries(old) == _entries(new) for old, new in pairs)
    assert all(old.read_bytes() != new.read_bytes() for old, new in pairs)
    assert all(int(old.stat().st_mtime) != int(new.stat().st_mtime) for old, new in pairs)


def test_history_shares_no_entry_with_the_present_or_with_another_window(farm: Path) -> None:
    """A window holds nine times the entries; no id, link or title of them stands anywhere else."""
    held = [make_version(farm, Version(history=window)) for window in (0, 1)]
    present = _all_entries(farm / "feeds")
    entries = [*present, *_all_entries(farm / "history-0"), *_all_entries(farm / "history-1")]

    assert [one.entries for one in held] == [9 * len(present)] * 2
    for column in range(3):
        assert len({entry[column] for entry in entries}) == len(entries) == 19 * len(present)


def test_a_version_is_made_once_and_one_that_was_broken_off_again(farm: Path) -> None:
    """What is there stays as it is; a folder without its count is made anew."""
    version = Version(news=1)
    held = make_version(farm, version)
    before = (farm / "feeds-news-1").stat().st_ino
    assert make_version(farm, version) == held
    assert (farm / "feeds-news-1").stat().st_ino == before

    (farm / "feeds-news-1.json").unlink()
    (farm / "feeds-news-1" / plan_sources(_SOURCES, seed=1)[1].file).unlink()
    assert make_version(farm, version) == held
    assert len(list((farm / "feeds-news-1").iterdir())) == _SOURCES


# -- runs


def _scenario(*programs: Program) -> Scenario:
    steps = (Step(name=COLD), Step(name=PLAIN, served=Version(news=1, rewritten=True), validators=False))
    entrants = tuple(Entrant(program=program, runs={COLD: 1, PLAIN: 0 if program is FLOOR else 1}) for program in programs)
    return Scenario(name=PEERS, title="A few sources", sources=_SOURCES, steps=steps, entrants=entrants)


def _run(farm: Path, work: Path, *programs: Program) -> Results:
    found = _results()
    run_scenario(_scenario(*programs), farm, work, found)
    return found


@pytest.mark.parametrize("program", [FLOOR, OURS, NEWSBOAT, NEWSBOAT_HELPED, READER], ids=lambda program: program.name)
def test_a_program_takes_its_steps_and_is_counted(farm: Path, tmp_path: Path, program: Program) -> None:
    """Every program stores all there is, first from the farm, then with news from a server that sends no validators."""
    need("nginx")
    if program.name.startswith("newsboat"):
        need("newsboat")
    if program is READER and not READER_PYTHON.exists():
        absent("reader is not installed (make reader-tools)")
    found = _run(farm, tmp_path, program)

    sources = 3 if program.xml_only else _SOURCES
    assert [figure.step for figure in found.measured] == ([COLD] if program is FLOOR else [COLD, PLAIN])
    for [measured] in found.measured.values():
        assert measured.answers == {"200": sources}
        assert min(measured.cost.wall_seconds, measured.cost.cpu_seconds, measured.cost.main_peak_bytes) > 0


@pytest.mark.parametrize(
    ("stored", "asked", "words"),
    [(-1, _SOURCES, "entries in"), (0, _SOURCES - 1, "3 answers of nginx to lazy")],
    ids=["an entry too few", "a feed not asked for"],
)
def test_a_program_that_does_not_do_its_work_ends_the_benchmark(
    farm: Path, tmp_path: Path, stored: int, asked: int, words: str
) -> None:
    """A run in which an entry or a request is missing is no result, however fast it was."""
    need("nginx")
    addresses = (farm / "all-urls").read_text("utf-8").split()[:asked]
    fetch = f"from urllib.request import urlopen\nfor address in {addresses}: urlopen(address).read()"
    lazy = Program(
        name="lazy",
        command=lambda _: [sys.executable, "-c", fetch],
        stored=lambda place: place.counts.entries + stored,
    )

    with pytest.raises(CommandError, match=words):
        _run(farm, tmp_path, lazy)


def test_without_validators_every_answer_is_whole(farm: Path) -> None:
    """The server of the last step sends neither ETag nor Last-Modified, and heeds no condition."""
    need("nginx")
    place, counts = plan_sources(_SOURCES, seed=1)[0], read_counts(farm)
    write_conf(farm, hosts=(place.host,), port=counts.port, name="one.conf", validators=False)
    with (
        running(farm, host=place.host, port=counts.port, conf="one.conf"),
        closing(http.client.HTTPConnection(place.host, counts.port, timeout=10)) as connection,
    ):
        modified = formatdate((farm / "feeds" / place.file).stat().st_mtime, usegmt=True)
        connection.request("GET", f"/{place.file}", headers={"If-Modified-Since": modified})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("ETag"), answer.getheader("Last-Modified")) == (200, None, None)
        assert answer.read() == (farm / "feeds" / place.file).read_bytes()


def test_the_main_process_is_measured_apart_from_its_children(tmp_path: Path) -> None:
    """Memory and time that a child takes count for the tree and not for the command's own process."""
    child = "import time; held = bytearray(80_000_000); end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    argv = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"]
    cost = measure(argv, cwd=tmp_path)

    assert cost.main_peak_bytes < 60_000_000
    assert cost.peak_bytes > 80_000_000
    assert cost.cpu_seconds - cost.main_cpu_seconds > 0.45


# -- the page


def test_every_program_takes_steps_that_its_scenario_has() -> None:
    """No scenario names a step that is none of its own, and every bar looks where something is measured."""
    scenarios = plan_scenarios(Sizes())
    places = set()
    for scenario in scenarios:
        steps = {step.name for step in scenario.steps}
        for entrant in scenario.entrants:
            assert set(entrant.runs) <= steps
            places |= {Figure(scenario=scenario.name, step=step, program=entrant.program.name) for step in entrant.runs}

    assert {figure for bar in BARS for figure in (bar.figure, bar.against) if figure is not None} <= places


def test_no_program_is_visited_by_a_later_step_without_the_first() -> None:
    """A program that takes a step in a run took the first one in that run: else a cold visit would pass for another."""
    for scenario in plan_scenarios(Sizes()):
        for entrant in scenario.entrants:
            first, *others = (entrant.runs[step.name] for step in scenario.steps if step.name in entrant.runs)
            assert all(number <= first for number in others), (scenario.name, entrant.program.name)


def test_a_peer_can_be_left_out() -> None:
    """`--without newsboat` leaves out both of them and nobody else."""
    peers = plan_scenarios(Sizes())[0]
    left = {entrant.program.name for entrant in without(peers, ["newsboat"]).entrants}

    assert left == {entrant.program.name for entrant in peers.entrants} - {NEWSBOAT.name, NEWSBOAT_HELPED.name}
    assert without(peers, []) == peers


def test_a_bar_is_met_not_met_or_not_measured() -> None:
    """Twice the floor is met at twice the floor, a tenth of reader is not met at a fifth, and no newsboat is no newsboat."""
    found = _results(aggregator_sync=4.0, floor=2.0, reader=20.0)
    words = {outcome.bar.what: (outcome.found, outcome.word) for outcome in judge(found)}

    assert words["cold: ours / the floor"] == (2.0, "met")
    assert words["cold: ours / reader"] == (0.2, "**not met**")
    assert words["cold: ours / newsboat, helped"] == (None, "not measured")


def test_the_page_says_what_was_measured_and_how_to_repeat_it() -> None:
    """Bars, table, command, versions and picture stand in it; a scenario that was not run does not."""
    page = render_report(_results(aggregator_sync=4.0, floor=2.0), plan_scenarios(Sizes()), plot="p.svg")

    assert "| cold: ours / the floor | 2.00 | 2.00 | met |" in page
    assert "| aggregator sync | 4.00 | 8.00 | 1.50 | 100 | 50 | 1,000 × 200 | 4.00 |" in page
    assert "2026-01-02, 2 processors; seed 1." in page
    assert 'make bench BENCH_ARGS="--only peers"' in page
    assert "(p.svg)" in page
    assert "10,000 sources\n" not in page


def test_the_picture_is_xml_whose_text_is_text() -> None:
    """Each program's name and seconds stand in it as text; the longest bar is the slowest program's."""
    root = ET.fromstring(render_plot(_results(aggregator_sync=4.0, floor=2.0), plan_scenarios(Sizes())))
    svg = "{http://www.w3.org/2000/svg}"
    text = [element.text for element in root.iter(f"{svg}text")]
    widths = [float(element.attrib["width"]) for element in root.iter(f"{svg}rect")]

    assert text[1:] == ["floor", "2.00 s", "aggregator sync", "4.00 s"]
    assert widths[1] == 2 * widths[0]


def test_results_can_be_read_again(tmp_path: Path) -> None:
    """What was written to results.json comes back as it was."""
    found = _results(aggregator_sync=4.0, floor=2.0)
    save_results(found, tmp_path / "results.json")

    assert load_results(tmp_path / "results.json") == found
