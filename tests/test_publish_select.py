"""Which entries stand in a feed, and in what order."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from aggregator.publish.select import fit, order_entries
from tests.publish_records import NOON, make_item


@pytest.mark.post_row("D43")
@pytest.mark.publishes("P11")
def test_newest_comes_first_and_ties_go_by_id() -> None:
    """Entries run from new to old; of one instant, the smaller atom:id comes first."""
    items = [make_item(1), make_item(3), make_item(20, published=NOON), make_item(10, published=NOON)]
    random.shuffle(items)

    ordered = order_entries(items, {})

    assert [item.entry.id.rpartition("/")[2] for item in ordered.entries] == ["3", "1", "10", "20"]


def test_first_seen_dates_what_has_no_date() -> None:
    """An entry without a date of its own is sorted by when it was first seen."""
    undated = make_item(1, published=None, first_seen=NOON + timedelta(days=9))

    assert order_entries([make_item(2), undated], {}).entries[0] is undated


@pytest.mark.post_row("D43", "D46")
@pytest.mark.publishes("P6")
def test_of_one_id_the_first_source_of_the_config_wins() -> None:
    """Of two sources that carry one atom:id the one that comes first in the config is published, the other is named."""
    first = make_item(1, source_id="zeta")
    second = make_item(1, source_id="alpha", published=NOON + timedelta(days=1))

    ordered = order_entries([second, first], {"zeta": 0, "alpha": 1})

    assert ordered.entries == (first,)
    [out] = ordered.left_out
    assert (out.key, out.source_id) == (second.key, "alpha")
    assert 'source "zeta"' in out.reason
    assert "§4.1.1" in out.reason


def test_source_that_left_the_config_comes_last() -> None:
    """Posts of a source that is no longer configured give way to those of one that is."""
    gone, here = make_item(1, source_id="a-gone"), make_item(1, source_id="z-here")

    assert order_entries([gone, here], {"z-here": 0}).entries == (here,)


def test_same_entry_twice_is_no_news() -> None:
    """The same entry given twice stands once and is not reported."""
    item = make_item(1)

    ordered = order_entries([item, make_item(1)], {})

    assert (len(ordered.entries), ordered.left_out) == (1, ())


def test_entries_that_fit() -> None:
    """The oldest give way to the limit, and the newest stands however big it is."""
    assert fit([10, 10, 10], 100) == 3
    assert fit([10, 10, 10], 30) == 3
    assert fit([10, 10, 10], 29) == 2
    assert fit([10, 90, 1], 50) == 1
    assert fit([500, 1], 50) == 1
    assert fit([], 50) == 0
