"""The formats beside Atom: a feed that was built -> the same feed as RSS 2.0 or JSON Feed 1.1, and the gate for each. Pure.

A twin holds just the entries of its Atom file, in the same order and with the same ids: what is left out, what fits and what
is gone was decided there. Each format's modules are loaded when it is first wanted.
"""

from __future__ import annotations

from aggregator.model.output import Built, OutputFeed, Twin


def build_twin(twin: Twin, frame: OutputFeed, built: Built) -> bytes:
    """Return the feed in the twin's format. Raises: PublishError if it cannot be written so."""
    raise NotImplementedError((twin, frame, built))


def check_twin(content: bytes, twin: Twin, frame: OutputFeed) -> None:
    """Refuse a document that is not a valid feed of its format with this frame. Raises: PublishError."""
    raise NotImplementedError((content, twin, frame))
