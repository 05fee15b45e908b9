"""One source, what polls have learned and what the ledger holds -> how it is doing, fit to be published. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from aggregator.health import has_answered, is_failing
from aggregator.model.health import Change, Kind
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.pipeline.masking import for_everybody, is_open
from aggregator.pipeline.moves import shown
from aggregator.publish.scan import is_web_address
from aggregator.store.ledger import Gone, Moved, Unstable


def changes_of(
    source: Source, state: SourceState | None, noted: Iterable[Gone | Moved | Unstable], *, stamp: datetime, page: str
) -> Iterator[Change]:
    """Yield how a source is doing, and what was noted of it for good. `page` is the site's, `stamp` the run's clock."""
    link = _page(state) or page
    gone: list[datetime] = []
    for line in noted:
        at = line.at.replace(microsecond=0)
        match line:
            case Gone():
                gone.append(at)
            case Moved():
                to = for_everybody(shown(line.new), source)
                yield Change(kind=Kind.MOVED, source_id=source.id, name=source.name, at=at, link=link, to=to)
            case Unstable():
                yield Change(kind=Kind.UNSTABLE, source_id=source.id, name=source.name, at=at, link=link)
    if gone:
        yield Change(kind=Kind.GONE, source_id=source.id, name=source.name, at=max(gone), link=link)
    elif state is not None and is_failing(state):
        yield Change(
            kind=Kind.FAILING,
            source_id=source.id,
            name=source.name,
            at=stamp,
            link=link,
            since=state.last_success,
            failures=state.failures,
            error=for_everybody(state.last_message, source) if state.last_message else None,
            error_kind=state.last_kind,
            status=state.last_status,
        )
    elif state is not None and has_answered(state):
        yield Change(kind=Kind.RECOVERED, source_id=source.id, name=source.name, at=stamp, link=link)


def _page(state: SourceState | None) -> str | None:
    """Return the page of a source as far as its feed named one that anybody may see."""
    link = state.feed_link if state is not None else None
    return link if link is not None and is_web_address(link) and is_open(link) else None
