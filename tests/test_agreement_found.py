"""What the sweeps found, each made as small as it goes: once read otherwise than by feedparser, or the end of a reader."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.agreement import compare
from tests.parsing import atom, rss

_RDF = (
    "<rdf:RDF xmlns='http://purl.org/rss/1.0/' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "{}<channel><title>Feed</title></channel></rdf:RDF>"
)
_NAMESPACE = "<rss xmlns:itunes='{}'><channel><item><itunes:author>x</itunes:author></item></channel></rss>"
_FOUND: Mapping[str, bytes] = {
    # feedparser remembers how deep a title stood, and takes none from as deep that follows.
    "an image before the channel": _RDF.format("<image><title>x</title></image>").encode(),
    "a textinput before the channel": _RDF.format("<textinput><title>x</title></textinput>").encode(),
    "an item before the channel": _RDF.format("<item><title>x</title></item>").encode(),
    # Python's reader of expat cuts `address name prefix` at any blank that Unicode knows.
    "a namespace that is a blank": _NAMESPACE.format("&#x85;").encode(),
    "a namespace with a blank": _NAMESPACE.format("a\u00a0b").encode(),
    # feedparser lowers the names of attributes, and then looks for declarations among them.
    "a prefix XMLNS": rss("<item XMLNS:dc='' xmlns:XMLNS='v'><dc:subject>x</dc:subject></item>"),
    "an attribute XMLNS": rss("<item XMLNS='http://purl.org/dc/elements/1.1/'><subject>x</subject><title>x</title></item>"),
    # RFC 6721: left out wherever it stands, with all that is in it.
    "a deleted entry in a title": atom("", "<title type='xhtml'>x<deleted-entry/></title>"),
    "a deleted entry in a summary": atom("<entry><id>1</id><summary>a<deleted-entry>b</deleted-entry>c</summary></entry>"),
    "a deleted entry in XHTML": rss("<item><title type='xhtml'><div><x:deleted-entry xmlns:x='u'/></div></title></item>"),
    # Names under which feedparser keeps something of its own.
    "an element called links": rss("<item><link>/1</link><links>x</links><link>/2</link></item>"),
    "attributes of an element called tags": rss("<item><category>c</category><tags a='b'/></item>"),
    "a date in attributes": atom("<entry><id>1</id><updated>2021-09-11</updated><date ref=''/></entry>"),
    # U+FFFE in UTF-8, taken for Latin-1 and encoded again: XML forbids it, and feedparser undoes the second encoding.
    "a forbidden character, encoded twice": rss("<item><title>a\u00ef\u00bf\u00be</title></item>"),
    "an address that is an element": rss("<item><url>http://x.example/</url><guid>1</guid></item>"),
}


@pytest.mark.parametrize("name", _FOUND)
def test_what_was_found_is_read_alike(name: str) -> None:
    """Both roads read it, and alike."""
    assert compare(_FOUND[name], []).differences == ()
