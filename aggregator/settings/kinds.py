"""What a key may hold: each kind reads a text, describes itself as JSON Schema, and writes its value back as text.

Pure. A text that does not fit raises `Unfit`; the reader turns that into a problem with its place. Reading and
describing stand side by side, so that the schemas cannot say something else than the reader does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from aggregator.model.key import is_absolute_iri
from aggregator.model.listening import parse_listening
from aggregator.model.settings import FORMAT_NAMES, split_category
from aggregator.model.source import FIX_NAMES
from aggregator.sources import AddressError, parse_address, parse_base, parse_base_name, parse_host


class UnfitError(ValueError):
    """A text that is not of the kind; the reader adds key, place and excerpt."""

    def __init__(self, reason: str, hint: str | None = None, *, secret: bool = False) -> None:
        """Take what is wrong, to be read after the key's name, what to do, and whether the text holds what none may read."""
        self.reason = reason
        self.hint = hint
        self.secret = secret
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A kind of one scalar."""

    words: str  #: with its article, for documentation: "a duration"
    parse: Callable[[str], Any]  #: raises UnfitError
    schema: Mapping[str, Any]
    show: Callable[[Any], Any] = str  #: back to what stands in YAML or JSON
    bare: bool = False  #: must stand without quotes, since it is no text


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A kind of a list; one value may stand alone."""

    item: Scalar
    words: str
    least: int = 0
    alone: Callable[[str], tuple[Any, ...]] | None = None  #: reads one text that stands for the whole list
    alone_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretText:
    """A kind of text that is never shown: as it is, or `{env: NAME}`, or `{file: PATH}`."""

    words: str = "a secret"
    check: Callable[[str], None] = field(default=lambda _: None)  #: raises UnfitError, without the value in its words


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def _line(text: str) -> str:
    if not text:
        raise UnfitError("is empty", hint="remove the line, or write a text")
    if (bad := _CONTROL.search(text)) is not None:
        raise UnfitError(f"holds the character U+{ord(bad.group()):04X}; it must be one line of plain text")
    if text != text.strip():
        raise UnfitError("begins or ends with a space")
    return text


def _number(least: int, most: int, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}|0", text):
        raise UnfitError("must be a whole number", hint=f"such as {least if least > 1 else 10}")
    value = int(text)
    if not least <= value <= most:
        raise UnfitError(f"must be between {least} and {most}")
    return value


def whole(least: int, most: int) -> Scalar:
    """Return the kind of whole numbers within bounds."""
    return Scalar(
        words="a whole number",
        parse=lambda text: _number(least, most, text),
        schema={"type": "integer", "minimum": least, "maximum": most},
        show=int,
        bare=True,
    )


_SIZE = re.compile(r"([1-9][0-9]{0,12})(?: ?(kB|KiB|MB|MiB|GB|GiB))?\Z")
_SIZE_UNITS = {None: 1, "kB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}


def _size(text: str) -> int:
    found = _SIZE.match(text)
    if found is None:
        raise UnfitError("must be a size in bytes", hint="such as 1048576, 500kB or 10MiB")
    value = int(found[1]) * _SIZE_UNITS[found[2]]
    if not 2**10 <= value <= 2**40:
        raise UnfitError("must be between 1KiB and 1024GiB")
    return value


def _show_size(value: int) -> int | str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value % factor == 0:
            return f"{value // factor}{unit}"
    return value


SIZE = Scalar(
    words="a size",
    parse=_size,
    schema={
        "anyOf": [
            {"type": "integer", "minimum": 1024},
            {"type": "string", "pattern": r"^[1-9][0-9]* ?(kB|KiB|MB|MiB|GB|GiB)$"},
        ]
    },
    show=_show_size,
)


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        meant = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
        guess = meant.get(text.lower())
        raise UnfitError("must be true or false", hint=f"write {guess}" if guess else None)
    return text.lower() == "true"


FLAG = Scalar(words="true or false", parse=_flag, schema={"type": "boolean"}, show=bool, bare=True)

_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"


def _sum(text: str) -> timedelta:
    parts = _DURATION_PART.findall(text)
    return timedelta(milliseconds=round(sum(float(number) * _UNITS[unit] for number, unit in parts)))


def _duration(text: str, least: timedelta, most: timedelta) -> timedelta:
    rest = _DURATION_PART.sub("", text)
    if rest or not text:
        raise UnfitError("must be a duration with its unit", hint=_as_duration(text, least, most))
    parts = _DURATION_PART.findall(text)
    if len({unit for _, unit in parts}) < len(parts):
        raise UnfitError("names a unit twice")
    value = _sum(text)
    if not least <= value <= most:
        raise UnfitError(f"must be between {show_duration(least)} and {show_duration(most)}")
    return value


def _as_duration(text: str, least: timedelta, most: timedelta) -> str:
    """Return what to write instead: a bare number with each unit that would be within the limits, else examples that are."""
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
    if number is not None:
        units = [unit for unit in ("s", "m", "h", "d") if least <= timedelta(milliseconds=number * _UNITS[unit]) <= most]
        if units:
            words = [f"{number}{unit}" for unit in units[:3]]
            return f"write {', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else f"write {words[0]}"
    examples = ("90s", "30m", "1h30m", "2d", "30d", "365d")
    return f"such as {', '.join([one for one in examples if least <= _sum(one) <= most][:4])}"


def show_duration(value: timedelta) -> str:
    """Return a duration as it is written in the config: 1h30m."""
    rest = value // timedelta(milliseconds=1)
    text = ""
    for unit, factor in _UNITS.items():
        count, rest = divmod(rest, factor)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def duration(least: timedelta, most: timedelta) -> Scalar:
    """Return the kind of durations within bounds."""
    return Scalar(
        words="a duration",
        parse=lru_cache(maxsize=256)(lambda text: _duration(text, least, most)),  # a thousand sources say 30m
        schema={"type": "string", "pattern": _DURATION},
        show=show_duration,
    )


def choice(words: str, values: Iterable[str], make: Callable[[str], Any] = str) -> Scalar:
    """Return the kind of a few known words."""
    known = tuple(values)

    def parse(text: str) -> Any:
        if text not in known:
            near = get_close_matches(text.lower(), known, 1)
            guess = f'did you mean "{near[0]}"?  ' if near else ""
            raise UnfitError(f"must be {_one_of(known)}", hint=guess.strip() or None)
        return make(text)

    return Scalar(words=words, parse=parse, schema={"enum": list(known)})


def _one_of(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


@lru_cache(maxsize=64)
def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise UnfitError("is no IANA time zone", hint=_near_zone(text)) from None
    return text


def _near_zone(text: str) -> str:
    # 30 ms: only a person who made a mistake waits for it.
    from zoneinfo import available_timezones

    zones = sorted(available_timezones())
    tails = {zone.rsplit("/", 1)[-1].lower(): zone for zone in zones if zone.count("/") == 1}
    near = get_close_matches(text, zones, 1) or [
        tails[tail] for tail in get_close_matches(text.rsplit("/", 1)[-1].lower().replace(" ", "_"), tails, 1)
    ]
    return f'did you mean "{near[0]}"?' if near else "such as Asia/Shanghai or UTC"


_LANGUAGE = r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"


def _language(text: str) -> str:
    if not re.fullmatch(_LANGUAGE, text):
        guess = text.replace("_", "-").split(".")[0]
        fits = re.fullmatch(_LANGUAGE, guess)
        raise UnfitError("is no language tag (BCP 47)", hint=f"write {guess}" if fits else "such as zh-CN or en")
    return text


_WITH_USER = re.compile(r"[^/?#]*//[^/?#]*@")


def _iri(text: str) -> str:
    if not is_absolute_iri(_line(text)):
        raise UnfitError("must be an absolute IRI", hint="mint one, once: urn:uuid: and the output of `uuidgen`")
    return text


def _address(text: str) -> str:
    return _mapped(parse_address, text)


def _mapped(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(_line(text))
    except AddressError as fault:
        raise UnfitError(fault.reason, hint=fault.hint) from None


def _hub(text: str) -> str:
    if _WITH_USER.match(text):
        raise UnfitError("carries a user name, but a hub's address stands in every feed: it can hold no secret", secret=True)
    if "#" in text:
        raise UnfitError("ends in a fragment, which is never sent", hint="leave out what begins with #")
    return _address(text)


def _site_url(text: str) -> str:
    address = _mapped(parse_base, text)
    return address if address.endswith("/") else f"{address}/"


def _picture(text: str) -> str:
    """Return an absolute address as it is requested, or a file's path below the site's address as it was written."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", _line(text)):
        return _address(text)
    if text.startswith("/"):
        raise UnfitError("begins with a slash, but is a path below site.url", hint=f"write {text.lstrip('/') or 'icon.png'}")
    if any(part in {"", ".", ".."} for part in text.split("/")) or "\\" in text:
        raise UnfitError("is neither an http(s) address nor a file's path below site.url", hint="such as img/icon.png")
    return text


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        pass
    try:
        hint = f"write {ip_network(text, strict=False)}"
    except ValueError:
        hint = "such as 127.0.0.1 or 172.16.0.0/12; names are not looked up here"
    raise UnfitError("is no address or network", hint=hint)


def _any_network(text: str) -> tuple[str, ...]:
    if text.lower() == "true":
        return ANY_NETWORK
    return () if text.lower() == "false" else (_network(text),)


#: `allow_private: true`: every address of either family.
ANY_NETWORK = ("0.0.0.0/0", "::/0")


#: A letter or digit of any script, then also dot, dash and underscore.
SOURCE_ID = r"[^\W_][\w.-]*"
SLUG = r"[^\W_][\w-]*"
_MAX_NAME_BYTES = 80


def parse_source_id(text: str) -> str:
    """Return a source's id. Raises UnfitError."""
    if not re.fullmatch(SOURCE_ID, text):
        raise UnfitError("is no source id", hint="letters and digits, then also . _ -")
    if len(text.encode()) > _MAX_NAME_BYTES:
        raise UnfitError(f"is longer than {_MAX_NAME_BYTES} bytes")
    return text


def _slug(text: str) -> str:
    if not re.fullmatch(SLUG, text):
        raise UnfitError("is no slug", hint="letters, digits, dashes and underscores; no slash, dot or space")
    if len(text.encode()) > _MAX_NAME_BYTES:
        raise UnfitError(f"is longer than {_MAX_NAME_BYTES} bytes")
    return text


def parse_part(text: str) -> str:
    """Return one part of a category path. Raises UnfitError."""
    return _line(text)


def parse_category(text: str) -> tuple[str, ...]:
    r"""Return the parts of a category path written as one text, as `split_category`. Raises UnfitError."""
    parts = split_category(text)
    if not all(parts):
        raise UnfitError("has an empty part", hint=r"parts stand between slashes; a slash inside a part is written \/")
    return tuple(parse_part(part) for part in parts)


def parse_category_key(text: str) -> str:
    """Return a category path as it was written, after seeing that it is one. Raises UnfitError."""
    parse_category(text)
    return text


def _folder(text: str) -> Path:
    path = PurePosixPath(_line(text))
    if text.startswith("~"):
        raise UnfitError('begins with "~", which only a shell understands', hint="write the whole path")
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise UnfitError("leads out of the project folder", hint="an absolute path may be anywhere")
    if depth == 0 or path == PurePosixPath("/"):
        raise UnfitError("must be a folder of its own")
    return Path(path)


def _header_value(text: str) -> None:
    if not text or any(char in text for char in "\r\n\0") or not text.isprintable():
        raise UnfitError("must be one line of printable text")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise UnfitError("holds characters that no HTTP header can carry") from None


def _user_agent(text: str) -> str:
    _header_value(_line(text))
    return text


def _proxy(text: str) -> None:
    if not re.match(r"https?://[^\s/]+/?\Z", text):
        raise UnfitError("must be the address of an HTTP proxy", hint="such as http://user:password@127.0.0.1:3128")


def _path_secret(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", text):
        hint = "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
        raise UnfitError("must be 16 to 128 letters, digits, dashes and underscores", hint=hint)


def _state_url(text: str) -> None:
    if not re.match(r"[a-z][a-z0-9+]*://", text):
        raise UnfitError("must be an SQLAlchemy URL", hint="such as sqlite:///state/state.sqlite")


def _listening(text: str) -> str:
    try:
        parse_listening(text)
    except ValueError as error:
        raise UnfitError(f"{error}: {text!r}", hint="such as 127.0.0.1:8080 or unix:/run/aggregator/http.sock") from error
    return text


#: Sent by us, or part of how a message is framed (RFC 9110 §7.6.1, RFC 9112 §6).
_OUR_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "if-match", "if-modified-since", "if-none-match"}
    | {"if-range", "keep-alive", "proxy-authorization", "range", "te", "trailer", "transfer-encoding", "upgrade"}
)


def parse_header_name(text: str) -> str:
    """Return the name of a request header. Raises UnfitError."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", text):
        raise UnfitError("is no header name")
    if text.lower() in _OUR_HEADERS:
        raise UnfitError(f"names {text.lower()}, a header that the fetcher sets itself")
    return text


def parse_host_name(text: str) -> str:
    """Return a host's name in lower case. Raises UnfitError."""
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return parse_host(bare)
    except AddressError:
        hint = "the name alone: no scheme, port or path"
        raise UnfitError("is no host name", hint=hint) from None


def parse_base_key(text: str) -> str:
    """Return the name of a base. Raises UnfitError."""
    return _mapped(parse_base_name, text)


#: `title: 2024` is a number to YAML and a text to us.
_ANY_TEXT = {"type": ["string", "number", "boolean"], "minLength": 1}
TEXT = Scalar(words="a text", parse=_line, schema=_ANY_TEXT)
IRI = Scalar(words="an absolute IRI", parse=_iri, schema={"type": "string", "format": "iri"})
LISTEN = Scalar(words="HOST:PORT or unix:PATH", parse=_listening, schema={"type": "string", "minLength": 1})
SITE_URL = Scalar(words="an http(s) address", parse=_site_url, schema={"type": "string", "pattern": "^https?://"})
ADDRESS = Scalar(words="an http(s) address", parse=_address, schema={"type": "string", "pattern": "^https?://"})
PICTURE = Scalar(words="an http(s) address or a path", parse=_picture, schema={"type": "string", "minLength": 1})
FEED = Scalar(words="an address or base:/path", parse=_line, schema={"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:/"})
TIMEZONE = Scalar(words="a time zone", parse=_timezone, schema={"type": "string"})
LANGUAGE = Scalar(words="a language tag", parse=_language, schema={"type": "string", "pattern": f"^{_LANGUAGE}$"})
USER_AGENT = Scalar(words="a text", parse=_user_agent, schema={"type": "string", "minLength": 1})
FOLDER = Scalar(words="a folder", parse=_folder, schema={"type": "string", "minLength": 1})
SLUG_TEXT = Scalar(words="a slug", parse=_slug, schema=_ANY_TEXT | {"maxLength": _MAX_NAME_BYTES})
NETWORKS = Items(
    item=Scalar(words="a network", parse=_network, schema={"type": "string", "pattern": "^[0-9A-Fa-f:.]+(/[0-9]+)?$"}),
    words="a list of networks, or true",
    alone=_any_network,
    alone_schema={"type": ["string", "boolean"]},
)
FIXES = Items(
    item=choice("a fix", FIX_NAMES),
    words="a list of fixes",
)
FORMATS = Items(item=choice("a format", FORMAT_NAMES), words="a list of formats")
HUBS = Items(
    item=Scalar(words="an http(s) address", parse=_hub, schema={"type": "string", "pattern": "^https?://[^#]+$"}),
    words="a list of addresses",
)
CATEGORY = Items(
    item=Scalar(words="a text", parse=parse_part, schema=_ANY_TEXT),
    words="a list of texts, or one path",
    least=1,
    alone=parse_category,
    alone_schema=_ANY_TEXT,
)
INSTANCES = Items(
    item=Scalar(
        words="an http(s) address",
        parse=lambda text: _mapped(parse_base, text),
        schema={"type": "string", "pattern": "^https?://"},
    ),
    words="a list of addresses",
    least=1,
)
SECRET = SecretText(check=_header_value)
PROXY = SecretText(check=_proxy)
PATH_SECRET = SecretText(check=_path_secret)
STATE_URL = SecretText(check=_state_url)
