"""What a process that lives on keeps of what has passed through it: nothing whose size upstream chooses."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from aggregator.model import key, links
from aggregator.model.key import atom_id, entry_key
from aggregator.parse import reader
from aggregator.publish.scan import find_fault, find_fault_once
from tests.parsing import parse
from tests.upstream import Folder, Upstream, item

_LONG = "x" * 40_000


@pytest.mark.parametrize("tail", ["<item><title>a</b></item></channel></rss>", "<item><title>", "<item><title/>&#0;"])
def test_an_ill_formed_document_leaves_nothing_to_the_collector(tail: str) -> None:
    """All that was read is free at once: workers look for cycles seldom, and each document may be some megabytes."""
    body = f"<rss><channel><item><guid>1</guid><description>x</description></item>{tail}".encode()
    parse(body)
    gc.collect()
    gc.disable()
    try:
        parse(body)
        left = [type(each).__name__ for each in gc.get_objects() if type(each) in {reader._StrictReader, reader._LooseReader}]
    finally:
        gc.enable()
    assert left == []


def test_long_ids_and_texts_are_not_remembered() -> None:
    """What is remembered of the last hundreds of ids, names and texts is little, however long upstream makes them."""
    for cache in (key._key, key._atom_id, links._tracking, find_fault_once):
        cache.cache_clear()
    entry_key("s", _LONG)
    atom_id("s", _LONG)
    links.tracks(f"{_LONG}=1")
    find_fault(_LONG)
    assert [each.cache_info().currsize for each in (key._key, key._atom_id, links._tracking, find_fault_once)] == [0] * 4


def test_an_ordinary_run_ends_before_the_collector_has_looked_once(tmp_path: Path) -> None:
    """From its first line to its last a small run looks for no cycle: each look would cost more than all its polls."""
    code = "import gc\nfrom aggregator.cli import main\nlooks = []\n"
    code += "gc.callbacks.append(lambda when, _: looks.append(gc.get_threshold()) if when == 'start' else None)\n"
    code += "if __name__ == '__main__':\n    try:\n        main()\n    except SystemExit:\n        print(looks)\n"
    with Upstream() as upstream:
        upstream.feed("/a", item(1))
        folder = Folder(tmp_path / "project")
        folder.sources_at({"a": f"{upstream.address}/a"})
        words = [sys.executable, "-c", code, "-C", str(folder.root), "-q", "sync"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=folder.environment())

    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert len(folder.files("posts")) == 1
