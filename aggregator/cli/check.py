"""`aggregator check`: whether the configuration can be used. Posts and feeds: `check_posts`, `check_feeds`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from ipaddress import ip_address
from urllib.parse import urlsplit

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_CONFIG
from aggregator.cli.lazy import LazyGroup
from aggregator.cli.project import check_addresses
from aggregator.errors import ConfigError
from aggregator.model.settings import Settings, join_category

#: The help stands here so that `check config` need not import what reads posts.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "config": ("aggregator.cli.check", "check_config", "Report every problem of the configuration."),
    "posts": ("aggregator.cli.check_posts", "check_posts", "Name posts that cannot be read, or that a site would not show."),
    "feeds": ("aggregator.cli.check_feeds", "check_feeds", "Say what is wrong with the published files, or with any feed."),
    "all": ("aggregator.cli.check_all", "check_all", "All three of them."),
}

_LOOPBACK = (
    "{}: `site.url` is {}, which is each reader's own machine; every feed gives it as its address. Set it before you publish"
)


@click.group(cls=LazyGroup, table=COMMANDS)
def check() -> None:
    """Check the configuration, the posts, or the feeds."""


@click.command("config")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def check_config(invocation: Invocation, json_: bool) -> None:
    """Read every file of the configuration and report every problem, each with its place.

    Exit codes: 0 no problem, 3 the configuration cannot be used.
    """
    from aggregator.pipeline.effective import load_effective
    from aggregator.settings import load

    try:
        loaded = load(invocation.root, invocation.config, os.environ)
        check_addresses(loaded.settings, invocation)
        load_effective(loaded.settings)  # names that belong to something else since it was renamed
    except ConfigError as error:
        if not (json_ or invocation.json):
            raise
        found = [asdict(problem) for problem in error.problems]
        click.echo(json.dumps({"problems": found}, ensure_ascii=False))
        raise SystemExit(EXIT_CONFIG) from None
    settings = loaded.settings
    url = settings.site.url
    near = [_LOOPBACK.format(loaded.origins.get(("site", "url"), "config/settings.yaml"), url)] if is_loopback(url) else []
    paths = published_categories(settings)
    notes = near + [
        f'{loaded.origins["categories", join_category(path)]}: no source stands in the category "{join_category(path)}"'
        for path in idle_categories(settings)
    ]
    if json_ or invocation.json:
        data = {"sources": len(settings.sources), "categories": len(paths), "problems": [], "notes": notes}
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    for note in notes:
        invocation.talk(f"note: {note}")
    categories = "1 category" if len(paths) == 1 else f"{len(paths)} categories"
    click.echo(f"config: {count(len(settings.sources), 'source')}, {categories}, no problem")


def is_loopback(url: str) -> bool:
    """Tell whether an address leads to the machine of whoever follows it."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 §6.3


def published_categories(settings: Settings) -> set[tuple[str, ...]]:
    """Return every category path that the configuration names, with every level above it."""
    leaves = [source.categories for source in settings.sources] + [category.path for category in settings.categories]
    return {path[:depth] for path in leaves for depth in range(1, len(path) + 1)}


def idle_categories(settings: Settings) -> list[tuple[str, ...]]:
    """Return the paths of categories.yaml that no source stands in or below: most often a slip of the pen."""
    used = {source.categories[:depth] for source in settings.sources for depth in range(1, len(source.categories) + 1)}
    return [category.path for category in settings.categories if category.path not in used]
