"""A feed aggregator and republisher: upstream feeds in, Markdown posts and category feeds out."""

__version__ = "0.1.0"
