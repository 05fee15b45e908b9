"""The table of broken feeds: which family is played by which test, and how that ended (`make families`)."""

from __future__ import annotations

from tests.mark_table import MarkTable

#: What is true of each family, in short.
ROWS: dict[str, str] = {
    "1": "a mark, blank lines or a server's warnings before the document do not hide it",
    "2": "the bytes decide when header, declaration and bytes disagree",
    "3": "gb2312 means GB 18030, UTF-16 is known by its mark, stray Latin-1 bytes cost nothing",
    "4": "what XML forbids costs itself alone, in title and text",
    "5": "ampersands and HTML's entities are read as meant, escaped twice or never; bombs are refused, nothing is opened",
    "6": "a CDATA section that ends early or never, or a text cut within a tag, spoils its own entry at most",
    "7": "a page, a captcha, an error or nothing in place of a feed changes nothing; a feed called text/html is one",
    "8": "what is cut, compressed wrongly or a bomb is one failed poll; a wrong label is forgiven",
    "9": "an empty poll takes nothing away, and the entries are not new afterwards",
    "10": "one guid for all, an empty one, one in an attribute only, one with blanks: every entry has its own post, once",
    "11": "ids that change with the scheme, with each fetch or all at once bring no second posts",
    "12": "an id used again is another post; isPermaLink=true without an address and =false with one give the right link",
    "13": "entries without id are told apart by link or title, also where all have the same link",
    "14": "a link is found wherever it stands, and is absolute and without blanks",
    "15": "tracking and the order of a query do not make another entry; what may name another page does",
    "16": "without a date an entry is dated by when it was first seen, once; the channel's dates are nobody's",
    "17": "a date in any of these forms is read rightly or not at all",
    "18": "month and day alone never lie ahead: the year is the last one that fits",
    "19": "a date without a zone is in the source's zone",
    "20": "an event that lies ahead is dated by when it was first seen, and stays so when its day has come",
    "21": "dates that move alone rewrite nothing; a text that changes alone is an edit",
    "22": "a back-dated entry is new all the same; the order of the document does not matter",
    "23": "a new title is an edit in place; equal titles and entries of two feeds are told apart by their ids",
    "24": "any title is one line of text that YAML, XML and file names bear",
    "25": "what YAML or a template language would act upon comes out as the text that it was",
    "26": "authors are names and addresses in whatever form, nobody twice, fifty at most",
    "27": "tags are kept as words; those that differ in case only are one; ours that would share a file are refused",
    "28": "the fullest text is the content, and a summary is kept where it says something else",
    "29": "an Atom text is read as what it is: XHTML under a prefix, out of line, Base64, HTML called text, Atom 0.3's",
    "30": "odd shapes of RSS are read: a default namespace, items outside the channel, rdf:about, two channels, odd namespaces",
    "31": "xml:base of feed, entry and content are joined",
    "32": "an image is shown by an address that shows it, once; what is none is gone",
    "33": "an enclosure keeps what can be true of it, once",
    "34": "one file of a media group; comments that move `updated` of a video rewrite nothing",
    "35": "a podcast's move is told, its episodes are not new, and of lengths and ratings is kept what can be true",
    "36": "nothing in a text runs, loads or leaks into the next post",
    "37": "an archive of thousands, a text of megabytes and a flood with one new entry are bounded and said so",
    "38": "redirects: what is temporary is not saved, pages and loops are failures, private addresses are not reached",
    "39": "validators of any kind go back as they came, and a wrong 304 loses nothing",
    "40": "freshness and waits that make no sense are bounded or ignored",
    "41": "a complete feed that loses an entry, archive links in a circle and deletion notices remove nothing and loop nowhere",
    "42": "JSON Feed is read with numbers for ids, without version, with either kind of author, text only, with a mark",
    "43": "a feed whose addresses name another host is itself; our own output as a source adds nothing for ever",
    "44": "each entry has its language, a right-to-left title leaks nowhere",
    "45": "a placeholder is no text, a stub stays what it is, an aggregator's own line is taken off",
}

FAMILIES = MarkTable(
    mark="family",
    option="--family-table",
    rows=ROWS,
    title="Broken feeds",
    intro=(
        "Feeds that break aggregators, by family, and what is true of them here; each is played with fixtures of our own,",
        "through the whole pipeline (HTTP, files, state) where it is about more than one document.",
        "`make families` runs them and writes this table; a family that is not played fails it.",
    ),
)
