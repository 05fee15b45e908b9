"""Names of elements as feedparser calls them: `title`, `dc:creator`; by address where it knows the namespace, else by prefix.

It gives a namespace that it knows one name, whatever its prefix; one that it does not know is called by the first prefix that
was declared for it, and by none where it is the default. Then it looks that name up among the prefixes of the document once
more. Documents in which the two could differ are not read here.
"""

from __future__ import annotations

from aggregator.parse.fast_state import UnsureError

_XLINK = "http://www.w3.org/1999/xlink"
_USERLAND = "backend.userland.com/rss"

#: Address in lower case -> what feedparser calls the namespace; "" stands for the words of RSS and Atom themselves.
NAMESPACES = {
    "http://backend.userland.com/rss": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://example.com/newformat#": "",
    "http://example.com/necho": "",
    "http://purl.org/echo/": "",
    "uri/of/echo/namespace#": "",
    "http://purl.org/pie/": "",
    "http://purl.org/atom/ns#": "",
    "http://www.w3.org/2005/atom": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://webns.net/mvcb/": "admin",
    "http://purl.org/rss/1.0/modules/aggregation/": "ag",
    "http://purl.org/rss/1.0/modules/annotate/": "annotate",
    "http://media.tangent.org/rss/1.0/": "audio",
    "http://backend.userland.com/blogchannelmodule": "blogchannel",
    "http://creativecommons.org/ns#license": "cc",
    "http://web.resource.org/cc/": "cc",
    "http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html": "creativecommons",
    "http://backend.userland.com/creativecommonsrssmodule": "creativecommons",
    "http://purl.org/rss/1.0/modules/company": "co",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://my.theinfo.org/changed/1.0/rss/": "cp",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/email/": "email",
    "http://purl.org/rss/1.0/modules/event/": "ev",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://freshmeat.net/rss/fm/": "fm",
    "http://xmlns.com/foaf/0.1/": "foaf",
    "http://www.w3.org/2003/01/geo/wgs84_pos#": "geo",
    "http://www.georss.org/georss": "georss",
    "http://www.opengis.net/gml": "gml",
    "http://postneo.com/icbm/": "icbm",
    "http://purl.org/rss/1.0/modules/image/": "image",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://example.com/dtds/podcast-1.0.dtd": "itunes",
    "http://purl.org/rss/1.0/modules/link/": "l",
    "http://search.yahoo.com/mrss": "media",
    "http://search.yahoo.com/mrss/": "media",
    "http://madskills.com/public/xml/rss/module/pingback/": "pingback",
    "http://prismstandard.org/namespaces/1.2/basic/": "prism",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://www.w3.org/2000/01/rdf-schema#": "rdfs",
    "http://purl.org/rss/1.0/modules/reference/": "ref",
    "http://purl.org/rss/1.0/modules/richequiv/": "reqv",
    "http://purl.org/rss/1.0/modules/search/": "search",
    "http://purl.org/rss/1.0/modules/slash/": "slash",
    "http://schemas.xmlsoap.org/soap/envelope/": "soap",
    "http://purl.org/rss/1.0/modules/servicestatus/": "ss",
    "http://hacks.benhammersley.com/rss/streaming/": "str",
    "http://purl.org/rss/1.0/modules/subscription/": "sub",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://schemas.pocketsoap.com/rss/mydescmodule/": "szf",
    "http://purl.org/rss/1.0/modules/taxonomy/": "taxo",
    "http://purl.org/rss/1.0/modules/threading/": "thr",
    "http://purl.org/rss/1.0/modules/textinput/": "ti",
    "http://madskills.com/public/xml/rss/module/trackback/": "trackback",
    "http://wellformedweb.org/commentapi/": "wfw",
    "http://purl.org/rss/1.0/modules/wiki/": "wiki",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://www.w3.org/xml/1998/namespace": "xml",
    "http://podlove.org/simple-chapters": "psc",
}
#: What feedparser calls the namespaces that it knows.
_KNOWN = frozenset(name for name in NAMESPACES.values() if name)
#: Prefixes that may stand for no namespace that feedparser does not know: with one of them before it, the name of an element
#: could be that of a key that is read.
_TAKEN = frozenset(
    {
        *("xhtml", "xml", "rdf", "xlink"),
        *("title", "summary", "subtitle", "description", "rights", "copyright", "info", "tagline", "skip", "generator"),
        *("author", "contributor", "publisher", "published", "updated", "created", "expired", "validity", "date"),
        *("modified", "issued", "tags", "links", "source"),
    }
)

#: What feedparser has a handler for, or keeps under a name of its own: never passed over as somebody's extension.
HANDLED = frozenset(
    """
    abstract author body category cc_license channel cloud content content_encoded contributor copyright created
    creativecommons_license dc_author dc_contributor dc_creator dc_date dc_description dc_language dc_publisher dc_rights
    dc_subject dc_title dcterms_created dcterms_issued dcterms_modified dcterms_valid description email enclosure entry
    expirationdate feed feedburner_browserfriendly fullitem generator geom georss_box georss_line georss_point georss_polygon
    georss_where georssgeom gml_exterior gml_linearring gml_linestring gml_point gml_polygon gml_pos gml_poslist guid height
    homepage id image info issued item itunes_author itunes_block itunes_category itunes_duration itunes_email itunes_episode
    itunes_episodetype itunes_explicit itunes_image itunes_keywords itunes_link itunes_name itunes_owner itunes_season
    itunes_subtitle itunes_summary keywords language lastbuilddate link managingeditor media_category media_content media_credit
    media_description media_group media_keywords media_license media_player media_rating media_restriction media_thumbnail
    media_title modified name newlocation psc_chapter psc_chapters pubdate published rights rss source subtitle summary tagline
    tags textinput title updated uri url webmaster where width xhtml_body
    feedburner_origlink itunes_new-feed-url media_description_type sy_updateperiod sy_updatefrequency ttl hour day
    skip_hours skip_days xml_lang xml_base links authors contributors publisher publishers expired validity date href hourly
    title_detail summary_detail subtitle_detail rights_detail description_detail copyright_detail tagline_detail info_detail
    author_detail publisher_detail generator_detail items entries enclosures license svg math div guidislink
    """.split()  # noqa: SIM905 - a page of names reads better as one
)

#: The version that a namespace alone stands for, in the order in which feedparser asks.
_RSS_090, _RSS_10, _ATOM_10 = (
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://purl.org/rss/1.0/",
    "http://www.w3.org/2005/atom",
)


class Names:
    """The namespaces that a document has declared so far."""

    def __init__(self) -> None:
        self.version = ""
        self.root_seen = False
        self._addresses: dict[str, str] = {}  #: prefix in lower case -> address
        self._used: set[str] = set()  #: the names of known namespaces that occur
        self._borrowed: set[str] = set()  #: such names that are the prefixes of other namespaces
        self._prefixes: dict[str, str] = {}  #: address that feedparser does not know -> the first prefix; "" for none

    def declare(self, prefix: str | None, address: str | None) -> None:
        """Take a declaration; called by the parser before the element that bears it.

        Raises:
            UnsureError: the prefix means, or could mean, something else to feedparser.
        """
        if not address:
            return
        if address.split() != [address]:
            raise UnsureError("an address with a blank")  # at which xml.sax cuts the name of an element
        low = address.lower()
        known = "" if _USERLAND in low else NAMESPACES.get(low)
        if not self.version:
            self.version = _version(prefix, low)
        if self.root_seen and address == _XLINK:
            raise UnsureError("xlink is declared within the document")
        if known:
            self._used.add(known)
        if prefix is not None:
            self._declare_prefix(prefix, address, known)
        elif known is None:
            self._prefixes.setdefault(address, "")
        if not self._used.isdisjoint(self._borrowed):
            raise UnsureError("a prefix that belongs to another namespace of the document")

    def _declare_prefix(self, prefix: str, address: str, known: str | None) -> None:
        name = prefix.lower()
        if name == "xmlns":
            raise UnsureError("a prefix XMLNS")  # feedparser lowers it, and takes its attributes for declarations
        if self._addresses.setdefault(name, address) != address:
            raise UnsureError("a prefix is declared twice")
        if known is None and name in _TAKEN:
            raise UnsureError("a prefix that belongs to another namespace")
        if name in _KNOWN and name != known:
            self._borrowed.add(name)
        if known is None and self._prefixes.setdefault(address, prefix) == "":
            raise UnsureError("an unknown namespace with and without prefix")

    def resolve(self, name: str) -> str:
        """Return what feedparser calls an element, given the parser's `address local prefix`."""
        parts = name.split(" ")
        if len(parts) == 1:
            return name.lower()
        address, local = parts[0], parts[1].lower()
        low = address.lower()
        known = "" if _USERLAND in low else NAMESPACES.get(low)
        if known is None:
            known = self._prefixes.get(address)
        if known is None:
            raise UnsureError("a namespace that cannot be told")
        return f"{known.lower()}:{local}" if known else local


def _version(prefix: str | None, address: str) -> str:
    if prefix is None and address == _RSS_090:
        return "rss090"
    if address == _RSS_10:
        return "rss10"
    return "atom10" if address == _ATOM_10 else ""
