"""An entry's HTML -> what must not be published in it, in words. Pure, linear in the input, changes nothing.

The sanitiser has the say over what HTML is kept; this is the gate's own look at what comes out of it, because no schema
and no feed validator sees a relative address or a `javascript:` link inside content. It is a scan for faults, not a
parser: what it cannot read as a tag it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

#: Elements that act: scripts, forms, embedded documents with powers of their own (RFC 4287 §8.1).
_FORBIDDEN = frozenset(
    {"script", "style", "object", "embed", "applet", "frame", "frameset", "base", "meta", "link", "template", "title"}
    | {"form", "input", "button", "select", "option", "textarea"}
    | {"noscript", "noembed", "noframes", "xmp", "plaintext", "svg", "math"}  # they change how the rest is read
)
_ADDRESS_ATTRIBUTES = frozenset(
    {"href", "src", "poster", "cite", "longdesc", "background", "action", "formaction", "data", "ping", "xlink:href"}
)
_ADDRESS_LISTS = frozenset({"srcset", "imagesrcset"})
#: The tags that nearly all content is made of, in the one spelling that needs no second look: the regular expression
#: engine steps over them by itself, which makes the scan several times faster. It may be narrow, it must not be wrong.
_PLAIN = (
    r"/?(?:p|div|br|span|a|img|b|i|u|s|em|strong|small|sub|sup|ul|ol|li|dl|dt|dd|h[1-6]|pre|code|blockquote|figure"
    r"|figcaption|hr|table|thead|tbody|tfoot|tr|td|th|section|article|header|footer|aside|video|audio|source"
    r"|picture|del|ins|q|time|mark|cite|abbr|kbd)"
    r"(?:\s(?:(?:href|src|poster|cite)=\"https?://[^\s\"<>/?#][^\"<>]*\""
    r"|srcset=\"(?:https?://[^\s\"<>,/?#][^\s\"<>,]*(?: [\d.]+[wx])?(?:, |(?=\")))+\""
    r"|(?:alt|title|class|id|width|height|sizes|rel|target|loading|referrerpolicy|lang|dir|hreflang|media|type|datetime|colspan"
    r"|rowspan|start|value)=\"[^\"<>]*\"))*+\s?/?>"
)
_NAME_AND_VALUE = r"[^\s\"'<>/=]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+))?"
#: A tag as every HTML parser reads it, a comment that no parser can read otherwise, or the start of something else.
_MARKUP = re.compile(
    rf"<(?!{_PLAIN}|[^A-Za-z/!?]|\Z)(?:"
    r"/[A-Za-z][\w:-]*\s*>"
    r"|!--(?!-?>)(?:[^-]|-(?!-))*+-->"
    rf"|(?P<name>[A-Za-z][\w:-]*)(?P<attributes>(?:\s+{_NAME_AND_VALUE})*+)\s*/?>"
    r")?"
)
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>=`]+)))?")
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,]|[^\s,])(?:\s+[^,]+)?\s*(?:,|\Z)")
#: Characters of foreign text that a message quotes.
_SHOWN = 80
#: What an address in content may be: absolute, of a scheme that runs nothing, and spelled out without entities.
_ABSOLUTE = re.compile(r"(?:https?://[^\s/?#]|mailto:.)", re.IGNORECASE)
#: An address of a scheme that may run something; browsers pass over blanks and control characters in it.
_ACTING = re.compile(r"[\s\x00-\x20]*(?!(?:https?|mailto):)[A-Za-z][A-Za-z0-9+.\-\s]*:", re.IGNORECASE)
#: An address that stands alone, in a link or an enclosure (RFC 3987, minus what no reader would open).
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#<>\"]+[^\s<>\"\x00-\x20\x7f]*\Z", re.IGNORECASE)

_LONGEST_REMEMBERED = 32 * 1024  #: characters


def is_web_address(address: str) -> bool:
    """Tell whether the text is one absolute http(s) address."""
    return _WEB_ADDRESS.match(address) is not None


def find_fault(html: str) -> str | None:
    """Return the first thing that must not be published, in words, or None."""
    # Very long ones are not remembered: a worker lives on, and has a limit of memory.
    return find_fault_once(html) if len(html) <= _LONGEST_REMEMBERED else find_fault_once.__wrapped__(html)


@lru_cache(maxsize=256)  # an entry is looked at four times while its feed is built: alone, and in each of three formats
def find_fault_once(html: str) -> str | None:
    """Do what `find_fault` does, and remember it."""
    for found in _MARKUP.finditer(html):
        fault = _fault(found)
        if fault is not None:
            return fault
    return None


def element_fault(name: str, attributes: Iterable[tuple[str, str]]) -> str | None:
    """Return why an element that a browser takes for HTML must not stand in a feed, or None; addresses may be relative."""
    if name.lower() in _FORBIDDEN:
        return f"a <{name}> element"
    for attribute, value in attributes:
        if attribute.lower().startswith("on"):
            return f"an event handler ({quoted(attribute)}) on <{name}>"
        if attribute.lower() in _ADDRESS_ATTRIBUTES and _ACTING.match(value):
            return f"an address that is not http(s) ({attribute}={quoted(value)}) on <{name}>"
    return None


def _fault(found: re.Match[str]) -> str | None:
    if found.end() == found.start() + 1:
        return f"a tag that cannot be read: {quoted(found.string[found.start() : found.start() + 40])}"
    if found["name"] is None:
        return None
    name = found["name"].lower()
    if name in _FORBIDDEN:
        return f"a <{name}> element"
    for attribute in _ATTRIBUTE.finditer(found["attributes"]):
        fault = _attribute_fault(attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or "")
        if fault is not None:
            return f"{fault} on <{name}>"
    return None


def _attribute_fault(name: str, value: str) -> str | None:
    if name.startswith("on"):
        return f"an event handler ({quoted(name)})"
    if name == "srcdoc":
        return "an embedded document (srcdoc)"
    if name in _ADDRESS_ATTRIBUTES:
        return _address_fault(name, value)
    if name in _ADDRESS_LISTS:
        faults = (_address_fault(name, found[1]) for found in _CANDIDATE.finditer(value))
        return next((fault for fault in faults if fault is not None), None)
    return None


def _address_fault(name: str, address: str) -> str | None:
    if _ABSOLUTE.match(address):
        return None
    return f"an address that is not absolute http(s) ({name}={quoted(address)})"


def quoted(text: str) -> str:
    """Show a piece of foreign text in one line, shortened, without control characters."""
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return f'"{shown}"' if shown.isprintable() else ascii(shown)
