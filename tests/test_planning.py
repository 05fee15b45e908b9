"""In which order the sources of a run are begun."""

from __future__ import annotations

from aggregator.pipeline.planning import in_rounds
from tests.fetching import a_source


def test_a_host_with_many_sources_holds_up_no_other() -> None:
    """Sources come in rounds, each with the next one of every host, in the order given."""
    addresses = ["http://many.example/1", "http://many.example/2", "http://many.example/3", "http://MANY.example/4"]
    addresses += ["http://few.example/1", "http://one.example/1", "http://few.example/2"]
    found = in_rounds(a_source(address) for address in addresses)

    assert [source.feed.partition("//")[2].partition(".")[0] + source.feed[-1] for source in found] == [
        "many1", "few1", "one1", "many2", "few2", "many3", "MANY4",
    ]  # fmt: skip
