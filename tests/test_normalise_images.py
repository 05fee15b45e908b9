from __future__ import annotations

import pytest

from aggregator.model.parsed import GUESS, HTML, ParsedText
from aggregator.normalise.body import to_html
from aggregator.normalise.images import choose_cover, repair_images
from aggregator.normalise.sanitise import sanitise
from tests.test_normalise_html import assert_safe

BASE = "https://blog.example.org/2021/post.html"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP"


def clean(html: str) -> str:
    """Return what a post would hold."""
    found = to_html(ParsedText(value=html, type=HTML), base=BASE)
    assert_safe(found)
    assert sanitise(found, BASE) == found
    return found


@pytest.mark.parametrize(
    "attributes",
    [
        "src='blank.gif' data-original='https://i.example/a.jpg'",
        f"src='{PIXEL}' data-src='https://i.example/a.jpg' class=lazy",
        "data-src='https://i.example/a.jpg'",
        "src='' data-actualsrc='https://i.example/a.jpg'",
        "src=/static/none.gif zoomfile='https://i.example/a.jpg' file='https://i.example/small.jpg'",
        "src=/static/none.gif file='https://i.example/a.jpg'",
        "src='data:image/svg+xml;utf8,<svg width=\"1\"></svg>' data-lazy-src='https://i.example/a.jpg'",
        "data-ks-lazyload=https://i.example/a.jpg",
        "src='https://i.example/lazyload.png' data-url='https://i.example/a.jpg'",
        "width=1 height=1 data-src='https://i.example/a.jpg'",
        "data-original='true' data-src='https://i.example/a.jpg'",
        "DATA-SRC = \"https://i.example/a.jpg\" data-src='https://i.example/second.jpg'",
        "src='https://i.example/a.jpg' data-url='https://x.example/page/'",
        "src='https://i.example/a.jpg' data-src='{json}'",
        "src='https://i.example/a.jpg' data-src='javascript:alert(1)'",
    ],
)
def test_every_lazy_image_gets_its_address(attributes: str) -> None:
    """Whatever stands in `src` until a script has run gives way to the address the script would have put there."""
    assert clean(f"<img {attributes}>") == '<img src="https://i.example/a.jpg">'


def test_quotes_in_attributes_survive() -> None:
    """An attribute keeps its own quotes when its image is repaired."""
    assert clean("""<img alt='"so"' title="'x'" data-src=/a.jpg>""") == (
        '<img alt="&quot;so&quot;" title="\'x\'" src="https://blog.example.org/a.jpg">'
    )


@pytest.mark.post_row("D30")
@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src='//i.example/a.jpg'>", '<img src="https://i.example/a.jpg">'),
        ("<img data-src='//i.example/a.jpg'>", '<img src="https://i.example/a.jpg">'),
        ("<img srcset='//i.example/a 1x'>", '<img srcset="https://i.example/a 1x" src="https://i.example/a">'),
        (f"<img src='{PIXEL}' srcset='/a 1x'>", '<img src="BLOG:/a" srcset="BLOG:/a 1x">'),
        ("<img src=a srcset='a 1x,b 2x'>", '<img src="BLOG:/2021/a" srcset="BLOG:/2021/a 1x, BLOG:/2021/b 2x">'),
        (
            "<img src=/a srcset='/a,,, /b\t2x ,\n/c 3q, data:x 4x, http://[ 5x, ,'>",
            '<img src="BLOG:/a" srcset="BLOG:/a, BLOG:/b 2x">',
        ),
        (
            "<img src=/a srcset='https://i.example/w_1,h_2/a.jpg 1x,https://i.example/w_3,h_4/a.jpg 2x'>",
            '<img src="BLOG:/a" srcset="https://i.example/w_1,h_2/a.jpg 1x, https://i.example/w_3,h_4/a.jpg 2x">',
        ),
        (
            "<img src=/a srcset='https://i.example/a,https://i.example/b 2x'>",
            '<img src="BLOG:/a" srcset="https://i.example/a, https://i.example/b 2x">',
        ),
        ("<img src=/a srcset='data:x 1x'>", '<img src="BLOG:/a">'),
        (
            "<picture><source data-srcset='/a.webp' type='image/webp'><img data-src='/a.jpg'></picture>",
            '<picture><source type="image/webp" srcset="BLOG:/a.webp"><img src="BLOG:/a.jpg"></picture>',
        ),
        ("<video><source data-src='/a.mp4'></video>", '<video controls=""><source src="BLOG:/a.mp4"></video>'),
    ],
)
@pytest.mark.publishes("R83")
def test_every_address_of_an_image_is_absolute(html: str, expected: str) -> None:
    """Addresses without scheme and host get them, in every candidate; a broken candidate is dropped without the others."""
    assert clean(html).replace("https://blog.example.org", "BLOG:") == expected


@pytest.mark.parametrize(
    "image",
    [
        *("<img>", "<img src=''>", "<img alt='photo' src>", "<img title=x alt='a \"b\"' src='file:///c:/a.jpg'>"),
        *(f"<img src='{PIXEL}'>", "<img src='data:image/svg+xml,<svg onload=alert(1)>' alt=x>", "<img src='http://[bad/'>"),
        *("<img src=/a.gif width=1 height=1>", "<img src=/a.gif width='1px' height='2px'>", "<img src=/a.gif height=0>"),
        *(
            "<img src=/a.gif style='width:1px;height:1px'>",
            "<img src=/a.gif style='border: 0; WIDTH: 0 !important; height:1px'>",
        ),
        "<img src='https://feeds.feedburner.com/~r/Quiet/Harbour/~4/AbC' height=\"1\" width='1' alt=''>",
        "<img src='http://feeds.blog.example/~r/Quiet/~4/AbC'>",
        "<img src='https://pixel.wp.com/b.gif?v=noscript'>",
        "<img src='https://medium.example/_/stat?event=post.clientViewed&amp;post=1'>",
        "<img src='//ad.uk.doubleclick.net/ad/x'>",
        "<img src='https://www.facebook.com/tr?id=1&ev=PageView&noscript=1'>",
        "<noscript><img width=1 height=1 src='https://www.facebook.com/tr?id=1'></noscript>",
        "<img src=/lazy.gif data-src='https://hm.baidu.com/hm.gif?si=1'>",
        "<img src='https://x.example/stats/matomo.php?idsite=1'>",
    ],
)
@pytest.mark.publishes("R84")
def test_images_that_show_nothing_go(image: str) -> None:
    """An image without an address that can be fetched, of one or two pixels, or of a known counter is not in the post."""
    assert clean(f"<p>a{image}b</p>") == "<p>ab</p>"


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://x.example/a.jpg" width="640" height="2">',
        '<img src="https://x.example/a.jpg" width="100%">',
        '<img src="https://x.example/a.jpg" width="2" height="40">',
        '<img src="https://x.example/a.jpg" height="3">',
        '<img src="https://x.example/spacer.gif">',
        '<img src="https://notdoubleclick.example/a.jpg">',
        '<img src="https://x.example/?u=https://ad.doubleclick.net/a">',
        '<img src="https://x.example/~r/photo.jpg">',
    ],
)
def test_images_that_may_show_something_stay(image: str) -> None:
    """A small, thin or oddly named image is not taken for a counter, and comes out byte for byte."""
    assert clean(image) == image


def test_a_data_address_of_three_megabytes() -> None:
    """No data: address lands in a post, however long, and the picture behind it is found if there is one."""
    huge = f"data:image/png;base64,{'A' * 3_000_000}"

    assert clean(f"<p>a<img src='{huge}'>b</p>") == "<p>ab</p>"
    assert clean(f"<img src={huge} data-src=/a.jpg>") == '<img src="https://blog.example.org/a.jpg">'
    assert clean(f"<img src=/a.jpg data-src='{huge}' srcset='{huge} 2x, /b.jpg 3x'>") == (
        '<img src="https://blog.example.org/a.jpg" srcset="https://blog.example.org/b.jpg 3x">'
    )


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<img data-src='/a.jpg'><noscript><img src='/a.jpg'></noscript>", ["/a.jpg"]),
        ("<noscript><img src='/b.jpg' data-original='/r.jpg'></noscript><img data-original='/r.jpg' data-actualsrc='/b.jpg'>",
         ["/r.jpg"]),
        ("<div><img data-src='/a.jpg'></div><p>x</p><noscript><img src='/a.jpg'></noscript>", ["/a.jpg"]),
        ("<img src='/a-300.jpg'> <noscript><img src='/a.jpg'></noscript>", ["/a-300.jpg"]),
        ("<noscript><img src='/a.jpg'></noscript>\n<img src='/a-300.jpg'>", ["/a-300.jpg"]),
        ("<img src='/blank.gif'><noscript><img src='/a.jpg'></noscript>", ["/a.jpg"]),
        (f"<img src='{PIXEL}'><noscript><img src='/a.jpg'></noscript>", ["/a.jpg"]),
        ("<noscript><img src='/a.jpg'></noscript><img class=lazy>", ["/a.jpg"]),
        ("<img src='/other.jpg'><p>x</p><noscript><img src='/only.jpg'></noscript>", ["/other.jpg", "/only.jpg"]),
        ("<img src='/1.jpg'><p>x</p><noscript><p>y</p></noscript>", ["/1.jpg"]),
        ("<noscript><img src='/1.jpg'></noscript><noscript><img src='/2.jpg'>", ["/1.jpg", "/2.jpg"]),
    ],
)  # fmt: skip
def test_each_picture_is_shown_once(html: str, shown: list[str]) -> None:
    """A copy for readers without scripts goes where its picture is shown anyway, and only there."""
    found = clean(html)

    assert [part.split('"')[0] for part in found.split('src="https://blog.example.org')[1:]] == shown
    assert ("<p>y</p>" in found) == ("<p>y</p>" in html)


@pytest.mark.sampled(3)
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<noscript ",
            "<noscript>",
            "<img><noscript><img src=a></noscript>",
            "<img src='",
            "<img ''",
            "<img a=\"'",
            "<img data-src",
        ),
        *("<img src=a style='width:", "<source ", "<img srcset=',", "<img srcset=a,", "<img src=//a.", "<img src=/pixel"),
        *("<img src='/blank", "</noscript ", "<img\n", "<img data-src=a>", "<img src=a width=1>", "<img 'a'\"b\""),
    ],
)
def test_a_megabyte_of_images_does_not_stall(piece: str) -> None:
    """A megabyte of one opened thing is repaired in time that grows with its length, not with its square."""
    html = f"<img data-src=x></noscript>{piece * (1_000_000 // len(piece))}"

    repair_images(html)
    repair_images(f"<img data-src='{html}'><img src='//{piece * (1_000_000 // len(piece))}'>")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["<noscript ", "<img srcset=',a", "<img alt=a>"])
def test_a_megabyte_of_images_is_cleaned(piece: str) -> None:
    """What is left of such a megabyte is safe."""
    assert_safe(to_html(ParsedText(value=piece * (1_000_000 // len(piece)), type=GUESS), base=BASE))


@pytest.mark.post_row("D34")
@pytest.mark.parametrize(
    ("candidates", "html", "cover"),
    [
        (["https://i.example/thumb.jpg"], "<img src='/text.jpg'>", "https://i.example/thumb.jpg"),
        (["https://i.example/p/undefined", "https://i.example/b.jpg"], "", "https://i.example/b.jpg"),
        (["https://i.example/p/undefined"], "<img src='/text.jpg'>", "https://blog.example.org/text.jpg"),
        ([], "<img src='https://www.zhihu.com/equation?tex=x'><img src='/text.jpg'>", "https://blog.example.org/text.jpg"),
        ([], "<img src='/badge/dl.png'><img src='/icons/rss.png'>", None),
        ([], "<img src='/strip.png' width=1080 height=167>", None),
        (
            [],
            f"<img src='{PIXEL}'><img src='/a.jpg' width=1 height=1><img data-src='/real.jpg'>",
            "https://blog.example.org/real.jpg",
        ),
        ([], "", None),
    ],
)
def test_no_junk_becomes_a_cover(candidates: list[str], html: str, cover: str | None) -> None:
    """A picture that came with the entry goes first; formulas, badges, dividers and placeholders are none."""
    assert choose_cover(candidates, sanitise(repair_images(html), BASE)) == cover
