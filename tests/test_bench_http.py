"""The page's part about serving: what it says, and that it takes its own place and no other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.serving import BARE, NGINX, OURS, Rate, Serving, load, render_section, save, with_section

_SECONDS = {OURS: 900.0, BARE: 1000.0, NGINX: 9000.0}


def _serving(**rates: float) -> Serving:
    found = _SECONDS | rates
    return Serving(
        day=date(2026, 1, 1),
        phrases=("two processors",),
        connections=16,
        seconds=5,
        packed_bytes=1234,
        rates=tuple(
            Rate(kind=kind, server=server, per_second=(rate, rate * 2, rate / 2))
            for kind in ("304", "gzip")
            for server, rate in found.items()
        ),
    )


@pytest.mark.parametrize(("ours", "word"), [(900.0, "met"), (800.0, "met"), (799.0, "not met")])
def test_the_section_says_whether_the_bar_is_met(ours: float, word: str) -> None:
    """Medians stand in the table, and what ours is of the others."""
    section = render_section(_serving(ours=ours))

    assert section.startswith("## Serving\n")
    assert section.count(f": {word} |") == 2
    assert f"| 304 | {ours:,.0f} | 1,000 | 9,000 | {ours / 1000:.0%} | {ours / 9000:.0%} |" in section


def test_the_section_takes_its_own_place() -> None:
    """It comes at the end of the page, or in place of the one that is there; all else stays."""
    page = "# Performance\n\ntext\n\n## Serving\n\nof before\n\n## Other\n\nkept\n"
    once = with_section(page, render_section(_serving()))

    assert with_section(once, render_section(_serving())) == once
    assert "of before" not in once
    assert once.startswith("# Performance\n\ntext\n\n## Other\n\nkept\n\n## Serving\n")


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """The page can be made again without measuring."""
    assert load(tmp_path / "none.json") is None
    save(_serving(), tmp_path / "serving.json")
    assert load(tmp_path / "serving.json") == _serving()
