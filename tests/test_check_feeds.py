"""`check feeds` says what is wrong with the published files, or with any feed: file, line, entry, section, what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.store.lock import project_lock
from tests.upstream import Folder

_SOUND = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Notes</title><id>tag:notes.example,2020:feed</id><updated>2026-01-02T03:04:05Z</updated>
  <author><name>Ada</name></author>
  <entry>
    <title>One</title><id>tag:notes.example,2020:1</id><updated>2026-01-02T03:04:05Z</updated>
    <link href="https://notes.example/1"/><summary>s</summary>
  </entry>
</feed>
"""


@pytest.fixture
def feeds(synced: Folder) -> Path:
    """The folder of feeds of a project after its first sync."""
    return synced.root / "public" / "feeds"


def _findings(folder: Folder, *words: str) -> list[dict[str, Any]]:
    done = folder.here("check", "feeds", "--json", *words)
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    assert done.returncode == (1 if any(not one["is_note"] for one in found) else 0)
    return found


def test_sound_feeds_are_counted(synced: Folder) -> None:
    """Without a fault the exit code is 0 and the files are counted."""
    done = synced.here("check", "feeds")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("feeds: ")
    assert done.stdout.endswith(" files, no problem\n")


def test_before_the_first_sync_there_is_nothing_to_check(folder: Folder) -> None:
    """A project that has published nothing has no problem, and is told what makes the folder."""
    done = folder.here("check", "feeds")

    assert done.returncode == 0
    assert "public/feeds: is not there: nothing was published yet\n  -> the first `aggregator sync` makes it" in done.stderr


def test_nothing_is_changed_and_no_lock_is_taken(synced: Folder) -> None:
    """While another run holds the project the check answers, and every file and its time stay."""
    before, times = synced.files("public", "posts", "state"), synced.times()
    with project_lock(synced.root):
        assert synced.here("check", "feeds").returncode == 0

    after = synced.files("public", "posts", "state")
    assert after.pop("state/lock", None) is not None
    before.pop("state/lock", None)
    assert (after, synced.times()) == (before, times)


def test_a_fault_is_told_with_file_line_entry_section_and_advice(synced: Folder, feeds: Path) -> None:
    """What a person needs to find it and to mend it stands in three lines; the exit code is 1."""
    text = (feeds / "news.atom").read_text("utf-8")
    (feeds / "news.atom").write_text(text.replace("<published>2026-01-01T12:00:00+00:00", "<published>yesterday", 1), "utf-8")
    line = next(n for n, each in enumerate((feeds / "news.atom").read_text("utf-8").split("\n"), 1) if "yesterday" in each)
    done = synced.here("check", "feeds")

    assert done.returncode == 1
    assert done.stdout.splitlines()[:3] == [
        f"public/feeds/news.atom:{line}: entry 2: published is no RFC 3339 date with a zone: 'yesterday' (RFC 4287 §3.3)",
        f'  in "Entry 12" "{_id_of(text)}"',
        "  -> `aggregator build` writes it anew; if it comes back, it is a fault of the program: report it",
    ]
    assert synced.here("build").returncode == 0
    assert synced.here("check", "feeds").returncode == 0


def _id_of(text: str) -> str:
    return text.partition("<published>2026-01-01T12")[0].rpartition("<id>")[2].partition("</id>")[0]


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(feeds: Path) -> None:
        text = (feeds / name).read_text("utf-8")
        assert old in text
        (feeds / name).write_text(text.replace(old, new, 1), "utf-8")

    return edit


def _put(name: str, content: bytes) -> Callable[[Path], None]:
    def edit(feeds: Path) -> None:
        (feeds / name).write_bytes(content)

    return edit


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def edit(feeds: Path) -> None:
        (feeds / name).unlink()
        make(feeds / name)

    return edit


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1024**3)


def _drop_item(feeds: Path) -> None:
    found = json.loads((feeds / "all.json").read_bytes())
    found["items"].pop()
    (feeds / "all.json").write_text(json.dumps(found), "utf-8")


_BOMB = b'<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (str(n - 1).encode() if n else b"") * 10) for n in range(9)
)
_DEFECTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "missing": (lambda feeds: (feeds / "news" / "a.atom").unlink(), "missing", "news/a.atom"),
    "missing list": (lambda feeds: (feeds / "index.opml").unlink(), "missing", "index.opml"),
    "missing stylesheet": (lambda feeds: (feeds / "style.css").unlink(), "missing", "style.css"),
    "missing twin": (lambda feeds: (feeds / "news.rss").unlink(), "missing", "news.rss"),
    "a twin that lacks an entry": (_drop_item, "twin", "all.json: lacks 1 of the entries of feeds/all.atom"),
    "a twin at another address": (_replace("news.rss", "/feeds/news.rss", "/news.rss"), "frame", "news.rss: its self is"),
    "a stylesheet that asks elsewhere": (
        _put("style.css", b"@import 'https://a.example/';"),
        "document",
        "brings in something",
    ),
    "missing health": (lambda feeds: (feeds / "status.atom").unlink(), "missing", "status.atom"),
    "another health": (_replace("status.atom", "<title>Status - Test site", "<title>Status"), "frame", 'its title is "Status"'),
    "another id": (_replace("all.atom", "<id>urn:uuid:", "<id>urn:uuid:0"), "frame", "its id is"),
    "another address": (_replace("all.atom", "/feeds/all.atom", "/all.atom"), "frame", "its self is"),
    "another page": (_replace("all.atom", 'https://news.example/"', 'https://old.example/"'), "frame", "its alternate is"),
    "another title": (_replace("all.atom", "<title>Test site", "<title>Old site"), "frame", 'its title is "Old site", and the'),
    "list lacks a feed": (_replace("index.opml", "/feeds/news/b.atom", "/feeds/news/c.atom"), "list", "does not name the feed"),
    "list names a secret": (
        _replace("index.opml", 'xmlUrl="https://', 'xmlUrl="https://me:pw@'),
        "document",
        "a name or a pass",
    ),
    "no UTF-8": (_put("all.atom", b"\xff\xfe\xfd"), "document", "not well-formed"),
    "empty": (_put("all.atom", b""), "document", "not well-formed"),
    "entity bomb": (_put("all.atom", _BOMB + b"]><f>&a8;</f>"), "document", "document type declaration"),
    "deep nesting": (_put("all.atom", b"<a>" * 100_000), "document", "not well-formed"),
    "a pipe": (_instead("all.atom", os.mkfifo), "no-file", "a pipe, a socket or a device"),
    "a folder": (_instead("all.atom", Path.mkdir), "no-file", "a folder stands where a file should be"),
    "a link": (_instead("all.atom", lambda path: path.symlink_to("news.atom")), "no-file", "a symbolic link"),
    "a gigabyte": (_instead("all.atom", _huge), "no-file", "larger than 64 MiB"),
    "redirects of nobody": (
        _put("redirects.json", b'{"feeds/old.atom": "feeds/all.atom"}'),
        "redirects",
        '"feeds/old.atom" that it is now',
    ),
    "redirects that are none": (_put("redirects.json", b"[" * 100_000), "document", "nested too deeply"),
}


@pytest.mark.parametrize(("spoil", "code", "words"), _DEFECTS.values(), ids=_DEFECTS)
def test_defect_is_told(synced: Folder, feeds: Path, spoil: Callable[[Path], None], code: str, words: str) -> None:
    """The defect is told under its code, with what to do; hostile files neither hang nor crash the check."""
    spoil(feeds)
    found = _findings(synced)

    told = [one for one in found if not one["is_note"]]
    assert {one["code"] for one in told} == {code}, told
    assert any(words in f"{one['place']}: {one['text']}" for one in told), told
    assert all(one["advice"] for one in told)


@pytest.mark.parametrize(
    ("name", "code"), [("old.atom", "stray"), ("news/notes.txt", "stray"), ("news/.tmp-99999-1", "leftover")]
)
def test_files_that_nothing_publishes_are_notes(synced: Folder, feeds: Path, name: str, code: str) -> None:
    """A feed of a category that is no more, somebody's own file, and what a dead run left: told, and no fault."""
    (feeds / name).write_bytes(b"x")

    assert [(one["code"], one["is_note"], one["place"]) for one in _findings(synced)] == [(code, True, f"public/feeds/{name}")]


def test_a_format_that_the_config_names_no_more_is_a_note(synced: Folder) -> None:
    """Files of a format that was dropped stay as they are: nothing publishes them, and that is no fault."""
    before = _findings(synced)
    synced.settings("public: {formats: [rss]}")
    found = [one for one in _findings(synced) if one not in before]

    assert {(one["code"], one["is_note"], one["place"].rpartition(".")[2]) for one in found} == {("stray", True, "json")}


def test_many_files_that_nothing_publishes_are_told_shortly(synced: Folder, feeds: Path) -> None:
    """Three are named and the others counted, however many a dropped format leaves; all of them are in the JSON."""
    for number in range(9):
        (feeds / f"old-{number}.rss").write_bytes(b"x")
    done = synced.run("check", "feeds")

    assert done.stderr.count("nothing publishes this file") == 3
    assert "  ... and 6 more of this kind\n" in done.stderr
    assert [one["code"] for one in _findings(synced)] == ["stray"] * 9


def test_what_cannot_be_read_is_said_once_with_what_to_do(synced: Folder, feeds: Path) -> None:
    """The reason and the cure stand in one line, and the advice goes on from there."""
    _instead("all.atom", Path.mkdir)(feeds)
    place, _, said = synced.run("check", "feeds").stdout.partition(": ")

    assert place == "public/feeds/all.atom"
    assert said.splitlines()[0] == "cannot be read: a folder stands where a file should be: move it away"
    assert said.splitlines()[1] == "  -> then `aggregator build` writes it anew"


@pytest.mark.parametrize(
    ("limit", "words"), [("entries: 2", "5 entries, more than the 2"), ("max_bytes: 4KiB", "bytes, more than")]
)
def test_a_feed_that_outgrew_its_limits_is_told(synced: Folder, limit: str, words: str) -> None:
    """A live feed stays small: what is beyond the limits that are configured now is a problem, which `build` solves."""
    synced.settings(f"public: {{{limit}}}")
    told = [one for one in _findings(synced) if not one["is_note"]]
    assert {one["code"] for one in told} == {"bounds"}
    assert any(words in one["text"] for one in told)

    assert synced.here("build").returncode == 0
    assert [one for one in _findings(synced) if not one["is_note"]] == []


def test_a_feed_of_health_that_was_switched_off_is_a_note(synced: Folder) -> None:
    """`status: false` leaves the old file behind, which says no news any more."""
    assert _findings(synced) == []
    synced.settings("public: {status: false}")

    assert [(one["code"], one["is_note"], one["place"]) for one in _findings(synced)] == [
        ("stray", True, "public/feeds/status.atom")
    ]


def test_posts_say_which_feeds_there_are_when_no_state_does(synced: Folder, feeds: Path) -> None:
    """Without a state, as in a fresh clone, a feed of a category that only posts stand in is not taken for a stray."""
    synced.sources("sources: {}\n")
    assert _findings(synced) == []
    (synced.root / "state" / "state.sqlite").unlink()

    assert (feeds / "news" / "a.atom").exists()
    assert _findings(synced) == []


def test_copies_at_former_addresses_are_compared(synced: Folder, feeds: Path) -> None:
    """After a rename the old address holds the same bytes, and the table leads to the new one; a difference is told."""
    assert synced.here("category", "rename", "news/a", "news/c").returncode == 0
    assert _findings(synced) == []
    (feeds / "news" / "a.atom").write_bytes((feeds / "news" / "b.atom").read_bytes())
    [told] = [one for one in _findings(synced) if not one["is_note"]]

    assert told["place"] == "public/feeds/news/a.atom"
    assert "differs from public/feeds/news/c.atom" in told["text"]


def test_findings_of_one_kind_are_shown_three_times(synced: Folder, feeds: Path) -> None:
    """A file that is wrong all over gives a list that can be read; --json has all of it."""
    text = (feeds / "all.atom").read_text("utf-8")
    (feeds / "all.atom").write_text(text.replace('<content type="html">', '<content type="CDATA">'), "utf-8")
    done = synced.here("check", "feeds")

    assert done.stdout.count("has the type 'CDATA'") == 3
    assert "  ... and 2 more of this kind in that file\n" in done.stdout
    assert "all of them: aggregator check feeds --json" in done.stdout
    assert len(_findings(synced)) == 5


# --- any file --------------------------------------------------------------------------------------------------------


def _outside(tmp_path: Path, content: str | bytes, name: str = "feed.xml") -> tuple[int, list[dict[str, Any]]]:
    """Judge one file from a folder that is no project."""
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    nowhere = Folder.__new__(Folder)
    nowhere.root = tmp_path / "nowhere"
    nowhere.root.mkdir(exist_ok=True)
    done = nowhere.here("check", "feeds", "--json", str(tmp_path / name))
    return done.returncode, json.loads(done.stdout)["findings"]


def test_a_sound_feed_of_somebody_else_has_no_fault(tmp_path: Path) -> None:
    """A valid Atom feed passes outside of any project; what only we demand of feeds is a note."""
    code, found = _outside(tmp_path, _SOUND)

    assert code == 0
    assert {one["is_note"] for one in found} == {True}
    assert any("rel=self" in one["text"] for one in found)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<updated>2026-01-02T03:04:05Z", "<updated>2026-01-02", "RFC 4287 §3.3"),
        ("<author><name>Ada</name></author>", "", "RFC 4287 §4.1.2"),
        ("<id>tag:notes.example,2020:1</id>", "", "RFC 4287 §4.1"),
        ("</feed>", "", "RFC 4287 §2"),
    ],
)
def test_a_fault_of_somebody_else_s_feed_is_told_with_what_to_write(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """The RFC's own demands are faults wherever the feed comes from, and the advice says what to write."""
    code, found = _outside(tmp_path, _SOUND.replace(old, new))

    assert code == 1
    faults = [one for one in found if not one["is_note"]]
    assert {one["rule"] for one in faults} <= {rule, "XML 1.0"}
    assert all(one["advice"] for one in faults)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "neither XML nor JSON"),
        ("<html><body/></html>", "its root is <html>"),
        ("<feed><id>x</id></feed>", "in no namespace, so it is no Atom"),
        ('<feed xmlns="http://purl.org/atom/ns#"/>', "namespace 'http://purl.org/atom/ns#', so it is no Atom"),
        ('<opml version="2.0"><head/><body/></opml>', "the list is empty"),
        (_BOMB + b"]><f>&a8;</f>", "document type declaration"),
    ],
)
def test_any_file_is_judged_by_its_content(tmp_path: Path, content: str | bytes, words: str) -> None:
    """Lists, pages and what is no feed at all are told apart, whatever the file is called."""
    code, found = _outside(tmp_path, content, "anything")

    assert code == 1
    assert any(words in one["text"] for one in found)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes to is told at once, not read."""
    os.mkfifo(tmp_path / "pipe")
    nowhere = Folder(tmp_path / "project")

    done = nowhere.here("check", "feeds", str(tmp_path / "pipe"))

    assert done.returncode == 1
    assert "a pipe, a socket or a device" in done.stdout


def test_wrong_usage_and_a_broken_config_have_codes_of_their_own(folder: Folder) -> None:
    """A file that is not there is wrong usage (2); a project whose configuration cannot be used is 3."""
    assert folder.here("check", "feeds", str(folder.root / "nothing.atom")).returncode == 2
    folder.sources("sources: [")
    assert folder.here("check", "feeds").returncode == 3


# --- all ---------------------------------------------------------------------------------------------------------------


def test_all_checks_say_what_each_would_say(synced: Folder) -> None:
    """`check all` is the configuration, the posts and the feeds; with --json one object on each line."""
    done = synced.here("check", "all")
    assert (done.returncode, [line.partition(":")[0] for line in done.stdout.splitlines()]) == (0, ["config", "posts", "feeds"])
    lines = [json.loads(line) for line in synced.here("check", "all", "--json").stdout.splitlines()]

    assert [sorted(line) for line in lines] == [
        ["categories", "notes", "problems", "sources"],
        ["findings", "posts"],
        ["files", "findings"],
    ]


def test_a_problem_anywhere_is_one_of_all(synced: Folder, feeds: Path) -> None:
    """A feed that is gone is exit 1 and does not keep the posts from being checked; a broken configuration is 3 at once."""
    (feeds / "all.atom").unlink()
    done = synced.here("check", "all")
    assert done.returncode == 1
    assert "posts: 5 posts, no problem\n" in done.stdout
    synced.sources("sources: [")

    done = synced.here("check", "all")
    assert done.returncode == 3
    assert "posts:" not in done.stdout
