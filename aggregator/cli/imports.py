"""`aggregator import`: what other programs left, taken over."""

from __future__ import annotations

import click

from aggregator.cli.lazy import LazyGroup

#: As `aggregator.cli.COMMANDS`.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "opml": ("aggregator.cli.import_opml", "import_opml", "Add the feeds of an OPML list as sources."),
    "hexo": ("aggregator.cli.import_hexo", "import_hexo", "Adopt the posts of an old RSSHub-to-Hexo site where they are."),
}


@click.group("import", cls=LazyGroup, table=COMMANDS)
def import_() -> None:
    """Bring in what another program wrote: a list of sources, or a site's posts."""
