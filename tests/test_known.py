"""What is known of a source's entries travels as rows and reads as records."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.changes import KnownEntry
from aggregator.model.known import NOTHING_KNOWN, KnownEntries, marks_of

ENTRIES = st.builds(
    KnownEntry,
    raw_hash=st.none() | st.binary(max_size=3),
    link_hash=st.binary(max_size=3),
    path=st.text(max_size=3),
    post_hash=st.none() | st.binary(max_size=3),
    locked=st.booleans(),
    traits=st.binary(max_size=3),
)
SOME = st.dictionaries(st.text("abc", min_size=1, max_size=2), ENTRIES, max_size=5)


@given(SOME, SOME)
def test_rows_read_as_the_records_that_they_stand_for(some: dict[str, KnownEntry], more: dict[str, KnownEntry]) -> None:
    """By key, in number, in order, with others put over them, with their marks, and after a journey to a worker."""
    known = NOTHING_KNOWN.with_these(some).with_these(more)
    sent = pickle.loads(pickle.dumps(known))  # noqa: S301 - our own
    records = some | more

    assert isinstance(sent, KnownEntries)
    for found in (known, sent):
        assert dict(found) == records
        assert list(found) == list(records)
        assert (len(found), "no key" in found, found.get("no key")) == (len(records), False, None)
        assert all(type(found[key].locked) is bool for key in records)
        assert list(marks_of(found)) == list(marks_of(records))
