"""`aggregator run`: the daemon."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_INTERRUPTED, EXIT_TERMINATED
from aggregator.cli.journal import Journal
from aggregator.cli.project import load
from aggregator.daemon.loop import Daemon
from aggregator.model.listening import Listening, parse_listening
from aggregator.model.settings import Settings
from aggregator.serve.server import Server, serve, serve_at_path
from aggregator.store.lock import daemon_lock

_FORMATS = ("auto", "text", "json")


class _Listen(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    name = "HOST:PORT|unix:PATH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parse_listening(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return value


@click.command()
@click.option("--listen", type=_Listen(), help="Where feeds are served. [default: server.listen, 127.0.0.1:8080]")
@click.option("--no-serve", is_flag=True, help="Serve nothing: another web server does.")
@click.option("--no-schedule", is_flag=True, help="Poll only what a `sync` beside it asks for.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes. [default: one per processor]")
@click.option(
    "--log-format", type=click.Choice(_FORMATS), default="auto", help="auto: text on a terminal, else json. [default: auto]"
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

    Other commands work beside it. `sync` asks it to poll; the others wait for the end of what it is doing, half a minute at
    most. With --no-serve and --no-schedule together it would do nothing, so that is refused.

    Exit codes: 3 the configuration cannot be used, 5 nothing can be written, 6 a daemon of this project runs already.
    """
    if no_serve and no_schedule:
        raise click.UsageError("--no-serve and --no-schedule together leave nothing to do")
    gc.set_threshold(*_COLLECTOR)
    as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
    settings = load(invocation)
    clock.stamp(clock.now())  # a SOURCE_DATE_EPOCH that is none is told now, not at each round
    with Journal(as_text=as_text, quiet=invocation.quiet, verbosity=invocation.verbosity) as journal:
        with ExitStack() as stack:
            stack.enter_context(daemon_lock(settings.root))
            if not no_serve:
                place = listen or settings.server.listen
                server = stack.enter_context(_serve(settings, parse_listening(place)))
                journal.say(f"feeds are served at {server.url}")
            number = asyncio.run(_run(invocation, settings, journal, jobs=jobs, schedule=not no_schedule))
        journal.say("ended")
    sys.exit(EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED)


#: Python's own: what runs for years must find its cycles, which a run of minutes need not.
_COLLECTOR = (700, 10, 10)


async def _run(invocation: Invocation, settings: Settings, journal: Journal, *, jobs: int | None, schedule: bool) -> int:
    daemon = Daemon(
        settings,
        invocation.config,
        lambda: load(invocation),
        journal,
        now=clock.now,
        stamp=clock.stamp,
        jobs=jobs,
        schedule=schedule,
    )
    return await daemon.run()


def _serve(settings: Settings, place: Listening) -> Server:
    public = settings.root / settings.public.dir
    if place.path is not None:
        return serve_at_path(public, Path(os.path.join(settings.root, place.path)))  # noqa: PTH118 - an absolute one stays
    return serve(public, host=place.host, port=place.port)
