"""The policy simulator (`benchmarks/simulate`): a small world stands for the large one of docs/scheduling.md."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aggregator.schedule import DEFAULT_EVERY, LONGEST_INTERVAL
from benchmarks.simulate.policies import HOURLY, OURS, POLICIES, ROOT_2, Policy, Rival
from benchmarks.simulate.run import World, play_all, polls_per_day
from benchmarks.simulate.tally import CLASSES, Tally, class_of
from benchmarks.simulate.world import draw, plan_keys

ROOT = Path(__file__).parents[1]
WORLD = World(sources=1_000, days=1, seed=3)
SMALL = World(sources=300, days=1, seed=3)
FREE = Policy(name="free", group="fixed", label="", every=timedelta(minutes=30))
CAPPED = replace(FREE, name="capped", platform_cap=1, host_cap=1)


@pytest.fixture(scope="module")
def played() -> dict[Policy, Tally]:
    """Hourly polling, our rule, and fixed polling at its budget."""
    first = play_all(WORLD, (HOURLY, OURS), jobs=2)
    spent = {policy.name: polls_per_day(tally, WORLD) for policy, tally in first.items()}
    return first | play_all(WORLD, (Rival(of=OURS.name).at_budget(spent),), jobs=2)


def test_hourly_polling_delays_a_post_by_half_an_hour(played: dict[Policy, Tally]) -> None:
    """Under fixed polling a post waits for half the interval on average, as arithmetic says."""
    hourly = played[HOURLY]

    assert hourly.mean_delay() == pytest.approx(30, rel=0.1)
    assert hourly.delay_within(0.95) <= 66
    assert hourly.late == 0


def test_no_key_is_busier_than_its_cap() -> None:
    """Where more is due than a cap lets through, polls come late, and no minute of any key has more of them than that."""
    tallies = play_all(SMALL, (FREE, CAPPED), jobs=2)

    assert tallies[FREE].busiest_platform > 1
    assert tallies[FREE].busiest_host > 1
    assert (tallies[CAPPED].busiest_platform, tallies[CAPPED].busiest_host) == (1, 1)
    assert tallies[CAPPED].latest > tallies[FREE].latest == 0


def test_the_square_root_beats_fixed_polling_at_an_equal_budget(played: dict[Policy, Tally]) -> None:
    """For as many polls, a post waits at most two thirds as long under our rule as under fixed intervals."""
    [rival] = [policy for policy in played if policy.budget_of == OURS.name]
    ours, fixed = played[OURS], played[rival]

    assert fixed.polls == pytest.approx(ours.polls, rel=0.02)
    assert ours.mean_delay() < fixed.mean_delay() * 2 / 3


def test_the_same_seed_gives_the_same_table() -> None:
    """Counts depend on the seed, and on neither the number of processes nor what else is played."""
    alone = play_all(SMALL, (OURS,), jobs=1)

    assert play_all(SMALL, (ROOT_2, OURS), jobs=2)[OURS] == alone[OURS]
    assert play_all(replace(SMALL, seed=4), (OURS,), jobs=1)[OURS] != alone[OURS]


def test_every_post_of_the_days_is_found_once() -> None:
    """Hourly polling finds as many posts as come out in the days that count."""
    world = World(sources=200, days=1, seed=5)
    found = play_all(world, (HOURLY,), jobs=1)[HOURLY].found
    day = 24 * 60 * 60.0
    posts = [post for number in range(world.sources) for post in draw(number, seed=world.seed, days=2).posts]

    assert sum(found) == pytest.approx(sum(day <= post < 2 * day for post in posts), rel=0.1)


def test_ours_is_what_production_does() -> None:
    """The policy called ours leaves every argument of the planner as it is."""
    assert OURS.every is None
    assert (OURS.rule.knob, OURS.rule.floor, OURS.rule.cap) == (2.0, DEFAULT_EVERY, LONGEST_INTERVAL)
    assert OURS.is_plain


def test_each_source_belongs_to_one_key() -> None:
    """The keys hold every source once, five of them are platforms, and most of the others have one source."""
    keys = plan_keys(5_000, seed=1)
    hosts = [key for key in keys if not key.is_platform]

    assert sorted(number for key in keys for number in key.sources) == list(range(5_000))
    assert len(keys) - len(hosts) == 5
    assert sum(len(key.sources) == 1 for key in hosts) > len(hosts) / 2


def test_rates_are_heavy_tailed() -> None:
    """A quarter of the sources is dead, and the busiest twentieth writes more than half of all posts."""
    rates = sorted((draw(number, seed=1, days=1).per_day for number in range(2_000)), reverse=True)

    assert rates.count(0.0) / len(rates) == pytest.approx(0.25, abs=0.03)
    assert sum(rates[:100]) > sum(rates) / 2
    assert class_of(rates[0]) == 0
    assert class_of(0.01) == len(CLASSES) - 1


def test_tallies_add_up() -> None:
    """Means and percentiles are those of all posts, whoever counted them."""
    one, other = Tally(polls=2, wasted=1), Tally(polls=1, busiest_host=3)
    one.find(10 * 60_000_000, 0)
    other.find(30 * 60_000_000, 1)
    one.add(other)

    assert (one.polls, one.wasted, one.busiest) == (3, 1, 3)
    assert (one.mean_delay(), one.mean_delay(1)) == (20.0, 30.0)
    assert (one.delay_within(0.5), one.delay_within(0.95)) == (11, 31)


def test_the_command_writes_the_page_and_its_picture(tmp_path: Path) -> None:
    """`python -m benchmarks.simulate --report` writes a row for each policy, and an SVG that is XML."""
    page = tmp_path / "scheduling.md"
    argv = [sys.executable, "-m", "benchmarks.simulate", "--sources", "40", "--days", "1", "--report", str(page)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=120)
    text = page.read_text("utf-8")

    assert all(f"| {policy.name} |" in text for policy in POLICIES)
    assert "(scheduling.svg)" in text
    assert ET.parse(tmp_path / "scheduling.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--sources", "0"), "0 is less than 1"), (("--report", "not/there/page.md"), "its folder is not there")],
    ids=["no sources", "no folder"],
)
def test_the_command_refuses_at_once_what_cannot_be_done(arguments: tuple[str, ...], words: str) -> None:
    """What is wrong with an argument is said before anything is played, with exit 2."""
    argv = [sys.executable, "-m", "benchmarks.simulate", *arguments]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert words in done.stderr
