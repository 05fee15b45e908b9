"""`aggregator run`: the daemon."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_INTERRUPTED, EXIT_TERMINATED
from aggregator.cli.journal import LOG_FORMATS, Journal
from aggregator.cli.listen import ListenType, counting, left_for_later, named_otherwise, serve_project
from aggregator.cli.measuring import wanted_metrics
from aggregator.cli.project import load
from aggregator.daemon.config_watch import ConfigWatch
from aggregator.daemon.loop import Daemon
from aggregator.model.settings import Settings
from aggregator.pipeline.site import ProjectSite
from aggregator.store.lock import daemon_lock

if TYPE_CHECKING:
    from aggregator.pipeline.metrics import Metrics


@click.command()
@click.option("--listen", type=ListenType(), help="Where feeds are served. [default: server.listen, 127.0.0.1:8080]")
@click.option("--no-serve", is_flag=True, help="Serve nothing: another web server does.")
@click.option("--no-schedule", is_flag=True, help="Poll only what a `sync` beside it asks for.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes. [default: one per processor]")
@click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), default="auto", help="auto: text on a terminal, else json. [default: auto]"
)
@pass_invocation
def run(
    invocation: Invocation, listen: str | None, no_serve: bool, no_schedule: bool, jobs: int | None, log_format: str
) -> None:
    """Keep sources fresh and serve the feeds until stopped.

    Polls each source when it is due, publishes what changed, and looks each hour at what hands have done to posts. The log goes
    to stderr: one line for each poll.

    A changed configuration is taken over by itself, and on SIGHUP; one that cannot be used is refused, and the old one stays.
    SIGTERM ends it within 10 seconds with exit code 143, Ctrl-C with 130: what is finished is saved.

    Other commands work beside it. `sync` asks it to poll; the others wait for the end of what it is doing, seldom more
    than half a minute. With --no-serve and --no-schedule together it would do nothing, so that is refused.

    Exit codes: 3 the configuration cannot be used, 5 nothing can be written, 6 a daemon of this project runs already.
    """
    if no_serve and no_schedule:
        raise click.UsageError("--no-serve and --no-schedule together leave nothing to do")
    gc.set_threshold(*_COLLECTOR)
    with _hangup_held_back():
        number = _run(invocation, listen, no_serve=no_serve, no_schedule=no_schedule, jobs=jobs, log_format=log_format)
    sys.exit(EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED)


@contextmanager
def _hangup_held_back() -> Iterator[None]:
    """Keep a SIGHUP until the daemon can take it: while it starts that would end it, and systemd takes this for a good end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(
    invocation: Invocation, listen: str | None, *, no_serve: bool, no_schedule: bool, jobs: int | None, log_format: str
) -> int:
    """Be the daemon; returns the number of the signal that ended it."""
    watch = ConfigWatch(invocation.config)
    settings = load(invocation)
    clock.stamp(clock.now())  # a SOURCE_DATE_EPOCH that is none is told now, not at each round
    with Journal.on_stderr(log_format, quiet=invocation.quiet, verbosity=invocation.verbosity) as journal:
        with ExitStack() as stack:
            stack.enter_context(daemon_lock(settings.root))
            site, metrics = None, None
            if not no_serve:
                metrics = wanted_metrics(settings)
                site = stack.enter_context(ProjectSite(settings, clock=clock.now, metrics=metrics))
                log = journal.request_log if metrics is None else counting(metrics, journal.request_log)
                server = serve_project(settings, listen, site, log=log, tell=journal.tell_fault)
                stack.enter_context(server)
                journal.say(f"feeds are served at {server.url}")
                if (words := named_otherwise(settings, server.url)) is not None:
                    journal.say(words)
            number = asyncio.run(
                _keep_on(
                    invocation, settings, watch, journal, site, metrics, listen=listen, jobs=jobs, schedule=not no_schedule
                )
            )
        journal.say("ended")
    return number


#: Python's own: what runs for years must find its cycles, which a run of minutes need not.
_COLLECTOR = (700, 10, 10)


async def _keep_on(
    invocation: Invocation,
    settings: Settings,
    watch: ConfigWatch,
    journal: Journal,
    site: ProjectSite | None,
    metrics: Metrics | None,
    *,
    listen: str | None,
    jobs: int | None,
    schedule: bool,
) -> int:
    def load_again() -> Settings:
        found = load(invocation)
        if site is not None:
            site.settings = found
            if (words := left_for_later(settings, found, listen)) is not None:
                journal.say(words)
        return found

    daemon = Daemon(
        settings,
        watch,
        load_again,
        journal,
        now=clock.now,
        stamp=clock.stamp,
        jobs=jobs,
        schedule=schedule,
        measure=None if metrics is None else metrics.heard,
    )
    if site is not None:
        site.heard = lambda: daemon.heard
    return await daemon.run()
