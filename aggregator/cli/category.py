"""`aggregator category list` and `category show`: what is published, where, and from which sources."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.lazy import LazyGroup
from aggregator.cli.project import load, state_to_read
from aggregator.cli.source import table
from aggregator.model.output import OutputFeed
from aggregator.model.renames import is_below
from aggregator.model.settings import Settings, join_category
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.frames import plan_frames
from aggregator.settings.kinds import UnfitError, parse_category

#: As `aggregator.cli.COMMANDS`.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "list": ("aggregator.cli.category", "list_categories", "List every category that is published."),
    "show": ("aggregator.cli.category", "show_category", "Say where one category is published, and what stands in it."),
    "rename": ("aggregator.cli.category_change", "rename", "Give a category another name; its feed and subscribers stay."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def category() -> None:
    """List, show or rename categories."""


@click.command("list")
@click.option("--json", "json_", is_flag=True, help="As a JSON array.")
@pass_invocation
def list_categories(invocation: Invocation, json_: bool) -> None:
    """List every category that is configured or holds posts: its path, its feed, and how many sources stand in it or below."""
    settings = load_effective(load(invocation))
    frames = frames_of(settings)
    if json_ or invocation.json:
        click.echo(json.dumps([_data(settings, frame) for frame in frames], ensure_ascii=False, indent=2))
        return
    if not frames:
        invocation.talk("there is no category yet: every source brings its own (aggregator source add ADDRESS)")
        return
    rows: list[tuple[str, ...]] = [("CATEGORY", "SOURCES", "FEED")]
    rows += [(join_category(frame.category), str(len(_sources(settings, frame))), frame.path) for frame in frames]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(rows, width):
        click.echo(line)


@click.command("show")
@click.argument("path", metavar="PATH")
@click.option("--json", "json_", is_flag=True, help="As JSON.")
@pass_invocation
def show_category(invocation: Invocation, path: str, json_: bool) -> None:
    """Say where a category is published, which sources stand in it, and what it was called before.

    PATH has its parts joined by /, as in `category list`.
    """
    settings = load_effective(load(invocation))
    frame = find_category(settings, frames_of(settings), category_path(path, "PATH"))
    data = _data(settings, frame)
    if json_ or invocation.json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for name, value in data.items():
        for number, line in enumerate(value if isinstance(value, list) else [value]):
            click.echo(f"{'' if number else name:<10}{'-' if line is None else line}")


def category_path(text: str, hint: str) -> tuple[str, ...]:
    """Return the path that an argument names. Raises BadParameter."""
    try:
        return parse_category(text.strip("/"))
    except UnfitError as error:
        more = f": {error.hint}" if error.hint else ""
        raise click.BadParameter(f'"{text}" {error.reason}{more}', param_hint=hint) from None


def frames_of(settings: Settings) -> tuple[OutputFeed, ...]:
    """Return the feeds of all categories that are configured or hold posts, with effective settings."""
    with state_to_read(settings) as state:
        leaves = () if state is None else state.leaves()
    return tuple(frame for frame in plan_frames(settings, leaves) if frame.category)


def find_category(settings: Settings, frames: Iterable[OutputFeed], path: tuple[str, ...]) -> OutputFeed:
    """Return the feed of a category. Raises UsageError."""
    known = {spelling: frame for frame in frames for spelling in (frame.category, *frame.also)}
    if path in known:
        return known[path]
    now = settings.renamed.current(path)
    names = [join_category(each) for each in known]
    near = get_close_matches(join_category(path), names, 1)
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    if now != path:
        hint = f'It was renamed to "{join_category(now)}". '
    raise click.UsageError(f'there is no category "{join_category(path)}". {hint} All: aggregator category list')


def _sources(settings: Settings, frame: OutputFeed) -> list[str]:
    return [source.name for source in settings.sources if is_below(source.categories, frame.category)]


def _data(settings: Settings, frame: OutputFeed) -> dict[str, Any]:
    return {
        "category": join_category(frame.category),
        "title": frame.title,
        "feed": frame.path,
        "address": frame.self_link,
        "id": frame.id,
        "sources": _sources(settings, frame),
        "before": [join_category(name) for _, name in settings.renamed.earlier(frame.category)],
        "copies": list(frame.former),
    }
