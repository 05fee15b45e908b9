"""The files of config/sources/ as commands add to them: what they are called, which one is taken, what it would gain."""

from __future__ import annotations

import re
from pathlib import Path

import click

#: Where `source add` writes unless told otherwise.
DEFAULT_FILE = "feeds.yaml"
_FILE_NAME = re.compile(r"[^\W_][\w.-]{0,60}\Z")


def files_to_try(config: Path, into: str | None) -> tuple[Path, ...]:
    """Return the sources files that a new source may go to, in order of choice; `into` is --into. Raises BadParameter."""
    folder = config / "sources"
    if into is not None:
        return (folder / file_name(into),)
    there = sorted(path for path in folder.glob("*.y*ml") if path.suffix in {".yaml", ".yml"} and path.name[0] != ".")
    own = folder / DEFAULT_FILE
    return (own, *(path for path in there if path != own)) if own in there else (*there, own)


def file_name(name: str) -> str:
    """Return the name of a sources file, as --into gives it. Raises BadParameter."""
    if not _FILE_NAME.match(name):
        raise click.BadParameter(f'"{name}" is no file name: letters and digits, then also . _ -', param_hint="--into")
    return name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"


def category_option(text: str | None) -> tuple[str, ...] | None:
    """Return the path that --category names; None where it was not given. Raises BadParameter."""
    from aggregator.settings.kinds import UnfitError, parse_category

    if text is None:
        return None
    try:
        return parse_category(text)
    except UnfitError as error:
        raise click.BadParameter(f'"{text}" {error.reason}', param_hint="--category") from None


def gained(target: Path, content: bytes) -> str:
    """Return the lines that the file would gain; all of them where it does not exist yet."""
    before = target.read_text("utf-8").splitlines() if target.is_file() else []
    after = content.decode().splitlines()
    start = next(
        (at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), min(len(before), len(after))
    )
    return "".join(f"{line}\n" for line in after[start : len(after) - _common_end(before[start:], after[start:])])


def _common_end(before: list[str], after: list[str]) -> int:
    pairs = zip(reversed(before), reversed(after), strict=False)
    return next((number for number, (old, new) in enumerate(pairs) if old != new), min(len(before), len(after)))
