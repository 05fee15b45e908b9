"""The table of what is published: which rule holds, which test plays it, and how that ended (`make publishing`)."""

from __future__ import annotations

from tests.mark_table import MarkTable

#: P: rules of the files that are published. R: faults and attacks that they have to bear. What a server owes its clients (P26
#: to P30) is not here, since it is no property of a file.
ROWS: dict[str, str] = {
    "P1": "every feed is well-formed UTF-8 without a character that XML forbids; a bad entry costs only itself",
    "P2": "feed and entries have one id, one title and one date of change",
    "P3": "a feed's id is fixed and survives new names, titles and addresses",
    "P4": "an entry's id never changes: not by an edit, a move or a redirect",
    "P5": "an id that is no IRI becomes an urn that is derived from it",
    "P6": "no two entries of a feed share an id, and one entry has the same id in each of its feeds",
    "P7": "a feed is dated by its newest entry, never by when it was built",
    "P8": "an entry's date of change moves only with a change that readers see; its date of publication never does",
    "P9": "dates are RFC 3339 with a zone, and none lies in the future",
    "P10": "building without news gives the same bytes and leaves the time of the file alone",
    "P11": "entries run from the newest to the oldest, ties by id",
    "P12": "a feed says where it is and which page it belongs to, once each",
    "P13": "each entry names an author",
    "P14": "each entry says which source it came from",
    "P15": "the original article is linked; enclosures keep type and length",
    "P16": "content is HTML that is escaped once",
    "P17": "an entry without content has a link",
    "P18": "every address in content is absolute, and nothing in it acts",
    "P19": "titles are plain text, escaped once",
    "P20": "our category and upstream's tags are told apart by scheme",
    "P21": "the rights of the source are kept, or the entry is cut as its owner asks",
    "P22": "a feed's entries and bytes are bounded",
    "P23": "what a feed no longer holds stands in archive pages that it links, and these never change",
    "P24": "what was removed is said to be removed",
    "P25": "files are replaced whole: a reader sees the old one or the new one, and a failure keeps the old one",
    "P31": "a source that fails never appears as an entry of a feed, whatever it answers instead",
    "P32": "feeds name their hubs, and a hub is told once of each changed file, after it is live",
    "P33": "RSS: a guid that claims to be no link, RFC 822 dates with four digits of year, whole enclosures",
    "P34": "JSON Feed 1.1: version, title, text ids, content, its own address",
    "P35": "OPML 2.0: each outline has a text and each feed its address; no source and no secret is in it",
    "P36": "front matter is written by rule and reads back equal, bodies byte for byte",
    "P37": "site engines run nothing that stands in a post",
    "P38": "file names are unique, short, safe on every file system, and stay when the title changes",
    "R76": "characters that XML forbids are gone from every field",
    "R77": "one bad entry in a category leaves the rest published, and is reported",
    "R78": "whatever is published passes the schema and the gate",
    "R79": "two builds of the same data are the same bytes",
    "R80": "readers during a rebuild see a whole feed",
    "R81": "nothing that upstreams write runs in a browser, in any field",
    "R82": "addresses that run something are dropped from links, files, sources and authors",
    "R83": "relative addresses in content become absolute",
    "R84": "pictures that only count readers are left out",
    "R85": "texts are escaped once, whatever upstream did",
}

PUBLISHING = MarkTable(
    mark="publishes",
    option="--publishing-table",
    rows=ROWS,
    title="Publishing",
    intro=(
        "What holds of everything that is published, row by row: the rules of a good publisher (P) and the faults and",
        "attacks that its files have to bear (R), each with the tests that would fail without it.",
        "`make publishing` runs them and writes this table; a row that is not played fails it.",
    ),
)
