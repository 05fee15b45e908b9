"""Rows D2, D10, D13, D14, D30 to D35, D46: covers, pictures and dates, from the feed to the posts and feeds of two projects."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pytest

from aggregator.store.profiles.dates import parse_date
from tests.play import Play, once
from tests.test_families_text import content_of, matters, rss
from tests.upstream import ATOM, Folder, Upstream, item

MIXED = (
    '<p>a</p><img src="http://plain.example/1.jpg"><img src="https://safe.example/2.jpg?u=http://x.example/&amp;s=a%20b#pic_center">'
    '<img src="//half.example/3.jpg"><img src="/4.jpg"><iframe src="http://film.example/"></iframe><audio src="http://sound.example/5.mp3">'
    '</audio><video src="http://plain.example/6.mp4" poster="https://safe.example/7.jpg"></video>'
)
#: Where readers would be sent to by the first generator of such posts.
STRANGERS = ("cors.", "picsum", "workers.dev", "images.weserv", "wp.com", "proxy")


def _of(played: Play, title: str) -> str:
    return content_of(played, title)


@pytest.mark.post_row("D30", "D31", "D32", "D33")
def test_every_picture_keeps_its_own_address(tmp_path: Path) -> None:
    """One http picture among others changes none of them; query and fragment stay; nobody's proxy stands in between."""
    played = once(tmp_path, {"a": rss(f"<title>Mixed</title><description>{escape(MIXED)}</description>")})
    content = _of(played, "Mixed")

    assert re.findall(r'(?:src|poster)="([^"]*)"', content) == [
        "http://plain.example/1.jpg",
        "https://safe.example/2.jpg?u=http://x.example/&amp;s=a%20b#pic_center",
        "https://half.example/3.jpg",
        "https://harbour.example/4.jpg",
        "http://sound.example/5.mp3",
        "http://plain.example/6.mp4",
        "https://safe.example/7.jpg",
    ]
    [matter] = matters(played).values()
    assert matter["headimg"] == matter["thumbnail"] == "http://plain.example/1.jpg"
    assert not any(stranger in file.decode().lower() for file in played.files().values() for stranger in STRANGERS)


#: Title -> what stands in the entry, and the cover that comes of it (None: none).
COVERS: dict[str, tuple[str, str | None]] = {
    "apostrophe": ("""<img src="https://a.example/it's.jpg">""", "https://a.example/it's.jpg"),
    "quotes": ("""<img src='https://a.example/"x".jpg'>""", "https://a.example/%22x%22.jpg"),
    "breakout": (
        """<img src="https://a.example/x.jpg&quot; onerror=&quot;alert(1)">""",
        "https://a.example/x.jpg%22%20onerror=%22alert(1)",
    ),
    "markup": ("""<img src="https://a.example/<script>'{{x}}.jpg">""", "https://a.example/%3Cscript%3E'%7B%7Bx%7D%7D.jpg"),
    "no address": ("<img><img src=''><img src=' '>", None),
    "script": ("<img src='javascript:alert(1)'><img src='data:image/png;base64,AA=='><img src='file:///etc/x.png'>", None),
    "undefined": (
        "<img src='https://www.jianshu.example/p/undefined'><img src='https://a.example/1.jpg'>",
        "https://a.example/1.jpg",
    ),
    "formula": ("<img src='https://a.example/equation?tex=x'>", None),
    "counter": ("<img src='https://a.example/pixel.gif' width='1' height='1'>", None),
    "strip": (
        "<img src='https://a.example/strip.png' width='1080' height='167'><img src='https://a.example/2.jpg'>",
        "https://a.example/2.jpg",
    ),
    "none": ("<p>No picture.</p>", None),
}


@pytest.mark.post_row("D2", "D10", "D34", "D35")
def test_a_cover_is_a_picture_or_nothing_and_the_same_every_time(tmp_path: Path) -> None:
    """No cover is made up, drawn by chance or taken from what is no picture, and a second project has the same bytes."""
    items = [
        f"<title>{name}</title><description>{escape(f'<p>Text.</p>{html}')}</description>" for name, (html, _) in COVERS.items()
    ]
    first = once(tmp_path / "first", {"a": rss(*items)})
    second = once(tmp_path / "second", {"a": rss(*items)})

    found = {str(matter["title"]): matter for matter in matters(first).values()}
    assert {name: matter.get("headimg") for name, matter in found.items()} == {
        name: cover for name, (_, cover) in COVERS.items()
    }
    assert all(matter.get("headimg") == matter.get("thumbnail") for matter in found.values())
    posts = [{path: file for path, file in each.files().items() if path.startswith("posts/")} for each in (first, second)]
    assert posts[0] == posts[1]
    assert not any(word in file for file in posts[0].values() for word in (b"javascript:", b"file:", b"data:", b"onerror=&"))


@pytest.mark.post_row("D11", "D13", "D14")
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/St_Johns"])
def test_the_machines_zone_leaves_no_mark_on_a_date(tmp_path: Path, zone: str) -> None:
    """Whatever zone a machine is in: every date line is one instant in GMT, in one form, and that of the feed."""
    dates = (
        "Sat, 11 Sep 2021 00:22:19 GMT",
        "2021-09-11T08:22:19+08:00",
        "2021-09-11 00:22:19",
        "11 Sep 21 00:22 UT",
        "Invalid Date",
        None,
    )
    with Upstream() as upstream:
        items = "".join(
            item(number, dated=False).replace("</item>", f"<pubDate>{date}</pubDate></item>" if date else "</item>")
            for number, date in enumerate(dates)
        )
        upstream.feed("/a", items)
        folder = Folder(tmp_path / "project")
        folder.sources_at({"a": f"{upstream.address}/a"})
        folder.sync(TZ=zone, SOURCE_DATE_EPOCH="1767225600")

    lines = {
        path.rpartition("/")[2].split("-")[1]: re.findall(rb"^(?:date|updated): (.*)$", post, re.MULTILINE)
        for path, post in folder.files("posts").items()
    }
    assert {number: line.decode() for number, [line] in lines.items()} == {
        "0": "Sat, 11 Sep 2021 00:22:19 GMT",
        "1": "Sat, 11 Sep 2021 00:22:19 GMT",
        "2": "Sat, 11 Sep 2021 00:22:19 GMT",
        "3": "Sat, 11 Sep 2021 00:22:00 GMT",
        "4": "Thu, 01 Jan 2026 00:00:00 GMT",
        "5": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
    assert all(parse_date(line.decode()) is not None for [line] in lines.values())


@pytest.mark.post_row("D15", "D17", "D46")
def test_a_post_and_its_feed_say_where_it_came_from(tmp_path: Path) -> None:
    """One article of two sources is a post of each with its own page, people and rights, and one entry of the common feed."""
    inside = "<title>Shared</title><dc:creator>Ann</dc:creator><category>Boats</category><description>A text.</description>"
    document = rss(inside, head="<copyright>© Harbour</copyright>").replace(">e1<", ">https://harbour.example/id/1<")
    played = once(tmp_path, {"a": document, "b": document.replace("<title>Harbour</title>", "<title>Mirror</title>")})

    for name, title in (("a", "Harbour"), ("b", "Mirror")):
        found = played.entry(name)
        assert (found.link, found.feed.title, found.feed.link) == (
            "https://harbour.example/1",
            title,
            "https://harbour.example/",
        )
        assert ([person.name for person in found.authors], [tag.term for tag in found.tags]) == (["Ann"], ["Boats"])
        assert (found.rights, found.author) == ("© Harbour", title)
    [published] = played.published().values()
    assert published.findtext("a:source/a:title", "", ATOM) == "Harbour"
    assert next(link.get("href") for link in published.iterfind("a:link", ATOM)) == "https://harbour.example/1"
