"""A post's bytes -> its front matter as a mapping, and its body. Pure; python-frontmatter and PyYAML do the reading.

Every plain scalar is taken as the text that is written (`title: 2017`, `yes`, `1e3` and dates included), so that what a
person writes by hand is read as a person would read it, and as every YAML version would if it were quoted.
python-frontmatter answers damage with empty metadata; here each such case is a PostFormatError that says what is wrong.
"""

from __future__ import annotations

import re
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from aggregator.store.profiles import PostFormatError
from aggregator.store.profiles.front_ours import read_ours

_OPENING = re.compile(r"-{3,}[^\S\n]*(?=\n)")
_CLOSING = re.compile(r"\n-{3,}[^\S\n]*(?=\n|\Z)")
_CONFLICT = re.compile(r"^<{7}(?: |$)", re.MULTILINE)

#: libyaml's own stack overflows at some 10,000 levels, which kills the process, and costs seconds before; and each value costs
#: a hundred times its two bytes in memory. Both are only looked at where so many characters could make so much of them.
_MAX_DEPTH = 64
_MAX_EVENTS = 50_000
_SUSPICIOUS = 500
_LONG = 64 * 1024

_TAG = "tag:yaml.org,2002:"
_NULL = (f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)\Z"))


def text_loader(base: Any) -> Any:
    """Return a safe loader class that knows text, lists, mappings and null, and nothing else."""
    known = {f"{_TAG}{kind}" for kind in ("str", "seq", "map", "null")} | {None}
    namespace = {
        # `!!merge` keys would be copied out level by level, nine times nine times ...: they are refused as unknown instead.
        "flatten_mapping": lambda _self, _node: None,
        "yaml_implicit_resolvers": {first: [_NULL] for first in ("", "~", "n", "N")},
        "yaml_constructors": {tag: make for tag, make in base.yaml_constructors.items() if tag in known},
    }
    return type(f"Text{base.__name__}", (base,), namespace)


#: libyaml's parser where it is there: eight times as fast, same values (a test compares them).
LOADER = text_loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _TextHandler(YAMLHandler):
    """python-frontmatter's YAML handler with our loader; handed over explicitly, since its guessing can fail silently."""

    def load(self, fm: str, **_: object) -> Any:
        if len(fm) > _LONG or sum(map(fm.count, "[{-?")) > _SUSPICIOUS:
            _check_size(fm)
        return yaml.load(fm, Loader=LOADER)  # noqa: S506 - LOADER knows fewer types than SafeLoader


_HANDLER = _TextHandler()


class NotYamlError(PostFormatError):
    """The front matter is there and cannot be read as YAML."""


def split_front(post: bytes) -> tuple[dict[str, Any], str]:
    """Return the front matter and everything behind its closing fence.

    Raises:
        PostFormatError: the file is damaged, or has no front matter.
    """
    fenced, body = split_fences(post)
    if fenced.startswith("---\n") and fenced.endswith("\n---") and (ours := read_ours(fenced[4:-4])) is not None:
        return ours, body
    try:
        front, _ = frontmatter.parse(fenced, handler=_HANDLER)
    except yaml.YAMLError as error:
        raise NotYamlError(f"the front matter is no YAML: {_one_line(error)}") from error
    except RecursionError as error:
        raise PostFormatError("the front matter is nested too deeply") from error
    if not front:
        raise PostFormatError("the front matter is empty, or a list or a text where keys are expected")
    return front, body


def split_fences(post: bytes) -> tuple[str, str]:
    """Return the front matter as it is written, fences included, and everything behind it.

    Raises:
        PostFormatError: the file is damaged, or has no front matter.
    """
    text = _decoded(post)
    if not text:
        raise PostFormatError("the file is empty")
    opening = _OPENING.match(text)
    if opening is None:
        raise PostFormatError('there is no front matter: the first line is not "---"')
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        raise PostFormatError('the front matter has no closing "---": the file looks cut')
    return text[: closing.end()], text[closing.end() :]


def load_yaml(text: str) -> Any:
    """Return what a YAML file of somebody's holds, as texts, lists, mappings and null.

    Raises:
        PostFormatError: it is no YAML.
    """
    try:
        return _HANDLER.load(text)
    except yaml.YAMLError as error:
        raise PostFormatError(f"it is no YAML: {_one_line(error, '')}") from error
    except RecursionError as error:
        raise PostFormatError("it is nested too deeply") from error


def _check_size(text: str) -> None:
    """Raise RecursionError if the YAML is nested too deeply or holds too much; events come one by one, whatever the depth."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise RecursionError
        if number > _MAX_EVENTS:
            raise PostFormatError("the front matter holds more values than any post of this program")


def _decoded(post: bytes) -> str:
    try:
        text = post.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PostFormatError(f"byte {error.start + 1} is not UTF-8") from error
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "<<<<<<<" in text and (conflict := _CONFLICT.search(text)):
        line = text.count("\n", 0, conflict.start()) + 1
        raise PostFormatError(f"line {line} is a merge conflict's marker: resolve the conflict")
    return text.lstrip()


def _one_line(error: yaml.YAMLError, where: str = " of the front matter") -> str:
    """Say what PyYAML found and on which line of the file (the opening fence is line 1)."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}{where})" if mark is not None else ""
    return " ".join(f"{problem}{place}".split())
