"""Examiners judge whatever bytes they are given: nothing that is broken at random raises, and each finding is one line."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from lxml import etree

from aggregator.publish.examiners import examine_any, examine_published
from tests.conftest import Sweep
from tests.seeded_defects import good_documents

_good = cache(good_documents)
_DATES = ["Sun, 99 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 0000 12:00:00 GMT", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59"]
_TEXTS = ["", "x", "\n", "http://[", "https://a@[::1", "٣", "-1", "\x85", *_DATES]
_VALUES: list[Any] = [None, True, 1, -1, 1.5, 10**400, [], {}, [[]], [1], {"a": 1}, "\ud800", *_TEXTS]
_BYTES = [b"<", b"&", b"\x00", b"]]>", b"<!--", b'"', b"{", b"\xff"]


def _judge(path: str, content: bytes) -> None:
    for finding in (*examine_published(path, content).findings, *examine_any(content)[1].findings):
        assert "\n" not in str(finding), finding


def test_json_of_any_shape_is_judged(sweep: Sweep) -> None:
    """A value of any kind may stand anywhere in a JSON Feed or a table of redirects."""
    chance = random.Random(sweep.seed)
    paths = [path for path in _good() if path.endswith(".json")]
    for _ in range(sweep.count(20_000, 300)):
        path = chance.choice(paths)
        document = json.loads(_good()[path])
        *above, last = chance.choice(list(_places(document)))
        holder = document
        for step in above:
            holder = holder[step]
        if chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = chance.choice(_VALUES)
        _judge(path, json.dumps(document).encode())


def _places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(found, dict | list):
        for step in found if isinstance(found, dict) else range(len(found)):
            yield from _places(found[step], (*path, step))


def test_xml_of_any_shape_is_judged(sweep: Sweep) -> None:
    """Any element may be gone, doubled, elsewhere, called otherwise or hold anything."""
    chance = random.Random(sweep.seed)
    paths = [path for path in _good() if not path.endswith(".json")]
    for _ in range(sweep.count(20_000, 300)):
        path = chance.choice(paths)
        root = etree.fromstring(_good()[path])
        one, other = (chance.choice(list(root.iter("*"))) for _ in range(2))
        parent = one.getparent()
        change = chance.choice(["out", "double", "text", "set", "comment", "call"])
        if change == "out" and parent is not None:
            parent.remove(one)
        elif change == "double" and parent is not None:
            parent.append(deepcopy(one))
        elif change == "text":
            one.text = chance.choice(_TEXTS)
        elif change == "set":
            one.set(chance.choice(one.keys() or ["href"]), chance.choice(_TEXTS))
        elif change == "comment":
            one.append(chance.choice([etree.Comment("x"), etree.PI("a", "b")]))
        else:
            one.tag = other.tag
        _judge(path, etree.tostring(root))


def test_any_bytes_are_judged(sweep: Sweep) -> None:
    """So may bytes be changed, cut out and put in."""
    chance = random.Random(sweep.seed)
    for _ in range(sweep.count(20_000, 300)):
        path = chance.choice(list(_good()))
        content = bytearray(_good()[path])
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(content))
            match chance.randrange(3):
                case 0:
                    content[at] = chance.randrange(256)
                case 1:
                    del content[at : at + chance.randrange(1, 40)]
                case _:
                    content[at:at] = chance.choice(_BYTES)
        _judge(path, bytes(content))


def test_no_text_takes_the_square_of_its_length() -> None:
    """An author of 200,000 letters without an address is judged at once."""
    rss = f"<rss version='2.0'><channel><item><author>{'a' * 200_000}</author></item></channel></rss>"
    began = time.process_time()
    _judge("feeds/all.rss", rss.encode())
    assert time.process_time() - began < 5
