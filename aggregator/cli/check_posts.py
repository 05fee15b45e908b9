"""`aggregator check posts`: says which posts cannot be read, and what would go wrong with them in a site. Never writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.clock import now
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import load, state_to_read
from aggregator.errors import StoreError
from aggregator.model.settings import Settings
from aggregator.pipeline.post_findings import PostFinding, SeenPosts, look_at_posts, no_posts
from aggregator.pipeline.site_config import SiteConfigError, read_site_config
from aggregator.pipeline.site_findings import ENGINES, SiteView, judge_site

_SHOWN = 50  #: findings in the words for people; all of them in the JSON


@click.command("posts")
@click.option("--engine", type=click.Choice(ENGINES), help="Also check that a site of this engine shows the posts rightly.")
@click.option(
    "--site",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of that site, with its configuration. [default: the project folder]",
)
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def check_posts(invocation: Invocation, engine: str | None, site: Path | None, json_: bool) -> None:
    """Read every post and name those that cannot be read, stand twice, or have names that break.

    With --engine the site's own configuration is read as well, and everything that would go wrong there is said with the
    line to write. Nothing is changed.

    Exit codes: 0 no problem, 1 problems, 3 the configuration cannot be used, 5 a folder cannot be read.
    """
    if site is not None and engine is None:
        raise click.UsageError("--site needs --engine: which engine's site is it?")
    settings = load(invocation)
    seen = look_at_posts(settings)
    findings = [*_missing(settings, seen), *seen.findings]
    if engine is not None:
        findings += _about_site(settings, seen, engine, (site or invocation.root).absolute())
    problems = [finding for finding in findings if not finding.is_note]
    if json_ or invocation.json:
        click.echo(json.dumps({"posts": len(seen.names), "findings": [asdict(one) for one in findings]}, ensure_ascii=False))
    else:
        _say(invocation, findings, len(seen.names), len(problems))
    if problems:
        raise SystemExit(EXIT_PARTIAL)


def _missing(settings: Settings, seen: SeenPosts) -> Iterator[PostFinding]:
    """Yield whether posts should be there and are not; only an empty folder makes it worth a look into the state."""
    if seen.names:
        return
    try:
        with state_to_read(settings) as state:
            standing = None if state is None else sum(number for number, _ in state.counts().values())
    except StoreError as error:
        text, advice = f"cannot be read, so nobody knows which posts should be there: {error}", "see: aggregator status"
        yield PostFinding(code="state", place="the state", text=text, advice=advice, is_note=True)
        standing = None
    finding = no_posts(settings, standing)
    if finding is not None:
        yield finding


def _about_site(settings: Settings, seen: SeenPosts, engine: str, site: Path) -> list[PostFinding]:
    try:
        config = read_site_config(site, engine)
    except SiteConfigError as error:
        place, _, text = str(error).partition(": ")
        advice = (
            "name the site's folder with --site DIR" if error.is_missing else f"mend it; {engine.capitalize()} needs it too"
        )
        return [PostFinding(code="site-config", place=place, text=text, advice=advice)]
    view = SiteView(
        engine=engine,
        site=Path(os.path.normpath(site)),
        config=config,
        settings=settings,
        seen=seen,
        machine_zone=os.environ.get("TZ"),
        now=now(),
    )
    return list(judge_site(view))


def _say(invocation: Invocation, findings: list[PostFinding], posts: int, problems: int) -> None:
    for finding in sorted(findings, key=lambda one: one.is_note)[:_SHOWN]:
        word = "note: " if finding.is_note else ""
        talk = invocation.talk if finding.is_note else click.echo
        talk(f"{word}{finding.place}: {finding.text}\n  -> {finding.advice}")
    if len(findings) > _SHOWN:
        click.echo(f"... and {len(findings) - _SHOWN} more; all of them: aggregator check posts --json")
    click.echo(f"posts: {count(posts, 'post')}, {count(problems, 'problem') if problems else 'no problem'}")
