"""What lies where a feed of ours is to be written -> a refusal, if it is another program's. Pure.

A file is ours by its id or by the mark that each format of ours bears. What is no whole feed, such as one of ours that was cut,
protects nothing.
"""

from __future__ import annotations

from aggregator.errors import PublishError
from aggregator.model.output import OutputFeed
from aggregator.publish.atom import GENERATOR

_MARKS = (f">{GENERATOR}</generator>".encode(), b'"_feed_aggregator"')


def check_place(old: bytes | None, path: str, frame: OutputFeed) -> None:
    """Refuse to replace what is another program's. Raises: PublishError."""
    if old is None or frame.id.encode() in old or any(mark in old for mark in _MARKS):
        return
    from aggregator.publish.examiners import JSON, examine_any  # only who meets a stranger pays for it

    kind, _ = examine_any(old)
    if kind is not None and not (kind == JSON and _holds_nothing(old)):
        message = f"{path}: another program's file ({kind}) stands there, and it is not overwritten"
        advice = "Move it away, or give the category another slug; then: aggregator build"
        raise PublishError(f"{message}. {advice}", output=frame.path)


def _holds_nothing(content: bytes) -> bool:
    """Tell whether it is no JSON, or holds nothing that anybody could miss."""
    import json

    try:
        return not json.loads(content)
    except (ValueError, RecursionError):
        return True
