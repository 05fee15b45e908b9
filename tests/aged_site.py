"""A site after thirty days, some of them bad: what a status page is for. Polled in process, so that a month takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.pipeline.site import ProjectSite
from aggregator.serve.server import serve
from aggregator.settings import load_settings
from tests.timeline import START, Timeline
from tests.upstream import SITE_ID, Page, Upstream, item, rss

_DAYS = 30
_POLLS = (1, 13)  #: hours of a day
_NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)  # `item` counts hours from it
_SETTINGS = """
site: {{id: '{id}', title: 小站, url: 'http://127.0.0.1:8080/', language: zh-CN, timezone: Asia/Shanghai}}
fetch: {{allow_private: [127.0.0.1], gap: 0s, per_host: 8}}
posts: {{durable: false}}
"""
#: Titles by id, and what each answers at a poll (day, hour) besides its feed.
_TITLES = {
    "harbour": "The Harbour Gazette",
    "evening": "青石晚报",
    "attic": "Attic finds",
    "toolbox": "Toolbox",
    "oasis": "واحة القراءة",
    "orchard": "Orchard Notes",
    "observatory": "Kleine Sternwarte",
}
_ADDED = {"observatory": 18}  #: on that day; the others on the first
_LAST_NEWS = {"orchard": 5}


def _answer(name: str, day: int, hour: int) -> Page:
    if name == "attic" and (day >= _DAYS - 4 or day in {8, 9}):
        return Page(status=500)
    if name == "toolbox" and day in {12, 13, 21} and hour == _POLLS[0]:
        return Page(status=503)
    if name == "evening" and day == 16:
        return Page(b"<!DOCTYPE html><title>Sign in</title>", headers={"Content-Type": "text/html"})
    days = range(max(0, day - 4), min(day, _LAST_NEWS.get(name, day)) + 1)
    start = round((START - _NEW_YEAR) / timedelta(hours=1))
    items = "".join(item(start + 24 * each + 1, title=f"{_TITLES[name]} {each + 1}") for each in reversed(days))
    return Page(rss(items, _TITLES[name]), headers={"Content-Type": "application/rss+xml"})


def age(folder: Path) -> Path:
    """Make the project, and live through its thirty days."""
    with Upstream() as upstream:
        timeline = Timeline(folder, {})
        (timeline.root / "config" / "settings.yaml").write_text(_SETTINGS.format(id=SITE_ID), "utf-8")
        for day in range(_DAYS):
            timeline.sources({name: f"{upstream.address}/{name}" for name in _TITLES if _ADDED.get(name, 0) <= day})
            for hour in _POLLS:
                upstream.pages |= {f"/{name}": _answer(name, day, hour) for name in _TITLES}
                timeline.sync(24 * day + hour, force=True)
    return timeline.root


@contextmanager
def served(project: Path) -> Iterator[str]:
    """Serve it as it looks at the end of the last day; give the address."""
    settings = load_settings(project, project / "config", {})
    now = START + timedelta(days=_DAYS - 1, hours=_POLLS[-1], minutes=20)
    with ProjectSite(settings, clock=lambda: now) as site, serve(settings.root / settings.public.dir, site=site) as server:
        yield server.url
