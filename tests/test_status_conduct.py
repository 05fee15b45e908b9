"""`status --conduct`: what is counted, why intervals are what they are, and what is found fault with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.model.fetched import HostState, Validators
from aggregator.model.poll import PollCounts, SourceState
from aggregator.model.settings import FetchSettings, Settings
from aggregator.model.source import Secret, Source
from aggregator.pipeline.conduct import report
from aggregator.pipeline.findings import Finding, Learned, find
from tests.test_moves import HOUR, NEW, NOW, OLD, SOURCE, settings_of
from tests.upstream import Folder, Upstream

MINUTE = timedelta(minutes=1)
ETAG = Validators(address=OLD, etag=b'"1"')
KNOWN = SourceState(id="a", last_poll=NOW, last_success=NOW, body_hash=b"b", validators=ETAG)
COUNTS = PollCounts(
    polls=100, oldest=NOW - 90 * HOUR, lately=24, conditional=99, not_modified=80, shortest=50 * MINUTE, shortest_lately=HOUR
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"


def learned(state: SourceState = KNOWN, counts: PollCounts = COUNTS, *hosts: HostState) -> Learned:
    return Learned(states={"a": state}, counts={"a": counts}, hosts={host.name: host for host in hosts})


def findings(settings: Settings, known: Learned | None = None) -> list[Finding]:
    return list(find(settings, known or learned(), {("sources", "a", "feed"): "config/sources/x.yaml:2"}, NOW))


def fetching(**changes: Any) -> Settings:
    return replace(settings_of(SOURCE), fetch=FetchSettings(**changes))


def closed(hours: float) -> HostState:
    return HostState(name="old.example", closed_until=NOW + hours * HOUR, status=429)


def sourced(**changes: Any) -> Settings:
    return settings_of(replace(SOURCE, **changes))


def served_at(url: str) -> Settings:
    return replace(sourced(), site=replace(sourced().site, url=url))


NO_VALIDATORS = replace(KNOWN, validators=None)
REFUSED = replace(KNOWN, failures=3, last_status=403)
HASTY = replace(COUNTS, shortest_lately=40 * MINUTE / 60)


@pytest.mark.parametrize(
    ("settings", "known", "code", "words"),
    [
        (sourced(), learned(KNOWN, COUNTS, closed(2)), "host-closed", "old.example said 429 and wants to be left alone until"),
        (sourced(), learned(KNOWN, COUNTS, closed(-23)), "host-closed", "wanted to be left alone until 2026-11-21 13:00"),
        (sourced(), learned(REFUSED), "refused", "the server of a refuses us: 403, 3 times in a row"),
        (fetching(user_agent=FIREFOX), None, "browser", "`fetch.user_agent` gives itself out as a browser"),
        (sourced(headers=(("User-Agent", Secret(FIREFOX)),)), None, "browser", "a gives itself out as a browser by its"),
        (sourced(verify=False), None, "unverified", "`verify: false` takes any certificate"),
        (sourced(every=2 * HOUR), learned(NO_VALIDATORS), "costly", "polled more often than every 3 h although"),
        (sourced(every=5 * MINUTE), learned(NO_VALIDATORS), "costly", "a (every 5 min)"),
        (sourced(every=5 * MINUTE), None, "often", "polled more often than hourly, which most servers"),
        (fetching(user_agent="me/1"), None, "nameless", "`fetch.user_agent` names nobody"),
        (served_at("http://127.0.0.1:8080/"), None, "nameless", "http://127.0.0.1:8080/"),
        (sourced(), learned(KNOWN, HASTY), "hasty", "polled again before it was due, in the last 24 h: a (after 40 s)"),
        (fetching(per_host=4), None, "pressing", "`fetch.per_host: 4` asks every host so many things at once"),
        (fetching(gap=timedelta()), None, "pressing", "`fetch.gap` leaves less than a second"),
        (
            sourced(addresses=(f"{NEW}?token=x",), moved_from=f"{OLD}?token=x"),
            None,
            "moved",
            f"a has moved for good, and the configuration still names {OLD}?token=*** (config/sources/x.yaml:2)",
        ),
    ],
)  # fmt: skip
def test_what_an_owner_might_mind_is_found(settings: Settings, known: Learned | None, code: str, words: str) -> None:
    """Each fault alone gives one finding, in words that name it, with what to do."""
    [found] = findings(settings, known)

    assert found.code == code
    assert words in found.text
    assert found.advice


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        (sourced(), None),
        (sourced(every=HOUR), None),
        (sourced(every=3 * HOUR), learned(NO_VALIDATORS)),
        (sourced(every=5 * MINUTE, paused=True), None),
        (sourced(every=2 * HOUR), learned(replace(NO_VALIDATORS, body_hash=None))),
        (sourced(), learned(KNOWN, COUNTS, closed(-25))),
        (sourced(), learned(replace(REFUSED, last_status=404))),
        (fetching(user_agent="Mozilla/5.0 (compatible; planet/1.0; +https://planet.example/bot)"), None),
        (fetching(user_agent="planet/1.0 (me@planet.example)"), None),
    ],
)
def test_what_is_in_order_is_not_found_fault_with(settings: Settings, known: Learned | None) -> None:
    """Hourly polls, three-hourly ones without validators, paused sources, old silences, crawlers that say who they are."""
    assert findings(settings, known) == []


def test_the_worst_stands_first() -> None:
    """What servers have said comes before what they may never notice."""
    source = replace(
        SOURCE, every=5 * MINUTE, verify=False, moved_from=OLD, addresses=(NEW,), headers=(("user-agent", Secret(FIREFOX)),)
    )
    site = replace(settings_of().site, url="http://localhost/")
    settings = replace(settings_of(source), fetch=FetchSettings(per_host=2), site=site)
    host = replace(closed(1), name="new.example")

    codes = [found.code for found in findings(settings, learned(REFUSED, HASTY, host))]

    assert codes == ["host-closed", "refused", "browser", "unverified", "often", "nameless", "hasty", "pressing", "moved"]


def test_many_sources_of_one_fault_are_one_finding() -> None:
    """Five are named, the others counted; all of them stand in the record."""
    sources = [replace(SOURCE, id=f"s{number}", verify=False) for number in range(7)]

    [found] = findings(settings_of(*sources))

    assert found.text.endswith("s0, s1, s2, s3, s4 and 2 more (--json names them)")
    assert len(found.sources) == 7


def test_the_report_counts_and_gives_reasons() -> None:
    """Per source what was asked and why so often, per host what its sources come to."""
    other = Source(id="b", key="bee", feed=OLD, addresses=(OLD,), categories=("news",), every=4 * HOUR)
    known = Learned(
        states={"a": replace(KNOWN, fresh_until=NOW + HOUR), "b": replace(NO_VALIDATORS, id="b")},
        counts={"a": COUNTS, "b": replace(COUNTS, lately=6)},
        hosts={"old.example": closed(2)},
    )
    found = report(settings_of(SOURCE, other), known, {}, NOW)
    a, b = found.sources

    assert (a.polls_lately, a.shortest_pause, a.conditional, a.not_modified, a.validators) == (24, 50 * MINUTE, 99, 80, "ETag")
    assert (a.interval, a.fresh_until, a.closed_until) == ("every 60 min by default", NOW + HOUR, NOW + 2 * HOUR)
    assert (b.id, b.validators, b.interval) == ("bee", "none", "every 4 h")
    [host] = found.hosts
    assert (host.name, host.sources, host.polls_lately, host.status) == ("old.example", 2, 30, 429)


def test_the_command_reports_what_was_asked(folder: Folder, upstream: Upstream) -> None:
    """Two syncs give two polls, one conditional and answered with 304; `--json` says the same; no state is needed."""
    folder.sources_at({"a": f"{upstream.address}/a"}, ", every: 3h")
    before = folder.run("status", "--conduct")
    folder.sync()
    folder.sync("--force")
    told = folder.run("status", "--conduct")
    data = json.loads(folder.run("status", "--conduct", "--json").stdout)

    assert (before.returncode, told.returncode) == (0, 0)
    assert "a       127.0.0.1  0     -               -            -    not known yet  every 3 h" in before.stdout
    assert "nothing to mend: 1 source, all treated as their owners would like it" in before.stdout
    assert "1 of 2       1 of 2  ETag        every 3 h" in told.stdout
    assert "! polled again before it was due, in the last 24 h: a (after " in told.stdout
    assert "    -> leave --force and --no-cache out of what runs by itself" in told.stdout
    [source] = data["sources"]
    assert (source["polls_lately"], source["conditional"], source["not_modified"]) == (2, 1, 1)
    assert [found["code"] for found in data["findings"]] == ["hasty"]
    assert "User-Agent: feed-aggregator/" in told.stdout
    assert folder.run("status", "--conduct", "--failing").returncode == 2


def test_upstreams_are_told_for_how_many_readers_we_come(folder: Folder, upstream: Upstream) -> None:
    """`fetch.subscribers` stands in the User-Agent of every request."""
    folder.settings("fetch: {allow_private: [127.0.0.0/8], subscribers: 12}")
    folder.sync()

    agents = {request.headers["User-Agent"] for request in upstream.requests}
    assert len(agents) == 1
    assert agents.pop().endswith(" (+https://news.example/; 12 subscribers)")
