"""HTML as written -> SafeHtml: allow-listed, every address absolute, stable when sanitised again.

nh3 (ammonia) decides about the markup; after it only values of attributes change, and only those that hold addresses or
numbers. They are changed in what it writes, not by a call-back inside its pass, which costs as much as four passes: it writes
every `<`, `>` and quote of a text's or a value's own as a reference, so what it writes is read without doubt, and a value put
in place of another holds none of these signs. Tests hold this against the call-back. Links get no `rel`: `target` is not
allowed, so nothing needs it, and the bytes of a body that has nothing to hide stay as they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from html.entities import html5

import nh3

from aggregator.model.entry import SafeHtml
from aggregator.normalise.address import PLAIN_PATH, absolute, absolute_beginning, unwrap
from aggregator.normalise.tags import read_openings
from aggregator.normalise.text import ILLEGAL, html_to_line, join_surrogates
from aggregator.normalise.unclosed import UNCLOSED, free_text


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS = _names(
    "a abbr acronym address article aside audio b bdi bdo big blockquote br caption center cite code col colgroup data dd "
    "del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark "
    "nav ol p picture pre q rp rt rtc ruby s samp section small source span strike strong sub summary sup table tbody td "
    "tfoot th thead time tr track tt u ul var video wbr"
)
#: Gone with everything in them; any other tag that is not allowed is taken off its text.
_DROPPED = _names(
    "script style iframe noscript noembed noframes object applet svg math template select textarea button title head xmp "
    "plaintext frameset datalist dialog"
)
_SPANS = {"colspan", "rowspan", "headers", "scope", "align", "valign"}
_ATTRIBUTES = {
    "*": {"id", "title", "lang", "dir"},
    "a": {"href", "hreflang"},
    "audio": {"src", "loop", "muted", "preload"},
    "blockquote": {"cite"},
    "code": {"class"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "reversed", "type"},
    "pre": {"class"},
    "q": {"cite"},
    "source": {"src", "srcset", "sizes", "type", "media"},
    "td": _SPANS,
    "th": _SPANS,
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label", "default"},
    "video": {"src", "poster", "width", "height", "loop", "muted", "preload", "playsinline"},
}
_SIZE = re.compile(r"\s*(\d{1,5}(?:\.\d+)?)\s*(%|px)?\s*", re.IGNORECASE | re.ASCII)
_DESCRIPTOR = re.compile(r"\d{1,6}(?:\.\d{1,4})?[wxh]", re.ASCII)
#: An address, which ends with white space or with commas before it, and its descriptor, which ends with a comma.
_CANDIDATE = re.compile(r"[\s,]*+(\S*[^\s,])(?:,+(?=\s|\Z)|(\s+[^,]*)?)")
#: What nearly every `srcset` is: addresses without commas, a descriptor for each.
_PLAIN_SET = re.compile(r"[^\s,]++ [0-9]{1,6}[wxh](?:, [^\s,]++ [0-9]{1,6}[wxh])*+")
_GLUED = re.compile(r",(?=https?:|//)")
_MAILTO = re.compile(r"mailto:[^\s<>\"'\x00-\x20]{3,}", re.IGNORECASE)
#: What `absolute` leaves as it is, as nh3 writes it: a host, what may follow it, and the same in a `srcset`, without commas.
_HOST = r"https?://[A-Za-z0-9][A-Za-z0-9.-]*+(?::[0-9]{1,4})?"
_ADDRESS = rf"{_HOST}(?:[/?#](?:[!#-%'-;=?-Z\[\]_a-z~]|&amp;)*+)?"
_CANDIDATE_AS_IS = rf"{_HOST}(?:[/?#](?:[!#-%'-+.-;=?-Z\[\]_a-z~-]|&amp;)*+)? [0-9]{{1,6}}[wxh]"
#: A link to a page elsewhere, without parameters, for those may lead through a redirector: it may stand as it is.
_LINK_AS_IS = rf" href=\"{_HOST}(?:/[!#-%'-;=@-Z\[\]_a-z~]*+)?\">"
#: So may an image whose addresses are absolute and whose sizes are plain numbers.
_IMAGE_AS_IS = (
    rf"(?: (?:src=\"{_ADDRESS}\"|srcset=\"{_CANDIDATE_AS_IS}(?:, {_CANDIDATE_AS_IS})*+\"|(?:width|height)=\"[0-9]{{1,5}}\""
    r"|(?:alt|dir|id|lang|sizes|title)=\"[^\"]*\"))++>"
)
#: The tags that nh3 leaves attributes of `_CHECKS` on, but for those that may stand as they are. In what nh3 writes, `<` and
#: `>` stand around tags and nowhere else, and a value holds no quote: so these expressions see what a parser would.
_TO_SETTLE = re.compile(
    rf"<(a(?!{_LINK_AS_IS})|audio|blockquote|del|img(?!{_IMAGE_AS_IS})|ins|li|ol|q|source|track|video)"
    r"((?: [a-z]+=\"[^\"<>]*\")+)>"
)
_PAIR = re.compile(r" ([a-z]+)=\"([^\"]*)\"")
#: The tags with relative addresses that most feeds hold, and nothing else to settle: a link within the site, and an image all
#: of whose addresses begin alike. Only what stands before their first folder changes.
_FOLDER = r"((?:\.\./){1,4}|/)"
_SITE_LINK = re.compile(rf" href=\"{_FOLDER}{PLAIN_PATH}\"")
_NO_ADDRESSES = r"(?: (?:(?:width|height)=\"[0-9]{1,5}\"|(?:alt|dir|id|lang|sizes|title)=\"[^\"]*\"))*+"
_SITE_FILE = rf"{PLAIN_PATH}(?:\?[A-Za-z0-9_.%~+=/-]++)?"
_SITE_CANDIDATE = rf"\2{_SITE_FILE} [0-9]{{1,6}}[wxh]"
_SITE_IMAGE = re.compile(
    rf"({_NO_ADDRESSES}) src=\"{_FOLDER}({_SITE_FILE}\"{_NO_ADDRESSES})"
    rf"(?: srcset=\"({_SITE_CANDIDATE}(?:, {_SITE_CANDIDATE})*+)(\"{_NO_ADDRESSES}))?"
)
#: All references that nh3 writes in a value. `&amp;` is the last to be read.
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", "\xa0"), ("&amp;", "&"))
#: What no value may hold that is written without nh3.
_ENDS_A_VALUE = re.compile('["<>]')
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
#: What is left of an image none of whose addresses may stand: nothing to look at.
_NO_PICTURE = re.compile(r"<img(?: (?!src=|srcset=)[a-z]+=\"[^\"]*\")*+>")
_AFTER_PRE = re.compile(r"(<pre(?: [a-z]+=\"[^\"]*\")*>)\n+")
#: Elements that end the reach of an open <p>, <li> or heading. Taken off, they leave one inside another, which the next parser
#: would read as two; so what holds them is cleaned until it stays as it is. (A table moves its strays before it.)
_SCOPES = re.compile(
    r"<(?:annotation-xml|applet|button|desc|foreignobject|form|frameset|m(?:i|o|n|s|text)|marquee|math|object|select|svg|table"
    r"|template|title)[\s/>]",
    re.IGNORECASE,
)
_ENDS_OF_REACH = _names(
    "annotation-xml applet button desc foreignobject form frameset mi mo mn ms mtext marquee math object select svg table "
    "template title"
)
_IMAGES = _names("img image")  #: HTML reads both as <img> (§13.2.6.4.7)
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_HEADING_IN_HEADING = re.compile(r"<h[1-6][ >](?:(?!</h[1-6]>).)*<h[1-6][ >]", re.DOTALL)
MAX_DEPTH = 256
#: With more than these in one fragment, ampersands that begin no reference are dropped: nh3's time grows with the square of
#: their number, and a megabyte of them is no text.
MAX_AMPERSANDS = 20_000
_AMPERSAND = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?")
_MAX_PASSES = 4
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
#: Void, or closed by what follows them: unclosed, they do not nest.
_FLAT = _names("area base br col dd dt embed hr img input li link meta option p param source td th tr track wbr")


def sanitise(html: str, base: str | None) -> SafeHtml:
    """Return the fragment, which holds no character that XML forbids, as safe HTML; addresses are resolved against `base`."""
    html = join_surrogates(html)
    number, names = read_openings(html)
    if not names.isdisjoint(UNCLOSED):
        html = free_text(html)
    if number > MAX_DEPTH and _depth(html) > MAX_DEPTH:
        # nh3's time grows with the square of the depth; markup like that carries no text that needs it.
        html = f"<p>{escape(html_to_line(html), quote=False)}</p>"
    if len(html) > MAX_AMPERSANDS and html.count("&") > MAX_AMPERSANDS:
        html = _AMPERSAND.sub(_reference, html)
    clean = _once(html, base, names)
    if (not names.isdisjoint(_ENDS_OF_REACH) and _SCOPES.search(html)) or (
        not names.isdisjoint(_HEADINGS) and _HEADING_IN_HEADING.search(clean)
    ):
        for _ in range(_MAX_PASSES):
            again = _once(clean, base, names)
            if again == clean:
                break
            clean = again
    return SafeHtml(clean.strip())


def _reference(match: re.Match[str]) -> str:
    reference = match.group(1)
    return match.group(0) if reference and (reference.startswith("#") or reference in html5) else reference or ""


def _once(html: str, base: str | None, names: frozenset[str]) -> str:
    """Return the fragment as safe HTML; `names` are those of its opening tags, and perhaps more."""
    clean: str = _CLEANER.clean(html)
    if '="' in clean:
        clean = _settle(clean, base)
    if not names.isdisjoint(_IMAGES):
        clean = _NO_PICTURE.sub("", clean)
    if "&" in html and ILLEGAL.search(clean):
        clean = ILLEGAL.sub("", clean)
    if "\r" in clean:
        clean = clean.replace("\r", "\n")
    if "pre" in names:
        # The first newline in <pre> is syntax, not text: left in, it would vanish on the next reading.
        clean = _AFTER_PRE.sub(r"\1", clean)
    return clean


def _settle(clean: str, base: str | None) -> str:
    """Return what nh3 wrote with every address absolute and every size a number."""
    return _TO_SETTLE.sub(lambda tag: _settled(tag, base), clean)


def _settled(tag: re.Match[str], base: str | None) -> str:
    """Return a tag of clean HTML with every attribute as it may stand, and without those that may not."""
    within_site = _settled_within_site(tag[1], tag[2], base)
    if within_site is not None:
        return within_site
    pieces: list[str] = []
    gaps: list[int] = []
    for attribute, written in _PAIR.findall(tag[2]):
        value: str | None = written
        check = _CHECKS.get(attribute)
        if check is not None:
            plain = _decoded(written) if "&" in written else written
            checked = check(plain, base)
            value = written if checked == plain else _written(checked)
            if value is None:
                gaps.append(len(pieces))
        pieces.append(f' {attribute}="{value}"')
    for gap in reversed(gaps):
        # The last one fills the gap: so nh3 takes attributes out, and so published posts were written.
        pieces[gap] = pieces[-1]
        pieces.pop()
    return f"<{tag[1]}{''.join(pieces)}>"


def _settled_within_site(name: str, inside: str, base: str | None) -> str | None:
    """Return what `_settled` makes of a link or an image whose addresses are plain ones of its site; None says nothing."""
    plain = _SITE_LINK.fullmatch(inside) if name == "a" else _SITE_IMAGE.fullmatch(inside) if name == "img" else None
    if plain is None:
        return None
    folder = plain[1 if name == "a" else 2]
    before = _written(absolute_beginning(folder, base))
    if before is None:
        return None
    if name == "a":
        return f'<a href="{before}{inside[plain.end(1) :]}>'
    begin, _, rest, candidates, end = plain.groups()
    if candidates is None:
        return f'<img{begin} src="{before}{rest}>'
    # No candidate holds a blank but the one before its size, so each of these is where one begins.
    candidates = candidates[len(folder) :].replace(f", {folder}", f", {before}")
    return f'<img{begin} src="{before}{rest} srcset="{before}{candidates}{end}>'


def _decoded(value: str) -> str:
    for reference, sign in _REFERENCES:
        value = value.replace(reference, sign)
    return value


def _written(value: str | None) -> str | None:
    """Return a value as it stands between quotes, or None where it could end there: no check makes one that does.

    This is the last word on what goes into a published page without nh3 having seen it, so it rests on nothing said elsewhere.
    """
    if value is None or _ENDS_A_VALUE.search(value):
        return None
    return value.replace("&", "&amp;") if "&" in value else value


def _size(value: str, _: str | None) -> str | None:
    if len(value) < 6 and value.isascii() and value.isdigit():  # noqa: PLR2004 - as many digits as _SIZE takes
        return value
    match = _SIZE.fullmatch(value)
    return f"{match[1]}{'%' if match[2] == '%' else ''}" if match else None


def _number(value: str, _: str | None) -> str | None:
    return value if _NUMBER.fullmatch(value) else None


def _href(value: str, base: str | None) -> str | None:
    if value[:1] in "mM \t\n" and value.strip()[:7].lower() == "mailto:":
        value = value.strip()
        return value if _MAILTO.fullmatch(value) else None
    address = absolute(value, base)
    return unwrap(address) if address is not None and "?" in address else address


def _srcset(value: str, base: str | None) -> str | None:
    """Return the candidates with absolute addresses (HTML §4.8.4.2.1), or None if no one is left."""
    if _PLAIN_SET.fullmatch(value):
        pairs = [candidate.split(" ") for candidate in value.split(", ")]
        found = [(absolute(address, base), size) for address, size in pairs]
        return ", ".join([f"{address.rstrip(',')} {size}" for address, size in found if address is not None]) or None
    candidates = []
    for written, descriptor in _CANDIDATE.findall(value):
        # Some leave out the space after the comma between two candidates; only the last of them has the descriptor.
        *before, last = _GLUED.split(written) if "," in written else (written,)
        for address, size in (*((address, "") for address in before), (last, descriptor.strip())):
            resolved = absolute(address, base)
            if resolved is not None and (not size or _DESCRIPTOR.fullmatch(size)):
                # A comma at the end of an address would be read as the end of the candidate.
                candidates.append(f"{resolved.rstrip(',')} {size}".rstrip())
    return ", ".join(candidates) or None


#: Attributes whose values are not taken as they are -> what makes of one, given the base, the value as it may stand, or None to
#: remove it. `start` and `value` are those of lists: what a <data> says is left to it.
_CHECKS: Mapping[str, Callable[[str, str | None], str | None]] = dict.fromkeys(("src", "poster", "cite"), absolute) | {
    **dict.fromkeys(("width", "height"), _size),
    **dict.fromkeys(("start", "value"), _number),
    "href": _href,
    "srcset": _srcset,
}


def _depth(html: str) -> int:
    """Return how deep the tags nest, counting generously."""
    depth = deepest = 0
    for closing, name in _TAG.findall(html):
        if name.lower() in _FLAT:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    return deepest


_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(_DROPPED),
    attributes=_ATTRIBUTES,
    tag_attribute_values={"img": {"referrerpolicy": {"no-referrer"}}},
    set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
    strip_comments=True,
    link_rel=None,
    generic_attribute_prefixes=None,
    url_schemes={"http", "https", "mailto"},
)
