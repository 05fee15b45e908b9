"""Whatever happens to a project in whatever order: its files agree with each other, and with what its hub was told."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from tests.conftest import Sweep
from tests.hub import Hub
from tests.upstream import Folder, Upstream, item

_ENTRY_IDS = "{http://www.w3.org/2005/Atom}entry/{http://www.w3.org/2005/Atom}id"
_FORMATS = ["[rss, json]", "[json]", "[]", "[rss]"]


class Walker:
    """A project to which things happen; two sources, each with a category that may get other names."""

    def __init__(self, root: Path, upstream: Upstream, hub: Hub, chance: random.Random) -> None:
        self.folder, self.public = Folder(root), root / "public"
        self._upstream, self._hub, self._chance = upstream, hub, chance
        self._categories = {"a": "a", "b": "b"}
        self._entries = {"a": 3, "b": 3}
        self._words = {"a": "", "b": ""}
        self._silent: set[str] = set()
        self._most = 5
        self.formats = _FORMATS[0]
        self.taken_down: list[str] = []
        self.folder.sources_at({name: f"{upstream.address}/{name}" for name in self._categories})
        self._settle()

    def step(self) -> str:
        """Let one thing happen, and most often a sync after it; return what it was."""
        happening = self._chance.choice(self._happenings())
        happening(self._chance.choice("ab"))
        if self._chance.random() < 0.8:
            self.sync()
        return happening.__name__.strip("_")

    def sync(self) -> None:
        """Poll everything."""
        for number, name in enumerate(self._entries):
            last = 1000 * number + self._entries[name]
            body = f"<p>{self._words[name]} text</p>"
            items = "".join(item(each, body=body) for each in range(max(1000 * number, last - 8), last))
            self._upstream.feed(f"/{name}", items, status=500 if name in self._silent else 200)
        assert self.folder.here("sync", "--force").returncode in {0, 1, 4}

    def be_well(self) -> None:
        """Let everybody answer again."""
        self._hub.status = 204
        self._silent.clear()

    def _happenings(self) -> list[Callable[[str], None]]:
        return [
            *[self._news, self._edit, self._rename, self._take_down, self._delete, self._change_formats, self._change_limit],
            *[self._hub_changes, self._source_changes, self._lose_file, self._lose_public, self._build],
        ]

    def _news(self, name: str) -> None:
        self._entries[name] += self._chance.randint(1, 4)

    def _edit(self, name: str) -> None:
        self._words[name] += "other words "

    def _rename(self, name: str) -> None:
        old, new = self._categories[name], self._chance.choice([each for each in "abxyz" if each not in self._named()])
        done = self.folder.here("category", "rename", f"news/{old}", f"news/{new}")
        if done.returncode == 0:  # else the other one had that name before
            self._categories[name] = new

    def _named(self) -> set[str]:
        return set(self._categories.values())

    def _take_down(self, _: str) -> None:
        if posts := self._posts():
            post = self._chance.choice(posts)
            found = re.search(r"^title: '(.*)'", post.read_text("utf-8"), re.MULTILINE)
            assert found is not None
            self.taken_down.append(found[1])
            assert self.folder.here("takedown", "--yes", post.stem[-12:]).returncode == 0

    def _delete(self, _: str) -> None:
        if len(posts := self._posts()) > 12:  # else it looks unmounted
            self._chance.choice(posts).unlink()

    def _change_formats(self, _: str) -> None:
        self.formats = self._chance.choice(_FORMATS)
        self._settle()

    def _change_limit(self, _: str) -> None:
        self._most = self._chance.choice([3, 5, 8])
        self._settle()

    def _settle(self) -> None:
        self.folder.settings(f"public: {{hubs: ['{self._hub.address}'], formats: {self.formats}, entries: {self._most}}}")

    def _hub_changes(self, _: str) -> None:
        self._hub.status = 500 if self._hub.status == 204 else 204

    def _source_changes(self, name: str) -> None:
        self._silent ^= {name}

    def _lose_file(self, _: str) -> None:
        if files := [path for path in self.files() if ".archive" not in str(path)]:
            self._chance.choice(files).unlink()

    def _lose_public(self, _: str) -> None:
        shutil.rmtree(self.public, ignore_errors=True)

    def _build(self, _: str) -> None:
        assert self.folder.here("build").returncode in {0, 1}

    def _posts(self) -> list[Path]:
        return sorted((self.folder.root / "posts").rglob("*.md"))

    def files(self) -> list[Path]:
        """Return the published feeds, in every format."""
        found = (path for path in self.public.rglob("*") if path.suffix in {".atom", ".rss", ".json"})
        return sorted(path for path in found if path.name != "redirects.json")


def test_files_and_hub_agree_whatever_happened(tmp_path: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any dozen of events and a sync `check feeds` has no complaint, formats agree, the hub holds what lies there."""
    # Words of one second about one source are a second apart in status.atom, so the last may lie ahead of the clock.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for number in range(sweep.count(40, 1)):
        chance = random.Random(sweep.seed + number)
        root = tmp_path / str(number)
        with Upstream() as upstream, Hub(root / "public") as hub:
            walker = Walker(root, upstream, hub, chance)
            story = [walker.step() for _ in range(12)]
            walker.be_well()
            walker.sync()
            _judge(walker, hub, (sweep.seed + number, story))


def _judge(walker: Walker, hub: Hub, story: object) -> None:
    checked = walker.folder.here("check", "feeds")
    assert checked.returncode == 0, (checked.stdout, story)
    for path in walker.files():
        content, place = path.read_bytes(), path.relative_to(walker.public).as_posix()
        for title in walker.taken_down:
            assert f">{title}<".encode() not in content, (place, title, story)
            assert f'"{title}"'.encode() not in content, (place, title, story)
        if ".archive/" in place or (path.suffix != ".atom" and path.suffix[1:] not in walker.formats):
            continue
        assert hub.holds.get(place) == content, (place, story)
        if path.suffix == ".json":
            atom = etree.parse(path.with_suffix(".atom"))
            assert [each["id"] for each in json.loads(content)["items"]] == [each.text for each in atom.findall(_ENTRY_IDS)]
