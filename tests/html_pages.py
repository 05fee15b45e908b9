"""HTML of our pages -> what is wrong with it.

Stricter than a browser: what is not closed, or does not stand where it may, is a fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(
    "area base br col embed hr img input link meta source track wbr".split()  # noqa: SIM905
)
_PHRASING_ONLY = frozenset(
    "p h1 h2 h3 h4 h5 h6 span bdi em strong code small time a summary dt button label title".split()  # noqa: SIM905
)
_BLOCKS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "div",
        "ul",
        "ol",
        "dl",
        "table",
        "section",
        "nav",
        "main",
        "aside",
        "header",
        "footer",
        "article",
        "form",
        "pre",
        "blockquote",
        "figure",
        "details",
    ]
)
_PARENTS = {
    "li": {"ul", "ol"},
    "dt": {"dl", "div"},
    "dd": {"dl", "div"},
    "tr": {"table", "thead", "tbody", "tfoot"},
    "td": {"tr"},
    "th": {"tr"},
    "summary": {"details"},
    "figcaption": {"figure"},
    "caption": {"table"},
    "rect": {"svg"},
}
_REFERENCES = ("for", "data-copy", "aria-labelledby", "aria-describedby")


@dataclass
class Seen:
    """What a document is made of, and its faults."""

    faults: list[str] = field(default_factory=list)
    shape: list[tuple[str, tuple[str, ...]]] = field(
        default_factory=list
    )  #: of each element: its name, the names of its attributes
    ids: Counter[str] = field(default_factory=Counter)
    links: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  #: (element, address, its attributes)
    headings: list[int] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen()
        self.open: list[str] = []
        self.titles = 0  # of the document; bars have some as well

    def fault(self, what: str) -> None:
        line, column = self.getpos()
        self.seen.faults.append(f"{line}:{column}: {what}")

    def handle_decl(self, decl: str) -> None:
        if decl != "DOCTYPE html" or self.seen.shape:
            self.fault(f"declaration {decl}")

    def handle_comment(self, data: str) -> None:
        self.fault(f"comment {data[:40]!r}")

    def handle_pi(self, data: str) -> None:
        self.fault(f"instruction {data[:40]!r}")

    def unknown_decl(self, data: str) -> None:
        self.fault(f"section {data[:40]!r}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fault(f"<{tag}/>")
        self.handle_starttag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if len(values) != len(attrs):
            self.fault(f"<{tag}> has an attribute twice")
        self._place(tag)
        seen = self.seen
        seen.shape.append((tag, tuple(name for name, _ in attrs)))
        seen.elements.append((tag, values))
        seen.faults += [f"{tag}: {name} acts" for name in values if name.startswith("on") or name in {"style", "srcdoc"}]
        if "id" in values:
            seen.ids[values["id"]] += 1
        seen.links += [(tag, values[name], values) for name in ("href", "src", "action", "poster") if name in values]
        if tag[0] == "h" and tag[1:].isdecimal():
            seen.headings.append(int(tag[1:]))
        self.titles += tag == "title" and "svg" not in self.open
        if tag not in _VOID:
            self.open.append(tag)

    def _place(self, tag: str) -> None:
        parent = self.open[-1] if self.open else ""
        if tag in _PARENTS and parent not in _PARENTS[tag]:
            self.fault(f"<{tag}> in <{parent}>")
        if tag in _BLOCKS and (inside := _PHRASING_ONLY.intersection(self.open)):
            self.fault(f"<{tag}> in <{min(inside)}>")
        if tag in {"a", "button"} and "a" in self.open:
            self.fault(f"<{tag}> in <a>")
        if tag == "li" or parent not in {"ul", "ol"}:
            return
        self.fault(f"<{tag}> in <{parent}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or not self.open or self.open[-1] != tag:
            self.fault(f"</{tag}> in {'/'.join(self.open[-4:])}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"ul", "ol", "dl", "table", "tr", "tbody", "thead"} and data.strip():
            self.fault(f"text in <{self.open[-1]}>: {data[:40]!r}")
        self.seen.text.append(data)


def read_page(content: bytes) -> Seen:
    """Return what a page is made of, with every fault."""
    reader = _Reader()
    reader.feed(content.decode("utf-8"))
    reader.close()
    seen = reader.seen
    seen.faults += [f"<{tag}> is not closed" for tag in reader.open]
    seen.faults += [f"id {name} stands {number} times" for name, number in seen.ids.items() if number > 1]
    for tag, values in seen.elements:
        seen.faults += [f"{tag}: no {values[name]}" for name in _REFERENCES if name in values and values[name] not in seen.ids]
    for _, address, _ in seen.links:
        if address.startswith("#") and address[1:] not in seen.ids:
            seen.faults.append(f"no {address}")
    if seen.headings.count(1) != 1:
        seen.faults.append(f"{seen.headings.count(1)} h1")
    jumps = [pair for pair in zip(seen.headings, seen.headings[1:], strict=False) if pair[1] > pair[0] + 1]
    seen.faults += [f"h{after} after h{before}" for before, after in jumps]
    names = [tag for tag, _ in seen.elements if tag != "title"] + ["title"] * reader.titles
    seen.faults += [f"{names.count(tag)} <{tag}>" for tag in ("main", "title", "html", "body") if names.count(tag) != 1]
    return seen
