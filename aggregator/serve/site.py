"""What the server asks a site for, and what it is given: bytes that are ready. Who makes them is not its business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Policy(Enum):
    """What a browser may do with an answer (Content-Security-Policy)."""

    PAGE = "page"  #: our stylesheet, our script, pictures of ours; players ask only when played
    PICTURES = "pictures"  #: a page whose reader wants the pictures of other hosts as well
    FEED = "feed"  #: our stylesheet and nothing else: no script, whatever an upstream put into it
    NOTHING = "nothing"  #: no document at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent for one address."""

    content: bytes
    type: str  #: media type, with its charset
    status: int = 200
    location: str | None = None  #: of a 301: the path from the root of the site, decoded, without a slash in front
    max_age: int = 0  #: seconds that a copy is good for without asking; 0: ask each time, which costs a 304
    is_lasting: bool = False  #: the address holds a hash of the content, so a copy is good for ever
    policy: Policy = Policy.PAGE
    by_language: bool = False  #: another language of the reader's would have given other bytes
    is_kept: bool = True  #: False: of these addresses there is no end, so none is kept ready for the next who asks


#: Fields of a query -> the values that make a difference, None where any may. What else is asked for is not passed on.
Fields = Mapping[str, frozenset[str] | None]


class Site(Protocol):
    """A site, as the server sees it. Every method may be called from several threads at once, and never writes."""

    languages: tuple[str, ...]  #: that pages can be had in

    def fields(self, path: tuple[str, ...]) -> Fields:
        """Return what of a query the answer at that address depends on."""

    def version(self) -> str:
        """Return a word that changes whenever any answer of `find` may; cheap, asked about once a second."""

    def find(self, path: tuple[str, ...], query: Mapping[str, str], languages: Sequence[str]) -> Answer | None:
        """Return what is at that address, None if nothing is.

        `path` holds the decoded parts, with an empty one at the end where the address ends in a slash; `()` is the root.
        `languages` are those of `languages` that the reader knows, the most wanted first.
        """

    def max_age(self, path: tuple[str, ...]) -> int:
        """Return for how many seconds a published file is as new as it gets: what its sources' schedule says."""

    def troubles(self) -> Sequence[str]:
        """Return in words what keeps the site from being served well; nothing means ready."""
