"""`aggregator source list` and `source show`: the sources as they count, defaults and bases resolved."""

from __future__ import annotations

import json
import os
import shutil
import sys

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.lazy import LazyGroup
from aggregator.cli.project import load, no_such_source
from aggregator.model.settings import join_category
from aggregator.model.source import Source

#: Characters of an address that are always shown.
_LEAST = 20


#: As `aggregator.cli.COMMANDS`.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "list": ("aggregator.cli.source", "list_sources", "List every source."),
    "show": ("aggregator.cli.source", "show_source", "Print the effective settings of one source."),
    "add": ("aggregator.cli.source_add", "add_source", "Find the feed of an address, show it, and add it."),
    "test": ("aggregator.cli.source_test", "test_source", "Ask a source once and show what comes of it; store nothing."),
    "pause": ("aggregator.cli.source_change", "pause", "Poll sources no more, until they are resumed."),
    "resume": ("aggregator.cli.source_change", "resume", "Poll sources again that are paused or gone."),
    "remove": ("aggregator.cli.source_change", "remove", "Take a source out of the configuration; its posts stay."),
    "rename": ("aggregator.cli.source_change", "rename", "Give a source another id; its posts and their ids stay."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def source() -> None:
    """List, show, add, test or change sources."""


@click.command("list")
@click.option("--json", "json_", is_flag=True, help="As a JSON array.")
@pass_invocation
def list_sources(invocation: Invocation, json_: bool) -> None:
    """List every source: its id, how often it is polled, its category and its feed."""
    settings = load(invocation)
    if json_ or invocation.json:
        from aggregator.settings.show import effective_source

        data = [{"id": each.id} | effective_source(each, settings.posts.keep) for each in settings.sources]
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    if not settings.sources:
        invocation.talk("there is no source yet: aggregator source add ADDRESS (of a feed, or of a page that has one)")
        return
    rows = [("SOURCE", "EVERY", "CATEGORY", "FEED"), *(_row(each) for each in settings.sources)]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(rows, width):
        click.echo(line)


@click.command("show")
@click.argument("source_id", metavar="ID")
@click.option("--origin", is_flag=True, help="Say behind each value where it comes from.")
@click.option("--json", "json_", is_flag=True, help="As JSON.")
@pass_invocation
def show_source(invocation: Invocation, source_id: str, origin: bool, json_: bool) -> None:
    """Print the effective settings of one source; secrets are masked."""
    from aggregator.settings import load as load_with_origins
    from aggregator.settings.show import effective_source, origins, to_yaml

    loaded = load_with_origins(invocation.root, invocation.config, os.environ)
    known = {each.id: each for each in loaded.settings.sources}
    if source_id not in known:
        raise no_such_source(invocation, source_id, known)
    data = effective_source(known[source_id], loaded.settings.posts.keep)
    if json_ or invocation.json:
        click.echo(json.dumps({"id": source_id} | data, ensure_ascii=False, indent=2))
        return
    places = origins(loaded) if origin else None
    click.echo(f"# {loaded.origins['sources', source_id]}")
    click.echo(to_yaml({source_id: data}, places, ("sources",)), nl=False)


def _row(each: Source) -> tuple[str, ...]:
    from aggregator.settings.kinds import show_duration

    every = "paused" if each.paused else show_duration(each.every) if each.every else "adaptive"
    return (each.id, every, join_category(each.categories), each.feed)


def table(rows: list[tuple[str, ...]], width: int | None) -> list[str]:
    """Return rows as aligned lines; the last column is cut at the width, if there is one."""
    from aggregator.cli.columns import cells, clip, pad

    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        padded = [pad(text, widths[column]) for column, text in enumerate(row[:-1])]
        last = row[-1]
        if width is not None:
            last = clip(last, max(_LEAST, width - sum(widths[:-1]) - 2 * len(padded)))
        lines.append("  ".join([*padded, last]))
    return lines
