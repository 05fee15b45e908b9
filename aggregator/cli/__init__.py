"""argv -> pipeline; errors -> exit codes.

`main` is the command `aggregator`. Each command lives in a module of its own, which is imported only when that command
runs: `aggregator --help` must not pay for what it does not use.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

import click

from aggregator import __version__
from aggregator.cli.exits import EXIT_CONFIG, EXIT_INTERRUPTED, EXIT_LOCKED, EXIT_OK, EXIT_PARTIAL, EXIT_STORE
from aggregator.cli.lazy import LazyGroup
from aggregator.cli.streams import prepare_streams
from aggregator.errors import AggregatorError, ConfigError, LockedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: command -> (module, attribute, one line of help). The help stands here so that listing needs no import.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("aggregator.cli.init", "init", "Make a project folder that works at once."),
    "demo": ("aggregator.cli.demo", "demo", "Show everything, offline: a bundled upstream, synced and served."),
    "sync": ("aggregator.cli.sync", "sync", "Poll the sources that are due; write posts and feeds."),
    "run": ("aggregator.cli.run", "run", "Keep sources fresh and serve the feeds until stopped: the daemon."),
    "serve": ("aggregator.cli.serve", "serve", "Serve the feeds and pages until stopped, and do nothing else."),
    "build": ("aggregator.cli.build", "build", "Write the feeds again from the posts; no network."),
    "ping": ("aggregator.cli.ping", "ping", "Tell the hubs of the feeds that changed."),
    "plan": ("aggregator.cli.plan", "plan", "Say when each source is polled next, why, and what would be sent."),
    "status": ("aggregator.cli.status", "status", "Say how each source is doing."),
    "search": ("aggregator.cli.search", "search", "Find posts by the words that are in them."),
    "explain": ("aggregator.cli.explain", "explain", "Say everything that is known about an entry or a source."),
    "check": ("aggregator.cli.check", "check", "Check the configuration, the posts, or the feeds."),
    "doctor": ("aggregator.cli.doctor", "doctor", "Say what is missing or odd on this machine and in this project folder."),
    "config": ("aggregator.cli.config", "config", "Show the effective configuration or its schema."),
    "source": ("aggregator.cli.source", "source", "List, show, add, test or change sources."),
    "category": ("aggregator.cli.category", "category", "List, show or rename categories."),
    "import": ("aggregator.cli.imports", "import_", "Bring in what another program wrote: sources, or posts."),
    "export": ("aggregator.cli.export_opml", "export", "Write the sources as a list that other programs read."),
    "takedown": ("aggregator.cli.takedown", "takedown", "Remove an entry for good: it is never published again."),
    "reindex": ("aggregator.cli.reindex", "reindex", "Rebuild the state from the posts and the ledger."),
}


_RECORDS_BETWEEN_COLLECTIONS = 120_000
_OF_THE_DISK = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EACCES, errno.EPERM})


@dataclass(slots=True, kw_only=True)
class Invocation:
    """The global options, handed to every command as `ctx.obj`."""

    root: Path  #: the project folder, absolute
    config: Path  #: the config folder, absolute
    quiet: bool
    verbosity: int  #: 0, 1 (-v) or 2 (-vv: tracebacks)
    json: bool

    def talk(self, text: str) -> None:
        """Say something to the person, on stderr; silent under -q."""
        if not self.quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Say what went wrong, on stderr, also under -q."""
        click.echo(text, err=True)


pass_invocation = click.make_pass_decorator(Invocation)


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "--dir", "root", type=click.Path(path_type=Path), default=Path(), help="Project folder. [default: .]")
@click.option("--config", type=click.Path(path_type=Path), default=Path("config"), help="Config folder. [default: config]")
@click.option("-q", "--quiet", is_flag=True, help="Only say what went wrong.")
@click.option("-v", "--verbose", count=True, help="Say more; -vv adds tracebacks.")
@click.option("--json", "json_", is_flag=True, help="Data on stdout as JSON (sync: one event a line).")
@click.version_option(__version__, "--version", prog_name="aggregator")
@click.pass_context
def cli(ctx: click.Context, root: Path, config: Path, quiet: bool, verbose: int, json_: bool) -> None:
    """Poll feeds, keep every entry as a Markdown post, republish each category as Atom, RSS and JSON.

    Exit codes: 0 done, 1 partly: a feed was refused (its last good file stays), or with `sync --strict` some source
    failed, 2 wrong usage, 3 configuration invalid, 4 every due source failed, 5 posts, ledger, state or feeds cannot be
    read or written, 6 another run holds the project, 130 interrupted, 143 terminated.
    """
    root = root.absolute()
    ctx.obj = Invocation(root=root, config=root / config, quiet=quiet, verbosity=verbose, json=json_)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; every expected error becomes one message and its exit code."""
    # A run makes records by the ten thousand that live until its end: looked through every 700th, as Python would by default,
    # they cost a tenth of all its time. Hardly anything here is a cycle that has to be found.
    gc.set_threshold(_RECORDS_BETWEEN_COLLECTIONS, 20, 20)
    # Nor at the end, where Python looks through all there is once more, before the memory goes anyway.
    atexit.register(gc.freeze)
    _fill_standard_streams()
    verbosity = _verbosity(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    try:
        # Not standalone: an interruption has an exit code of its own here. What comes back is --help's or --version's code.
        code = cli.main(args=None if argv is None else list(argv), prog_name="aggregator", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else EXIT_OK)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except OSError as error:
        # Looked at in passing, where nothing was to be read or written yet: a file system that fails is no bug of ours.
        if error.errno not in _OF_THE_DISK or error.filename is None:
            raise
        reason = (error.strerror or str(error)).lower()
        _tell(
            error,
            f"cannot look at {error.filename}: {reason}. What is there is as it was; run again once it is well",
            verbosity,
        )
        sys.exit(EXIT_STORE)
    except AggregatorError as error:
        _tell(error, str(error), verbosity)
        sys.exit(_exit_code(error))


def _fill_standard_streams() -> None:
    """Open what the caller has closed of stdin, stdout and stderr: the next file, a lock or a post, would be in its place.

    What is told, by us or by a library in C, would be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(opened, True)  # a child is to have it as well
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above


def _tell(error: Exception, text: str, verbosity: int) -> None:
    if verbosity > 1:
        click.echo("".join(format_exception(error)), err=True, nl=False)
    click.echo(text, err=True)


def _exit_code(error: AggregatorError) -> int:
    for kind, code in ((ConfigError, EXIT_CONFIG), (StoreError, EXIT_STORE), (LockedError, EXIT_LOCKED)):
        if isinstance(error, kind):
            return code
    return EXIT_PARTIAL


def _verbosity(argv: Sequence[str]) -> int:
    """Count -v before click has run, so that a traceback is there from the first line."""
    short = sum(word.count("v") for word in argv if word.startswith("-v") and set(word[1:]) == {"v"})
    return short + sum(word == "--verbose" for word in argv)
