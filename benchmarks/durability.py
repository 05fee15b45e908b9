"""What it costs to have posts on the disk: `python -m benchmarks.durability --dir DIR`.

In: a folder on the file system in question. Out: a Markdown table on stdout. Posts are written as a run writes them
(temporary file, renamed), then made durable in each of several ways. The ways take turns within a round, each has new folders,
and nothing is deleted until the end, since deleting slows what is created next on some file systems. Linux only.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path, PurePosixPath
from statistics import median

import click

from aggregator.store.files import sync_file_system, write_file
from benchmarks.machine import file_system

_SIZES = (10, 64, 256, 2_000, 30_000)
_FOLDERS = 50  #: one for each category that news came in
_SMALL = 10  #: posts per small batch: a run that finds news here and there
_folder = count()  #: numbers for the folders of one process
_POST = b"---\ntitle: 'A post'\n---\n\n<div>\n" + b"<p>Three thousand bytes are a usual post.</p>\n" * 65 + b"</div>\n"

Sync = Callable[[Path, Sequence[str]], None]


def _none(_root: Path, _paths: Sequence[str]) -> None:
    """Leave it to the kernel, which writes within half a minute."""


def _each(root: Path, paths: Sequence[str]) -> None:
    for path in (*paths, *_folders(paths)):
        _fsync(root / path)


def _threads(number: int) -> Sync:
    def sync(root: Path, paths: Sequence[str]) -> None:
        with ThreadPoolExecutor(number) as pool:
            for names in (paths, _folders(paths)):  # a name is kept after what it names
                for _ in pool.map(lambda path: _fsync(root / path), names):
                    pass

    return sync


def _at_once(root: Path, _paths: Sequence[str]) -> None:
    sync_file_system(root)


def _small(sync: Sync) -> Sync:
    """Return the way that a run of small batches takes: each is durable before the next one is written."""

    def batches(root: Path, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _SMALL):
            batch = paths[start : start + _SMALL]
            _write(root, batch)
            sync(root, batch)

    return batches


#: Name -> how it is made durable, whether that writes as well, and the largest size worth waiting for.
_WAYS: dict[str, tuple[Sync, bool, int]] = {
    "nothing (`durable: false`)": (_none, False, 10**6),
    "fsync each file, then the folders": (_each, False, 10**6),
    "the same in 4 threads": (_threads(4), False, 10**6),
    "the same in 8 threads": (_threads(8), False, 10**6),
    "one syncfs": (_at_once, False, 10**6),
    "batches of 10, fsync each": (_small(_each), True, 2_000),
    "batches of 10, syncfs each": (_small(_at_once), True, 2_000),
}


@click.command()
@click.option("--dir", "place", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--rounds", default=5, show_default=True, help="Rounds; of the largest size a third of them.")
@click.option("--most", default=max(_SIZES), show_default=True, help="Leave larger sizes out.")
def main(place: Path, rounds: int, most: int) -> None:
    """Measure every way at every size, in turns, and print the medians."""
    work = Path(tempfile.mkdtemp(prefix="durability", dir=place))
    sizes = [size for size in _SIZES if size <= most]
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    try:
        for number in range(rounds):
            for size in sizes:
                if size == max(_SIZES) and number % 3:
                    continue
                for name, (sync, writes, largest) in _WAYS.items():
                    if size <= largest:
                        times[name, size].append(_measure(work / f"{number}-{next(_folder)}", size, sync, writes))
    finally:
        shutil.rmtree(work)
    click.echo("\n".join(_table(place, sizes, times)))


def _measure(root: Path, size: int, sync: Sync, writes: bool) -> float:  # noqa: FBT001 - a column of the table above
    """Return the seconds that so many posts take from the first write until they are safe."""
    paths = [f"news/{number % _FOLDERS}/post-{number}.md" for number in range(size)]
    root.mkdir(parents=True)
    sync_file_system(root)  # what was written before is nobody's cost
    start = time.perf_counter()
    if not writes:
        _write(root, paths)
    sync(root, paths)
    return time.perf_counter() - start


def _write(root: Path, paths: Sequence[str]) -> None:
    for path in paths:
        write_file(root, path, _POST)


def _folders(paths: Sequence[str]) -> list[str]:
    return sorted({str(parent) for path in paths for parent in PurePosixPath(path).parents})


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _table(place: Path, sizes: list[int], times: dict[tuple[str, int], list[float]]) -> Iterator[str]:
    kernel, rounds = platform.release().partition("-")[0], max(len(found) for found in times.values())
    yield f"{file_system(place)}, Linux {kernel}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.0f}; milliseconds,"
    yield f"writing included, medians of {rounds} rounds."
    yield ""
    yield f"| made durable by | {' | '.join(f'{size:,} posts' for size in sizes)} |"
    yield f"|---|{'---|' * len(sizes)}"
    for name in _WAYS:
        cells = [f"{1000 * median(times[name, size]):,.0f}" if (name, size) in times else "" for size in sizes]
        yield f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
