"""Posts on disk: rendered bytes -> file, file -> entry, folder -> list of posts. All reading and writing goes through `files`.

Paths are text, relative to the posts folder, with "/" between the parts; archive files are <key>.json in a folder of
their own. Never decides what is to be written, never touches the state.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from aggregator.errors import NewerFormatError, UnfitFileError
from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key, key_of_name, link_hash
from aggregator.model.traits import traits_of
from aggregator.store.files import read_file, store_error, write_file
from aggregator.store.profiles import NewerPostError, PostFormatError, Profile, Rendered
from aggregator.store.profiles.seal import is_sealed, unsealed

HASH_BYTES = 16
#: No post that we write comes near; what is larger is not read into memory.
MAX_POST_BYTES = 32 * 1024**2
#: Below the archive folder: a file for each post that another program wrote and that was adopted as it is.
ADOPTED = "adopted"


class Reader(Protocol):
    """What reads a post: a profile, or the reader of adopted posts."""

    @property
    def keeps_archive(self) -> bool:
        """Tell whether it needs an archive file."""

    def read(self, post: bytes, extra: bytes | None) -> Entry:
        """Return the entry. Raises PostFormatError."""


def is_adopted(path: str, key: str) -> bool:
    """Tell whether a post was adopted: its name does not end in its key, so an archive file says whose it is."""
    return not path.endswith(f"-{key}.md")


def reader_of(path: str, key: str, profile: Profile) -> Reader:
    """Return what reads the post of this key: an adopted one has a reader of its own, whatever the project's profile."""
    if not is_adopted(path, key):
        return profile
    return cast("Reader", import_module("aggregator.store.profiles.adopted"))


def read_extra(archive_root: Path, path: str, key: str, profile: Profile) -> bytes | None:
    """Return the archive file of a post; None where its reader needs none, or where it is lost. Raises StoreError."""
    needed = profile.keeps_archive or is_adopted(path, key)
    return read_post_file(archive_root, extra_path(path, key)) if needed else None


def write_post(root: Path, path: str, rendered: Rendered, archive_root: Path, *, in_place: bool = True) -> bytes:
    """Write the post, and before it what it cannot hold; return the post's hash. Not yet durable.

    Where the caller has just seen that there is none, nothing is in its place that must be kept until it is on the disk.

    Raises:
        StoreError: it could not be written; what was there before is untouched.
    """
    if rendered.extra is not None:
        # First: a post without its archive file could not be read after a crash, the file without its post does no harm.
        write_file(archive_root, archive_path(_own_key(path)), rendered.extra, keep_old=True)
    write_file(root, path, rendered.post, keep_old=in_place)
    return post_hash(rendered.post)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPost:
    """A post as it lies there."""

    entry: Entry
    hash: bytes  #: of its bytes
    sealed: bool  #: they are as we wrote them: nobody has edited it


def read_post(root: Path, path: str, profile: Profile, archive_root: Path, *, key: str | None = None) -> StoredPost | None:
    """Return a post, or None if there is no such file.

    `key` is the one in its name; of an adopted post it must be given. Unless it is sealed, hands may have been at it: then, as
    in every adopted post, `content` is not sanitised.

    Raises:
        PostFormatError: the post is damaged; the message begins with its path.
        NewerFormatError: a later version of this program wrote it.
        StoreError: it cannot be read at all.
    """
    own = key or _own_key(path)
    try:
        post = read_post_file(root, path)
        if post is None:
            return None
        extra = read_extra(archive_root, path, own, profile)
        entry = reader_of(path, own, profile).read(post, extra)
        check_identity(entry, path, own)
    except NewerPostError as error:
        message = f"{root.name}/{path}: {error}"
        raise NewerFormatError(message, path=root / path, found=error.found, known=error.known) from error
    except PostFormatError as error:
        raise PostFormatError(f"{root.name}/{path}: {error}") from error
    return StoredPost(entry=entry, hash=post_hash(post), sealed=is_unedited(path, own, post, extra))


def read_post_file(root: Path, path: str) -> bytes | None:
    """Return the bytes of a post or of its archive file, or None if there is none.

    Raises:
        PostFormatError: what stands there is no file, or larger than any post.
        StoreError: it cannot be read at all.
    """
    try:
        return read_file(root, path, at_most=MAX_POST_BYTES)
    except UnfitFileError as error:
        raise PostFormatError(error.why) from error


def check_identity(entry: Entry, path: str, key: str) -> None:
    """Raise PostFormatError where a post says another id than the one that its key is made of: it would be another entry."""
    if entry_key(entry.source_id, entry.id) == key:
        return
    if is_adopted(path, key):
        raise PostFormatError(f"the name of its archive file is not that of the id in it: {key}")
    raise PostFormatError("the key in its name is not that of its id and source.id: one of them was changed by hand")


def post_hash(post: bytes) -> bytes:
    """Return 16 bytes that tell whether a post is as we wrote it; its archive file is not part of it."""
    return sha256(post).digest()[:HASH_BYTES]


def is_unedited(path: str, key: str, post: bytes, extra: bytes | None) -> bool:
    """Tell whether a post proves by its seal that it is as we wrote it; an adopted one never was, whatever its files say."""
    return not is_adopted(path, key) and is_sealed(post, extra)


def is_plain(profile: Profile, entry: Entry, post: bytes) -> bool:
    """Tell whether a post is byte for byte what its own entry renders to, as ours are; HTML that we never write is not.

    Those that were written before there were seals have none.
    """
    try:
        ours = profile.render(entry).post
    except ValueError:  # the body holds what the sanitiser lets nobody write: hands were at it
        return False
    return post in {ours, unsealed(ours)}


def archive_path(key: str) -> str:
    """Return the path of a post's archive file below the archive folder."""
    return f"{key}.json"


def adopted_path(key: str) -> str:
    """Return the path of an adopted post's archive file below the archive folder."""
    return f"{ADOPTED}/{key}.json"


def extra_path(path: str, key: str) -> str:
    """Return where the archive file of a post would be, adopted or not."""
    return adopted_path(key) if is_adopted(path, key) else archive_path(key)


def list_adopted(archive_root: Path) -> tuple[str, ...]:
    """Return the keys of the adopted posts, sorted. Raises StoreError if the folder cannot be listed."""
    try:
        names = [entry.name for entry in os.scandir(archive_root / ADOPTED)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise store_error("read", archive_root, ADOPTED, error) from error
    return tuple(sorted(key for name in names if (key := key_of_name(f"-{name.removesuffix('.json')}.md"))))


def _own_key(path: str) -> str:
    key = key_of_name(path)
    if key is None:
        raise ValueError(f"{path} is no post's path")
    return key


def row_of(entry: Entry, path: str, post_hash: bytes, raw_hash: bytes | None = None, dated: str | None = None) -> PostRow:
    """Return the post as the state indexes it; `dated` is how its date was chosen, where that was just done."""
    key = entry_key(entry.source_id, entry.id)
    adopted = is_adopted(path, key)
    return PostRow(
        key=key,
        source_id=entry.source_id,
        entry_id=entry.id,
        path=path,
        raw_hash=raw_hash,
        link_hash=link_hash(entry.link),
        post_hash=post_hash,
        date=entry.date,
        categories=entry.categories,
        title=entry.title,
        locked=adopted,  # never ours to write
        dated=dated,
        traits=traits_of(entry, adopted=adopted),
    )


def list_posts(root: Path, *, nested: bool = True) -> Iterator[tuple[str, str]]:
    """Yield path and key of every post below the folder (or only in it), sorted by path.

    Hidden names and symbolic links are passed over.

    Raises:
        StoreError: a folder cannot be listed, so that the list would not be whole. A root that is not there is empty.
    """
    for path in list_pages(root, nested=nested):
        if key := key_of_name(path):
            yield path, key


def has_posts(root: Path) -> bool:
    """Tell whether there is any post below the folder; looks no further than the first, for there may be very many.

    Raises:
        StoreError: a folder cannot be listed before one was found.
    """
    folders = [""] if _is_there(root) else []
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(root / prefix) as entries:
                for entry in entries:
                    if _is_passed_over(entry):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{prefix}{entry.name}/")
                    elif key_of_name(entry.name):
                        return True
        except OSError as error:
            raise store_error("read", root, prefix, error) from error
    return False


def list_pages(root: Path, *, nested: bool = True) -> Iterator[str]:
    """Yield the path of every Markdown file as `list_posts` does, whoever wrote it."""
    if _is_there(root):
        yield from _list_folder(root, "", nested=nested)


def _is_there(root: Path) -> bool:
    try:
        return root.is_dir() or root.is_symlink()
    except OSError as error:
        raise store_error("read", root, "", error) from error


def _list_folder(root: Path, prefix: str, *, nested: bool) -> Iterator[str]:
    try:
        with os.scandir(root / prefix) as entries:
            # A folder sorts as its name with the slash, so that the whole is in the order of the paths.
            names = sorted(
                f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries
                if not _is_passed_over(entry)
            )
    except OSError as error:
        raise store_error("read", root, prefix, error) from error
    for name in names:
        if name.endswith("/"):
            if nested:
                yield from _list_folder(root, f"{prefix}{name}", nested=True)
        elif name.endswith(".md"):
            yield f"{prefix}{name}"


def _is_passed_over(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".") or entry.is_symlink() or not _is_text(entry.name)


def _is_text(name: str) -> bool:
    """Tell whether the name is UTF-8; one that is not was never ours, and cannot be stored or printed."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
