"""A project -> the site that the server serves: schedule of its files, and whether it is fit to be served. Never writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from aggregator.model.settings import Settings
from aggregator.pipeline.frames import plan_frames
from aggregator.serve.page import FeedsSite
from aggregator.serve.site import Answer
from aggregator.serve.tree import PublicTree

_SHORTEST = 60  #: seconds that any feed is good for without asking
_LONGEST = 3600  #: and the longest: what is taken down is not to stand in caches for a day


class ProjectSite:
    """What one project publishes, as its settings of the moment say."""

    languages: tuple[str, ...] = ("en",)

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        """Take the project; `settings` may be set anew at any time."""
        self.settings = settings
        self._clock = clock
        self._feeds = FeedsSite(PublicTree(settings.root / settings.public.dir))
        self._ages: tuple[Settings, dict[tuple[str, ...], int]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is held open."""

    def fields(self, path: tuple[str, ...]) -> frozenset[str]:
        """Nothing depends on any."""
        return self._feeds.fields(path)

    def version(self) -> str:
        """Return a word that changes with whatever is shown; none is kept as yet."""
        return self._feeds.version()

    def find(self, path: tuple[str, ...], query: Mapping[str, str], languages: Sequence[str]) -> Answer | None:
        """Return what is at an address."""
        return self._feeds.find(path, query, languages)

    def max_age(self, path: tuple[str, ...]) -> int:
        """Return for how long a feed is as new as it gets: the shortest interval of its sources, as its RSS twin's ttl says.

        What is no feed of now, such as an archive page or a list, is good for as long as the quickest feed.
        """
        settings = self.settings
        if self._ages is None or self._ages[0] is not settings:
            self._ages = (settings, _ages(settings))
        ages = self._ages[1]
        return ages.get(path) or ages[()]

    def troubles(self) -> Sequence[str]:
        """Say in words what keeps the site from being served well."""
        return self._feeds.troubles()


def _ages(settings: Settings) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for frame in plan_frames(settings, ()):
        age = min(max((frame.ttl or 0) * 60, _SHORTEST), _LONGEST)
        for path in (frame.path, *(twin.path for twin in frame.twins)):
            found[tuple(path.split("/"))] = age
    return found | {(): min(found.values())}
