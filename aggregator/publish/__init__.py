"""Entries -> published files: one Atom feed per category level, and the list of them.

Nothing is re-exported here, on purpose: `addresses`, `select` and `scan` are light; the others load lxml, `atom` and
`links` feedgen too. A run without news imports only `addresses`.

    addresses   category -> path and address of its feed
    select      entries in order, one per atom:id, within the limits
    atom        frame and entries -> Atom bytes                       the only importer of feedgen, with `links`
    links       what feedgen loses in an entry, put back
    scan        an entry's HTML -> what must not be published in it
    document    a feed's bytes -> every fault in it
    gate        entry, document and swap: pass, or the reason
    opml        outputs -> the OPML list of our feeds
"""
