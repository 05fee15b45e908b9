"""What hubs were last told of, and what they have to be told of, in the state. A part of `State`.

A file that the hubs were never told of counts as known to them as it lay before it was written: so a state that is begun anew
tells them of nothing but changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aggregator.model.ping import News, Ping
from aggregator.store.queries import chunks
from aggregator.store.tables import ping_of, pings_table, topics_table

#: The database's own INSERT, for ON CONFLICT.
Insert = Callable[[sa.Table], Any]


class Pings:
    """Each method is one named operation and one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]], insert: Insert) -> None:
        """Take what opens a transaction, and the database's own INSERT."""
        self._transaction = transaction
        self._insert = insert

    def unknown(self, paths: Sequence[str]) -> list[str]:
        """Return those of the files of which it is not known what they held."""
        with self._transaction() as run:
            known = _digests(run, paths).keys()
        return [path for path in paths if path not in known]

    def remember(self, digests: Mapping[str, bytes]) -> None:
        """Note what files hold that the hubs need not be told of."""
        with self._transaction() as run:
            _remember(run, self._insert, digests)

    def note(self, news: News) -> None:
        """Note what files hold now: what is new is to be told."""
        with self._transaction() as run:
            note_news(run, self._insert, news)

    def waiting(self, hubs: Sequence[str]) -> list[Ping]:
        """Return what these hubs have to be told of, what was tried before at the end; pings of others are of no use."""
        order = (sa.func.coalesce(pings_table.c.tried, 0), pings_table.c.since, pings_table.c.path)
        query = sa.select(pings_table).where(pings_table.c.hub.in_(hubs)).order_by(*order)
        with self._transaction() as run:
            return [ping_of(row) for row in run.execute(query)]

    def done(self, pings: Sequence[Ping]) -> None:
        """Forget pings: the hub took them, or they are given up."""
        own = (pings_table.c.hub == sa.bindparam("h"), pings_table.c.path == sa.bindparam("p"))
        if pings:
            with self._transaction() as run:
                run.execute(sa.delete(pings_table).where(*own), [{"h": ping.hub, "p": ping.path} for ping in pings])

    def tried(self, pings: Sequence[Ping], at: datetime) -> None:
        """Note that the hub did not take these."""
        own = (pings_table.c.hub == sa.bindparam("h"), pings_table.c.path == sa.bindparam("p"))
        if pings:
            note = sa.update(pings_table).where(*own).values(tried=int(at.timestamp()))
            with self._transaction() as run:
                run.execute(note, [{"h": ping.hub, "p": ping.path} for ping in pings])


def note_news(run: sa.Connection, insert: Insert, news: News) -> None:
    """Note what files hold now, within the transaction that calls them published; hubs that are named no more are forgotten."""
    run.execute(sa.delete(pings_table).where(pings_table.c.hub.not_in(news.hubs)))
    known = _digests(run, tuple(news.digests))
    changed = [path for path, digest in news.digests.items() if known.get(path) != digest]
    if not changed:
        return
    since = int(news.at.timestamp())
    values = [{"hub": hub, "path": path, "since": since, "tried": None} for hub in news.hubs for path in changed]
    add = insert(pings_table)
    run.execute(add.on_conflict_do_update(index_elements=["hub", "path"], set_={"since": add.excluded.since}), values)
    _remember(run, insert, {path: news.digests[path] for path in changed})


def _digests(run: sa.Connection, paths: Sequence[str]) -> dict[str, bytes]:
    wanted = (sa.select(topics_table).where(topics_table.c.path.in_(chunk)) for chunk in chunks(paths))
    return {row.path: row.digest for query in wanted for row in run.execute(query)}


def _remember(run: sa.Connection, insert: Insert, digests: Mapping[str, bytes]) -> None:
    if digests:
        add = insert(topics_table)
        add = add.on_conflict_do_update(index_elements=["path"], set_={"digest": add.excluded.digest})
        run.execute(add, [{"path": path, "digest": digest} for path, digest in digests.items()])
