"""config/ -> Settings: every problem of every file at once, each with its place.

`load_settings` is what a run needs; `load` also tells where each value came from. Files are read, nothing is written,
nothing is asked over the network. Plain records come out (`aggregator.model.settings`).
"""

from aggregator.settings.load import Loaded, load, load_settings

__all__ = ["Loaded", "load", "load_settings"]
