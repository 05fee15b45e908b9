"""An INSERT of SQLAlchemy Core -> an order that many rows go through at the price of the driver alone.

SQLAlchemy makes every row of an `executemany` into parameters anew: 25 us a row, of which SQLite needs 10. Here the statement
is compiled once, and rows go to the driver as they are. So a value must be what the driver takes: text, bytes, whole
number, float or None; and the statement may hold no value of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa


class Prepared:
    """One INSERT into one table, for one database."""

    def __init__(self, order: sa.Insert, table: sa.Table, dialect: sa.Dialect) -> None:
        """Compile the order for all columns that rows name: every one but those that the database counts up itself."""
        names = [column.name for column in table.columns if column is not table.autoincrement_column]
        compiled: Any = order.compile(dialect=dialect, column_keys=names)
        self._text = str(compiled)
        # SQLite takes a row as a tuple, in the order of the marks; PostgreSQL's driver as a mapping, by name.
        self._picked = itemgetter(*compiled.positiontup) if compiled.positional else None

    def execute(self, run: sa.Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, by column name; there must be one at least."""
        run.exec_driver_sql(self._text, [*map(self._picked, values)] if self._picked else list(values))
