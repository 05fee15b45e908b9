"""The quick reader of our own front matter: the YAML reader's answer, or none."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from aggregator.model.entry import Entry
from aggregator.store.profiles import Profile, default, get_profile, volantis
from aggregator.store.profiles.front import LOADER, split_fences
from aggregator.store.profiles.front_ours import read_ours
from tests.conftest import Sweep
from tests.post_records import SPECIAL, entries, full_entry

PROFILES: list[Profile] = [default, volantis, *(get_profile(name, "Asia/Shanghai") for name in ("hexo", "hugo", "jekyll"))]
every = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
#: What is put into a line at random: what means something to YAML, and what it takes for no character.
_PIECES = (
    *SPECIAL,
    "\n",
    " ",
    "  ",
    "\n   ",
    "\n  ",
    "\n - ",
    ":",
    ": ",
    "'",
    "key:",
    "\nnull: 'a'\nb: 'c",
    "\t",
    "\r",
    "\ntitle: 'b",
)


def _front(post: bytes) -> str:
    return split_fences(post)[0][4:-4]


def _by_yaml(front: str) -> Any:
    """Return what the YAML reader makes of it, or that it refuses it."""
    try:
        return yaml.load(front, Loader=LOADER)  # noqa: S506 - a safe one
    except yaml.YAMLError:
        return "refused"


@every
@given(found=entries)
@settings(max_examples=60)
def test_what_the_quick_reader_reads_yaml_reads_alike(profile: Profile, found: Entry) -> None:
    """Of whatever a profile writes, the quick reader makes what YAML makes, or nothing."""
    front = _front(profile.render(found).post)

    assert read_ours(front) in (None, _by_yaml(front))


@pytest.mark.parametrize("profile", [default, get_profile("hexo", "Asia/Shanghai")], ids=lambda profile: profile.name)
def test_an_ordinary_post_needs_no_yaml(profile: Profile) -> None:
    """A post of the profiles that most people have, with everything that an entry can hold, is read without YAML."""
    assert read_ours(_front(profile.render(full_entry()).post)) is not None


@every
def test_a_line_that_is_not_ours_is_left_to_yaml(profile: Profile, sweep: Sweep) -> None:
    """Whatever is put into a post's front matter, the quick reader makes of it what YAML makes, or nothing."""
    front = _front(profile.render(full_entry()).post)
    draw = random.Random(7)

    for _ in range(sweep.count(20_000, 300)):
        changed = front
        for _ in range(draw.randint(1, 2)):
            place, length = draw.randint(0, len(changed)), draw.choice((0, 0, 1, 2, 10, 40))
            changed = changed[:place] + draw.choice(_PIECES) + changed[place + length :]
        assert read_ours(changed) in (None, _by_yaml(changed)), changed


@pytest.mark.parametrize(
    "front",
    [
        *("", "a:", "null: 'a'", "a: 'b'\na: 'c'", "a: 'b'\n", " - 'a'", "  a: 'b'", "a: 'b'\n  c: 'd'", "a: 'b'\n - 'c'"),
        *("a:\n - 'b'\n  c: 'd'", "a:\n - 'b'\n   c: 'd'", "a:\n  b: 'c'\n   d: 'e'", "a:\n  b: 'c'\n  b: 'd'", "a:\n  b:"),
        *("a: b", "a: b: c", "a:'b'", "a: 'b' # c", "a: 'b\u2028c'", "a: 'b\x85c'", "a: 'b\tc'", "a:  'b'", "a: 'b' "),
    ],
)
def test_what_yaml_may_read_otherwise_is_left_to_it(front: str) -> None:
    """Front matter that is not of our forms is not read quickly."""
    assert read_ours(front) is None
