"""Where to serve, as an option, and the server that a project's settings ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from aggregator.cli.check import is_loopback
from aggregator.model.listening import parse_listening
from aggregator.model.settings import Settings
from aggregator.pipeline.searching import OwnIndex
from aggregator.pipeline.site import ProjectSite
from aggregator.serve.access import Access
from aggregator.serve.server import Log, Options, Server, Tell, serve, serve_at_path

if TYPE_CHECKING:
    from aggregator.pipeline.metrics import Metrics


_AN_END = 1.5  #: seconds that the index has for its end; it is whole at any moment


class ListenType(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """`HOST:PORT` or `unix:PATH`."""

    name = "HOST:PORT|unix:PATH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, after seeing that it names a place."""
        try:
            parse_listening(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return value


def counting(metrics: Metrics, log: Log | None) -> Log:
    """Return a log that counts each request as well."""

    def take(access: Access) -> None:
        metrics.answered(access.status)
        if log is not None:
            log(access)

    return take


@contextmanager
def searched(site: ProjectSite) -> Iterator[None]:
    """Keep the index of the posts while a server runs that no daemon runs beside."""
    own = OwnIndex(site.effective)
    site.index = own.searching.path
    thread = Thread(target=own.run, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        own.end()
        thread.join(_AN_END)
        own.clear()


def left_for_later(began: Settings, found: Settings, listen: str | None) -> str | None:
    """Say what of a new configuration a server that runs does not take over; None: all of it is. `listen` is the option."""
    differs = {
        "server.listen": listen is None and found.server.listen != began.server.listen,
        "server.metrics": found.server.metrics != began.server.metrics,
        "server.secret": found.server.secret != began.server.secret,
        "public.dir": found.public.dir != began.public.dir,
    }
    names = [name for name, is_other in differs.items() if is_other]
    return f"until the next start the server keeps its {', '.join(names)}" if names else None


def named_otherwise(settings: Settings, url: str) -> str | None:
    """Say that the feeds name this machine at another port than the one where they are served; None: they do not.

    An address that others can reach may lead here by way of a web server, and a socket needs one.
    """
    named, served = urlsplit(settings.site.url), urlsplit(url)
    if served.port in (None, named.port) or not is_loopback(settings.site.url):
        return None
    place = f"{named.scheme}://{named.netloc}/"  # what comes behind it may be a secret
    return f"feeds and pages name {place} as their address, and not this one: `site.url` in settings.yaml says so"


def serve_project(settings: Settings, listen: str | None, site: ProjectSite, *, log: Log | None, tell: Tell) -> Server:
    """Serve what is published, and the site's pages, where the option or the settings say. Raises AggregatorError."""
    public, place = settings.root / settings.public.dir, parse_listening(listen or settings.server.listen)
    secret = None if settings.server.secret is None else settings.server.secret.reveal()
    options = Options(site=site, secret=secret, log=log, tell=tell)
    if place.path is not None:
        path = Path(os.path.join(settings.root, place.path))  # noqa: PTH118 - an absolute one stays
        return serve_at_path(public, path, **options)
    return serve(public, host=place.host, port=place.port, **options)
