"""`server.metrics` -> the numbers of a daemon or a server, if they are wanted and can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Settings

if TYPE_CHECKING:
    from aggregator.pipeline.metrics import Metrics


def wanted_metrics(settings: Settings) -> Metrics | None:
    """Return numbers that begin at zero; None: nobody wants any. Raises ConfigError where the package is not there."""
    if not settings.server.metrics:
        return None
    try:
        from aggregator.pipeline.metrics import Metrics
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("prometheus_client"):
            raise
        problem = Problem(
            file="config/settings.yaml",
            line=None,
            column=None,
            message="server.metrics wants a package that is not installed: prometheus-client",
            hint="install the extra: pip install 'feed-aggregator[metrics]', or take the key out",
        )
        raise ConfigError((problem,)) from error
    return Metrics()
