"""Posts on disk: written with what they cannot hold, read back, listed in order."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from aggregator.errors import NewerFormatError, StoreError
from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key, link_hash
from aggregator.model.traits import traits_of
from aggregator.store.paths import post_path
from aggregator.store.posts import StoredPost, archive_path, has_posts, list_posts, post_hash, read_post, row_of, write_post
from aggregator.store.profiles import PROFILE_NAMES, PostFormatError, Profile, default, get_profile, volantis
from tests.post_records import entry, full_entry

ENTRY = full_entry()
KEY = entry_key(ENTRY.source_id, ENTRY.id)
PATH = post_path(ENTRY.categories, ENTRY.title, KEY)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "posts"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def _write(root: Path, profile: Profile = default, found: Entry = ENTRY, path: str = PATH) -> bytes:
    return write_post(root, path, profile.render(found), root.parent / "archive")


@pytest.mark.parametrize("name", PROFILE_NAMES)
def test_a_post_is_read_as_it_was_written(root: Path, archive: Path, name: str) -> None:
    """Entry and hash come back; the archive file is there only where the profile needs it."""
    profile = get_profile(name)
    written = _write(root, profile)

    assert read_post(root, PATH, profile, archive) == StoredPost(entry=ENTRY, hash=written, sealed=True)
    assert (archive / f"{KEY}.json").exists() == profile.keeps_archive


def test_the_hash_is_of_the_post_s_bytes(root: Path) -> None:
    """16 bytes of SHA-256 over the file as it stands."""
    written = _write(root)
    content = (root / PATH).read_bytes()

    assert written == post_hash(content) == sha256(content).digest()[:16]


def test_the_archive_file_is_written_before_its_post(root: Path, archive: Path) -> None:
    """A crash between the two leaves no post that cannot be read."""
    root.write_bytes(b"in the way")

    with pytest.raises(StoreError):
        _write(root, volantis)

    assert (archive / archive_path(KEY)).exists()


def test_a_post_is_not_written_without_its_archive_file(root: Path, archive: Path) -> None:
    """If the archive file cannot be written, the post is not either."""
    archive.write_bytes(b"in the way")

    with pytest.raises(StoreError, match=r"archive/"):
        _write(root, volantis)

    assert not (root / PATH).exists()


def test_a_missing_post_is_none(root: Path, archive: Path) -> None:
    """That a post is not there is an answer, not an error."""
    assert read_post(root, PATH, default, archive) is None


@pytest.mark.post_row("R53")
def test_a_damaged_post_is_named_by_its_path(root: Path, archive: Path) -> None:
    """The message begins with the post's path; the file is left."""
    _write(root)
    (root / PATH).write_bytes(b"---\ntitle: cut")

    with pytest.raises(PostFormatError, match=f"^posts/{PATH}: the front matter has no closing"):
        read_post(root, PATH, default, archive)


def test_a_lost_archive_file_is_told(root: Path, archive: Path) -> None:
    """A volantis post without its archive file is an error with its path."""
    _write(root, volantis)
    (archive / f"{KEY}.json").unlink()

    with pytest.raises(PostFormatError, match=f"^posts/{PATH}: its archive file is missing"):
        read_post(root, PATH, volantis, archive)


def test_a_later_format_stops_the_run(root: Path, archive: Path) -> None:
    """A post of a later version is a storage error, with both versions."""
    _write(root)
    (root / PATH).write_bytes((root / PATH).read_bytes().replace(b"format: 1\n", b"format: 7\n"))

    with pytest.raises(NewerFormatError, match="later version") as caught:
        read_post(root, PATH, default, archive)

    assert (caught.value.found, caught.value.known, caught.value.path) == (7, 1, root / PATH)


@pytest.mark.post_row("R53")
def test_a_changed_identity_is_told(root: Path, archive: Path) -> None:
    """A post whose id no longer fits its name would be another entry: it is not taken for either."""
    _write(root, found=replace(ENTRY, id="another"))

    with pytest.raises(PostFormatError, match="key in its name"):
        read_post(root, PATH, default, archive)


def test_a_row_says_what_the_post_says() -> None:
    """The state's row is a function of the post, its place, and the raw hash if there is one."""
    row = row_of(ENTRY, PATH, b"p", raw_hash=b"r")

    assert row == PostRow(
        key=KEY,
        source_id=ENTRY.source_id,
        entry_id=ENTRY.id,
        path=PATH,
        raw_hash=b"r",
        link_hash=link_hash(ENTRY.link),
        post_hash=b"p",
        date=ENTRY.date,
        categories=ENTRY.categories,
        title=ENTRY.title,
        traits=traits_of(ENTRY),
    )
    assert row_of(entry(), PATH, b"p").raw_hash is None


@pytest.mark.post_row("R47", "R60")
def test_posts_are_listed_by_path(root: Path) -> None:
    """Every file with a key in its name is listed, in the order of the paths, and nothing else."""
    keys = [entry_key("s", str(number)) for number in range(6)]
    names = ["b", "a/x", "a-b/y", "a/b/z", "新/媒体/w", "a.b/v"]
    paths = sorted(f"{name}-{key}.md" for name, key in zip(names, keys, strict=True))
    others = ["readme.md", "a/about.md", f"x-{keys[0]}.txt", f".hidden-{keys[0]}.md", f".git/x-{keys[0]}.md", ".tmp-1-2"]
    for path in [*paths, *others]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    (root / "link").symlink_to(root / "a")
    (root / f"link-{keys[1]}.md").symlink_to(root / paths[0])
    (root / os.fsdecode(b"\xff-" + keys[1].encode() + b".md")).write_bytes(b"")
    (root / f"folder-{keys[1]}.md").mkdir()

    assert [path for path, _ in list_posts(root)] == paths
    assert {key for _, key in list_posts(root)} == set(keys)


def test_no_posts_folder_means_no_posts(root: Path) -> None:
    """A project that has never been synced has an empty list."""
    assert list(list_posts(root)) == []


def test_a_list_that_is_not_whole_is_an_error(root: Path) -> None:
    """A posts folder that leads nowhere (an unmounted disk) is not taken for an empty one."""
    root.symlink_to(root.parent / "unmounted")

    with pytest.raises(StoreError, match="cannot read posts"):
        list(list_posts(root))


def test_only_posts_have_archive_files(root: Path) -> None:
    """Writing the archive file of another name is a mistake of the caller's."""
    with pytest.raises(ValueError, match="no post"):
        _write(root, volantis, path="a/readme.md")


@pytest.mark.parametrize("profile", [default, volantis], ids=["default", "volantis"])
def test_traits_are_those_of_the_post(profile: Profile) -> None:
    """What an entry is recognised by is the same before it is written and after its post is read."""
    for found in (full_entry(), entry(published=None, first_seen=full_entry().published)):
        rendered = profile.render(found)
        assert traits_of(profile.read(rendered.post, rendered.extra)) == traits_of(found)


@pytest.mark.parametrize(
    "found",
    [
        "",
        "a.md",
        f"deep/er/a-{KEY}.md",
        f".hidden-{KEY}.md",
        f".git/a-{KEY}.md",
        f"a-{KEY}.txt",
        f"a-{KEY}.md/",
        f"1/a-{KEY}.md",
    ],
)
def test_any_post_is_any_that_would_be_listed(root: Path, found: str) -> None:
    """`has_posts` says what `list_posts` would, without listing them all."""
    (root / "1" / "2").mkdir(parents=True)
    (root / f"link-{KEY}.md").symlink_to("nowhere")
    if found.endswith("/"):
        (root / found).mkdir()
    elif found:
        (root / found).parent.mkdir(parents=True, exist_ok=True)
        (root / found).write_bytes(b"x")

    assert has_posts(root) == bool(list(list_posts(root)))
    assert not has_posts(root / "absent")
