"""A published document -> the examiner of its format. Pure; what is not known is said, never guessed over.

`examine_published` judges one of our own files by its path; `examine_any` tells the format of a stranger's from its content.
"""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree

from aggregator.publish.addresses import OPML_PATH, REDIRECTS_PATH, STATUS_PATH, SUFFIX
from aggregator.publish.document import examine, read_xml
from aggregator.publish.findings import Examined, Finding, Weight
from aggregator.publish.json_document import examine_json
from aggregator.publish.opml_document import examine_opml
from aggregator.publish.parts import ATOM
from aggregator.publish.redirects_document import examine_redirects
from aggregator.publish.rss_document import examine_rss

ATOM_, RSS, JSON, OPML, REDIRECTS, CSS = "Atom", "RSS", "JSON Feed", "OPML", "table of redirects", "CSS"
_BY_ENDING = {SUFFIX: ATOM_, ".rss": RSS, ".json": JSON, ".opml": OPML, ".css": CSS}
_BY_ROOT = {f"{ATOM}feed": ATOM_, "opml": OPML, "rss": RSS}
_XML_STARTS = (b"<", b"\xff\xfe", b"\xfe\xff", b"\0")  # also in UTF-16 and UTF-32
_ELSEWHERE = re.compile(r"@import|url\(|expression\(|javascript:|\\", re.IGNORECASE)


def format_of_path(path: str) -> str | None:
    """Return the format of a file of ours, by its name; None if no file of ours is called so."""
    if path == REDIRECTS_PATH:
        return REDIRECTS
    ending = path[path.rfind(".") :] if "." in path else ""
    return None if ending == ".opml" and path != OPML_PATH else _BY_ENDING.get(ending)


def examine_published(path: str, content: bytes, *, now: datetime | None = None) -> Examined:
    """Look at one of our own files; `path` is below the public folder."""
    return _examine(format_of_path(path), content, now=now, own_entries=path == STATUS_PATH)


def examine_any(content: bytes, *, now: datetime | None = None) -> tuple[str | None, Examined]:
    """Look at anybody's file; return its format, told from its content, and what was found."""
    begin = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin[:1] in {b"{", b"["}:
        return JSON, _examine(JSON, content, now=now, own_entries=True)
    if not begin.startswith(_XML_STARTS):
        text, advice = "it is neither XML nor JSON, so it is no feed", "name a file that holds a feed"
        return None, Examined(findings=(Finding(text=text, rule="none", line=1, advice=advice),))
    root = read_xml(content, "XML 1.0")
    if isinstance(root, Finding):
        return None, Examined(findings=(root,))
    known = _BY_ROOT.get(str(root.tag))
    if known is None:
        return None, Examined(findings=(_foreign(root),))
    return known, _examine(known, content, now=now, own_entries=True)


def _foreign(root: etree._Element) -> Finding:
    """Return what is said of XML that is in no format of ours."""
    name = etree.QName(root)
    if name.localname == "feed":
        where = f"the namespace {name.namespace!r}" if name.namespace else "no namespace"
        text = f"its root is <feed> in {where}, so it is no Atom"
        return Finding(text=text, rule="RFC 4287 §2", line=1, advice=f'write xmlns="{ATOM[1:-1]}"')
    text = f"its root is <{name.localname}>, and looked at are Atom, RSS 2.0, JSON Feed and OPML"
    return Finding(text=text, rule="none", line=1, advice="name a file that holds such a feed")


def _examine(kind: str | None, content: bytes, *, now: datetime | None, own_entries: bool) -> Examined:
    if kind == ATOM_:
        return examine(content, now=now, own_entries=own_entries)
    if kind in _DATED:
        return _DATED[kind](content, now=now)
    if kind in _UNDATED:
        return _UNDATED[kind](content)
    text = f"nothing here knows how to look at it ({kind or 'no format of ours'})"
    return Examined(findings=(Finding(text=text, rule="none", weight=Weight.NOTE),))


def _examine_css(content: bytes) -> Examined:
    """Look at the stylesheet that browsers dress feeds with: it must stand alone."""
    try:
        found = _ELSEWHERE.search(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        finding = Finding(text=f"it is no UTF-8: {error.reason} at byte {error.start}", rule="CSS Syntax 3 §3.2")
        return Examined(findings=(finding,))
    if found is None:
        return Examined(findings=())
    text = f"it brings in something from elsewhere, or may: {found[0]}"
    return Examined(findings=(Finding(text=text, rule="RFC 4287 §8.1", weight=Weight.OURS),))


#: What says when its entries were written, besides Atom, and what does not.
_DATED = {RSS: examine_rss, JSON: examine_json}
_UNDATED = {OPML: examine_opml, REDIRECTS: examine_redirects, CSS: _examine_css}
