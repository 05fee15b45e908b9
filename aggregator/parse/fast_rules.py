"""Which element means what, where it stands: tables of feedparser's names and the rules for them.

What is in no table is somebody's extension, and passed over with all that is in it, where feedparser does so too; else the
document is left to feedparser.
"""

from __future__ import annotations

from dataclasses import replace

from aggregator.parse import fast_elements as on
from aggregator.parse.fast_state import Rule

_LINK = Rule(
    end=on.link,
    takes=frozenset({"href", "rel", "type", "hreflang", "title", "length"}),
    reads=frozenset({"href", "rel", "type", "length", "title", "url", "uri"}),
)
_FILE = frozenset({"url", "type", "length", "title"})
_ENCLOSURE = Rule(end=on.enclosure, takes=_FILE, reads=_FILE | {"href", "uri", "rel"})
_TAG = frozenset({"term", "scheme", "label", "domain"})
_CATEGORY = Rule(end=on.category, takes=_TAG, reads=_TAG)

#: A text that is not read.
SKIP = Rule()
#: An element whose words are not read, with others of such vocabularies in it.
SKIP_ALL = Rule(children={}, others=True)
#: The same where the text around it counts, into which feedparser lets the text of an element with attributes run.
EMPTY = Rule(end=on.nothing)
#: An entry that was deleted, and all that is said of it.
DELETED = Rule(begin=on.count_deleted, children={}, anything=True)
WITHIN_DELETED = Rule(children={}, anything=True)

_IGNORED_CONSTRUCT = Rule(end=on.ignore_construct, based=True)
_IGNORED_PERSON = Rule(
    children=dict.fromkeys(("name", "uri", "url", "homepage", "email", "itunes:name", "itunes:email"), SKIP),
    others=True,
)
_PERSON = Rule(end=on.person)
_AUTHOR = Rule(
    begin=on.begin_author,
    end=on.end_author,
    children={"name": on.said("name"), "email": on.said("email"), "uri": on.said("href"), "url": on.said("href")},
    others=True,
    blank=True,
)
_IMAGE_WORDS = ("title", "link", "url", "description", "width", "height")
_PICTURE = Rule(begin=on.untitle, children=dict.fromkeys(_IMAGE_WORDS, SKIP))
_TEXT_INPUT = Rule(begin=on.untitle, children=dict.fromkeys(("title", "link", "description", "name"), SKIP))

_TITLE = on.construct(on.title)
_RIGHTS = on.construct(on.rights)
_UPDATED = on.plain("updated")
_PUBLISHED = on.plain("published")
_CREATED = on.plain("created")
_LANGUAGE = on.plain("language")
_ID = on.plain("id")

#: Words of Media RSS that feedparser keeps and `xmlfeed` does not read.
_MEDIA_SKIPPED = {f"media:{name}": SKIP for name in ("credit", "rating", "player", "license", "restriction")}
_MEDIA_PARTS: dict[str, Rule] = {
    "media:title": on.deep("media_title"),
    "media:description": Rule(end=on.media_description, takes=frozenset({"type"}), reads=frozenset({"type"})),
    "media:thumbnail": Rule(end=on.thumbnail, takes=frozenset({"url", "width", "height"}), reads=frozenset({"url", "href"})),
    "media:category": Rule(end=on.media_category, takes=_TAG, reads=_TAG),
    "media:keywords": on.keywords(None),
    **_MEDIA_SKIPPED,
}
_MEDIA_ATTRIBUTES = frozenset({"url", "type", "medium", "fileSize", "isDefault"})
_MEDIA_CONTENT = Rule(
    begin=on.begin_media_content,
    takes=_MEDIA_ATTRIBUTES,
    reads=frozenset(name.lower() for name in _MEDIA_ATTRIBUTES) | {"group", "href"},
    children=_MEDIA_PARTS,
    others=True,
)
_MEDIA: dict[str, Rule] = {
    **_MEDIA_PARTS,
    "media:content": _MEDIA_CONTENT,
    "media:group": Rule(
        begin=on.begin_group, end=on.end_group, children={**_MEDIA_PARTS, "media:content": _MEDIA_CONTENT}, others=True
    ),
}

#: What feedparser understands and nobody reads.
_UNREAD: dict[str, Rule] = {
    **dict.fromkeys((f"georss:{name}" for name in ("point", "line", "polygon", "box")), SKIP),
    **dict.fromkeys(("cc:license", "creativecommons:license"), SKIP),
    "feedburner:browserfriendly": _IGNORED_CONSTRUCT,
    "psc:chapters": Rule(children={"psc:chapter": Rule(end=on.chapter)}),
}

ENTRY = Rule(
    begin=on.begin_entry,
    end=on.end_entry,
    takes=frozenset({on.RDF_ABOUT}),
    reads=frozenset({"about", "lastmod", "href", "url", "uri"}),
    scoped=True,
    others=True,
    children={
        **dict.fromkeys(("title", "dc:title"), _TITLE),
        "link": _LINK,
        **dict.fromkeys(("id", "guid"), _ID),
        **dict.fromkeys(("published", "pubdate", "issued", "dcterms:issued"), _PUBLISHED),
        **dict.fromkeys(("updated", "modified", "lastbuilddate", "dc:date", "dcterms:modified"), _UPDATED),
        **dict.fromkeys(("created", "dcterms:created"), _CREATED),
        **dict.fromkeys(("description", "dc:description"), on.summary("text/html")),
        "summary": on.summary("text/plain"),
        "content:encoded": on.content("text/html"),
        "content": replace(on.construct(on.content_or_source), takes=frozenset({"type", "src"})),
        **dict.fromkeys(("rights", "copyright", "dc:rights"), _RIGHTS),
        **dict.fromkeys(("language", "dc:language"), _LANGUAGE),
        **dict.fromkeys(("author", "managingeditor"), _AUTHOR),
        **dict.fromkeys(("dc:creator", "dc:author", "itunes:author"), _PERSON),
        "contributor": _IGNORED_PERSON,
        **dict.fromkeys(("dc:contributor", "dc:publisher", "webmaster", "generator"), SKIP),
        **dict.fromkeys(("category", "dc:subject", "keywords"), _CATEGORY),
        "enclosure": _ENCLOSURE,
        # Its title would be the entry's, or not: such an image is left to feedparser.
        "image": Rule(begin=on.untitle, children=dict.fromkeys(("link", "url", "width", "height"), SKIP)),
        "source": Rule(
            begin=on.begin_source,
            children={
                **dict.fromkeys(("id", "guid"), Rule(end=on.source_id)),
                **dict.fromkeys(("title", "subtitle", "rights"), _IGNORED_CONSTRUCT),
                **dict.fromkeys(("updated", "published", "generator", "category"), SKIP),
                "link": Rule(reads=frozenset({"url", "uri"})),
                **dict.fromkeys(("author", "contributor"), _IGNORED_PERSON),
            },
            others=True,
        ),
        "feedburner:origlink": on.bare("feedburner_origlink"),
        "itunes:summary": on.plain("itunes_summary"),
        "itunes:subtitle": on.plain("itunes_subtitle"),
        "itunes:duration": on.plain("itunes_duration"),
        "itunes:episode": on.plain("itunes_episode"),
        "itunes:season": on.plain("itunes_season"),
        "itunes:episodetype": on.plain("itunes_episodetype"),
        "itunes:explicit": on.plain("itunes_explicit"),
        "itunes:image": Rule(end=on.itunes_image, takes=frozenset({"href", "url"}), reads=frozenset({"href", "url"})),
        "itunes:keywords": on.keywords(on.ITUNES),
        "itunes:category": Rule(end=on.itunes_category, takes=frozenset({"text"}), reads=frozenset({"text"})),
        "itunes:block": SKIP,
        **_MEDIA,
        **_UNREAD,
    },
)

_IGNORED_PARTS = {f"media:{name}": SKIP for name in ("thumbnail", "title", "description", "credit", "rating", "keywords")}
_IGNORED_CONTENT = Rule(children=_IGNORED_PARTS, others=True)
_IGNORED_MEDIA = {
    **_IGNORED_PARTS,
    "media:content": _IGNORED_CONTENT,
    "media:group": Rule(children={**_IGNORED_PARTS, "media:content": _IGNORED_CONTENT}, others=True),
}
_ITUNES_SHELF = Rule(children={"itunes:category": SKIP})
_FEED_WORDS: dict[str, Rule] = {
    **dict.fromkeys(("title", "dc:title"), _TITLE),
    "link": _LINK,
    **dict.fromkeys(("id", "guid"), _ID),
    **dict.fromkeys(("rights", "copyright", "dc:rights"), _RIGHTS),
    **dict.fromkeys(("language", "dc:language"), _LANGUAGE),
    **dict.fromkeys(("description", "dc:description", "subtitle", "tagline", "info"), _IGNORED_CONSTRUCT),
    **dict.fromkeys(("pubdate", "lastbuilddate", "published", "updated", "modified", "dc:date", "dcterms:modified"), SKIP),
    **dict.fromkeys(("created", "dcterms:created", "dcterms:issued", "issued"), SKIP),
    **dict.fromkeys(
        ("generator", "webmaster", "dc:publisher", "dc:creator", "dc:author", "dc:contributor"),
        SKIP,
    ),
    **dict.fromkeys(("category", "dc:subject", "keywords", "cloud"), SKIP),
    **dict.fromkeys(("author", "managingeditor", "contributor", "itunes:owner"), _IGNORED_PERSON),
    "ttl": on.bare("ttl"),
    "sy:updateperiod": on.bare("sy_updateperiod"),
    "sy:updatefrequency": on.bare("sy_updatefrequency"),
    "itunes:new-feed-url": on.bare("itunes_new-feed-url"),
    **{f"itunes:{name}": SKIP for name in ("author", "summary", "subtitle", "explicit", "keywords", "image", "block")},
    "itunes:category": _ITUNES_SHELF,
    "skiphours": Rule(children={"hour": on.time("skip_hours")}),
    "skipdays": Rule(children={"day": on.time("skip_days")}),
    "items": SKIP_ALL,  # the list of RSS 1.0, which says the order of what follows
    "image": _PICTURE,
    "textinput": _TEXT_INPUT,
    **_IGNORED_MEDIA,
    **_UNREAD,
}
_FEED_READS = frozenset({"lastmod", "href", "url", "uri", "version"})

_CHANNEL_ALONE = Rule(begin=on.enter, end=on.leave, scoped=True, others=True, reads=_FEED_READS, children=_FEED_WORDS)
_CHANNEL = replace(_CHANNEL_ALONE, children={**_FEED_WORDS, "item": ENTRY})
_FEED = Rule(begin=on.enter, end=on.leave, scoped=True, others=True, children={**_FEED_WORDS, "entry": ENTRY})
_RSS = Rule(
    begin=on.enter,
    end=on.leave,
    scoped=True,
    takes=frozenset({"version"}),
    reads=frozenset({"version"}),
    children={"channel": _CHANNEL},
)
_RDF = Rule(
    begin=on.enter,
    end=on.leave,
    scoped=True,
    children={
        "channel": replace(_CHANNEL_ALONE, begin=on.begin_channel),
        "item": ENTRY,
        "image": _PICTURE,
        "textinput": _TEXT_INPUT,
    },
)
#: What the root element stands in.
DOCUMENT = Rule(children={})
ROOTS = {"rss": _RSS, "feed": _FEED, "rdf:rdf": _RDF}
