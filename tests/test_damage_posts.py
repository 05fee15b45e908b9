"""Posts that were damaged, many ways at once: each is named and left, and the rest goes on being published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.damage import Copies, synced
from tests.upstream import Folder, Upstream, item, titles

#: What happens to a post -> what is said of it.
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "emptied": (lambda _: b"", "is empty"),
    "zeros": (lambda post: bytes(len(post)), '"---"'),
    "cut in its front matter": (lambda post: post[:60], "looks cut"),
    "cut in its text": (lambda post: post[:-12], "looks cut"),
    "a conflict": (lambda post: post.replace(b"<p>", b"<<<<<<< HEAD\n<p>a</p>\n=======\n<p>"), "conflict"),
    "a program": (lambda post: post.replace(b"comments: false", b"comments: !!python/object/apply:os.getcwd []"), "no YAML"),
    "no date": (lambda post: post.replace(b"date: ", b"date: the day before "), "date"),
    "no title": (lambda post: post.replace(b"title: ", b"titel: ", 1), "title"),
    "other encoding": (lambda post: post.replace(b"Text of", b"T\xe9xt of"), "UTF-8"),
    "another id": (lambda post: post.replace(b"id: 'entry-", b"id: 'other-"), "the key in its name is not that of its id"),
}
#: What leaves a post what it was, or makes it a hand's.
HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "BOM": lambda post: b"\xef\xbb\xbf" + post,
    "CRLF": lambda post: post.replace(b"\n", b"\r\n"),
    "an alias bomb": lambda post: post.replace(
        b"---\ntitle",
        b"---\nx0: &x0 [a]\n"
        + b"".join(b"x%d: &x%d [%s]\n" % (n, n, b", ".join([b"*x%d" % (n - 1)] * 9)) for n in range(1, 30))
        + b"title",
        1,
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with Upstream() as upstream:
        upstream.feed("/a", "".join(item(number) for number in range(30)))
        folder = Folder(tmp_path / "project")
        folder.sources_at({"a": f"{upstream.address}/a"})
        folder.sync()
        yield folder


@pytest.mark.post_row("R53")
def test_damaged_posts_are_named_and_the_rest_is_published(folder: Folder) -> None:
    """`build` names each with its reason, changes none, and publishes all others; what reads the same is told as edited."""
    posts = {number: next((folder.root / "posts/news/a").glob(f"entry-{number}-*.md")) for number in range(30)}
    reasons = {}
    for number, (change, reason) in enumerate(DAMAGE.values()):
        posts[number].write_bytes(change(posts[number].read_bytes()))
        reasons[posts[number].name] = reason
    for number, harmless in enumerate(HARMLESS.values(), start=len(DAMAGE)):
        posts[number].write_bytes(harmless(posts[number].read_bytes()))
    before = folder.files("posts")
    done = folder.here("build")

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    for name, reason in reasons.items():
        assert any(name in line and reason in line for line in done.stderr.splitlines()), f"{name}: {reason}"
    assert folder.files("posts") == before
    assert sorted(titles(folder, "all.atom")) == sorted(f"Entry {number}" for number in range(len(DAMAGE), 30))


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    with synced(tmp_path_factory.mktemp("damage")) as made:
        yield made


@pytest.mark.post_row("R53", "R63")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("change", [*HARMLESS, *DAMAGE])
def test_a_damaged_post_survives_the_loss_of_the_state(copies: Copies, change: str) -> None:
    """Without a state it is still left as it is, or was a beginning of our own post and is whole again; nothing comes twice."""
    folder = copies.get()
    [post] = (folder.root / "posts/news/b").glob("entry-11-*.md")
    whole = post.read_bytes()
    damaged = (HARMLESS.get(change) or DAMAGE[change][0])(whole)
    post.write_bytes(damaged)
    (folder.root / "state" / "state.sqlite").unlink()
    done = folder.run("sync", "--force")

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert post.read_bytes() == (whole if whole.startswith(damaged.rstrip(b"\0")) else damaged)
    assert len(folder.files("posts")) == 5
