"""`aggregator serve`: what is published, served and nothing else: for a host that only reads."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from queue import Empty, SimpleQueue

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_INTERRUPTED, EXIT_TERMINATED
from aggregator.cli.journal import LOG_FORMATS, Journal
from aggregator.cli.listen import ListenType, counting, left_for_later, named_otherwise, searched, serve_project
from aggregator.cli.measuring import wanted_metrics
from aggregator.cli.project import load
from aggregator.daemon.config_watch import ConfigWatch
from aggregator.daemon.service import Manager
from aggregator.errors import AggregatorError
from aggregator.pipeline.site import ProjectSite

_LOOK_EVERY = 2.0  #: seconds between two looks at the configuration
_ENDINGS = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}


@click.command()
@click.option("--listen", type=ListenType(), help="Where to serve. [default: server.listen, 127.0.0.1:8080]")
@click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), default="auto", help="auto: text on a terminal, else json. [default: auto]"
)
@pass_invocation
def serve(invocation: Invocation, listen: str | None, log_format: str) -> None:
    """Serve the feeds and pages until stopped, and do nothing else.

    For a host that polls nothing: it takes no lock, and writes nothing but the index for searching (state/search.sqlite, or a
    temporary file), so the project folder may be read-only, or be kept by another program (rsync, a `sync` from cron). `run`
    serves by itself. With -v each request is logged, without its query.

    A changed configuration is taken over by itself, and on SIGHUP. SIGTERM ends it within 2 seconds with exit code 143, Ctrl-C
    with 130.

    Exit codes: 1 the address cannot be listened at, 3 the configuration cannot be used.
    """
    watch = ConfigWatch(invocation.config)
    settings = load(invocation)
    manager, told = Manager(), SimpleQueue[int]()
    for each in (*_ENDINGS, signal.SIGHUP):
        signal.signal(each, lambda number, _frame: told.put(number))
    with Journal.on_stderr(log_format, quiet=invocation.quiet, verbosity=invocation.verbosity) as journal:
        with ExitStack() as stack:
            metrics = wanted_metrics(settings)
            site = stack.enter_context(ProjectSite(settings, clock=clock.now, metrics=metrics))
            stack.enter_context(searched(site))
            log = journal.request_log if metrics is None else counting(metrics, journal.request_log)
            server = serve_project(settings, listen, site, log=log, tell=journal.tell_fault)
            stack.enter_context(server)
            journal.say(f"feeds are served at {server.url}")
            if (words := named_otherwise(settings, server.url)) is not None:
                journal.say(words)
            manager.ready()
            number = _wait(invocation, listen, watch, site, journal, manager, told)
            manager.stopping()
        journal.say("ended")
    sys.exit(_ENDINGS[signal.Signals(number)])


def _wait(
    invocation: Invocation,
    listen: str | None,
    watch: ConfigWatch,
    site: ProjectSite,
    journal: Journal,
    manager: Manager,
    told: SimpleQueue[int],
) -> int:
    """Return the signal that ends it; meanwhile take over what changes in the configuration."""
    began = site.settings
    while True:
        try:
            number = told.get(timeout=_LOOK_EVERY)
        except Empty:
            manager.alive()
            if not watch.has_changed():
                continue
        else:
            if number != signal.SIGHUP:
                return number
        try:
            watch.taken()
            site.settings = load(invocation)
        except (AggregatorError, OSError) as error:
            journal.say(f"the new configuration is refused, the old one stays:\n{error}", failed=True)
        else:
            journal.say("the configuration was read again")
            if (words := left_for_later(began, site.settings, listen)) is not None:
                journal.say(words)
