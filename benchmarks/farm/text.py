"""Invented text in Latin and Chinese script: words, titles and bodies of HTML.

In: a random generator. Out: strings. The vocabulary is large enough that gzip gains about what it gains on news.
"""

from __future__ import annotations

from itertools import chain
from random import Random

_ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "v")
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_CODAS = ("", "", "l", "n", "nd", "r", "s", "st", "t", "m")
_CHARACTERS = (
    "一乙二十丁七人入八九几儿了力乃刀又三于干亏士工土才寸下大丈与万上小口巾山千乞川亿个勺久凡及夕丸么广门义之尸弓己已子卫也女飞刃习马乡丰王井开夫天元无云扎艺木五支厅不太犬区历尤友匹车巨牙屯比互切瓦止少日中冈贝内水"
    "见午牛手毛气升长仁什片仆化仇币仍仅斤爪反介父从今凶分乏公仓月氏勿风欠丹匀乌勾六文方火为斗忆订计户认心尺引丑巴孔队办以允予双书幻玉示末未击打巧正功扔去甘世古节本术可丙左厉石布龙平灭轧东卡北占业旧帅归目旦且叮叶甲"
    "申号电田由史只央兄叼叫另叹四生失禾丘付仗代仙们仪白仔他斥瓜乎丛令用甩印乐句匆册犯外处冬鸟务包饥主市立闪兰半汁汇头汉宁穴它讨写让礼训必议讯记永司尼民出辽奶奴加召皮边发孕圣对台矛纠母幼丝式刑动扛寺吉扣考托老执巩圾"
)
_LATIN_WORDS, _CHINESE_WORDS = 600, 400


def _make_latin(random: Random) -> tuple[str, ...]:
    def syllable() -> str:
        return random.choice(_ONSETS) + random.choice(_NUCLEI) + random.choice(_CODAS)

    return tuple("".join(syllable() for _ in range(random.choice((1, 2, 2, 3)))) for _ in range(_LATIN_WORDS))


def _make_chinese(random: Random) -> tuple[str, ...]:
    return tuple("".join(random.choices(_CHARACTERS, k=random.choice((1, 2, 2, 2, 3)))) for _ in range(_CHINESE_WORDS))


#: The vocabulary is the same for every farm: the seed of a farm draws from it.
LATIN = _make_latin(Random("latin"))
CHINESE = _make_chinese(Random("chinese"))
_LINK, _IMAGE, _LIST = 0.45, 0.2, 0.12  #: shares of the blocks that carry one
_AMPERSAND = 0.1  #: share of the titles


def make_title(random: Random, *, chinese: bool) -> str:
    """Make a title of 4 to 12 words; some carry an ampersand, which every format must escape."""
    words = random.choices(CHINESE if chinese else LATIN, k=random.randint(4, 12))
    if random.random() < _AMPERSAND:
        words.insert(2, "&")
    return "".join(words) if chinese else " ".join(words).capitalize()


def make_sentence(random: Random, *, chinese: bool) -> str:
    """Make a sentence of 6 to 18 words."""
    count = random.randint(6, 18)
    if chinese:
        words = random.choices(CHINESE, k=count)
        return "".join(words[: count // 2]) + "，" + "".join(words[count // 2 :]) + "。"
    return " ".join(random.choices(LATIN, k=count)).capitalize() + "."


def make_body(random: Random, *, chinese: bool, site: str, size_bytes: int) -> str:
    """Make HTML of about `size_bytes`: paragraphs, links, pictures, lists, absolute addresses and relative ones."""
    parts: list[str] = []
    length = 0
    while length < size_bytes:
        part = _make_block(random, chinese=chinese, site=site)
        parts.append(part)
        length += len(part.encode())
    return "\n".join(parts)


def _make_block(random: Random, *, chinese: bool, site: str) -> str:
    if random.random() < _LIST:
        items = "".join(f"<li>{make_sentence(random, chinese=chinese)}</li>" for _ in range(random.randint(2, 4)))
        return f"<ul>{items}</ul>"
    sentences = [make_sentence(random, chinese=chinese) for _ in range(random.randint(1, 4))]
    if random.random() < _LINK:
        place = random.randrange(len(sentences))
        link = f'<a href="{_make_address(random, site, "html")}" target="_blank" rel="noopener noreferrer">'
        tag = random.choice((link, link, "<strong>", "<em>"))
        sentences[place] = f"{tag}{sentences[place]}</{tag[1:].split(' ')[0].rstrip('>')}>"
    block = f"<p>{''.join(sentences) if chinese else ' '.join(sentences)}</p>"
    if random.random() < _IMAGE:
        source = _make_address(random, site, "jpg")
        image = (
            f'<img loading="lazy" decoding="async" class="aligncenter size-large" src="{source}" alt="" width="640" '
            f'height="360" srcset="{source} 640w, {source}?w=320 320w" sizes="(max-width: 640px) 100vw, 640px">'
        )
        block = f'<figure class="image">{image}</figure>{block}'
    return block


def _make_address(random: Random, site: str, suffix: str) -> str:
    path = "/".join(chain((str(random.randint(2010, 2025)),), random.choices(LATIN, k=2)))
    return f"{random.choice((site, site, '', '..'))}/{path}.{suffix}"
