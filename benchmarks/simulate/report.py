"""Tallies -> the Markdown of docs/scheduling.md (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from aggregator.schedule import describe
from benchmarks.simulate.policies import HOURLY, OURS, ROOT_2, Policy
from benchmarks.simulate.run import World, polls_per_day
from benchmarks.simulate.tally import CLASSES, Tally

Tallies = Mapping[Policy, Tally]

_HEAD = """\
# Scheduling

When a source is polled next, and why, is the answer of one pure function, `next_poll` in
[schedule.py](../aggregator/schedule.py); [decision 7](decisions/0007-due-times-are-computed.md) says how it is
made. This page says what its rule for sources without `every` is worth: that function is played over a
made-up world, and so are other policies. It is written by `make simulate` and by nothing else.

## The rule

An entry waits for half an interval on average. Who has a number of polls to spend, and wants entries to wait as little
as possible in sum, minimises Σ rate × weight × interval / 2 for a given Σ 1 / interval, and finds that an interval has
to fall with the *square root* of how often there is news:

    interval = c / sqrt(rate x weight), but at least 60 min and at most 24 h

- `c` is the knob between delay and polls: 2, in square roots of a minute.
- `rate` is learned: (entries seen + 0.3) / (days watched + 2), where both fade by half in two weeks. A source that has
  said nothing for long keeps a small rate, so it is still polled two or three times a day.
- `weight` is the source's own setting: 4 halves its interval.
- Until a source was watched for two days it is polled hourly. Without validators each poll costs the server a whole
  feed, so then the least is 3 h.
- What the server asks for (max-age, Expires, Retry-After, ttl, sy:, skipHours, skipDays) raises the interval and
  nothing lowers it. Each failure in a row doubles it, up to a day. A poll comes up to a tenth of the interval late,
  always the same tenth for one source, so that sources that were polled together part.
- `every` on a source is its interval, and the rule has no say."""

_COLUMNS = """\
Delay is from a post's coming out to the poll that finds it; a poll is wasted if it finds none; the busiest key is the
host or platform with the most polls in one minute of the clock."""

_WORLD = """\
## The world

- Five platforms serve 13, 10, 7, 6 and 4 % of the sources from one host each; the other hosts have one source or a few,
  up to 200.
- 20 % of the sources answer and have no news any more, 5 % do not answer. The others write at a rate of their own,
  log-normal around 0.15 posts a day (sigma 1.8), at random times. Rates were learned for a fortnight, by looking once a
  day, before the first poll.
- A first day lets phases and queues settle; what is counted comes after it. Every policy meets the same sources and the
  same posts.
- A cap is a pace: so many polls a minute of one platform and of any other host, evenly spaced, the longest due first.
  Lateness is what a poll comes after its due time because of that.
- Not in it: daily rhythm and bursts (which would crowd the queues), the network's own time, servers' wishes (max-age
  and the like), failures that pass, push (WebSub).
- An earlier model of the same world, made before there was a planner (NumPy, steps of one minute, other sizes of the
  platforms), gave fixed 60 min 23.8 polls and 30.3 min, the square root with c=2 8.9 polls and 30.3 min, c=3 6.0 and
  45.3, c=5 3.6 and 75.4. Here there are fewer polls and longer delays throughout: the planner polls up to a
  tenth late and never early, where that model did both, and sources that do not answer are asked once a day. Lateness
  without caps was half a step there; here time has no steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page says of its making."""

    day: date
    commit: str
    plot: str  #: the picture's file name


def render_report(tallies: Tallies, world: World, facts: Facts) -> str:
    """Return the whole page."""
    made = (
        f"{facts.day:%Y-%m-%d}, commit {facts.commit}; {world.sources:,} sources, {world.days} days that count, "
        f"seed {world.seed}. The same seed gives the same table, with any number of processes."
    )
    command = f"python -m benchmarks.simulate --sources {world.sources} --days {world.days} --seed {world.seed}"
    return (
        "\n\n".join(
            (
                _HEAD,
                "## What it is worth",
                made,
                f"    {command}",
                render_table(tallies, world),
                _COLUMNS,
                f"![Mean delay over polls per source and day, both logarithmic; the figures stand in the table]({facts.plot})",
                "## At equal budget",
                "\n".join(_equal(tallies, world)),
                "## Who waits",
                "\n".join(_classes(tallies)),
                "## Reading",
                "\n".join(f"- {sentence}" for sentence in _reading(tallies, world)),
                _WORLD,
            )
        )
        + "\n"
    )


def render_table(tallies: Tallies, world: World) -> str:
    """Return the table of all policies."""
    lines = [
        "| policy | polls/source/day | wasted | mean delay, min | p50 / p95, min | late mean / max, min | busiest key |",
        "|---|---|---|---|---|---|---|",
    ]
    for policy, tally in tallies.items():
        lateness = f"{_minutes(tally.late / max(tally.polls, 1))} / {_minutes(tally.latest)}" if tally.late else "none"
        lines.append(
            f"| {policy.name} | {polls_per_day(tally, world):.1f} | {tally.wasted_share:.1%} | {tally.mean_delay():.1f} "
            f"| {tally.delay_within(0.5)} / {tally.delay_within(0.95)} | {lateness} | {tally.busiest} |"
        )
    return "\n".join(lines)


def _equal(tallies: Tallies, world: World) -> Iterator[str]:
    yield "| rule | polls | mean delay, min | fixed interval for as many polls | polls | mean delay, min | ratio |"
    yield "|---|---|---|---|---|---|---|"
    for rule, rival in _pairs(tallies):
        mine, theirs = tallies[rule], tallies[rival]
        every, ratio = describe(rival.every or timedelta()), mine.mean_delay() / theirs.mean_delay()
        yield (
            f"| {rule.name} | {polls_per_day(mine, world):.2f} | {mine.mean_delay():.1f} | {every} "
            f"| {polls_per_day(theirs, world):.2f} | {theirs.mean_delay():.1f} | {ratio:.0%} |"
        )


def _classes(tallies: Tallies) -> Iterator[str]:
    ours = tallies[_named(tallies, OURS.name)]
    [rival] = [policy for policy in tallies if policy.budget_of == OURS.name]
    yield f"| posts of sources that write | posts | ours, mean delay in min | {rival.label} fixed, for as many polls |"
    yield "|---|---|---|---|"
    total = sum(ours.found)
    for kind, (_, name) in enumerate(CLASSES):
        yield (
            f"| {name} | {ours.found[kind] / total:.0%} | {ours.mean_delay(kind):.0f} | {tallies[rival].mean_delay(kind):.0f} |"
        )


def _reading(tallies: Tallies, world: World) -> Iterator[str]:
    hourly, ours, root = (tallies[_named(tallies, policy.name)] for policy in (HOURLY, OURS, ROOT_2))
    spent, without_floor = (polls_per_day(tally, world) / polls_per_day(hourly, world) for tally in (ours, root))
    for rule, rival in _pairs(tallies):
        mine, theirs = tallies[rule].mean_delay(), tallies[rival].mean_delay()
        yield f"**{rule.name}**: for the same polls, fixed polling makes a post wait {theirs / mine:.1f} times as long."
    yield (
        f"Beside hourly polling of everything, ours makes {spent:.0%} of the polls, and a post waits "
        f"{ours.mean_delay():.0f} min instead of {hourly.mean_delay():.0f}. With a floor of five minutes it "
        f"would be {without_floor:.0%} and {root.mean_delay():.0f} min; the floor of an hour is there for upstreams."
    )
    yield (
        f"The price is the tail: one post in twenty waits longer than {ours.delay_within(0.95)} min (hourly: "
        f"{hourly.delay_within(0.95)}). Those are posts of sources that seldom write."
    )
    yield (
        "1/rate makes the fewest polls and leaves the longest tail: it takes from sources that seldom write what the square "
        "root leaves them."
    )
    yield (
        "Where a platform serves thousands of sources, its cap decides and not the interval: what asks for more than the cap "
        "lets through runs behind, so a rule that asks for less runs less behind."
    )


def _pairs(tallies: Tallies) -> Iterator[tuple[Policy, Policy]]:
    for rival in tallies:
        if rival.budget_of is not None:
            yield _named(tallies, rival.budget_of), rival


def _named(tallies: Tallies, name: str) -> Policy:
    return next(policy for policy in tallies if policy.name == name)


def _minutes(microseconds: float) -> str:
    minutes = microseconds / 60e6
    return f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}"  # noqa: PLR2004 - two digits are enough
