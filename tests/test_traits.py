"""What entries are recognised by must stay what it is: states hold it."""

import re
from dataclasses import replace
from hashlib import sha256

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.model.entry import SafeHtml
from aggregator.model.links import comparable
from aggregator.model.traits import TEXT, traits_of, visible_text
from tests.test_decide import ENTRY

#: The definition, one character after the other; `model.traits` says the same faster.
_TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*(?:>|\Z)')
_FILE = re.compile(r'\s(?:src|srcset|poster|data)="([^"]*)"')
_SPACE = re.compile(r"(?:\s|&nbsp;)+")
_PIECES: tuple[str, ...] = (
    '<img src="',
    "<p>",
    "</p>",
    '"',
    ">",
    "<",
    " ",
    "\n",
    "\x1c",
    "\x85",
    "\u3000",
    "\u200b",
    "&nbsp;",
    "&nb",
    "sp;",
)
_PIECES += (
    "a",
    "文",
    " src=",
    ' src="',
    ' srcset="',
    '\tposter="',
    ' data="',
    ' data-src="',
    "src",
    "https://x.example/a?utm_id=1",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
@example('<a title="<p>">b</a><img alt=" src=" src="c"')
@example('<a title="x" "y>z')
@example("&nb sp; &nb&nbsp;sp;")
def test_text_and_files_are_hashed_as_they_ever_were(html: str) -> None:
    """The text's trait is the hash of what is left without tags and white space, and of the addresses of files."""
    visible = _SPACE.sub("", _TAG.sub("", html))
    files = [comparable(address) for address in _FILE.findall(html)]
    entry = replace(ENTRY, content=SafeHtml(html), enclosures=())

    assert visible_text(entry) == visible
    assert traits_of(entry)[TEXT] == sha256("\0".join((visible, *files)).encode()).digest()[:8]
