"""The policies that are compared, as data. All of them are played by `schedule.next_poll`; only its arguments differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from aggregator.schedule import LONGEST_INTERVAL, OUR_RULE, Rule

FIVE_MINUTES = timedelta(minutes=5)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When sources are polled; without `every` and `per_entry` it is what the square-root rule says."""

    name: str  #: as in the table
    group: str  #: line of the plot
    label: str  #: at its point there
    every: timedelta | None = None  #: `every` of all sources
    per_entry: float | None = None  #: so many polls for each expected entry, between five minutes and a day
    rule: Rule = OUR_RULE
    platform_cap: int | None = None  #: polls a minute of one platform, evenly spaced; None: as they come
    host_cap: int | None = None  #: the same of any other host
    without_validators: float = 0.0  #: share of the sources whose servers give none
    budget_of: str | None = None  #: name of the policy that spends as much

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing but the rule itself makes a difference: no caps, validators everywhere."""
        return self.platform_cap is None and self.host_cap is None and not self.without_validators


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Fixed polling that may spend as much as another policy did: its interval follows from what that one spent."""

    of: str  #: name of that policy

    def at_budget(self, spent: Mapping[str, float]) -> Policy:
        """Return the policy; `spent` is polls per source and day, by name of the policy."""
        rivalled = next(policy for policy in POLICIES if policy.name == self.of)
        every = _seconds(_HOUR * (spent[HOURLY.name] / spent[self.of]))
        minutes = every / timedelta(minutes=1)
        return replace(
            HOURLY,
            name=f"fixed {minutes:.0f} min, at the budget of: {self.of}",
            label=f"{minutes:.0f} min",
            every=every,
            budget_of=self.of,
            platform_cap=rivalled.platform_cap,
            host_cap=rivalled.host_cap,
        )


def _root(c: float) -> Policy:
    rule = Rule(knob=c, floor=FIVE_MINUTES, cap=LONGEST_INTERVAL)
    return Policy(name=f"square root, c={c:g}", group="square root", label=f"c={c:g}", rule=rule)


def _seconds(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))


HOURLY = Policy(name="fixed 60 min", group="fixed", label="60 min", every=_HOUR)
OURS = Policy(name="ours: c=2, floor 60 min", group="ours", label="ours")
ROOT_2 = _root(2)

POLICIES = (
    HOURLY,
    replace(HOURLY, name="fixed 180 min", label="180 min", every=3 * _HOUR),
    Policy(name="1/rate, one poll per entry", group="1/rate", label="one poll per entry", per_entry=1.0),
    Policy(name="1/rate, four polls per entry", group="1/rate", label="four", per_entry=4.0),
    ROOT_2,
    _root(3),
    _root(5),
    OURS,
    replace(OURS, name="ours, a fifth without validators", without_validators=0.2),
    replace(OURS, name="ours, 1 s between polls of a host", platform_cap=60, host_cap=60),
    replace(HOURLY, name="fixed 60 min, caps 60 and 6", platform_cap=60, host_cap=6),
    replace(ROOT_2, name="square root, c=2, caps 60 and 6", platform_cap=60, host_cap=6),
)
RIVALS = tuple(Rival(of=policy.name) for policy in (ROOT_2, OURS))
