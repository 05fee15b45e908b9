from __future__ import annotations

import pytest

from aggregator.parse.encoding import decode_body
from tests.parsing import parse

TITLE = "潮汐表 与 «Café» – 2021"
WESTERN = "Café – naïve “quotes”"


def _document(title: str, declared: str | None) -> str:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return f"{declaration}<rss version='2.0'><channel><item><title>{title}</title></item></channel></rss>"


def _title(body: bytes, content_type: str) -> str:
    [entry] = parse(body, (("content-type", content_type),)).entries
    assert entry.title is not None
    return entry.title.value


@pytest.mark.parametrize(
    ("title", "encoding", "declared", "content_type"),
    [
        (TITLE, "utf-8", None, "text/xml"),
        (TITLE, "utf-8", "utf-8", "text/xml; charset=gbk"),
        (TITLE, "utf-8", "gb2312", "text/html; charset=iso-8859-1"),
        (TITLE, "utf-8-sig", "iso-8859-1", "text/xml"),
        (TITLE, "gb18030", "gb2312", "text/xml"),
        (TITLE, "gb18030", "utf-8", "text/xml; charset=gbk"),
        (TITLE, "gb18030", "gbk", "application/xml"),
        ("完全中文的标题，没有声明编码", "gbk", None, "text/html"),
        ("完全中文的标题，声明错了编码", "gbk", "utf-8", "text/xml; charset=utf-8"),
        (TITLE, "utf-16", "utf-16", "application/xml"),
        (TITLE, "utf-16-le", "utf-16", "application/xml"),
        (TITLE, "utf-16-be", None, "application/xml"),
        (TITLE, "utf-32", "utf-32", "application/xml"),
        (WESTERN, "cp1252", "iso-8859-1", "text/xml"),
        (WESTERN, "cp1252", None, "text/xml; charset=us-ascii"),
        (WESTERN, "cp1252", None, "text/xml"),
        (WESTERN, "cp1252", "utf-16", "text/xml; charset=utf-32"),
        (WESTERN, "cp1252", "unicode_escape", "text/xml; charset=raw_unicode_escape"),
        (WESTERN, "cp1252", "hex", "text/xml; charset=punycode"),
        (r"Café in C:\temp", "cp1252", "unicode_escape", "text/xml"),
        ("Žluťoučký kůň", "iso8859-2", "iso-8859-2", "text/xml"),
        ("Привет, мир", "koi8-r", "koi8-r", "text/xml"),
        ("日本の港", "shift_jis", "shift_jis", "text/xml"),
        ("日本の港", "iso2022_jp", "iso-2022-jp", "text/xml"),
        ("plain", "cp037", "cp037", "text/xml"),
        ("plain", "ascii", "nonsense-9", "text/xml; charset=undefined"),
        ("plain", "ascii", "punycode", "text/xml; charset=idna"),
        ("plain", "ascii", "utf-16", "text/xml; charset=rot13"),
    ],
)
def test_readable_whatever_is_declared(title: str, encoding: str, declared: str | None, content_type: str) -> None:
    """The text is right when header, declaration and bytes disagree."""
    assert _title(_document(title, declared).encode(encoding), content_type) == title


def test_stray_bytes_in_utf8() -> None:
    """Single Latin-1 bytes inside UTF-8 are read as what they were meant to be."""
    body = _document("潮汐表 CAFE", "utf-8").encode().replace(b"CAFE", b"Caf\xe9")

    text, warning = decode_body(body, "text/xml")

    assert "潮汐表 Café" in text
    assert warning is not None
    assert "windows-1252" in warning


def test_nothing_fails_to_decode() -> None:
    """Bytes of no encoding at all become some text."""
    for body in (bytes(range(256)) * 4, b"\xff\xfe\xff", b"\xff" * 99, b"\x81\x8d\x8f", b"<\0\xd8"):
        text, _ = decode_body(body, "text/xml; charset=utf-8")
        assert text


def test_a_wrong_declaration_is_reported() -> None:
    """UTF-8 that is declared as something else is read and the mistake is named."""
    assert parse(_document(TITLE, "gb2312").encode()).warnings == ("declared as gb18030, read as utf-8",)
