"""Profiles: an entry -> the bytes of its post, and a post's bytes -> the entry. Pure.

A profile has a name and two functions, `render` and `read`, that hold one promise: `read(*render(entry)) == entry` for every
entry that keeps the invariants of `model.entry`. Nothing here touches a file, a clock or the network. Those that write
wall-clock time are made for a time zone; the others are plain modules. docs/post-format.md describes them for their users.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Protocol, cast

from aggregator.model.entry import Entry

#: In the order in which `config schema` lists them.
PROFILE_NAMES = ("default", "volantis", "hexo", "hugo", "jekyll")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The bytes of one post."""

    post: bytes
    extra: bytes | None = None  #: what the post's format cannot hold, for archive/<key>.json; None: nothing


class PostFormatError(ValueError):
    """A post cannot be read as an entry; the message is one line, lower-case start."""


class NewerPostError(PostFormatError):
    """A post was written by a later version of this program."""

    def __init__(self, message: str, *, found: int, known: int) -> None:
        """Take the format's version found and the newest one that this program knows."""
        self.found = found
        self.known = known
        super().__init__(message)


class Profile(Protocol):
    """What a profile offers."""

    @property
    def name(self) -> str:
        """Return the profile's name."""

    @property
    def keeps_archive(self) -> bool:
        """Tell whether `render` gives an `extra` and `read` needs it."""

    def name_start(self, entry: Entry) -> str:
        """Return what the name of a new post's file begins with, before the title."""

    def render(self, entry: Entry) -> Rendered:
        """Return the bytes of the entry's post."""

    def read(self, post: bytes, extra: bytes | None) -> Entry:
        """Return the entry; of a post edited by hand, `content` is raw HTML, to be sanitised by the caller.

        Raises:
            PostFormatError: the post is damaged, or lacks what an entry must have.
        """


@lru_cache(maxsize=16)
def get_profile(name: str, timezone: str = "UTC") -> Profile:
    """Return the profile of that name, for a site in that zone; imported only now: reading YAML costs start-up time.

    Raises:
        ValueError: there is no such profile.
    """
    if name not in PROFILE_NAMES:
        raise ValueError(f'there is no profile "{name}"; there are: {", ".join(PROFILE_NAMES)}')
    module = import_module(f"{__name__}.{name}")
    return cast("Profile", module.in_zone(timezone) if hasattr(module, "in_zone") else module)
