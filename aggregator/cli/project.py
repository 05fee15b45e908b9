"""Settings for a command, or the message that says what to do."""

from __future__ import annotations

import os

from aggregator.cli import Invocation
from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Settings, join_category


def load(invocation: Invocation) -> Settings:
    """Read the project's configuration. Raises ConfigError."""
    from aggregator.settings import load_settings

    settings = load_settings(invocation.root, invocation.config, os.environ)
    check_addresses(settings, invocation)
    return settings


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
