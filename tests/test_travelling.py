"""Records that are packed as tuples come out as what they were."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from aggregator.model.changes import PostRow

ROW = PostRow(
    key="k",
    source_id="s",
    entry_id="e",
    path="p",
    raw_hash=None,
    link_hash=b"l",
    post_hash=b"h",
    date=datetime(2026, 1, 2, tzinfo=UTC),
    categories=("a", "b"),
    title="t",
    traits=b"t",
)


def test_a_row_comes_out_of_a_pickle_as_it_went_in() -> None:
    """Every field is there, also those that were left out, and nobody can change it there either."""
    row = replace(ROW, dated="upstream's", expired=True)
    [arrived, again] = pickle.loads(pickle.dumps((row, ROW), pickle.HIGHEST_PROTOCOL))  # noqa: S301 - our own

    assert (arrived, again, copy.copy(row)) == (row, ROW, row)
    with pytest.raises(FrozenInstanceError):
        arrived.key = "other"
