"""`python -m benchmarks.pages PROJECT`: what pages cost in a project as it lies there; nothing of it is written.

For each kind of page: reading its record and rendering it, the first time of a version and from then on, in milliseconds of
processor time. With `--out DIR` the whole site as files, twice: what the first time costs, and a look that finds nothing to do.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from aggregator.model.page import ListPage, Page
from aggregator.pages import render
from aggregator.pipeline.pages import Pages
from aggregator.pipeline.site_out import write_site
from aggregator.settings import load_settings

_TIMES = 5


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = load_settings(asked.project, asked.project / "config", os.environ)
    pages = Pages(lambda: settings, clock=_now)
    first = _ms(lambda: pages.frame("en"))
    frame = pages.frame("en")
    print(f"what all pages of a version rest on: {first:.1f} ms")
    index = pages.page((), {})
    if not isinstance(index, ListPage):
        raise TypeError
    kinds: dict[str, tuple[str, ...]] = {"index": ()}
    if index.children:
        kinds["category"] = _path(index.children[0].href)
    if index.months:
        kinds["month"] = (index.months[-1][0],)
    if index.cards:
        kinds["source"] = _path(index.cards[0].source.href)
        kinds["entry"] = _path(index.cards[0].href)
    for kind, path in kinds.items():
        found = pages.page(path, {})
        if not isinstance(found, Page):
            raise TypeError(kind)
        read = min(_ms(lambda path=path: pages.page(path, {})) for _ in range(_TIMES))  # type: ignore[misc]
        made = min(_ms(lambda found=found: render(found, frame)) for _ in range(_TIMES))  # type: ignore[misc]
        print(f"{kind:>9}: read {read:5.1f} ms, rendered {made:5.1f} ms, {len(render(found, frame)):6} bytes")
    if asked.out is not None:
        for _ in range(2):
            began = time.process_time()
            counts, _ = write_site(settings, asked.out, lambda _: None, compress=False, clock=_now)
            print(f"{counts.files} files, {counts.written} written: {time.process_time() - began:.1f} s")


def _now() -> datetime:
    return datetime.now(UTC)


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def _path(href: str) -> tuple[str, ...]:
    return tuple(part for part in href.split("/") if part)


if __name__ == "__main__":
    main()
