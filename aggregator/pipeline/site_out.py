"""The site as files in a folder: checked, written, told. For `build --out` and for whoever sees to `pages.out`.

Rests on what lies there and needs no lock; a run that goes on meanwhile is seen as it was or as it is. What it costs follows
what there is: each entry is looked at in the index, and only pages in which something may have changed are made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from os.path import normpath, realpath
from pathlib import Path

from aggregator.errors import ConfigError, StoreError
from aggregator.model.poll import Event, Note
from aggregator.model.settings import Settings
from aggregator.pipeline.jobs import ARCHIVE
from aggregator.pipeline.pages import Pages
from aggregator.pipeline.progress import Progress
from aggregator.pipeline.static_tree import LIST, Counts, static_tree

_NAMED = 5


def out_folder(settings: Settings) -> Path | None:
    """Return where `pages.out` wants the site to be."""
    return None if settings.pages.out is None else Path(normpath(settings.root / settings.pages.out))


def find_obstacle(settings: Settings, out: Path) -> str | None:
    """Return why a folder cannot hold the site, in words; None: it can."""
    held = {
        "the project folder": settings.root,
        "the config folder": settings.config or settings.root / "config",
        "the posts folder": settings.root / settings.posts.dir,
    }
    for words, folder in held.items():
        if _stands_in(folder, out):
            return f"it would hold {words}"
    inside = {
        "the config folder": settings.config or settings.root / "config",
        "the posts folder": settings.root / settings.posts.dir,
        "the folder of the state": settings.root / "state",
        "the archive folder": settings.root / ARCHIVE,
        "the folder of the feeds": settings.root / settings.public.dir / "feeds",
    }
    for words, folder in inside.items():
        if _stands_in(out, folder):
            return f"it stands in {words}"
    return None


def _stands_in(place: Path, folder: Path) -> bool:
    """Tell whether a place is a folder or in it, as it is written or where links lead."""
    written = Path(normpath(place.absolute())).is_relative_to(normpath(folder.absolute()))
    return written or Path(realpath(place)).is_relative_to(realpath(folder))


def is_due(settings: Settings, *, changed: bool) -> bool:
    """Tell whether `pages.out` has to be looked at after a run."""
    out = out_folder(settings)
    return out is not None and (changed or not (out / LIST).exists())


def write_site(
    settings: Settings, out: Path, report: Callable[[Event], None], *, compress: bool, clock: Callable[[], datetime]
) -> tuple[Counts, bool]:
    """Write the whole site into a folder; return what became of it, and whether somebody else's files stand in its way.

    Raises StoreError, ConfigError (a theme that is broken).
    """
    from aggregator.pipeline.static_site import StaticSite  # templates are loaded only where pages are made
    from aggregator.pipeline.theme_files import placed, read_theme

    obstacle = find_obstacle(settings, out)
    if obstacle is not None:
        raise StoreError(f"{out} cannot hold the site: {obstacle}. Choose another folder", path=out)
    pages = Pages(lambda: settings, clock=clock, static=True)
    try:
        with static_tree(out, compress=compress) as tree:
            StaticSite(pages, read_theme(settings), out).write(
                tree, Progress(report, f"{out}: files that are as they should be")
            )
    except ConfigError as error:
        raise placed(error, settings) from error
    finally:
        pages.close()
    if tree.foreign:
        report(Note(text=f"{out}: {_named(tree.foreign)}: not written by this program, so not overwritten. Move it away"))
    if tree.kept:
        report(Note(text=f"{out}: {_named(tree.kept)}: no page is there any more, but somebody changed the file, so it stays"))
    return tree.counts, bool(tree.foreign)


def refresh(settings: Settings, report: Callable[[Event], None], *, clock: Callable[[], datetime]) -> bool:
    """Bring `pages.out` in line with the site; tell whether all of it could be written. Raises StoreError, ConfigError."""
    out = out_folder(settings)
    if out is None:
        return True
    counts, hindered = write_site(settings, out, report, compress=settings.pages.compress, clock=clock)
    if counts.written or counts.removed:
        report(Note(text=f"{settings.pages.out}: {counts.written} written, {counts.removed} removed of {counts.files} files"))
    return not hindered


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
