"""A feed -> another one, near enough to be read still. Same chance, same mutant.

What the fast path could read otherwise than feedparser is varied: elements in other places, orders and numbers, other names and
prefixes, attributes, the ways to write a text, xml:base and xml:lang, types, encodings, and single bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from html import escape, unescape

from tests.agreement_words import ADDRESSES, ATTRIBUTES, COMMON, DAMAGE, MARKUP, NAMES, PREFIXES, TEXTS, VARIANTS
from tests.markup import Element, Node, Raw, copy, read_markup, write_markup
from tests.test_parse_corpora import mutate

_ENCODINGS = (
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-32",
    "gb18030",
    "cp1252",
    "iso-8859-1",
    "shift_jis",
    "cp037",
)
_BEFORE = (
    *("", " ", "\n", "\ufeff", "<?xml version='1.0'?>", "<?xml version='1.1'?>", '<?xml version="1.0" encoding="utf-8"?>'),
    *(
        '<?xml version="1.0" encoding="gb2312"?>',
        '<?xml version="1.0" encoding="iso-8859-1"?>',
        "<!-- c -->",
        "<?xml-stylesheet href='x'?>",
    ),
    *(
        "<!DOCTYPE rss>",
        '<!DOCTYPE rss [<!ENTITY nbsp "&#160;">]>',
        "<!DOCTYPE rss SYSTEM 'http://my.netscape.com/x.dtd'>",
        "junk",
        "\0",
    ),
)
#: Elements whose text may be markup.
_CONSTRUCTS = {"title", "summary", "content", "rights", "subtitle", "description", "encoded", "copyright", "info", "body"}
_MARKUP_TYPES = ("xhtml", "xhtml", "xhtml", "html", "text", "application/xhtml+xml", "XHTML")
_IN_MARKUP = {"h": ADDRESSES["xhtml"], "svg": "http://www.w3.org/2000/svg", "dc": ADDRESSES["dc"], "x": "urn:x"}
_ODD_NAMES = (
    "a:{0}:c",
    ":{0}",
    "{0}:",
    "é{0}",
    "{0}.x",
    "{0}-x",
    "_{0}",
    "{0}\u0301",
    "xml{0}",
    "xml:{0}",
    "{{0}}",
    "{0}" * 40,
)


class Mutant:
    """One document while it is changed."""

    def __init__(self, document: Element, chance: random.Random) -> None:
        self.document = document
        self.chance = chance
        self.is_deep = False
        self.root = next(child for child in document.children if isinstance(child, Element))

    def any_element(self) -> Element:
        """Draw an element; one in an entry more often than one of the frame."""
        return self.chance.choice(list(self.root.walk()))

    def parent_and_child(self) -> tuple[Element, Element] | None:
        """Draw an element that stands in another one, and that one."""
        pairs = [(each, child) for each in self.root.walk() for child in each.children if isinstance(child, Element)]
        return self.chance.choice(pairs) if pairs else None

    def any_text(self) -> Raw | None:
        """Draw a text that says something."""
        texts = [child for each in self.root.walk() for child in each.children if isinstance(child, Raw) and child.text.strip()]
        return self.chance.choice(texts) if texts else None

    def name(self) -> str:
        """Draw an element's name; its prefix is declared from now on."""
        name = self.chance.choice(COMMON if self.chance.random() < 0.7 else NAMES)
        prefix, _, local = name.rpartition(":")
        if prefix:
            address = ADDRESSES[prefix]
            if self.chance.random() < 0.1:
                prefix = self.chance.choice(PREFIXES)
            if self.chance.random() < 0.05:
                address = self.chance.choice(VARIANTS)
            return f"{self.declared(prefix, address)}:{local}"
        return local

    def declared(self, prefix: str, address: str) -> str:
        """Declare a prefix at the root, unless that is done."""
        if prefix not in {"xml", "xmlns"} and all(name != f"xmlns:{prefix}" for name, _ in self.root.attributes):
            self.root.attributes.append((f"xmlns:{prefix}", address or "http://example.org/empty"))
        return prefix

    def element(self) -> Element:
        """Make an element that was not there."""
        made = Element(self.name())
        while self.chance.random() < 0.45:
            self.attribute(made)
        if self.chance.random() < 0.8:
            made.children.append(Raw(self.chance.choice(TEXTS)))
        if self.chance.random() < 0.15:
            made.children.append(self.element())
        return made

    def attribute(self, element: Element) -> None:
        """Give an element one more attribute, or another value of one that it has."""
        name, values = self.chance.choice(ATTRIBUTES)
        prefix = name.rpartition(":")[0]
        if prefix:
            self.declared(prefix, ADDRESSES.get(prefix, "http://example.org/x"))
        element.attributes = [pair for pair in element.attributes if pair[0] != name]
        element.attributes.append((name, self.chance.choice(values)))

    def put(self, parent: Element, child: Node) -> None:
        """Put a node anywhere among an element's children."""
        parent.children.insert(self.chance.randint(0, len(parent.children)), child)


def mutant(body: bytes, chance: random.Random) -> bytes:
    """Return a changed copy of a feed; bytes are changed where there is no tree to change, and now and then elsewhere."""
    try:
        document = read_markup(body.decode("utf-8"))
    except UnicodeDecodeError:
        document = None
    if document is None:
        changed = bytearray(body)
        mutate(changed, chance)
        return bytes(changed)
    made = Mutant(document, chance)
    for _ in range(min(int(chance.expovariate(0.8)) + 1, 12)):
        chance.choice(_CHANGES)(made)
    text = write_markup(document)
    if chance.random() < 0.04:
        text = chance.choice(_BEFORE) + text
    body = text.encode("utf-8", "replace")
    if chance.random() < 0.03:
        body = text.encode(chance.choice(_ENCODINGS), "xmlcharrefreplace")
    if chance.random() < 0.03:
        changed = bytearray(body)
        mutate(changed, chance)
        body = bytes(changed)
    return body


def _delete(made: Mutant) -> None:
    if found := made.parent_and_child():
        found[0].children.remove(found[1])


def _double(made: Mutant) -> None:
    if found := made.parent_and_child():
        parent, child = found
        times = 1 if made.chance.random() < 0.97 else made.chance.choice((30, 210))
        place = made.chance.randint(0, len(parent.children))
        parent.children[place:place] = [copy(child) for _ in range(times)]


def _move(made: Mutant) -> None:
    if found := made.parent_and_child():
        parent, child = found
        inside = {id(each) for each in child.walk()}
        target = made.any_element()
        if id(target) not in inside:
            parent.children.remove(child)
            made.put(target, child)


def _swap(made: Mutant) -> None:
    parent = made.any_element()
    if len(parent.children) > 1:
        one, other = made.chance.sample(range(len(parent.children)), 2)
        parent.children[one], parent.children[other] = parent.children[other], parent.children[one]


def _shuffle(made: Mutant) -> None:
    made.chance.shuffle(made.any_element().children)


def _insert(made: Mutant) -> None:
    made.put(made.any_element(), made.element())


def _insert_beside(made: Mutant) -> None:
    if found := made.parent_and_child():
        made.put(found[0], made.element())


def _rename(made: Mutant) -> None:
    made.any_element().name = made.name()


def _letters(made: Mutant) -> None:
    element = made.any_element()
    change: Callable[[str], str] = made.chance.choice((str.upper, str.lower, str.capitalize, str.swapcase))
    prefix, colon, local = element.name.rpartition(":")
    element.name = prefix + colon + change(local)


def _wrap(made: Mutant) -> None:
    if found := made.parent_and_child():
        parent, child = found
        outer = Element(made.name(), children=[child])
        if made.chance.random() < 0.3:
            made.attribute(outer)
        parent.children[parent.children.index(child)] = outer


def _unwrap(made: Mutant) -> None:
    if found := made.parent_and_child():
        parent, child = found
        place = parent.children.index(child)
        parent.children[place : place + 1] = child.children


def _empty(made: Mutant) -> None:
    made.any_element().children.clear()


def _text(made: Mutant) -> None:
    element = made.any_element()
    if not any(isinstance(child, Element) for child in element.children):
        element.children[:] = [Raw(made.chance.choice(TEXTS))]


def _text_beside(made: Mutant) -> None:
    made.put(made.any_element(), Raw(made.chance.choice(TEXTS)))


def _other_form(made: Mutant) -> None:
    """Write a text as CDATA in place of entities, or the other way."""
    if raw := made.any_text():
        if raw.text.startswith("<![CDATA["):
            raw.text = escape(raw.text[9:-3], quote=made.chance.random() < 0.5)
        elif not raw.text.startswith("<") and "]]>" not in raw.text:
            raw.text = f"<![CDATA[{unescape(raw.text)}]]>"


def _split(made: Mutant) -> None:
    """Put something between two characters of a text."""
    raw = made.any_text()
    if raw is not None and not raw.text.startswith("<"):
        place = made.chance.randint(0, len(raw.text))
        between = made.chance.choice(
            ("<!-- x -->", "<?x y?>", "&#32;", "\n", "<![CDATA[]]>", "&amp;", "&lt;br&gt;", "\u00a0", "\t")
        )
        raw.text = raw.text[:place] + between + raw.text[place:]


def _edge(made: Mutant) -> None:
    """Put something before and after a text."""
    if raw := made.any_text():
        edge = made.chance.choice((" ", "\n", "\u00a0", "&#160;", "\u3000", "\u2028", "&#13;", "\ufeff", "\x1c", "\u200b"))
        raw.text = edge + raw.text + edge


def _reference(made: Mutant) -> None:
    """Write a character of a text as a reference."""
    raw = made.any_text()
    if raw is not None and not raw.text.startswith("<"):
        place = made.chance.randrange(len(raw.text))
        if raw.text[place] not in "&;#" and "&" not in raw.text[max(0, place - 10) : place]:
            raw.text = f"{raw.text[:place]}&#{ord(raw.text[place])};{raw.text[place + 1 :]}"


def _attribute(made: Mutant) -> None:
    made.attribute(made.any_element())


def _attribute_away(made: Mutant) -> None:
    element = made.any_element()
    if element.attributes:
        element.attributes.pop(made.chance.randrange(len(element.attributes)))


def _attribute_value(made: Mutant) -> None:
    holders = [each for each in made.root.walk() if each.attributes]
    if holders:
        element = made.chance.choice(holders)
        place = made.chance.randrange(len(element.attributes))
        name, value = element.attributes[place]
        same = [values for known, values in ATTRIBUTES if known == name]
        texts = [text for text in TEXTS if "<" not in text]
        other = made.chance.choice(made.chance.choice(same) if same and made.chance.random() < 0.7 else texts)
        element.attributes[place] = (name, other if made.chance.random() < 0.8 else f" {value}\n")


def _attribute_name(made: Mutant) -> None:
    holders = [each for each in made.root.walk() if each.attributes]
    if holders:
        element = made.chance.choice(holders)
        place = made.chance.randrange(len(element.attributes))
        name, value = element.attributes[place]
        name = made.chance.choice((name.upper(), name.lower(), name.capitalize(), made.chance.choice(ATTRIBUTES)[0]))
        if ":" in name:
            made.declared(name.partition(":")[0], ADDRESSES.get(name.partition(":")[0], "http://example.org/x"))
        if all(name != other for other, _ in element.attributes):
            element.attributes[place] = (name, value)


def _base_or_language(made: Mutant) -> None:
    name, values = made.chance.choice([pair for pair in ATTRIBUTES if pair[0] in {"xml:base", "xml:lang", "base", "lang"}])
    element = made.any_element()
    element.attributes = [pair for pair in element.attributes if pair[0] != name] + [(name, made.chance.choice(values))]


def _type(made: Mutant) -> None:
    name, values = made.chance.choice([pair for pair in ATTRIBUTES if pair[0] in {"type", "mode"}])
    element = made.any_element()
    element.attributes = [pair for pair in element.attributes if pair[0] != name] + [(name, made.chance.choice(values))]


def _namespace(made: Mutant) -> None:
    """Declare, move, change or leave out a namespace."""
    holders = [(each, pair) for each in made.root.walk() for pair in each.attributes if pair[0].startswith("xmlns")]
    element = made.any_element()
    kind = made.chance.randrange(5)
    if kind == 0 or not holders:
        prefix = made.chance.choice(("xmlns", *(f"xmlns:{prefix}" for prefix in PREFIXES)))
        if all(name != prefix for name, _ in element.attributes):
            element.attributes.append((prefix, made.chance.choice(VARIANTS)))
        return
    holder, pair = made.chance.choice(holders)
    place = holder.attributes.index(pair)
    if kind == 1:
        del holder.attributes[place]
        if all(name != pair[0] for name, _ in element.attributes):
            element.attributes.append(pair)
    elif kind == 2:
        holder.attributes[place] = (pair[0], made.chance.choice(VARIANTS))
    elif kind == 3:
        change: Callable[[str], str] = made.chance.choice((str.upper, str.lower, str.strip, "{}/".format))
        holder.attributes[place] = (pair[0], change(pair[1]))
    else:
        _other_prefix(made, pair)


def _other_prefix(made: Mutant, pair: tuple[str, str]) -> None:
    """Write a vocabulary with another prefix, throughout."""
    before = pair[0].partition(":")[2]
    after = made.chance.choice(PREFIXES)
    for each in made.root.walk():
        each.attributes = [
            (f"xmlns:{after}", value) if (name, value) == pair else (name, value) for name, value in each.attributes
        ]
        prefix, colon, local = each.name.rpartition(":")
        if prefix == before and (colon or not before):
            each.name = f"{after}:{local}"


def _comment(made: Mutant) -> None:
    made.put(
        made.any_element(),
        Raw(made.chance.choice(("<!-- c -->", "<?pi x?>", "\n  ", "<![CDATA[x]]>", "stray", "&#160;", "<!---->"))),
    )


def _markup(made: Mutant) -> None:
    """Write a text as XHTML, or as elements where none were announced."""
    holders = [each for each in made.root.walk() if each.name.rpartition(":")[2] in _CONSTRUCTS]
    element = made.chance.choice(holders) if holders else made.any_element()
    text = "{}"
    for _ in range(made.chance.randint(1, 5)):
        text = text.replace("{}", made.chance.choice(MARKUP), 1)
    text = text.replace("{}", made.chance.choice(("", "x", " ", "潮 &amp; x")))
    if made.chance.random() < 0.5:
        text = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
    for prefix, address in _IN_MARKUP.items():
        if f"<{prefix}:" in text and made.chance.random() < 0.95:
            made.declared(prefix, address)
    element.children[:] = [Raw(text)]
    element.attributes = [pair for pair in element.attributes if pair[0] != "type"]
    if made.chance.random() < 0.8:
        element.attributes.append(("type", made.chance.choice(_MARKUP_TYPES)))


def _damage(made: Mutant) -> None:
    """Make the document ill-formed, so that it has to be repaired."""
    if made.chance.random() < 0.7 and (raw := made.any_text()) is not None:
        place = made.chance.randint(0, len(raw.text))
        raw.text = raw.text[:place] + made.chance.choice(DAMAGE) + raw.text[place:]
        return
    element = made.any_element()
    texts = [text for text in DAMAGE if "<" not in text]
    name, values = made.chance.choice(ATTRIBUTES)
    if ":" not in name and all(name != other for other, _ in element.attributes):
        element.attributes.append((name, made.chance.choice(values) + made.chance.choice(texts)))


def _odd_name(made: Mutant) -> None:
    """Give an element a name on the edge of what XML and its namespaces allow."""
    element = made.any_element()
    local = element.name.rpartition(":")[2]
    element.name = made.chance.choice(_ODD_NAMES).format(local)


def _deep(made: Mutant) -> None:
    """Put a pile of elements around or into one; parsers have limits of their own."""
    if found := made.parent_and_child():
        parent, child = found
        place = parent.children.index(child)
        name = made.chance.choice(("x", "div", made.name()))
        # Once is enough: what writes the tree is recursive.
        number = made.chance.choice((2, 5) if made.is_deep else (2, 5, 300))
        made.is_deep |= number == 300
        for _ in range(number):
            child = Element(name, children=[child])
        parent.children[place] = child


def _undeclared(made: Mutant) -> None:
    """Use a prefix outside of what declares it, or declare it as nothing."""
    element = made.any_element()
    if made.chance.random() < 0.5:
        made.put(made.root, Element("far:x", children=[Raw("x")]))
        element.attributes.append(("xmlns:far", made.chance.choice(VARIANTS)))
    else:
        element.attributes.append((made.chance.choice(("xmlns:xml", "xmlns:xmlns", "xmlns:x1", "xml:id", "xml:space")), "x"))


_CHANGES: tuple[Callable[[Mutant], None], ...] = (
    *(_delete, _double, _double, _move, _swap, _shuffle, _insert, _insert, _insert_beside, _insert_beside, _insert_beside),
    *(_rename, _letters, _wrap, _unwrap, _empty, _text, _text, _text_beside, _other_form, _split, _edge, _reference),
    *(
        _attribute,
        _attribute,
        _attribute_away,
        _attribute_value,
        _attribute_name,
        _base_or_language,
        _type,
        _namespace,
        _comment,
    ),
)
