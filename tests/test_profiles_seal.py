"""The seal of a post: unbroken as long as nobody edits it."""

from __future__ import annotations

import json

import pytest

from aggregator.store.profiles import PROFILE_NAMES, get_profile
from aggregator.store.profiles.seal import is_sealed
from tests.post_records import full_entry

ENTRY = full_entry()


@pytest.mark.parametrize("name", PROFILE_NAMES)
def test_a_post_is_sealed_until_it_is_edited(name: str) -> None:
    """As rendered a post is sealed; with any byte of it changed, added or gone, it is not."""
    rendered = get_profile(name, "Asia/Shanghai").render(ENTRY)
    assert is_sealed(rendered.post, rendered.extra)
    post = rendered.post
    line = max(2, post.find(b"seal: "))
    for at in (*range(0, len(post), 7), *range(line - 2, line)):
        assert not is_sealed(post[:at] + bytes([post[at] ^ 1]) + post[at + 1 :], rendered.extra)
        assert not is_sealed(post[:at] + post[at + 1 :], rendered.extra)
    assert not is_sealed(rendered.post + b"\n", rendered.extra)
    assert not is_sealed(rendered.post.replace(b"\n", b"\r\n"), rendered.extra)


def test_the_archive_file_is_sealed_too() -> None:
    """Of volantis the seal stands in the archive file and covers both."""
    rendered = get_profile("volantis").render(ENTRY)
    assert rendered.extra is not None
    assert b"seal" not in rendered.post
    said = json.loads(rendered.extra)
    assert list(said)[-4:] == ["summary", "tags", "updated", "version"]
    assert not is_sealed(rendered.post, rendered.extra.replace(b'"version": 1', b'"version": 2'))
    del said["seal"]
    assert not is_sealed(rendered.post, json.dumps(said).encode())


def test_a_text_that_looks_like_a_seal_is_none() -> None:
    """A title or text with a line like the seal's changes nothing: the one in the front matter counts."""
    line = "\nseal: '0123456789abcdef'\n"
    rendered = get_profile("default").render(full_entry(summary=f"x{line}y", content=f"<p>{line}</p>"))
    assert is_sealed(rendered.post, None)
