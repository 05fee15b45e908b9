"""Bytes and the Content-Type header -> text. Never fails: what no encoding explains becomes U+FFFD.

The order is not RFC 7303's, because servers and authors mislabel more often than they label: a byte order mark wins; bytes that
are valid UTF-8 beyond ASCII are UTF-8 whatever is declared, since text in another encoding is so only by a rare accident; then
come the header's charset and the XML declaration; then the guess between damaged UTF-8, GB 18030 and Windows-1252.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16 LE, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: How `<?xm` or `<r` looks without a mark (XML 1.0, appendix F).
_PATTERNS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
    (b"\x4c\x6f\xa7\x94", "cp037"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([A-Za-z0-9._:-]{1,40})\s*[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
#: Labels mean their supersets, as browsers read them (WHATWG Encoding): a gb2312 page always holds GBK characters.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "tis-620": "cp874",
    "iso8859-9": "cp1254",
}
#: Codecs that are no character encodings of documents, or that raise something else than UnicodeDecodeError.
_REFUSED = {"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem", "utf-8-sig"}
#: Seven-bit encodings: their bytes are valid UTF-8 but mean something else.
_SEVEN_BIT = ("iso2022", "hz", "utf-7")
_WIDE = ("utf-16", "utf-32")


def decode_body(body: bytes, content_type: str) -> tuple[str, str | None]:
    """Return the text and, where the declared encoding was not the true one, a warning."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), None
    for pattern, name in _PATTERNS:
        if body.startswith(pattern):
            return body.decode(name, "replace"), None
    names = _declared_names(body, content_type)
    for name in names:
        if name.startswith(_SEVEN_BIT):
            decoded = _decoded(body, name)
            if decoded is not None:
                return decoded, None
    decoded = _decoded(body, "utf-8")
    if decoded is None:
        return _decode_legacy(body, names)
    wrong = names[0] if names and names[0] not in {"utf-8", "cp1252"} and not body.isascii() else None
    return decoded, f"declared as {wrong}, read as utf-8" if wrong else None


def _declared_names(body: bytes, content_type: str) -> list[str]:
    """Return the usable encodings that header and declaration name, the header's first."""
    found = [match.group(1) for match in [_CHARSET.search(content_type)] if match]
    declaration = _DECLARED.search(body[:1024])
    if declaration:
        found.append(declaration.group(1).decode("ascii"))
    names = []
    for label in found:
        try:
            codec = codecs.lookup(label)
        except (LookupError, ValueError):
            continue
        name = _SUPERSETS.get(codec.name, codec.name)
        # A declaration that could be read is not in a wide encoding, whatever it says.
        if codec._is_text_encoding and name not in _REFUSED and not name.startswith(_WIDE):  # noqa: SLF001
            names.append(name)
    return names


def _decoded(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, LookupError):
        return None


def _decode_legacy(body: bytes, names: list[str]) -> tuple[str, str | None]:
    """Decode what is not valid UTF-8."""
    for position, name in enumerate(names):
        text = None if name == "utf-8" else _decoded(body, name)
        if text is not None:
            return text, None if position == 0 else f"declared as {names[0]}, read as {name}"
    lenient = body.decode("utf-8", "replace")
    good = sum(1 for character in lenient if character > "\x7f" and character != "\ufffd")
    bad = lenient.count("\ufffd")
    if good > bad:
        return _decode_mixed(body), "not valid utf-8: stray bytes were read as windows-1252"
    chinese = _decoded(body, "gb18030")
    if chinese is not None and _looks_chinese(chinese):
        return chinese, "encoding not declared rightly, read as gb18030"
    if "gb18030" in names:
        return body.decode("gb18030", "replace"), "not valid gb18030: some characters are lost"
    return body.decode("cp1252", "replace"), "encoding not declared rightly, read as windows-1252"


def _decode_mixed(body: bytes) -> str:
    """Decode UTF-8 in which single bytes of Windows-1252 stand."""
    pieces = []
    rest = body
    while rest:
        try:
            pieces.append(rest.decode("utf-8"))
        except UnicodeDecodeError as error:
            pieces.append(rest[: error.start].decode("utf-8"))
            pieces.append(rest[error.start : error.end].decode("cp1252", "replace"))
            rest = rest[error.end :]
        else:
            break
    return "".join(pieces)


def _looks_chinese(text: str) -> bool:
    """Tell whether most characters beyond ASCII are common ideographs or their punctuation."""
    beyond = [character for character in text if character > "\x7f"]
    usual = sum("一" <= character <= "龥" or "\u3000" <= character <= "〿" or "！" <= character <= "～" for character in beyond)
    return usual > len(beyond) * 0.8
