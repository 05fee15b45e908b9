"""The posts folder -> every post as far as its site is concerned, and what is wrong with it. Reads, never writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote

from aggregator.errors import AggregatorError
from aggregator.model.key import key_of_name
from aggregator.model.settings import Settings
from aggregator.pipeline.jobs import PostsPlace, posts_place
from aggregator.publish.addresses import FOLDER
from aggregator.store.files import store_error
from aggregator.store.ledger import FILE_NAME
from aggregator.store.posts import adopted_path, is_adopted, list_adopted, read_post, read_post_file
from aggregator.store.profiles import PostFormatError, get_profile
from aggregator.store.profiles.adopted import path_of
from aggregator.store.profiles.front import NotYamlError, split_front

#: UTF-8 bytes of a name. File systems end at 255, some at 143 letters, and engines make longer names of it.
_MAX_NAME_BYTES = 200
_RENAME = "rename it; the key at its end must stay"
_RENAME_ADOPTED = "rename it, and say so in archive/adopted/{key}.json (path)"
_HIDING = ("_", ".", "-", "~", "#")
_DATE_LINE = re.compile(rb"^date:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_BREAKING = frozenset("#?%\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFinding:
    """Something that would go wrong, or is wrong."""

    code: str  #: a stable word
    place: str  #: the file or folder
    text: str
    advice: str
    is_note: bool = False  #: worth knowing, but no fault


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPost:
    """A post that can be read."""

    path: str  #: below the posts folder
    date: datetime
    categories: tuple[str, ...]
    date_as_written: str  #: in the front matter
    adopted: bool  #: written by another program, and never by us
    fault: str | None  #: why its front matter is no YAML, which only an adopted post is read in spite of


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPosts:
    """All of them."""

    posts: tuple[SeenPost, ...]
    names: tuple[str, ...]  #: of every file that is a post, also of those that cannot be read
    findings: tuple[PostFinding, ...]


def look_at_posts(settings: Settings) -> SeenPosts:
    """Read every post, the adopted ones too.

    Raises:
        StoreError: a folder cannot be listed.
    """
    place = posts_place(settings)
    findings: list[PostFinding] = []
    adopted = dict(_adopted(place, findings))
    named = {
        path: key_of_name(path) or "" for path in sorted(_posts_below(place.root, "", settings.posts.dir.as_posix(), findings))
    }
    posts: list[SeenPost] = []
    first: dict[str, str] = {}
    for path, key in (named | adopted).items():
        shown = f"{settings.posts.dir}/{path}"
        findings += _about_name(shown, path, _RENAME_ADOPTED.format(key=key) if is_adopted(path, key) else _RENAME)
        if key in first:
            text, advice = f"is the same entry as {first[key]}: {key}", "remove the one that you do not want, with its address"
            findings.append(PostFinding(code="twice", place=shown, text=text, advice=advice))
        first.setdefault(key, shown)
        try:
            post = _read(place, path, key)
        except (PostFormatError, AggregatorError) as error:
            reason = str(error).removeprefix(f"{place.root.name}/{path}: ")
            advice = f'mend it; it is left out of the feeds until it can be read as a post of the profile "{place.profile}"'
            findings.append(PostFinding(code="unreadable", place=shown, text=f"cannot be read: {reason}", advice=advice))
            continue
        if post is not None:
            posts.append(post)
    return SeenPosts(posts=tuple(posts), names=tuple(named | adopted), findings=tuple(findings))


def _read(place: PostsPlace, path: str, key: str) -> SeenPost | None:
    """Return a post, or None where there is none: an adopted one that was deleted leaves its archive file."""
    found = read_post(place.root, path, get_profile(place.profile, place.timezone), place.archive, key=key)
    if found is None:
        return None
    entry = found.entry
    content = read_post_file(place.root, path) or b""
    written = _DATE_LINE.search(content)
    return SeenPost(
        path=path,
        date=entry.date,
        categories=entry.categories,
        date_as_written=written[1].decode("utf-8", "replace") if written else "",
        adopted=is_adopted(path, key),
        fault=_yaml_fault(content) if is_adopted(path, key) else None,
    )


def _yaml_fault(content: bytes) -> str | None:
    try:
        split_front(content)
    except NotYamlError as error:
        return str(error).removeprefix("the front matter is no YAML: ")
    return None


def no_posts(settings: Settings, standing: int | None) -> PostFinding | None:
    """Return what is to be said of a posts folder in which no post is, or None.

    `standing` is how many posts the state knows; None: there is no state.
    """
    folder = settings.root / settings.posts.dir
    place = f"{settings.posts.dir}"
    if standing:
        text = f"{'holds no post' if folder.is_dir() else 'is not there'}, and the state knows {standing}: is it mounted?"
        first = "" if folder.is_dir() else f"mkdir -p {quote(str(settings.posts.dir))}; "
        advice = f"bring the posts back; if they were all deleted on purpose: {first}aggregator build --accept-deletions"
        return PostFinding(code="no-posts", place=place, text=text, advice=advice)
    if standing is None and not folder.is_dir():
        if not (settings.root / settings.public.dir / FOLDER).is_dir() and not (settings.root / FILE_NAME).exists():
            advice = "nothing was published yet: the first `aggregator sync` makes it"
            return PostFinding(code="no-posts", place=place, text="is not there", advice=advice, is_note=True)
        advice = "bring it back, or mount it; in a clone whose posts were all deleted, make it"
        return PostFinding(code="no-posts", place=place, text="is not there, although feeds were published", advice=advice)
    return None


def _adopted(place: PostsPlace, findings: list[PostFinding]) -> Iterator[tuple[str, str]]:
    """Yield path and key of the adopted posts that are there."""
    for key in list_adopted(place.archive):
        file = adopted_path(key)
        try:
            path = path_of(read_post_file(place.archive, file))
        except (PostFormatError, AggregatorError) as error:
            advice = "bring it back: without it nobody knows whose post it is"
            shown = f"{place.archive.name}/{file}"
            findings.append(PostFinding(code="unreadable", place=shown, text=f"cannot be read: {error}", advice=advice))
            continue
        if (place.root / path).is_file():
            yield path, key


def _posts_below(root: Path, prefix: str, shown: str, findings: list[PostFinding]) -> Iterator[str]:
    """Yield every file with a key in its name, those in hidden folders too, which no run would find.

    What has such a name and is no file is told: nothing is read through a link, so its entry stands in no feed.
    """
    if not (root / prefix).is_dir():
        return
    try:
        with os.scandir(root / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise store_error("read", root, prefix, error) from error
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _posts_below(root, f"{prefix}{entry.name}/", shown, findings)
        elif key_of_name(entry.name) and entry.is_file(follow_symlinks=False):
            yield f"{prefix}{entry.name}"
        if key_of_name(entry.name) and not entry.is_file(follow_symlinks=False):
            what = "a folder" if entry.is_dir(follow_symlinks=False) else "a symbolic link" if entry.is_symlink() else "no file"
            text, advice = f"{what} is in a post's place, and nothing is read there", "put the post itself there"
            findings.append(PostFinding(code="no-file", place=f"{shown}/{prefix}{entry.name}", text=text, advice=advice))


def _about_name(shown: str, path: str, advice: str) -> Iterator[PostFinding]:
    """Yield what is wrong with the names of a post and of its folders; ours are never so, renamed and adopted ones may be."""
    for part in path.split("/"):
        if part.startswith(_HIDING):
            text = f'"{part}" begins with "{part[0]}": site engines pass over such names without a word'
            yield PostFinding(code="hidden", place=shown, text=text, advice=advice)
        if len(part.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES:
            text = f'"{part[:20]}..." is longer than {_MAX_NAME_BYTES} bytes: engines and file systems fail on such names'
            yield PostFinding(code="long", place=shown, text=text, advice=advice)
        if broken := sorted(_BREAKING & set(part)):
            text = f'"{part}" holds {" ".join(broken)}, which breaks its address'
            yield PostFinding(code="address", place=shown, text=text, advice=advice)
