"""`aggregator check all`: the configuration, then the posts, then the feeds; each says what it would say alone."""

from __future__ import annotations

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.check import check_config
from aggregator.cli.check_feeds import check_feeds
from aggregator.cli.check_posts import check_posts


@click.command("all")
@click.option("--json", "json_", is_flag=True, help="One JSON object on each line of stdout: configuration, posts, feeds.")
@click.pass_context
@pass_invocation
def check_all(invocation: Invocation, context: click.Context, json_: bool) -> None:
    """Check the configuration, the posts and the feeds, in this order.

    A configuration that cannot be used ends it: nothing else could be judged. Nothing is changed.

    Exit codes: 0 no problem, 1 problems, 3 the configuration cannot be used, 5 a folder cannot be read.
    """
    asked = {"json_": json_ or invocation.json}
    context.invoke(check_config, **asked)
    codes = [_code(context, check_posts, engine=None, site=None, **asked), _code(context, check_feeds, paths=(), **asked)]
    raise SystemExit(max(codes))


def _code(context: click.Context, command: click.Command, **options: object) -> int:
    """Run one check; return what it would leave with."""
    try:
        context.invoke(command, **options)
    except SystemExit as left:
        return int(left.code or 0)
    return 0
