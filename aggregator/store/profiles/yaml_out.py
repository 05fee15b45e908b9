"""Text -> YAML scalars that every reader (YAML 1.1 and 1.2; Python, JavaScript, Go, Ruby) takes for that very text. Pure.

Writes only scalars on one line; it never folds, never uses block scalars and never relies on libyaml being there.
"""

from __future__ import annotations

import re

#: What single quotes cannot carry: controls, the line breaks of YAML 1.1, the byte order mark, non-characters.
_NEEDS_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ESCAPE = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

#: Letters and digits of any script, single spaces, hyphens or underscores between them.
_PLAIN = re.compile(r"[^\W_]+(?:[ _-][^\W_]+)*")
#: Without a letter outside this set a scalar could be a number (0x1F, 1e3, 0o17) or a date (2021-9-1) to some reader.
_NUMBER_LIKE = re.compile(r"[0-9a-fA-FoOxX _-]*")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def quoted(text: str) -> str:
    """Return the text in single quotes, or in double quotes where it holds what single quotes cannot carry."""
    # isprintable() is a table look-up in C: most texts need no search.
    if text.isprintable() or not _NEEDS_ESCAPE.search(text):
        return f"'{text}'" if "'" not in text else "'" + text.replace("'", "''") + "'"
    return double_quoted(text)


def double_quoted(text: str) -> str:
    """Return the text in double quotes, escaped so that the scalar is one line of printable characters."""
    return '"' + _ESCAPE.sub(_escape, text) + '"'


def plain_or_quoted(text: str) -> str:
    """Return the text as it is where no reader could take it for anything else, else quoted."""
    if not _PLAIN.fullmatch(text) or text.lower() in _YAML_WORDS:
        return quoted(text)
    if not text[0].isalpha() and _NUMBER_LIKE.fullmatch(text):
        return quoted(text)
    return text if any(letter.isalpha() for letter in text) else quoted(text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04x}"
