"""lemon24/reader as a program: `READER_PYTHON reader_update.py add|update DB URLS`. Runs in reader's own environment.

In: a file of addresses. Out: reader's SQLite file. `add` only names the feeds; `update` fetches and stores them, with 8 workers
and everything else as it comes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reader import make_reader

_WORKERS = 8


def main(verb: str, database: str, urls: str) -> None:
    """Do what `verb` says; a feed that cannot be read is logged, and missed when entries are counted."""
    reader = make_reader(database)
    if verb == "add":
        for url in Path(urls).read_text("utf-8").split():
            reader.add_feed(url)
    else:
        reader.update_feeds(scheduled=False, workers=_WORKERS)


if __name__ == "__main__":
    main(*sys.argv[1:])
