"""HTML as written -> SafeHtml: allow-listed, every address absolute, stable when sanitised again.

nh3 (ammonia) is the last to touch the markup, and addresses are rewritten inside its pass, on the parsed tree: rewriting
its output as text could arm what it has disarmed. Links get no `rel`: `target` is not allowed, so nothing needs it, and the
bytes of a body that has nothing to hide stay as they came.
"""

from __future__ import annotations

import re

import nh3


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
_MAILTO = re.compile(r"mailto:[^\s<>\"'\x00-\x20]{3,}", re.IGNORECASE)
_AFTER_PRE = re.compile(r"(<pre(?: [a-z]+=\"[^\"]*\")*>)\n+")
#: Elements that a removal, a repair of nesting or a second parse can put elsewhere: a <p> left inside a <p>, a table's strays.
_RESTLESS = (
    "a|applet|b|big|body|button|caption|code|d[dt]|em|font|form|frameset|h[1-6]|html|i|li|marquee|math|nobr|object|optgroup|option"
    "|r[bpt]c?|ruby|s|select|small|strike|strong|svg|t[dhr]|table|tbody|template|tfoot|thead|tt|u"
)
_NESTING = re.compile(rf"<(?:{_RESTLESS})[\s/>]", re.IGNORECASE)
MAX_DEPTH = 256
_MAX_PASSES = 4
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
#: Void, or closed by what follows them: unclosed, they do not nest.
_FLAT = _names("area base br col dd dt embed hr img input li link meta option p param source td th tr track wbr")
_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(_DROPPED),
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    tag_attribute_values={"img": {"referrerpolicy": {"no-referrer"}}},
    set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
    strip_comments=True,
    link_rel=None,
    generic_attribute_prefixes=None,
    url_schemes={"http", "https", "mailto"},
)
