"""Two versions of one entry -> whether a reader would call them the same. Pure.

What differs from poll to poll without anybody having edited it is noise: white space, the order of attributes, classes and
tags, ids within the text, tracking and nonces in addresses, http for https, counters and ages that stand for themselves
("123 views", "阅读 1234", "3 hours ago"). Everything else is an edit; in doubt it is one. A number in a sentence is text.

Both versions are walked side by side, so that only what differs is looked at closely. Runs only where the bytes differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from aggregator.model.entry import Entry, Episode
from aggregator.model.links import comparable

_TOKEN = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*/?>')
_ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
_SPACES = re.compile("(?:[\\s\u200b\ufeff]|&nbsp;)+")
_MARK = "\x02"  #: stands for an inline tag in a run of text; no text of ours holds it
_AROUND_MARKS = re.compile(f" ?({_MARK}) ?")
#: Tags that stand within a run of text; all others end one.
_INLINE = frozenset(
    {
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
    }
    | {"q", "s", "samp", "small", "source", "strike", "strong", "sub", "sup", "time", "track", "tt", "u", "var", "wbr"}
)
_TRANSPARENT = frozenset({"span"})  #: says nothing: the sanitiser took its style
_NAMES_OF_PLACES = frozenset({"id", "headers"})  #: attributes that name places in the text; nothing of it is shown
_FILES = frozenset({"src", "poster"})

_NUMBER = r"\d[\d,.\u00a0 ]{0,12}(?<![\s,.])\s?(?:[kKmMwW万亿千]\b\+?|[万亿千]\+?|\+)?"
_COUNTED = (
    r"(?:views?|comments?|replies|reply|likes?|shares?|retweets?|阅读(?:量|数)?|浏览(?:量|数|次数)?|点击(?:量|数|率)?|评论(?:量|数)?"
    r"|回复(?:数)?|点赞(?:数)?|赞|收藏(?:量|数)?|转发(?:量|数)?|播放(?:量|数|次数)?|人气|热度|围观)"
)
_COUNTER = (
    rf"(?:{_COUNTED}\s*[:：]?\s*{_NUMBER}\s?(?:次|人|条|个)?"
    rf"|{_NUMBER}\s?(?:次|人|条|个|人次)?\s?{_COUNTED}"
    rf"|#?\s?(?:points?|score|votes?|comments?)\s*[:：]\s*{_NUMBER})"
)
_AGE = (
    r"(?:\d{1,3}\s?(?:秒钟?|分钟?|个?小时|天|日|周|星期|个月|年)之?前|刚刚"
    r"|(?:about |an? |\d{1,3} )(?:sec(?:ond)?|min(?:ute)?|hour|day|week|month|year)s? ago|just now)"
)
#: A piece of text that says nothing but how often, or how long ago.
_COUNTING = re.compile(rf"\W*(?:(?:{_COUNTER}|{_AGE})\W*){{1,6}}", re.IGNORECASE)
_LONGEST_COUNTER = 160  #: characters; a longer piece says more than how often
_COUNT_IN_BRACKETS = re.compile(rf"({_COUNTED})\s?[(（]\s?({_NUMBER})\s?[)）]", re.IGNORECASE)
#: What separates pieces of text. A comma within a number does not.
_SEPARATOR = re.compile(r"[|｜·•()（）\[\]【】、，；]|\s[-–—/]\s|[,;]\s")

_ADDRESS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_FILE_NAME = re.compile(r"/[^/]+\.[a-z0-9]{2,5}\Z", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_RANDOM = re.compile(r"(?=.*\d)[0-9A-Za-z_-]{8,}={0,2}\Z")
#: Parameters that name what is read, however random their values look.
_NAMING = re.compile(r"(?:.*id|p|page|post|article|story|key|slug|path|url|q|v|t)\Z", re.IGNORECASE)


def same_for_readers(new: Entry, old: Entry) -> bool:
    """Tell whether two versions of an entry differ in noise only; what is the owner's, and dates, are not looked at."""
    return (
        same_text(new.title, old.title)
        and _same_optional(new.link, old.link)
        and _same_html(new.content, old.content)
        and _same_cover(new, old)
        and same_text(new.summary or "", old.summary or "")
        and frozenset(new.tags) == frozenset(old.tags)
        and frozenset(new.authors) == frozenset(old.authors)
        and (new.language, new.rights) == (old.language, old.rights)
        and _same_files(new, old)
        and _same_episode(new.episode, old.episode)
    )


def same_text(new: str, old: str) -> bool:
    """Tell whether two texts differ in white space and counters only."""
    if new == old:
        return True
    return _same_run(_SPACES.sub(" ", new).strip(), _SPACES.sub(" ", old).strip())


def same_address(new: str, old: str, *, file: bool = False) -> bool:
    """Tell whether two addresses lead to the same: of a `file` with a name, the query and a numbered host say nothing."""
    if new == old or comparable(new, nonces=True) == comparable(old, nonces=True):
        return True
    found = _ADDRESS.fullmatch(comparable(new, nonces=True).replace("//", "https://", 1))
    before = _ADDRESS.fullmatch(comparable(old, nonces=True).replace("//", "https://", 1))
    if found is None or before is None:
        return False
    _, host, path, query, fragment = found.groups(default="")
    _, old_host, old_path, old_query, old_fragment = before.groups(default="")
    if file:
        host, old_host = _one_of_many(host), _one_of_many(old_host)
    if host != old_host or path != old_path:
        return False
    if file and _FILE_NAME.search(path):
        return True
    same_place = fragment == old_fragment or _random(fragment, old_fragment)
    return same_place and _same_query(query.replace("&amp;", "&"), old_query.replace("&amp;", "&"))


def _one_of_many(host: str) -> str:
    """Return the name of a server that is one of a numbered row."""
    first, dot, rest = host.partition(".")
    return f"{_DIGITS.sub('0', first)}{dot}{rest}"


def _same_query(new: str, old: str) -> bool:
    pairs, before = (sorted(part.partition("=")[::2] for part in query.split("&") if part) for query in (new, old))
    if [name for name, _ in pairs] != [name for name, _ in before]:
        return False
    return all(
        value == old_value or (not _NAMING.match(name) and _random(value, old_value))
        for (name, value), (_, old_value) in zip(pairs, before, strict=True)
    )


def _random(new: str, old: str) -> bool:
    return _RANDOM.match(new) is not None and _RANDOM.match(old) is not None


def _same_optional(new: str | None, old: str | None, *, file: bool = False) -> bool:
    if new is None or old is None:
        return new is old
    return same_address(new, old, file=file)


def _same_cover(new: Entry, old: Entry) -> bool:
    return _same_optional(new.cover, old.cover, file=True)


def _same_files(new: Entry, old: Entry) -> bool:
    if len(new.enclosures) != len(old.enclosures):
        return False
    return all(
        same_address(one.href, other.href, file=True)
        and (one.type, one.length, one.title) == (other.type, other.length, other.title)
        for one, other in zip(new.enclosures, old.enclosures, strict=True)
    )


def _same_episode(new: Episode | None, old: Episode | None) -> bool:
    if new is None or old is None:
        return new is old
    return replace(new, image=None) == replace(old, image=None) and _same_optional(new.image, old.image, file=True)


# -- HTML --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Walk:
    """A fragment as a reader meets it: runs of text, and all tags in order."""

    runs: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)  #: name ("/p" where one ends), attributes
    shape: list[str] = field(default_factory=list)  #: "" for a run, else the tag that ended it


def _same_html(new: str, old: str) -> bool:
    if new == old:
        return True
    one, other = _walk(new), _walk(old)
    return (
        one.shape == other.shape
        and len(one.tags) == len(other.tags)
        and all(map(_same_run, one.runs, other.runs))
        and all(map(_same_tag, one.tags, other.tags))
    )


def _walk(html: str) -> _Walk:
    walk = _Walk()
    run: list[str] = []
    verbatim = False

    def end_run() -> None:
        text = "".join(run)
        text = text if verbatim else _AROUND_MARKS.sub(r"\1", _SPACES.sub(" ", text)).strip()
        run.clear()
        if text:
            walk.shape.append("")
            walk.runs.append(text)

    at = 0
    for token in _TOKEN.finditer(html):
        run.append(html[at : token.start()])
        at = token.end()
        closing, name, rest = token.groups()
        if name in _TRANSPARENT:
            continue
        attributes = dict(_ATTRIBUTE.findall(rest))
        if name == "img" and attributes.get("width") in {"0", "1"} and attributes.get("height") in {"0", "1"}:
            continue  # nobody sees it
        tag = closing + name
        if name in _INLINE:
            run.append(_MARK)
        else:
            end_run()
            verbatim = tag == "pre" or (verbatim and tag != "/pre")
            walk.shape.append(tag)
        walk.tags.append((tag, attributes))
    run.append(html[at:])
    end_run()
    return walk


def _same_run(new: str, old: str) -> bool:
    """Tell whether two runs of text are the same but for pieces that only count."""
    if new == old:
        return True
    pieces, before = (_SEPARATOR.split(_COUNT_IN_BRACKETS.sub(r"\1 \2", text)) for text in (new, old))
    return len(pieces) == len(before) and all(map(_same_piece, pieces, before))


def _same_piece(new: str, old: str) -> bool:
    if new == old:
        return True
    new, old = new.replace(_MARK, ""), old.replace(_MARK, "")
    if len(new) > _LONGEST_COUNTER or len(old) > _LONGEST_COUNTER:
        return False
    return _COUNTING.fullmatch(new) is not None and _COUNTING.fullmatch(old) is not None


def _same_tag(new: tuple[str, dict[str, str]], old: tuple[str, dict[str, str]]) -> bool:
    if new == old:
        return True
    (name, attributes), (old_name, before) = new, old
    names = attributes.keys() - _NAMES_OF_PLACES
    if name != old_name or names != before.keys() - _NAMES_OF_PLACES:
        return False
    return all(_same_value(attribute, attributes[attribute], before[attribute]) for attribute in names)


def _same_value(name: str, new: str, old: str) -> bool:
    if new == old:
        return True
    if name in {"href", "cite"}:
        return same_address(new, old)
    if name in _FILES:
        return same_address(new, old, file=True)
    if name == "srcset":
        return _same_candidates(new.split(", "), old.split(", "))
    if name == "class":
        return sorted(new.split()) == sorted(old.split())
    return name in {"alt", "title"} and same_text(new, old)


def _same_candidates(new: Iterable[str], old: Iterable[str]) -> bool:
    pairs, before = ([candidate.partition(" ")[::2] for candidate in candidates] for candidates in (new, old))
    return len(pairs) == len(before) and all(
        size == old_size and same_address(address, old_address, file=True)
        for (address, size), (old_address, old_size) in zip(pairs, before, strict=True)
    )
