"""Facts about HTML that both readers of XML share."""

#: feedparser writes an end tag for each element of XHTML; HTML reads `</br>` as one more <br>.
VOID_ENDS = frozenset(
    f"</{name}>"
    for name in ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
