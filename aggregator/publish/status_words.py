"""A change of a source's health -> its title, and what a person should know and do about it. Pure; English, like all talk.

What is quoted (the last error) comes from upstreams: it is cut, freed of what XML forbids, and escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from html import escape

from aggregator.model.health import Change, Kind

_SHOWN = 500  #: characters of an error
#: What XML 1.0 forbids (production 2), and what moves a cursor or turns the direction of a line.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
#: Kinds of failure (`model.fetched.Failed.kind`) in which nothing came that could be read.
_SILENT = frozenset({"dns", "connect", "tls", "timeout", "refused-address"})
_ADVICE_BY_STATUS = {
    401: "The server wants credentials, or others: check auth: and headers: of the source.",
    403: "The server refuses us: ask its owner, or check the credentials of the source.",
    404: "The feed may have another address now: look for it on the page of the source, and change feed: in the configuration.",
    429: "The server finds that it is asked too often: raise every: of the source.",
}
_ADVICE_BY_KIND = {
    "dns": "The name of its server leads nowhere: the site may have moved, or this machine may have had no network.",
    "connect": "Its server takes no connections: it may be down, or this machine may have had no network.",
    "timeout": "Its server takes too long: it may be overloaded; fetch.timeout: says how long is waited.",
    "tls": "The certificate of its server cannot be trusted: its owner has to mend that.",
    "refused-address": "It leads to an address that is not public: if that is right, allow_private: can list it.",
    "not-a-feed": "Something else came where the feed was: look at the address in a browser, and change feed: if it has moved.",
    "own-feed": "Change feed: to one that its entries come from, or remove the source.",
    "bug": "That is a fault of this program: report it.",
}


def title_of(change: Change) -> str:
    """Return the entry's title: one line of plain text."""
    name = printable(change.name)
    if change.kind is Kind.FAILING:
        what = "has not answered" if change.error_kind in _SILENT else "has given no feed"
        return f"{name} {what} {f'since {_minute(change.since)}' if change.since else 'yet'}"
    return name + {
        Kind.RECOVERED: " is well again",
        Kind.GONE: " is gone for good",
        Kind.MOVED: " has moved for good",
        Kind.UNSTABLE: " gives its entries new ids again and again",
    }[change.kind]  # fmt: skip


def html_of(change: Change) -> str:
    """Return the entry's content; its texts are escaped."""
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in _PARAGRAPHS[change.kind](change))


def printable(text: str) -> str:
    """Return foreign text as one line that XML can hold and that cannot disguise itself."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def _failing(change: Change) -> Iterator[str]:
    if change.since:
        yield f"The last poll that went well was on {_minute(change.since)}; {change.failures} in a row have failed since."
    else:
        yield f"No poll has gone well yet that is known of; {change.failures} in a row have failed."
    if change.error:
        error = printable(change.error)
        shown = error if len(error) <= _SHOWN else f"{error[: _SHOWN - 1]}…"
        yield f"The last error: {escape(shown, quote=False)}"
    advice = _ADVICE_BY_STATUS.get(change.status or 0) or _ADVICE_BY_KIND.get(change.error_kind or "") or ""
    yield (
        f"{advice} {_command('source test', change)} asks it once and shows what comes. Nothing was removed: its posts stay."
        f" It is tried again by itself, ever more seldom ({_command('plan', change)} says when), and this feed will say when"
        f" it is well again. If you do not want it any more: {_command('source pause', change)}."
    ).lstrip()


def _recovered(change: Change) -> Iterator[str]:
    before = f"This feed spoke of it on {_minute(change.since)}. " if change.since else ""
    yield f"{before}Its last poll went well; nothing is to be done."


def _gone(change: Change) -> Iterator[str]:
    yield "Its server says that the feed will not come back (410). It is not asked again; its posts stay."
    yield (
        f"If you know a new address, change feed: in the configuration. If the server was wrong:"
        f" {_command('source resume', change)}. To be rid of it: {_command('source remove', change)}."
    )


def _moved(change: Change) -> Iterator[str]:
    where = f", to {escape(printable(change.to), quote=False)}" if change.to else ""
    yield (
        f"Its server has said so in several polls over two days (301 or 308){where}. It is asked there from now on;"
        " nothing is lost."
    )
    yield "Change feed: in the configuration as well."


def _unstable(_: Change) -> Iterator[str]:
    yield (
        "The same entries came under other ids more than once. Their ids count for nothing from now on, they are told apart"
        " by their links, and none comes twice. Nothing is to be done."
    )


_PARAGRAPHS: dict[Kind, Callable[[Change], Iterator[str]]] = {
    Kind.FAILING: _failing,
    Kind.RECOVERED: _recovered,
    Kind.GONE: _gone,
    Kind.MOVED: _moved,
    Kind.UNSTABLE: _unstable,
}


def _command(words: str, change: Change) -> str:
    return f"<code>aggregator {words} {escape(printable(change.name), quote=False)}</code>"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
