"""Images: lazy ones get their real address before sanitising, counters go; one of the rest becomes the cover."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from aggregator.model.entry import SafeHtml
from aggregator.normalise.tags import INSIDE, opening, read_attributes, read_openings, write_tag

#: Where scripts look for an image's real address.
_LAZY = (
    *("data-original", "data-src", "data-lazy-src", "data-actualsrc", "data-original-src", "data-echo", "data-lazyload"),
    *("data-lazy", "data-ks-lazyload", "data-backsrc", "data-croporisrc", "zoomfile"),
)
#: These may name something else, so they count only where `src` shows nothing.
_LAZY_PERHAPS = ("data-url", "data-image", "file")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
_IMG = opening("img")
_ANY_IMG = rf"<img(?![\w:-]){INSIDE}>"
#: A <noscript> with the image right before it, else the one right after it.
_NOSCRIPT = re.compile(
    rf"(?:({_ANY_IMG})\s*)?<noscript\b[^<>]*>(.*?)(?:</noscript\s*>|\Z)(?(1)|(?:\s*({_ANY_IMG}))?)", re.IGNORECASE | re.DOTALL
)
_ADDRESS = re.compile(r"(?:https?:|//|/|\.{1,2}/|[\w%-]+[./])[^\s{}<>\"]*", re.IGNORECASE)
#: What stands in `src` until a script puts the picture there.
_STAND_IN = re.compile(
    r"\s*(?:data:.*|about:.*|#.*|.*[/_.-](?:pixel|spacer|blank|transparent|placeholder|loading|lazy(?:load)?|grey|gray|1x1|none|clear)"
    r"[\w-]{0,20}\.(?:gif|png|svg|jpe?g|webp)(?:[?#].*)?)?",
    re.IGNORECASE | re.DOTALL,
)
_TINY = 2  #: pixels
_STYLED = re.compile(r"(?:^|;)\s*(width|height)\s*:\s*(\d{1,5}(?:\.\d{1,4})?)(?:px)?\s*(?=;|!|$)", re.IGNORECASE | re.ASCII)
_PIXELS = re.compile(r"\s*(\d{1,5}(?:\.\d{1,4})?)\s*(?:px)?\s*", re.IGNORECASE | re.ASCII)
#: Addresses that count readers, by host, or by a path that programs of this kind have on any host.
_COUNTER_WORDS = (
    r"(?:https?:)?//(?:(?:[\w-]++\.){0,6}(?:feedsportal\.com|doubleclick\.net|google-analytics\.com|quantserve\.com|scorecardresearch\.com"
    r"|statcounter\.com|cnzz\.com|yadro\.ru|imrworldwide\.com|2o7\.net|omtrdc\.net)/"
    r"|pixel\.wp\.com/|stats\.wordpress\.com/|(?:www\.)?facebook\.com/tr[/?]|hm\.baidu\.com/|mc\.yandex\.ru/|pixel\.mathtag\.com/"
    r"|[^/?#]+/(?:~r/[^?#]*/~4/|_/stat\?|(?:[^?#]*/)?(?:piwik|matomo)\.php\?|(?:[^?#]*/)?__utm\.gif|b/ss/))"
)
_COUNTER = re.compile(_COUNTER_WORDS, re.IGNORECASE)
_HARMLESS = (
    r"(?:\s+(?:(?:width|height)=\"[1-9]\d{1,4}(?:px|%)?\""
    r"|(?:align|alt|border|class|decoding|id|loading|referrerpolicy|sizes|srcset|title)=\"[^\"<]*\"))*+"
)
#: The same for an address that stands between quotes and holds no reference.
_COUNTER_IN_QUOTES = _COUNTER_WORDS.replace("?#]", '?#<"]')
#: What nearly every image says: an address that counts nobody, and nothing that could need repair. It holds no `<`, so what is
#: passed over has no other tag in it.
_ORDINARY = rf"(?a:{_HARMLESS}\s+src=\"(?!(?u:{_COUNTER_IN_QUOTES}))(?:https?://|[./])[^\"&<]*\"{_HARMLESS}\s*/?>)"
_TAG = re.compile(rf"<(img|source)(?![\w:-])(?!{_ORDINARY})({INSIDE})>", re.IGNORECASE)

_SAFE_IMG = re.compile(r"<img((?: [a-z]+=\"[^\"]*\")*)>")
_SAFE_PAIR = re.compile(r" ([a-z]+)=\"([^\"]*)\"")
#: What an address looks like that shows no picture of the text: counters, spacers, buttons, faces, formulas.
_JUNK = (
    r"(?:[/_.-](?:pixel|spacer|blank|transparent|placeholder|loading|grey|gray|1x1|clear|avatar|gravatar|emoji|smil(?:ey|ies)"
    r"|icons?|favicon|badge|button|share|logo)s?(?:[/_.?-]|$))|/equation\?|/p/undefined|/undefined$|feedburner\.com/~|/~r/"
    r"|doubleclick\.net|google-analytics\.com|stats\.wordpress\.com|pixel\.wp\.com|feedsportal\.com|s\.w\.org/images/core/emoji"
)
_JUNK_ANYHOW = re.compile(_JUNK, re.IGNORECASE)
_JUNK_IN_LOWER_CASE = re.compile(_JUNK)
_SMALLEST = 48  #: pixels; anything smaller is a counter or an icon
_FLATTEST = 5  #: times wider than high: a divider


def repair_images(html: str) -> str:
    """Return HTML whose lazily loaded images carry their address in `src`, without <noscript> copies and counters."""
    openings = " ".join(("", *read_openings(html).names))  # looked for by how they begin
    if " noscript" in openings:
        html = _without_copies(html)
    if " img" in openings or " source" in openings:
        html = _TAG.sub(_repaired, html)
    return html


def _without_copies(html: str) -> str:
    """Take <noscript> off its content, unless that is the copy of an image that is there anyway."""
    shown: set[str] = set()
    for image in _IMG.finditer(_NOSCRIPT.sub(lambda match: f"{match[1] or ''}{match[3] or ''}", html)):
        shown |= _addresses(read_attributes(image[2]))

    def chosen(match: re.Match[str]) -> str:
        beside = match[1] or match[3] or ""
        copies = [_addresses(read_attributes(image[2])) for image in _IMG.finditer(match[2])]
        if not copies or (not beside and not any(shown & copy for copy in copies)):
            return f"{match[1] or ''}{match[2]}{match[3] or ''}"
        if any(shown & copy for copy in copies) or not _shows_nothing(beside):
            return beside
        return match[2]

    return _NOSCRIPT.sub(chosen, html)


def _addresses(attributes: dict[str, str]) -> set[str]:
    """Return every address that an image may be shown from."""
    names = ("src", *_LAZY, *_LAZY_PERHAPS)
    return {value for name in names if (value := attributes.get(name, "").strip()) and not _STAND_IN.fullmatch(value)}


def _shows_nothing(image: str) -> bool:
    found = _IMG.match(image)
    return found is None or not _addresses(read_attributes(found[2]))


def _repaired(match: re.Match[str]) -> str:
    name, attributes = match[1].lower(), read_attributes(match[2])
    src = attributes.get("src", "").strip()
    lazy = _lazy_address(attributes, src)
    if name == "img" and (_COUNTER.match(lazy or src) or (lazy is None and _is_tiny(attributes))):
        return ""
    candidates = next((value for key in _LAZY_SETS if (value := attributes.get(key, "").strip())), None)
    if candidates is not None:
        attributes["srcset"] = candidates
    if lazy is None and name == "img" and (not src or src[:5].lower() == "data:"):
        # No address, and none for a script: the first candidate, which a reader without srcset would not find.
        lazy = next(iter(attributes.get("srcset", "").split()), "").rstrip(",") or None
    if lazy is None and candidates is None:
        return match[0]
    if lazy is not None:
        attributes["src"] = lazy
        if _is_tiny(attributes):
            attributes = {key: value for key, value in attributes.items() if key not in {"width", "height"}}
    dropped = {*_LAZY, *_LAZY_PERHAPS, *_LAZY_SETS}
    return write_tag(name, {key: value for key, value in attributes.items() if key not in dropped})


def _lazy_address(attributes: dict[str, str], src: str) -> str | None:
    names = (*_LAZY, *_LAZY_PERHAPS) if _STAND_IN.fullmatch(src) else _LAZY
    written = (attributes[name].strip() for name in names if name in attributes)
    return next((value for value in written if _ADDRESS.fullmatch(value)), None)


def _is_tiny(attributes: dict[str, str]) -> bool:
    """Tell whether an image is written to be no larger than a dot: a counter, or a spacer."""
    written = {name: attributes[name] for name in ("width", "height") if name in attributes}
    for name, size in _STYLED.findall(attributes.get("style", "")[:1000]):
        written[name.lower()] = size
    sizes = [float(match[1]) if (match := _PIXELS.fullmatch(size)) else None for size in written.values()]
    if len(sizes) == 1:
        return sizes[0] is not None and sizes[0] < _TINY
    return len(sizes) > 1 and all(size is not None and size <= _TINY for size in sizes)


def choose_cover(candidates: Iterable[str], content: SafeHtml) -> str | None:
    """Return the first address that looks like a picture: from the candidates (all absolute), else from the content."""
    for address in candidates:
        if not _is_junk(address):
            return address
    if "<img" not in content:
        return None
    for match in _SAFE_IMG.finditer(content):
        attributes = dict(_SAFE_PAIR.findall(match.group(1)))
        address = unescape(attributes.get("src", ""))
        if address and not _is_junk(address) and not _is_small(attributes):
            return address
    return None


def _is_junk(address: str) -> bool:
    # Without folding case it takes a third of the time; beyond ASCII, lower case is not all that folding does.
    found = _JUNK_IN_LOWER_CASE.search(address.lower()) if address.isascii() else _JUNK_ANYHOW.search(address)
    return found is not None


def _is_small(attributes: dict[str, str]) -> bool:
    sizes = [float(size) for name in ("width", "height") if (size := attributes.get(name, "")) and not size.endswith("%")]
    if any(size < _SMALLEST for size in sizes):
        return True
    return len(sizes) == 2 and sizes[0] > sizes[1] * _FLATTEST  # noqa: PLR2004 - both are known
