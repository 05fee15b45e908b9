"""The profile `volantis`: the bytes of the sample post, and beside it one JSON file for what they cannot hold. Pure.

An entry goes in, two files come out: the post, which the Volantis theme shows, and archive/<key>.json. Both are needed to
read the entry back. YAML is escaped where the sample's first generator escaped nothing; see docs/post-format.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aggregator.model.entry import Entry
from aggregator.store.profiles import PostFormatError, Rendered
from aggregator.store.profiles.body import unwrap, wrap
from aggregator.store.profiles.dates import format_date
from aggregator.store.profiles.fields import FORMAT, check_format, read_entry
from aggregator.store.profiles.front import split_front
from aggregator.store.profiles.markup import from_markup, to_markup
from aggregator.store.profiles.seal import seal_of
from aggregator.store.profiles.yaml_out import plain_or_quoted, quoted

name = "volantis"
keeps_archive = True

_TAIL = "  \n"
_PRINTED = ("title", "headimg", "thumbnail")


def render(entry: Entry) -> Rendered:
    """Return the entry's post and its archive file."""
    # The theme prints both as they are, also into attributes of single quotes.
    cover = quoted(to_markup(entry.cover or ""))
    lines = ["", "---", f"title: {quoted(to_markup(entry.title))}", "categories: "]
    lines += [f" - {plain_or_quoted(part)}" for part in entry.categories]
    lines.append(f"headimg: {cover}")
    if entry.author is not None:
        lines.append(f"author: {plain_or_quoted(entry.author)}")
    lines += ["comments: false", f"date: {format_date(entry.date)}", f"thumbnail: {cover}", "---"]
    front = "\n".join(lines)
    body = wrap(entry.content, opening="<div>   \n", tail=_TAIL)
    post = f"{front}\n\n{body}\n{' ' * 12}".encode()
    extra = _extra(entry)
    return Rendered(post=post, extra=_written(extra | {"seal": seal_of(post, _written(extra))}))


def read(post: bytes, extra: bytes | None) -> Entry:
    """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

    What the post says goes before what the archive file says, but for the entry's identity.

    Raises:
        PostFormatError: either file is damaged or lacks what an entry must have, or the archive file is missing.
    """
    front, body = split_front(post)
    front |= {key: from_markup(front[key]) for key in _PRINTED if isinstance(front.get(key), str)}
    archived = read_extra(extra)
    identity = {key: archived.get(key) for key in ("id", "source")}
    return read_entry({**archived, **front, **identity}, unwrap(body, tail=_TAIL))


def name_start(entry: Entry) -> str:  # noqa: ARG001 - the names of this profile begin with the title
    """Return what a file's name begins with, before the title: nothing."""
    return ""


def _written(extra: dict[str, Any]) -> bytes:
    return f"{json.dumps(extra, ensure_ascii=False, indent=2, sort_keys=True)}\n".encode()


def _extra(entry: Entry) -> dict[str, Any]:
    """Return what the post has no place for; the keys are those of the default profile."""
    source = {"id": entry.source_id, "title": entry.feed.title, "link": entry.feed.link, "rights": entry.feed.rights}
    found: dict[str, Any] = {
        "version": FORMAT,
        "id": entry.id,
        "link": entry.link,
        "source": _present(**source, feed_id=entry.feed.id),
        "updated": None if entry.updated is None else format_date(entry.updated),
        "authors": [_present(name=author.name, uri=author.uri, email=author.email) for author in entry.authors],
        "tags": [_present(term=tag.term, scheme=tag.scheme, label=tag.label) for tag in entry.tags],
        "lang": entry.language,
        "summary": entry.summary,
        "rights": entry.rights,
        "enclosures": [
            _present(href=file.href, type=file.type, length=file.length, title=file.title) for file in entry.enclosures
        ],
        "episode": None if entry.episode is None else _present(**asdict(entry.episode)),
        "undated": True if entry.published is None else None,
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def read_extra(extra: bytes | None) -> dict[str, Any]:
    """Return what an archive file says. Raises PostFormatError."""
    if extra is None:
        raise PostFormatError("its archive file is missing: the post alone does not hold its id, source and link")
    try:
        found = json.loads(extra)
    except (ValueError, RecursionError) as error:
        raise PostFormatError(f"its archive file is damaged: {error}") from error
    if not isinstance(found, dict) or "version" not in found:
        raise PostFormatError("its archive file is damaged: it has no version")
    check_format(found["version"], "archive version")
    return found
