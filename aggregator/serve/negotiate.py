"""Request headers -> what they ask for. Pure: no file, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote_to_bytes

_MOST = 20  #: members of a list that are looked at; nobody means more
_SCHEMES = ("http://", "https://")


def decoded_path(target: str) -> tuple[str, ...] | None:
    """Return the parts of a request target, `()` for the index, None for what can name nothing of ours.

    Each part is decoded once and for itself, so that an encoded slash never separates. A slash at the end leaves an empty part.
    """
    path = target.partition("?")[0].partition("#")[0]
    if path.lower().startswith(_SCHEMES):  # absolute form (RFC 9112 §3.2.2)
        path = "/" + path.split("/", 3)[3] if path.count("/") >= 3 else "/"  # noqa: PLR2004 - scheme, "", host, path
    if not path.startswith("/"):
        return None
    if path == "/":
        return ()
    try:
        parts = tuple(unquote_to_bytes(part).decode("utf-8") for part in path[1:].split("/"))
    except UnicodeDecodeError:
        return None
    return parts if all(map(_is_plain, parts[:-1])) and (not parts[-1] or _is_plain(parts[-1])) else None


def _is_plain(part: str) -> bool:
    """Tell whether a decoded part of a path is one visible name."""
    return bool(part) and not part.startswith(".") and not any(char in "/\\\0" for char in part)


@lru_cache(maxsize=256)
def choose_coding(accepted: bytes, offered: tuple[str, ...]) -> str | None:
    """Return the content coding that is wanted most of those offered (best first), None for the bytes as they are.

    A coding that is not named is not sent unless `*` allows it (RFC 9110 §12.5.3).
    """
    wanted = {name.removeprefix("x-"): quality for name, quality in _weighed(accepted.decode("latin-1"))}
    best, found = 0.0, None
    for coding in offered:
        quality = wanted.get(coding, wanted.get("*", 0.0))
        if quality > best:
            best, found = quality, coding
    return found if best >= wanted.get("identity", 0.0) else None


@lru_cache(maxsize=256)
def choose_languages(accepted: str, asked: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the languages offered that a reader knows, the most wanted first; `asked` is wanted before all.

    `zh-Hant`, `zh-HK` and `zh-MO` mean zh-TW, any other `zh` zh-CN (RFC 4647 §3.4 would not find the first).
    """
    ranges = [asked.lower()] if asked else []
    named = sorted(_weighed(accepted), key=lambda each: -each[1])
    ranges += [name for name, quality in named if quality > 0]
    found = (_language(name, offered) for name in ranges)
    return tuple(dict.fromkeys(language for language in found if language is not None))


_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def _language(name: str, offered: Sequence[str]) -> str | None:
    by_name = {language.lower(): language for language in offered}
    parts = name.split("-")
    if parts[0] == "zh":
        wanted = "zh-tw" if _TRADITIONAL & set(parts[1:]) and "hans" not in parts else "zh-cn"
        return by_name.get(wanted)
    return next((by_name[tried] for end in range(len(parts), 0, -1) if (tried := "-".join(parts[:end])) in by_name), None)


def _weighed(text: str) -> list[tuple[str, float]]:
    """Return the members of a list with their qualities (RFC 9110 §12.4.2); one that is badly written counts as refused."""
    found = []
    for member in text.split(",")[:_MOST]:
        name, *parameters = (piece.strip().lower() for piece in member.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(1.0, max(0.0, float(parameter[2:])))
                except ValueError:
                    quality = 0.0
        if name:
            found.append((name, quality if quality == quality else 0.0))  # noqa: PLR0124 - NaN is no quality
    return found


def is_current(etag: bytes, modified: int | None, tags: bytes | None, since: bytes | None) -> bool:
    """Tell whether the client's copy is this one; the tag beats the date (RFC 9110 §13.2.2), weak ones do (§13.1.2)."""
    if tags is not None:
        # A tag may hold commas and stars; ours do not, so only whether one of the pieces is ours needs to be right.
        return tags.strip() == b"*" or etag in {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
    if since is None or modified is None:
        return False
    try:
        date = parsedate_to_datetime(since.decode("latin-1"))
        if date.tzinfo is None:  # the form of asctime names no zone; all of them mean UTC (RFC 9110 §5.6.7)
            date = date.replace(tzinfo=UTC)
        return modified <= int(date.timestamp())
    except (ValueError, OverflowError):
        return False  # an invalid date is ignored (RFC 9110 §13.1.3)
