"""What a daemon tells once a day only."""

from __future__ import annotations

from aggregator.daemon.repeats import Repeats
from tests.daemon_play import running
from tests.upstream import Folder, Upstream, item


def test_a_note_is_told_once_a_day() -> None:
    """What each round finds anew is told again a day after it was told, and not before; another text at once."""
    times = iter([0.0, 1.0, 86_399.0, 86_400.0, 86_401.0, 86_402.0])
    repeats = Repeats(lambda: next(times))

    assert [repeats.is_news("a") for _ in range(5)] == [True, False, False, True, False]
    assert repeats.is_news("b")


def test_no_more_is_remembered_than_a_thousand_texts() -> None:
    """Notes that name ever new posts fill no memory; those told longest ago are forgotten first."""
    repeats = Repeats(lambda: 0.0)
    assert all(repeats.is_news(f"{number}") for number in range(1500))

    assert repeats.is_news("0")
    assert not repeats.is_news("1499")


def test_a_brake_on_keep_is_told_once_and_not_by_each_round(folder: Folder, upstream: Upstream) -> None:
    """Posts that stay since so many would go at once are named by the first round; those that follow tell what is new."""
    upstream.feed("/a", "".join(item(number) for number in range(1, 30)))
    folder.sources(f"sources: {{a: {{feed: '{upstream.address}/a', categories: [news], every: 1s}}}}\n")
    assert folder.sync().returncode == 0
    folder.settings("posts: {keep: {age: 1d}}\ndaemon: {debounce: 0s}")
    with running(folder) as daemon:
        daemon.wait(lambda: len(daemon.polls("a")) >= 3)
        assert daemon.stop() == 143

    assert len([text for text in daemon.words() if "may be a mistake" in text]) == 1
