"""Settings for a command, or the message that says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import Invocation
from aggregator.errors import ConfigError, NoStateError, Problem
from aggregator.model.settings import Settings, join_category

if TYPE_CHECKING:
    from aggregator.settings import Loaded
    from aggregator.store.state import State


def load(invocation: Invocation) -> Settings:
    """Read the project's configuration. Raises ConfigError."""
    from aggregator.settings import load_settings

    settings = load_settings(invocation.root, invocation.config, os.environ)
    check_addresses(settings, invocation)
    return settings


def load_whole(invocation: Invocation, pending: Mapping[Path, bytes] | None = None) -> Loaded:
    """Read the configuration with its bases, as it will be once the pending files are written. Raises ConfigError."""
    from aggregator.settings import load as load_with_origins

    loaded = load_with_origins(invocation.root, invocation.config, os.environ, pending)
    check_addresses(loaded.settings, invocation)
    return loaded


def check_addresses(settings: Settings, invocation: Invocation) -> None:
    """Refuse categories that would overwrite each other's feed. Raises ConfigError."""
    from aggregator.publish.addresses import collisions

    used = [category.path for category in settings.categories] + [source.categories for source in settings.sources]
    problems = tuple(
        Problem(
            file=os.path.relpath(invocation.config / "categories.yaml", invocation.root),
            line=None,
            column=None,
            message=f"{' and '.join(join_category(path) for path in found.categories)} would both be published as {found.path}",
            hint=f"give one of them a slug of its own there:  {join_category(found.categories[0])}: {{slug: ...}}",
        )
        for found in collisions(used, settings.categories)
    )
    if problems:
        raise ConfigError(problems)


def no_such_source(invocation: Invocation, name: str, known: Iterable[str]) -> click.UsageError:
    """Return what to tell somebody who names a source that the configuration does not hold; `known` are its keys."""
    from difflib import get_close_matches

    from aggregator.pipeline.effective import former_names, identity
    from aggregator.store.ledger import FILE_NAME, Ledger, Renamed

    names = list(known)
    former = former_names(Ledger.load(invocation.root / FILE_NAME).of(Renamed))
    own = identity(name, former)
    later = [each for each in names if identity(each, former) == own]
    near = get_close_matches(name, names, 1)
    hint = f'It was renamed to "{later[0]}". ' if later else f'Did you mean "{near[0]}"? ' if near else ""
    return click.UsageError(f'there is no source "{name}". {hint} All: aggregator source list')


@contextmanager
def state_to_read(settings: Settings) -> Iterator[State | None]:
    """Open the state for reading, while whoever likes writes to it; None where there is none yet. Raises StoreError."""
    from aggregator.store.opening import open_state

    try:
        opened = open_state(settings.state.url.reveal(), settings.root, create=False)
    except NoStateError:
        yield None
        return
    try:
        yield opened.state
    finally:
        opened.state.close()
