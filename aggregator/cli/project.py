"""Settings for a command, or the message that says what to do."""

from __future__ import annotations

import os

from aggregator.cli import Invocation
from aggregator.model.settings import Settings


def load(invocation: Invocation) -> Settings:
    """Read the project's configuration. Raises ConfigError."""
    from aggregator.settings import load_settings

    return load_settings(invocation.root, invocation.config, os.environ)
