"""`aggregator init`: a project folder that works at once. Asks nothing, overwrites nothing."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.config import SCHEMAS, schema_text
from aggregator.errors import StoreError


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@pass_invocation
def init(invocation: Invocation, directory: Path | None) -> None:
    """Make a project folder: config/ with a comment for every key, and a .gitignore.

    Asks nothing and never overwrites a file. A new identity (site.id) is minted here, once.
    """
    root = invocation.root / directory if directory else invocation.root
    inside = invocation.config.is_relative_to(invocation.root)
    config = root / invocation.config.relative_to(invocation.root) if inside else invocation.config
    if (config / "settings.yaml").exists():
        invocation.talk(f"{root} is a project already; nothing was written")
        return
    for path, text in skeleton(f"urn:uuid:{uuid4()}").items():
        target = config / path.removeprefix("config/") if path.startswith("config/") else root / path
        made = _write_new(target, text)
        invocation.talk(f"{'made' if made else 'kept'} {target.relative_to(root) if target.is_relative_to(root) else target}")
        if not made and path == ".gitignore" and "state/" not in target.read_text("utf-8", "replace").splitlines():
            invocation.talk("     put state/ into it: that folder is an index that can be rebuilt at any time")
    invocation.talk("\nnext:")
    if directory:
        invocation.talk(f"  cd {directory}")
    invocation.talk("  aggregator source add ADDRESS    (of a feed, or of a page that has one)\n  aggregator sync")


def skeleton(site_id: str) -> dict[str, str]:
    """Return the files of a new project by their path; the sources are all commented out, so that a first sync succeeds."""
    folder = files("aggregator.cli") / "templates"
    found = {
        "config/settings.yaml": (folder / "settings.yaml").read_text("utf-8").replace("urn:uuid:SITE-ID", site_id),
        "config/categories.yaml": (folder / "categories.yaml").read_text("utf-8"),
        "config/sources/feeds.yaml": (folder / "feeds.yaml").read_text("utf-8"),
    }
    found |= {f"config/schema/{name}.json": schema_text(name) for name in SCHEMAS}
    return found | {".gitignore": "# An index that can be rebuilt at any time: aggregator reindex\nstate/\n"}


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; tell whether it was written."""
    if path.is_file():
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}", path=path) from error
    return True
