"""`aggregator demo`: a bundled upstream, polled by a project that is made for the occasion, and served."""

from __future__ import annotations

import errno
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import FrameType

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_ALL_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_TERMINATED
from aggregator.cli.listen import searched
from aggregator.cli.project import load
from aggregator.cli.sync import sync_project
from aggregator.demo.project import write_project
from aggregator.demo.upstream import Upstream
from aggregator.errors import AggregatorError
from aggregator.pipeline.site import ProjectSite
from aggregator.pipeline.sync import SyncRequest
from aggregator.serve.server import Server, serve

_HOST = "127.0.0.1"
_PORT = 8080
_LISTED = 4  #: files of one folder that the tree names
_WORDS = {"page": "", "feed": "feeds/all.atom", "list": "feeds/index.opml"}


@click.command()
@click.option("--once", is_flag=True, help="Sync, show what was made, and end without serving.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Make the project in DIR and leave it there.")
@click.option("--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True, help="0 takes a free one.")
@pass_invocation
def demo(invocation: Invocation, once: bool, keep: Path | None, port: int) -> None:
    """Show everything, offline: ten invented sources, synced and served until Ctrl-C.

    Nothing is left behind unless --keep names a folder. One of the sources is meant to fail.
    """
    _check_folder(keep)
    _catch_signals()
    try:
        with ExitStack() as stack:
            root = stack.enter_context(_project_folder(keep))
            code = _run(stack, replace(invocation, root=root, config=root / "config"), once=once, port=port)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)


def _run(stack: ExitStack, invocation: Invocation, *, once: bool, port: int) -> int:
    current = clock.now()
    stamp = clock.stamp(current)
    upstream = stack.enter_context(Upstream(base=stamp.replace(hour=0, minute=0, second=0)))
    site = f"http://{_HOST}:{port or _PORT}/"
    server = None
    if not once:  # the port is taken first: feeds carry their own address
        server = stack.enter_context(_serve(invocation, port))
        site = server.url
    write_project(invocation.root, upstream=upstream.address, site=site)
    settings = load(invocation)
    summary = sync_project(invocation, settings, SyncRequest(now=current, stamp=stamp))
    _catch_signals()  # again: a run leaves the defaults behind
    if summary.failed == summary.due:
        return EXIT_ALL_FAILED
    if once:
        click.echo("\n".join(_draw_tree(invocation.root)))
        return EXIT_OK
    if server is not None:
        pages = stack.enter_context(ProjectSite(settings, clock=clock.now))
        stack.enter_context(searched(pages))
        stack.callback(server.close)  # before the pages go
        server.show(pages)
    _show(invocation, site)
    _wait()
    return EXIT_OK


def _check_folder(keep: Path | None) -> None:
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        what = "is not empty" if keep.is_dir() else "is a file"
        raise click.UsageError(f"{keep} {what}; --keep takes a new or an empty folder, so that nothing is overwritten")


@contextmanager
def _project_folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder to work in; without `keep` it is gone afterwards."""
    if keep is not None:
        yield keep.absolute()
        return
    with TemporaryDirectory(prefix="aggregator-demo-") as folder:
        yield Path(folder)


def _serve(invocation: Invocation, port: int) -> Server:
    public = invocation.root / "public"
    try:
        return serve(public, host=_HOST, port=port)
    except AggregatorError as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
            raise
    server = serve(public, host=_HOST, port=0)
    invocation.talk(f"port {port} is taken by another program; using {server.port} (--port chooses)")
    return server


def _show(invocation: Invocation, site: str) -> None:
    addresses = {word: site + path for word, path in _WORDS.items()}
    if invocation.json:
        click.echo(json.dumps(addresses))
    else:
        click.echo("\n".join(f"{word}  {address}" for word, address in addresses.items()))
    invocation.talk("Ctrl-C ends the demo")


def _wait() -> None:
    """Wait for Ctrl-C, which is how a demo ends, not how it fails."""
    try:
        Event().wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not stop the tidying


def _catch_signals() -> None:
    """Turn every signal that ends a terminal program into an exception, so that the folder is removed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell is started with it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


def _draw_tree(folder: Path, indent: str = "") -> Iterator[str]:
    """Name the folders and the first files of each."""
    if not indent:
        yield f"{folder}/"
        indent = "  "
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in entries if path.is_file()]
    for path in files[:_LISTED]:
        yield f"{indent}{path.name}"
    if len(files) > _LISTED:
        yield f"{indent}... and {len(files) - _LISTED} more"
    for path in entries:
        if path.is_dir():
            yield f"{indent}{path.name}/"
            yield from _draw_tree(path, indent + "  ")
