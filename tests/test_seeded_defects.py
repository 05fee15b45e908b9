"""Every seeded defect is caught by the gate, with the section that it breaks, and only by what it should be."""

from __future__ import annotations

import random
import re
from copy import deepcopy
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from aggregator.publish.examiners import examine_any, examine_published
from aggregator.publish.findings import Weight
from aggregator.publish.parts import ATOM as PARTS_ATOM
from tests.conftest import Sweep
from tests.publish_records import NOON, schema_errors
from tests.seeded_defects import ATOM_PATH, DEFECTS, good_documents

_good = cache(good_documents)
_EXPECT = re.compile(rb"Expect:\s+(!?)(\w+)")


@pytest.mark.parametrize("path", _good())
def test_sound_documents_have_no_finding(path: str) -> None:
    """Without the defect there is nothing to say, not even a note."""
    assert examine_published(path, _good()[path]).findings == ()


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.publishes("R78", "P2")
def test_seeded_defect_is_caught(name: str) -> None:
    """One minimal change to a sound document gives just the findings that it should, each with its line and what to write."""
    defect = DEFECTS[name]
    found = examine_published(defect.path, defect.edit(_good()[defect.path].decode()).encode()).faults

    assert tuple(finding.rule for finding in found) == defect.rules, [str(finding) for finding in found]
    for finding in found:
        assert finding.advice
        assert "\n" not in str(finding)


def test_there_are_enough_of_them() -> None:
    """Forty at least, thirty of them in Atom: the gate is only as good as what it was tried on."""
    assert len(DEFECTS) >= 40
    assert sum(defect.path.endswith(".atom") for defect in DEFECTS.values()) >= 30


@pytest.mark.publishes("R78")
def test_the_gate_sees_what_the_schema_sees(
    shared: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the RELAX NG schema of RFC 4287 refuses is refused by the gate too; with -v both verdicts are printed."""
    lines: list[str] = []
    for name, defect in DEFECTS.items():
        if not defect.path.endswith(".atom"):
            continue
        content = defect.edit(_good()[defect.path].decode()).encode()
        try:
            refused = bool(schema_errors(content, shared))
        except etree.XMLSyntaxError:
            refused = True
        gate = examine_published(defect.path, content).faults
        lines.append(f"| {name} | {', '.join(finding.rule for finding in gate)} | {'refused' if refused else 'passes'} |")
        assert gate
    passed = sum(line.endswith("passes |") for line in lines)
    if pytestconfig.get_verbosity() > 0:
        with capsys.disabled():
            print("\n| defect | the gate | RELAX NG |\n|---|---|---|", *lines, sep="\n")
            print(f"{len(lines)} defects in Atom: the gate refuses all, the schema {len(lines) - passed}")

    assert passed, "the gate is there because the schema does not see everything"


#: Cases of the W3C validator that are sound in what they are about, and no Atom feeds by RFC 4287 all the same.
_NO_FEEDS = {
    "2/brief-entry-noerror.xml": "an entry document",
    "4.1.2/entry-source-author.xml": "an entry document",
    "4.1.2/related-same-rel-type-hreflang.xml": "neither content nor an alternate link",
    "4.2.11/missing-self.xml": "an entry within a source",
}


def test_sound_cases_of_the_validator_are_not_refused(shared: Path, sweep: Sweep) -> None:
    """No Atom feed that the W3C's validator takes for sound has a fault; `must/` and `should/` hold pieces of feeds only."""
    root = shared / "corpora" / "feedvalidator" / "testcases" / "atom"
    cases = [path for path in sorted(root.rglob("*.xml")) if path.relative_to(root).parts[0] not in {"must", "should"}]
    refused: dict[str, str] = {}
    sound = 0
    for path in sweep.sample(cases, 150):
        content = path.read_bytes()
        expected = _EXPECT.search(content)
        if expected is None or not expected[1]:
            continue
        sound += 1
        faults = [each for each in examine_any(content)[1].findings if each.weight is Weight.FAULT]
        if faults and str(path.relative_to(root)) not in _NO_FEEDS:
            refused[str(path.relative_to(root))] = str(faults[0])

    assert refused == {}
    assert sound


def test_any_file_can_be_examined(shared: Path, sweep: Sweep) -> None:
    """Whatever others wrote is judged without an error, and each finding is one line."""
    files = [path for path in sorted((shared / "corpora").rglob("*")) if path.is_file()]
    for path in sweep.sample(files, 300):
        for finding in examine_any(path.read_bytes())[1].findings:
            assert "\n" not in str(finding), path


def test_no_mutant_passes_that_the_schema_refuses(shared: Path, sweep: Sweep) -> None:
    """Whatever is taken out of a sound feed, doubled, moved or overwritten: what RELAX NG refuses the gate refuses."""
    sound = _good()[ATOM_PATH]
    chance = random.Random(sweep.seed)
    missed: list[str] = []
    refused = 0
    for _ in range(sweep.count(20_000, 300)):
        root = etree.fromstring(sound)
        told = _mutate(root, chance)
        content = etree.tostring(root)
        if schema_errors(content, shared):
            refused += 1
            if not examine_published(ATOM_PATH, content).faults:
                missed.append(told)

    assert missed == []
    assert refused


def _mutate(root: etree._Element, chance: random.Random) -> str:
    """Change one thing in the document; return what."""
    elements = [element for element in root.iter(f"{PARTS_ATOM}*") if element is not root]
    one, other = chance.choice(elements), chance.choice(elements)
    name, parent = etree.QName(one).localname, one.getparent()
    assert parent is not None
    change = chance.choice(["out", "double", "move", "call", "set", "add", "text"])
    if change == "out":
        parent.remove(one)
    elif change == "double":
        parent.insert(parent.index(one), deepcopy(one))
    elif change == "move" and one is not other and one not in set(other.iterancestors()):
        other.append(one)
    elif change == "call":
        one.tag = other.tag
    elif change == "set" and one.attrib:
        one.set(chance.choice(one.keys()), chance.choice(["", " ", "x", "http:", "text/", "1 2", "html", "xhtml", "\u200b"]))
    elif change == "add":
        one.set(chance.choice(["type", "href", "rel", "term", "src", "lang", "length"]), chance.choice(["", "x", "a/b"]))
    else:
        one.text = chance.choice(["", " ", "x", "2026", "2026-03-01T12:00:00", "a@b", "\n", "http://["])
    return f"{change}: <{name}>, <{etree.QName(other).localname}>, {one.attrib!r}, {one.text!r}"


@pytest.mark.parametrize("inside", ['<link href="https://a.example/" rel="related"', '<category term="a"'])
def test_extensions_may_stand_in_links_and_categories(inside: str) -> None:
    """RFC 4287 §6.4 lets elements of other namespaces stand there; they are nobody's business."""
    name = inside[1:].partition(" ")[0]
    added = f'{inside}><x xmlns="https://x.example/">y</x></{name}><summary>'

    assert examine_published(ATOM_PATH, _good()[ATOM_PATH].replace(b"<summary>", added.encode(), 1)).findings == ()


@pytest.mark.parametrize("name", ["published", "updated"])
def test_a_date_ahead_of_the_clock_is_caught(name: str) -> None:
    """Nothing may be dated in the future of the clock that is given; without a clock nothing is asked (P9)."""
    content = _good()[ATOM_PATH]
    before, after = NOON + timedelta(hours=1, minutes=30), NOON + timedelta(hours=2)

    found = examine_published(ATOM_PATH, content, now=before).faults
    assert [finding.rule for finding in found] == ["RFC 4287 §3.3"] * 2
    assert any(f"entry 1: {name} lies in the future" in finding.text for finding in found)
    assert examine_published(ATOM_PATH, content, now=after).findings == ()
