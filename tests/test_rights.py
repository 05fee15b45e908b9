"""`rights: mode`, from the configuration to the post and the feed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import frontmatter
import pytest
from lxml import etree

from aggregator.model.source import Rights, RightsMode
from tests.parsing import one, rss
from tests.upstream import ATOM, Folder, Page, Upstream

WORDS = "All rights are kept by somebody and this is the whole text of it. " * 20
ITEMS = f"""
<item><title>Whole</title><link>https://x.example/1</link><guid>1</guid><pubDate>Thu, 01 Jan 2026 00:00:00 GMT</pubDate>
<dc:creator>Ann</dc:creator><category>tag</category>
<description>In short: everything.</description>
<content:encoded><![CDATA[<p>{WORDS}</p><img src="https://x.example/in-text.jpg"><video src="https://x.example/v.mp4"></video>]]></content:encoded>
<enclosure url="https://x.example/file.mp3" type="audio/mpeg" length="9"/><media:thumbnail url="https://x.example/thumb.jpg"/></item>
<item><title>Summary alone</title><link>https://x.example/2</link><guid>2</guid><pubDate>Fri, 02 Jan 2026 00:00:00 GMT</pubDate>
<description>Only &lt;b&gt;this&lt;/b&gt;.</description></item>
<item><link>https://x.example/3</link><guid>3</guid><pubDate>Sat, 03 Jan 2026 00:00:00 GMT</pubDate>
<description>{WORDS}</description></item>
"""
DOCUMENT = (
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    f'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Up</title><link>https://x.example/</link>{ITEMS}</channel></rss>'
)


class Published(NamedTuple):
    """What became of the three items: the text of all posts and of the feed, and each read back, newest first."""

    posts: list[frontmatter.Post]
    entries: list[etree._Element]
    all_text: str

    def content(self, number: int) -> str:
        """Return the feed's content of an entry."""
        return str(self.entries[number].findtext("a:content", "", ATOM))

    def links(self, number: int, rel: str) -> list[str | None]:
        """Return an entry's links of one relation."""
        return [link.get("href") for link in self.entries[number].findall(f"a:link[@rel='{rel}']", ATOM)]


def publish(root: Path, rights: str) -> Published:
    """Sync the document with these rights."""
    with Upstream() as upstream:
        upstream.pages["/feed"] = Page(body=DOCUMENT.encode(), headers={"Content-Type": "application/rss+xml"})
        folder = Folder(root / "project")
        folder.sources_at(
            {"up": f"{upstream.address}/feed"}, f", rights: {rights}, cover: {{fallback: 'https://own.example/c.png'}}"
        )
        folder.sync()
    posts = [content.decode() for path, content in folder.files("posts").items() if path.endswith(".md")]
    read = sorted((frontmatter.loads(post) for post in posts), key=lambda post: str(post["link"]), reverse=True)
    feed = folder.files("public")["public/feeds/news/up.atom"]
    return Published(read, etree.fromstring(feed).findall("a:entry", ATOM), "".join(posts) + feed.decode())


@pytest.mark.post_row("D15")
def test_full(tmp_path: Path) -> None:
    """`full` publishes everything that upstream gives, in the post and in the feed."""
    out = publish(tmp_path, "{mode: full, note: © Up}")
    post = out.posts[2]

    assert WORDS.strip() in post.content
    assert WORDS.strip() in out.content(2)
    assert (post["summary"], post["headimg"], post["rights"]) == (
        "In short: everything.",
        "https://x.example/thumb.jpg",
        "© Up",
    )
    assert out.entries[2].findtext("a:summary", None, ATOM) == "In short: everything."
    assert out.links(2, "enclosure") == ["https://x.example/file.mp3"]
    assert "file.mp3" in str(post["enclosures"])


@pytest.mark.post_row("D15")
@pytest.mark.publishes("P21")
def test_excerpt(tmp_path: Path) -> None:
    """`excerpt` publishes 300 characters of plain text and a link, one picture as cover and the files; no summary, no rest."""
    out = publish(tmp_path, "{mode: excerpt, note: © Up}")
    link = '<p><a href="https://x.example/1">https://x.example/1</a></p>'
    post = out.posts[2]

    assert out.content(2).endswith(f"…</p>{link}")
    assert len(out.content(2)) < 300 + len(link) + 10
    assert out.content(2) in post.content
    assert out.content(1) == '<p>Only this.</p><p><a href="https://x.example/2">https://x.example/2</a></p>'
    assert (post.get("summary"), post["headimg"], post["rights"]) == (None, "https://x.example/thumb.jpg", "© Up")
    assert out.links(2, "enclosure") == ["https://x.example/file.mp3"]
    assert out.links(2, "alternate") == ["https://x.example/1"]
    for kept_back in ("In short", "in-text.jpg", "v.mp4", WORDS[:400]):
        assert kept_back not in out.all_text


@pytest.mark.publishes("P21")
def test_link(tmp_path: Path) -> None:
    """`link` publishes title, link, date, people and tags, and of the work itself nothing: no text, picture or file."""
    out = publish(tmp_path, "{mode: link, note: © Up}")
    post = out.posts[2]

    assert [entry.findtext("a:title", "", ATOM) for entry in out.entries[1:]] == ["Summary alone", "Whole"]
    assert len(out.entries[0].findtext("a:title", "", ATOM)) <= 60
    assert [out.content(number) for number in range(3)] == ["", "", ""]
    assert [out.links(number, "alternate") for number in range(3)] == [[f"https://x.example/{number}"] for number in (3, 2, 1)]
    assert (post.get("summary"), post["headimg"], post["rights"]) == (None, "https://own.example/c.png", "© Up")
    assert out.entries[2].findtext("a:author/a:name", None, ATOM) == "Ann"
    assert "tag" in [category.get("term") for category in out.entries[2].findall("a:category", ATOM)]
    for kept_back in ("In short", "in-text.jpg", "v.mp4", "thumb.jpg", "file.mp3", "Only", WORDS[:100]):
        assert kept_back not in out.all_text


def test_an_excerpt_of_a_summary() -> None:
    """Where the text only repeats the title, the excerpt is upstream's summary."""
    body = rss(
        "<item><title>Same</title><description>In &lt;b&gt;short&lt;/b&gt; &amp;amp; well</description>"
        "<content:encoded>Same</content:encoded></item>"
    )

    assert one(body, rights=Rights(mode=RightsMode.EXCERPT)).content == "<p>In short &amp; well</p>"


@pytest.mark.parametrize("mode", ["full", "excerpt", "link"])
def test_a_rights_mode_is_stable(tmp_path: Path, mode: str) -> None:
    """A second sync with the same rights changes no byte."""
    with Upstream() as upstream:
        upstream.pages["/feed"] = Page(
            body=DOCUMENT.encode(), headers={"Content-Type": "application/rss+xml"}, validators=False
        )
        folder = Folder(tmp_path / "project")
        folder.sources_at({"up": f"{upstream.address}/feed"}, f", rights: {{mode: {mode}}}")
        folder.sync()
        before = folder.files()
        folder.sync("--force")

    assert folder.files() == before
