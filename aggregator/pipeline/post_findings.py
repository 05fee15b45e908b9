"""The posts folder -> every post as far as its site is concerned, and what is wrong with it. Reads, never writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.errors import AggregatorError
from aggregator.model.key import key_of_name
from aggregator.model.settings import Settings
from aggregator.pipeline.jobs import posts_place
from aggregator.store.files import read_file, store_error
from aggregator.store.posts import read_post
from aggregator.store.profiles import PostFormatError, get_profile

#: UTF-8 bytes of a name. File systems end at 255, some at 143 letters, and engines make longer names of it.
_MAX_NAME_BYTES = 200
_HIDING = ("_", ".", "-", "~", "#")
_DATE_LINE = re.compile(rb"^date:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_BREAKING = frozenset('#?%\\:*"<>|')


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPosts:
    """All of them."""

    posts: tuple[SeenPost, ...]
    names: tuple[str, ...]  #: of every file that is a post, also of those that cannot be read
    findings: tuple[PostFinding, ...]


def look_at_posts(settings: Settings) -> SeenPosts:
    """Read every post.

    Raises:
        StoreError: a folder cannot be listed.
    """
    place = posts_place(settings)
    profile = get_profile(place.profile, place.timezone)
    posts: list[SeenPost] = []
    findings: list[PostFinding] = []
    names = sorted(_posts_below(place.root, ""))
    by_key: dict[str, str] = {}
    for path in names:
        shown = f"{settings.posts.dir}/{path}"
        findings += _about_name(shown, path)
        key = key_of_name(path) or ""
        if key in by_key:
            advice = "remove the one that you do not want; its address goes with it"
            findings.append(
                PostFinding(code="twice", place=shown, text=f"is the same entry as {by_key[key]}: {key}", advice=advice)
            )
        by_key.setdefault(key, shown)
        try:
            found = read_post(place.root, path, profile, place.archive)
        except (PostFormatError, AggregatorError) as error:
            reason = str(error).removeprefix(f"{place.root.name}/{path}: ")
            advice = f'mend it; it is left out of the feeds until it can be read as a post of the profile "{profile.name}"'
            findings.append(PostFinding(code="unreadable", place=shown, text=f"cannot be read: {reason}", advice=advice))
            continue
        if found is not None:
            entry = found[0]
            written = _DATE_LINE.search(read_file(place.root, path) or b"")
            text = written[1].decode("utf-8", "replace") if written else ""
            posts.append(SeenPost(path=path, date=entry.date, categories=entry.categories, date_as_written=text))
    return SeenPosts(posts=tuple(posts), names=tuple(names), findings=tuple(findings))


def _posts_below(root: Path, prefix: str) -> Iterator[str]:
    """Yield every file with a key in its name, those in hidden folders too, which no run would find."""
    if not (root / prefix).is_dir():
        return
    try:
        with os.scandir(root / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise store_error("read", root, prefix, error) from error
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _posts_below(root, f"{prefix}{entry.name}/")
        elif key_of_name(entry.name) and entry.is_file(follow_symlinks=False):
            yield f"{prefix}{entry.name}"


def _about_name(shown: str, path: str) -> Iterator[PostFinding]:
    """Yield what is wrong with the names of a post and of its folders; ours are never like that, renamed ones may be."""
    for part in path.split("/"):
        if part.startswith(_HIDING):
            text = f'"{part}" begins with "{part[0]}": site engines pass over such names without a word'
            yield PostFinding(code="hidden", place=shown, text=text, advice="rename it; the key at its end must stay")
        if len(part.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES:
            text = f'"{part[:20]}..." is longer than {_MAX_NAME_BYTES} bytes: engines and file systems fail on such names'
            yield PostFinding(code="long", place=shown, text=text, advice="shorten it; the key at its end must stay")
        if broken := sorted(_BREAKING & set(part)):
            text = f'"{part}" holds {" ".join(broken)}, which breaks its address'
            yield PostFinding(code="address", place=shown, text=text, advice="rename it; the key at its end must stay")
