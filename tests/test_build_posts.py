"""`build --posts`: unedited old posts follow today's settings, by the command as a user runs it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.changes import Intent
from aggregator.model.renames import NEVER
from aggregator.model.source import Rights, Source
from aggregator.pipeline.rewrite import as_today
from aggregator.store.opening import open_state
from aggregator.store.posts import post_hash
from aggregator.store.state import Batch
from tests.publish_records import bare_item, make_item
from tests.upstream import Folder, Upstream, item, titles, unsealed

SETTINGS = "title: Better title, author: Byline, rights: {note: Ask first}"


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def changed_settings(folder: Folder, upstream: Upstream) -> None:
    """Give the source `a` another category, a title, a byline and a note on rights."""
    folder.sources(
        f"sources:\n  a: {{feed: '{upstream.address}/a', categories: [tech, a], {SETTINGS}}}\n"
        f"  b: {{feed: '{upstream.address}/b', categories: [news, b]}}\n"
    )


def post(folder: Folder, number: int) -> Path:
    [found] = (folder.root / "posts").rglob(f"entry-{number}-*.md")
    return found


def test_old_posts_follow_the_settings_of_today(folder: Folder, upstream: Upstream) -> None:
    """Category, byline, title and note change, nothing else does; entries change feeds, and a second run writes nothing."""
    before = {path: unsealed(text.decode()) for path, text in folder.files("posts").items()}
    changed_settings(folder, upstream)
    done = folder.here("build", "--posts")
    after = {path: unsealed(text.decode()) for path, text in folder.files("posts").items()}
    once = (folder.files(), folder.times())
    again = folder.here("build", "--posts")

    assert done.returncode == 0, done.stderr
    assert "3 posts written anew\n" in done.stderr
    assert after == {
        path: text.replace("- 'news'\n - 'a'", "- 'tech'\n - 'a'")
        .replace("author: 'Upstream'", "author: 'Byline'")
        .replace("title: 'Upstream'", "title: 'Better title'")
        .replace("\nformat: 1", "\nrights: 'Ask first'\nformat: 1")
        .replace("\nundated: true\nrights: 'Ask first'", "\nrights: 'Ask first'\nundated: true")
        if "/a/" in path
        else text
        for path, text in before.items()
    }
    assert titles(folder, "tech/a.atom") == titles(folder, "tech.atom") == ["Entry 3", "Entry 2", "Entry 1"]
    assert titles(folder, "news.atom") == ["Entry 12", "Entry 11"]
    assert "0 posts written anew\n" in again.stderr
    assert (folder.files(), folder.times()) == once


def test_posts_written_anew_still_follow_upstream(folder: Folder, upstream: Upstream) -> None:
    """What upstream changes after that is written as before, and what it does not change is not."""
    changed_settings(folder, upstream)
    folder.here("build", "--posts")
    built = folder.files("posts")
    upstream.feed("/a", item(1, body="<p>Second version.</p>") + item(2) + item(3, dated=False))
    folder.sync("--force")
    after = folder.files("posts")

    assert [path for path in after if after[path] != built[path]] == [f"posts/news/a/{post(folder, 1).name}"]
    assert "Second version." in post(folder, 1).read_text("utf-8")
    assert "- 'tech'" in post(folder, 1).read_text("utf-8")


def test_a_dry_run_only_lists(folder: Folder, upstream: Upstream) -> None:
    """--dry-run names the posts on standard output and writes nothing; without --posts it means nothing."""
    changed_settings(folder, upstream)
    before = (folder.files(), folder.times())
    done = folder.here("build", "--posts", "--dry-run")
    wrong = folder.here("build", "--dry-run")

    assert sorted(done.stdout.splitlines()) == sorted(f"~ news/a/{post(folder, number).name}" for number in (1, 2, 3))
    assert "3 posts would be written anew" in done.stderr
    assert (folder.files(), folder.times()) == before
    assert wrong.returncode == 2


def test_only_the_categories_that_are_named(folder: Folder, upstream: Upstream) -> None:
    """With a category only posts that stand in it, or below, are written; one that there is not is refused."""
    changed_settings(folder, upstream)
    other = folder.here("build", "--posts", "news/b")
    whole = folder.here("build", "--posts", "news")
    unknown = folder.here("build", "--posts", "sports")

    assert "0 posts written anew" in other.stderr
    assert "3 posts written anew" in whole.stderr
    assert (unknown.returncode, "there is no category 'sports'" in unknown.stderr) == (2, True)


def test_edited_posts_stay_as_they_are(folder: Folder, upstream: Upstream) -> None:
    """A post that a hand has put into another form is named and kept byte for byte, known to be edited or not."""
    edited = post(folder, 1)
    edited.write_text(edited.read_text("utf-8").replace("comments: false", "comments: true"), "utf-8")
    folder.here("build")
    fresh = post(folder, 2)
    fresh.write_text(fresh.read_text("utf-8") + "\n\n", "utf-8")
    before = (edited.read_bytes(), fresh.read_bytes())
    changed_settings(folder, upstream)
    done = folder.here("build", "--posts")

    assert (edited.read_bytes(), fresh.read_bytes()) == before
    assert "1 post written anew, 2 kept since edited by hand" in done.stderr
    assert f"news/a/{edited.name}: edited by hand; kept as it is" in done.stderr


def test_posts_that_were_indexed_anew_are_ours_if_they_look_so(folder: Folder, upstream: Upstream) -> None:
    """Without the state that wrote them, posts that are byte for byte what their entries render to are written all the same."""
    folder.here("reindex")
    changed_settings(folder, upstream)

    assert "3 posts written anew\n" in folder.here("build", "--posts").stderr


def test_volantis_posts_and_their_archive_files_go_together(folder: Folder, upstream: Upstream) -> None:
    """What the post cannot hold changes in its archive file, and counts as a change."""
    folder.settings("posts: {profile: volantis}")
    for name in ("posts", "state", "public"):
        shutil.rmtree(folder.root / name)
    folder.sync()
    changed_settings(folder, upstream)
    folder.here("build", "--posts")
    after = folder.files("posts", "archive")

    assert sum(b'"Better title"' in text for path, text in after.items() if path.startswith("archive/")) == 3
    assert sum(b"Byline" in text for path, text in after.items() if path.startswith("posts/")) == 3
    assert "0 posts written anew" in folder.here("build", "--posts").stderr


@pytest.mark.sampled(1)
@pytest.mark.parametrize("then", ["sync", "build", "build --posts"])
def test_a_run_that_died_between_posts_and_state_is_finished(folder: Folder, upstream: Upstream, then: str) -> None:
    """What was written and not yet noted is ours to whatever runs next: nothing is locked, and upstream is followed."""
    changed_settings(folder, upstream)
    _die_after_writing(folder)
    folder.run(*then.split(), *(["--force"] if then == "sync" else []))
    done = folder.here("build", "--posts")
    upstream.feed("/a", item(1, body="<p>Second version.</p>") + item(2) + item(3, dated=False))
    folder.sync("--force")

    assert "by hand" not in done.stderr
    assert "0 posts written anew" in done.stderr
    assert "Second version." in post(folder, 1).read_text("utf-8")
    assert titles(folder, "tech/a.atom") == ["Entry 3", "Entry 2", "Entry 1"]


def _die_after_writing(folder: Folder) -> None:
    """Leave the project as a kill right before the transaction leaves it: posts written, the intent in the old state."""
    shutil.copytree(folder.root / "state", folder.root / "before")
    feeds = folder.files("public")
    folder.here("build", "--posts")
    shutil.rmtree(folder.root / "state")
    (folder.root / "before").rename(folder.root / "state")
    shutil.rmtree(folder.root / "public")
    for path, content in feeds.items():
        (folder.root / path).parent.mkdir(parents=True, exist_ok=True)
        (folder.root / path).write_bytes(content)
    state = open_state("sqlite:///state/state.sqlite", folder.root, create=False).state
    rows = [row for leaf in state.leaves() for row in state.posts(leaf, "", 100)]
    hashes = {row.key: post_hash((folder.root / "posts" / row.path).read_bytes()) for row in rows if "/a/" in row.path}
    intents = {key: Intent(post_hash=value, same_version=True) for key, value in hashes.items()}
    state.save(Batch(intents=intents, open_folders=("news/a",)))
    state.close()


def source(**changes: object) -> Source:
    made: dict[str, object] = {
        "id": "s",
        "feed": "http://s.example/",
        "addresses": ("http://s.example/",),
        "categories": ("x",),
    }
    return Source(**(made | changes))  # type: ignore[arg-type]


def test_what_the_settings_do_not_give_stays() -> None:
    """Without title and byline in the settings upstream's stay; rights that are there are never written over."""
    old = replace(bare_item(1).entry, categories=("x",))
    plain = as_today(old, source(), NEVER)
    noted = as_today(old, source(rights=Rights(note="Mine")), NEVER)
    theirs = as_today(replace(old, rights="Theirs"), source(rights=Rights(note="Mine")), NEVER)

    assert (plain.feed, plain.rights, plain.author) == (old.feed, old.rights, old.feed.title)
    assert (noted.rights, theirs.rights) == ("Mine", "Theirs")


def test_posts_of_removed_sources_stay() -> None:
    """Without its source in the settings nothing of a post changes."""
    old = replace(make_item(1).entry, author="Whoever")

    assert as_today(old, None, NEVER) == old


@pytest.mark.parametrize(("old", "new"), [("- 'a'", "- 'sport'"), ("author: 'Upstream'", "author: 'A person'")])
def test_a_careful_edit_of_what_the_settings_say_stays(folder: Folder, upstream: Upstream, old: str, new: str) -> None:
    """A hand that keeps our form is a hand: what it wrote is not replaced by today's settings, published or not."""
    for number, built in ((1, True), (2, False)):
        place = post(folder, number)
        place.write_text(place.read_text("utf-8").replace(old, new), "utf-8")
        if built:
            folder.here("build")
    edited = {number: post(folder, number).read_bytes() for number in (1, 2)}
    changed_settings(folder, upstream)
    done = folder.here("build", "--posts")

    assert {number: post(folder, number).read_bytes() for number in (1, 2)} == edited
    assert "1 post written anew, 2 kept since edited by hand" in done.stderr
