"""The formats beside Atom: a feed that was built -> the same feed as RSS 2.0 or JSON Feed 1.1, and the gate for each. Pure.

A twin holds just the entries of its Atom file, in the same order and with the same ids: what is left out, what fits and what
is gone was decided there. Each format's modules are loaded when it is first wanted.
"""

from __future__ import annotations

from datetime import datetime

from aggregator.errors import PublishError
from aggregator.model.output import Built, OutputFeed, Twin
from aggregator.publish.findings import Examined
from aggregator.publish.gate import refuse_faults


def build_twin(twin: Twin, frame: OutputFeed, built: Built) -> bytes:
    """Return the feed in the twin's format. Raises: PublishError if it cannot be written so."""
    if twin.format == "rss":
        from aggregator.publish.rss import build_rss

        return build_rss(twin, frame, built)
    from aggregator.publish.jsonfeed import build_json

    return build_json(twin, frame, built)


def examine_twin(content: bytes, format_: str, *, now: datetime | None = None) -> Examined:
    """Look at every part of a document of that format; nothing in it may be dated later than `now`, if that is given."""
    if format_ == "rss":
        from aggregator.publish.rss_document import examine_rss

        return examine_rss(content, now=now)
    from aggregator.publish.json_document import examine_json

    return examine_json(content, now=now)


def check_twin(content: bytes, twin: Twin, frame: OutputFeed, built: Built) -> None:
    """Refuse a document that is not a valid feed of its format with this frame and these entries. Raises: PublishError."""
    examined = examine_twin(content, twin.format)
    refuse_faults(examined, {"id": frame.id, "self": twin.self_link, "alternate": frame.page_link}, frame, twin.path)
    if examined.ids != built.ids:
        message = f"{twin.path}: it holds other entries than {frame.path}; this is a fault of the program: report it"
        raise PublishError(message, output=frame.path)
