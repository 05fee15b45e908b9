"""`aggregator check feeds`: says what is wrong with the published files, or with any feed. Never writes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.clock import now
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import load, state_to_read
from aggregator.model.settings import Settings
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.feed_findings import FeedFinding, look_at_feeds, look_at_file
from aggregator.publish.addresses import FOLDER
from aggregator.publish.scan import quoted

#: What people are shown; all of it is in the JSON.
_SHOWN, _ALIKE = 50, 3  #: kinds of findings, and findings of one kind in one file; files that nothing publishes are one kind


@click.command("feeds")
@click.argument("paths", metavar="[FILE...]", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def check_feeds(invocation: Invocation, paths: tuple[Path, ...], json_: bool) -> None:
    """Look at every published file and say what is wrong with it, with the line, the entry and the section that it breaks.

    Also told: what the configuration promises and is not there, what says other things than the configuration, formats of one
    feed that disagree, archives that cannot be walked, files that nothing publishes. Nothing is changed, nothing is locked:
    beside a running sync a finding may be of that moment.

    With FILE just these files are judged, by whoever they were made and also outside of a project: Atom, RSS 2.0, JSON Feed or
    OPML, told apart by their content. What only this program demands of its own feeds is then a note.

    Exit codes: 0 no problem, 1 problems, 2 wrong usage, 3 the configuration cannot be used, 5 a folder cannot be read.
    """
    if paths:
        findings = [found for path in paths for found in look_at_file(path, str(path), now())[1]]
        _answer(invocation, findings, len(paths), as_json=json_)
    settings = load_effective(load(invocation))
    leaves = _leaves(settings)
    if leaves is None:
        _nothing_yet(invocation, settings, as_json=json_)
    seen = look_at_feeds(settings, leaves, now())
    _answer(invocation, seen.findings, len(seen.files), as_json=json_)


def _leaves(settings: Settings) -> tuple[tuple[str, ...], ...] | None:
    """Return the categories that posts stand in, as the state or else the posts say; None if nothing was ever published."""
    with state_to_read(settings) as state:
        if state is not None:
            return tuple(state.leaves())
    if not (settings.root / settings.public.dir / FOLDER).is_dir():
        return None
    from aggregator.pipeline.post_findings import look_at_posts

    return tuple({post.categories for post in look_at_posts(settings).posts})


def _nothing_yet(invocation: Invocation, settings: Settings, *, as_json: bool) -> NoReturn:
    text, advice = "is not there: nothing was published yet", "the first `aggregator sync` makes it"
    place = f"{settings.public.dir}/{FOLDER}"
    _answer(invocation, [FeedFinding(code="none", place=place, text=text, advice=advice, is_note=True)], 0, as_json=as_json)


def _answer(invocation: Invocation, findings: Iterable[FeedFinding], files: int, *, as_json: bool) -> NoReturn:
    """Say it, and leave with the exit code."""
    ordered = sorted(findings, key=lambda one: one.is_note)
    problems = sum(not one.is_note for one in ordered)
    if as_json or invocation.json:
        click.echo(json.dumps({"files": files, "findings": [asdict(one) for one in ordered]}, ensure_ascii=False))
    else:
        _say(invocation, ordered, files, problems)
    raise SystemExit(EXIT_PARTIAL if problems else 0)


def _say(invocation: Invocation, findings: list[FeedFinding], files: int, problems: int) -> None:
    groups: dict[tuple[str, str | None, bool], list[FeedFinding]] = {}
    for found in findings:
        place = "" if found.code == "stray" else found.place  # a format that was dropped leaves as many as there are feeds
        groups.setdefault((place, found.rule or found.text, found.is_note), []).append(found)
    for group in list(groups.values())[:_SHOWN]:
        talk = invocation.talk if group[0].is_note else click.echo
        for found in group[:_ALIKE]:
            talk("\n".join(_lines(found)))
        if len(group) > _ALIKE:
            where = "" if group[0].code == "stray" else " in that file"
            talk(f"  ... and {len(group) - _ALIKE} more of this kind{where}")
    if len(groups) > _SHOWN or any(len(group) > _ALIKE for group in groups.values()):
        click.echo("not all are shown; all of them: aggregator check feeds --json")
    click.echo(f"feeds: {count(files, 'file')}, {count(problems, 'problem') if problems else 'no problem'}")


def _lines(found: FeedFinding) -> Iterable[str]:
    place = found.place if found.line is None else f"{found.place}:{found.line}"
    rule = f" ({found.rule})" if found.rule else ""
    yield f"{'note: ' if found.is_note else ''}{place}: {found.text}{rule}"
    if found.entry or found.title:
        yield f"  in {' '.join(quoted(part) for part in (found.title, found.entry) if part)}"
    if found.advice:
        yield f"  -> {found.advice}"
