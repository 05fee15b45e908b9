"""Names of posts: portable, stable, and never outside the posts folder."""

from __future__ import annotations

import re
import unicodedata
from base64 import b32encode
from hashlib import sha256
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.key import KEY_LENGTH, entry_key, key_of_name
from aggregator.store.paths import MAX_SLUG_BYTES, post_folder, post_path, slug
from tests.post_records import SPECIAL, naughty_strings

KEY = entry_key("news", "1")
_any_text = st.text() | st.sampled_from(SPECIAL) | st.text("e\u0301\u0300\u200d\u202e\ufe0f\u0e01\u0e47 ._-/\\a中İß\U0001f600")


def _check(text: str) -> None:
    name = slug(text)
    assert 0 < len(name.encode()) <= MAX_SLUG_BYTES
    assert name == unicodedata.normalize("NFC", name)
    assert name == name.lower()
    assert not re.search(r"--|^-|-$", name)
    kinds = {unicodedata.category(character) for character in name.replace("-", "")}
    assert {kind[0] for kind in kinds} <= {"L", "N", "M"}
    assert not unicodedata.category(name[0]).startswith("M")
    assert not re.search(r"-[\u0300-\u036f]", name)
    assert not re.fullmatch("con|prn|aux|nul|(com|lpt)[0-9¹²³]", name)
    assert slug(name) == name


@pytest.mark.post_row("R48")
@settings(deadline=None, max_examples=200)
@given(text=_any_text)
def test_a_slug_is_a_safe_name(text: str) -> None:
    """A slug is short, composed, lower case, made of letters, digits and single hyphens, and its own slug."""
    _check(text)


@pytest.mark.post_row("R48")
def test_naughty_strings_make_safe_names(shared: Path) -> None:
    """The big list of naughty strings holds nothing that breaks a name."""
    for text in [*naughty_strings(shared), *SPECIAL]:
        _check(text)


@pytest.mark.post_row("R48", "D4", "D5", "D9")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A Title", "a-title"),
        ("3.8万", "3-8万"),
        ("38万", "38万"),
        ("Cilium 1.12: eBPF!", "cilium-1-12-ebpf"),
        ("Win11/Win10", "win11-win10"),
        ("[译] “心瘾”", "译-心瘾"),
        ("_hidden", "hidden"),
        (".git", "git"),
        ("~a-", "a"),
        ("©  Anja Diabaté ", "anja-diabaté"),
        ("Diabate\u0301", "diabaté"),
        ("हिन्दी", "हिन्दी"),
        ("a\u202eb\u200bc", "abc"),
        ("❤️ 1️⃣", "1"),
        ("\u0301\u0301a", "a"),
        ("\U0001f600", "post"),
        ("", "post"),
        ("...", "post"),
        ("con", "con-x"),
        ("Aux", "aux-x"),
        ("COM1", "com1-x"),
        ("lpt¹", "lpt¹-x"),
        ("console", "console"),
        ("\ud800", "post"),
    ],
)
def test_what_slugs_look_like(text: str, name: str) -> None:
    """Letters and digits of any script stay; numbers stay distinguishable; all else is a hyphen."""
    assert slug(text) == name


@pytest.mark.post_row("R48", "D8")
def test_a_long_slug_is_cut_between_characters() -> None:
    """The limit counts bytes; no character is split and no letter loses only some of its marks."""
    assert slug("中" * 90) == "中" * 40
    assert slug("a" * 119 + "é") == "a" * 119
    assert slug("a" * 119 + " b") == "a" * 119
    assert slug("ก็" * 50) == "ก็" * 20
    assert slug("aa" + "ก็" * 50) == "aa" + "ก็" * 19
    assert len(slug("e" + "\u0316" * 200).encode()) <= MAX_SLUG_BYTES


@pytest.mark.post_row("R47", "D4", "D24")
@settings(deadline=None, max_examples=200)
@given(categories=st.lists(_any_text, min_size=1, max_size=4).map(tuple), title=_any_text)
def test_a_path_stays_below_the_posts_folder(categories: tuple[str, ...], title: str) -> None:
    """Whatever categories and title are, the path has one folder per category and ends in the key."""
    path = post_path(categories, title, KEY)
    parts = PurePosixPath(path).parts

    assert "/".join(parts) == path
    assert len(parts) == len(categories) + 1
    assert not any(part.startswith((".", "_", "-", "~")) for part in parts)
    assert not re.search(r"[\x00-\x1f\\:*?\"<>|]", path)
    assert key_of_name(path) == KEY
    assert post_folder(categories) == "/".join(parts[:-1])


def test_the_path_of_a_sample() -> None:
    """A path is the slugs of the categories, then the slug of the title with the key."""
    assert post_path(("新媒体", "ZAKER", "source"), "A: b", KEY) == f"新媒体/zaker/source/a-b-{KEY}.md"


@given(source_id=st.text(max_size=8), entry_id=st.text(max_size=8))
def test_a_key_is_the_beginning_of_a_hash_in_base32(source_id: str, entry_id: str) -> None:
    """A key is what the standard library makes of the hash, cut to its length: names of posts rest on it for ever."""
    digest = sha256(f"{source_id}\0{entry_id}".encode("utf-8", "surrogatepass")).digest()

    assert entry_key(source_id, entry_id) == b32encode(digest).decode().lower()[:KEY_LENGTH]
