"""What happens in a daemon, and how its sources are doing -> numbers for Prometheus. The only importer of prometheus_client.

Counters count what this process has seen; what the state knows is asked for when somebody looks. Labels are words of ours and
names of sources, so there are never more series than sources and words; no address, title or error is one.
"""

from __future__ import annotations

from collections import Counter as Tallied
from collections.abc import Iterator
from datetime import datetime
from threading import Lock

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from aggregator import __version__
from aggregator.health import Health
from aggregator.model.page import StatusPage
from aggregator.model.poll import Event, Outcome, OutputEvent, SourceEvent, Summary

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  #: what every Prometheus reads; later forms only add names in other scripts
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Metrics:
    """The numbers of one process. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Begin at zero; every word that may come is there from the start, so that a first failure is a rise."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half of all lines, and nobody asks for them
        registry = CollectorRegistry(auto_describe=False)
        self._registry = registry
        self._lock = Lock()
        self._facts = _Facts()
        registry.register(self._facts)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._polls = Counter("aggregator_polls", "Polls of sources, by outcome", ["outcome"], registry=registry)
        self._entries = Counter("aggregator_entries", "Entries written as posts", ["change"], registry=registry)
        self._files = Counter("aggregator_files", "Published files, by what became of them", ["result"], registry=registry)
        self._requests = Counter("aggregator_http_requests", "Requests answered, by class", ["status"], registry=registry)
        self._rounds = Histogram(
            "aggregator_round_seconds", "How long rounds of polls took", registry=registry, buckets=_SECONDS
        )
        self._poll_seconds = Histogram(
            "aggregator_poll_seconds", "How long upstreams took to answer", registry=registry, buckets=_SECONDS
        )
        for counter, words in (
            (self._polls, [outcome.value for outcome in Outcome]),
            (self._entries, ["new", "updated"]),
            (self._files, ["written", "refused"]),
            (self._requests, _CLASSES),
        ):
            for word in words:
                counter.labels(word)

    def heard(self, event: Event | Summary) -> None:
        """Count what happened in a round, and the round itself."""
        if isinstance(event, SourceEvent):
            self._polls.labels(event.outcome.value).inc()
            self._entries.labels("new").inc(event.new)
            self._entries.labels("updated").inc(event.updated)
            if event.outcome is not Outcome.HELD:
                self._poll_seconds.observe(event.elapsed_ms / 1000)
        elif isinstance(event, OutputEvent):
            if event.refused is not None:
                self._files.labels("refused").inc()
            elif event.changed:
                self._files.labels("written").inc()
        elif isinstance(event, Summary):
            self._rounds.observe(event.elapsed_ms / 1000)

    def answered(self, status: int) -> None:
        """Count a request that was answered with this status."""
        self._requests.labels(f"{status // 100}xx").inc()

    def text(self, page: StatusPage | None) -> bytes:
        """Return all numbers as Prometheus reads them; without a page, those of the state are left out."""
        with self._lock:
            self._facts.page = page
            return generate_latest(self._registry)


class _Facts(Collector):
    """What the state knows, at the moment of being asked."""

    def __init__(self) -> None:
        self.page: StatusPage | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of the page."""
        yield InfoMetricFamily("aggregator_build", "The version that runs", value={"version": __version__})
        if self.page is None:
            return
        page = self.page
        words = Tallied(line.health for line in page.lines)
        states = GaugeMetricFamily("aggregator_sources", "Configured sources, by state", labels=["state"])
        for word in Health:
            states.add_metric([word.value], words[word.value])
        yield states
        yield GaugeMetricFamily("aggregator_refused_files", "Published files kept as they were", value=len(page.refused))
        yield from _moment("aggregator_last_poll", "When a source was polled last", page.last_poll)
        yield from _moment("aggregator_next_poll", "When a source is polled next", page.next_poll)
        posts = GaugeMetricFamily("aggregator_source_posts", "Posts of a source", labels=["source"])
        failures = GaugeMetricFamily("aggregator_source_failures", "Failures of a source in a row", labels=["source"])
        success = GaugeMetricFamily(
            "aggregator_source_last_success_timestamp_seconds", "When a source answered well last", labels=["source"]
        )
        news = GaugeMetricFamily(
            "aggregator_source_last_news_timestamp_seconds", "When a source brought something last", labels=["source"]
        )
        for line in page.lines:
            name = [line.source.href.removeprefix("/s/").rstrip("/")]
            posts.add_metric(name, line.posts)
            failures.add_metric(name, line.failures)
            if line.last_success is not None:
                success.add_metric(name, line.last_success.timestamp())
            if line.last_news is not None:
                news.add_metric(name, line.last_news.timestamp())
        yield from (posts, failures, success, news)


def _moment(name: str, words: str, at: datetime | None) -> Iterator[Metric]:
    if at is not None:
        yield GaugeMetricFamily(f"{name}_timestamp_seconds", words, value=at.timestamp())
