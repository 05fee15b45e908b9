"""A page's records, what all pages share, and the owner's theme -> HTML. Pure; equal records give equal bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)

from aggregator.errors import ConfigError, Problem
from aggregator.model.page import EntryPage, FeedsPage, Frame, ListPage, LostPage, MovedPage, Page, SourcePage, StatusPage
from aggregator.pages.theme import EXTRA_STYLE, STYLE, Theme
from aggregator.pages.view import View

_OURS = Theme()
_TEMPLATES = {
    ListPage: "list.html",
    EntryPage: "entry.html",
    SourcePage: "source.html",
    StatusPage: "status.html",
    FeedsPage: "feeds.html",
    LostPage: "lost.html",
    MovedPage: "moved.html",
}
#: Characters that no HTML document may hold (HTML §13.2.3.5), and halves of surrogate pairs.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BLANK = re.compile(r"\n\s*\n")
_HASH_CHARACTERS = 12
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'("[^"\n]*")')
_SPLIT = re.compile(r"\s+")
_AROUND = re.compile(r" ?([{};>]) ?")
_BEHIND = re.compile(r"([:,]) ")  # in front of a colon a blank may stand for any descendant


def render(page: Page, frame: Frame, *, theme: Theme | None = None) -> bytes:
    """Return the HTML of a page.

    Raises:
        ConfigError: a template of the theme is broken; the place is relative to the theme's folder.
    """
    theme = theme or _OURS
    name = _TEMPLATES[type(page)]
    if isinstance(page, ListPage) and page.query is not None:
        name = "search.html"
    view = View(page, frame, style=stylesheet(theme)[0], script=script()[0])
    try:
        text = _environment(theme).get_template(name).render(page=page, frame=frame, v=view, t=view.say)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        if not theme.files:
            raise  # a fault of ours
        raise _broken(error, name) from error
    if not isinstance(page, EntryPage):  # in whose content a blank line may be part of a program
        text = _BLANK.sub("\n", text)
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text).encode()


@lru_cache(maxsize=4)
def stylesheet(theme: Theme | None = None) -> tuple[str, bytes]:
    """Return the name of the stylesheet below /static/, which tells its content, and the content."""
    theme = theme or _OURS
    own = theme.get(STYLE)
    parts = (own if own is not None else _squeezed(_asset("style.css")), theme.get(EXTRA_STYLE) or "")
    return _named("\n".join(part for part in parts if part), ".css")


@lru_cache(maxsize=1)
def script() -> tuple[str, bytes]:
    """Return the name of the script below /static/ that makes copy buttons work, and its content."""
    return _named(_asset("copy.js"), ".js")


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text("utf-8")


def _squeezed(css: str) -> str:
    """Return our stylesheet without what only its authors read: comments, and blanks that mean nothing; strings stay."""
    pieces = _STRING.split(_COMMENT.sub("", css).strip())  # each second one is a string
    pieces[::2] = [_AROUND.sub(r"\1", _BEHIND.sub(r"\1", " ".join(_SPLIT.split(piece)))) for piece in pieces[::2]]
    return "".join(pieces).replace(";}", "}")


def _named(text: str, ending: str) -> tuple[str, bytes]:
    content = text.encode("utf-8", "replace")
    return sha256(content).hexdigest()[:_HASH_CHARACTERS] + ending, content


@lru_cache(maxsize=4)
def _environment(theme: Theme) -> Environment:
    ours: BaseLoader = PackageLoader("aggregator.pages")
    # A template of the theme that bears the name of ours may still extend it, as "ours/NAME".
    loaders = (DictLoader(dict(theme.files)), ours, _Ours(ours))
    return Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class _Ours(BaseLoader):
    """Our own templates by the names that no theme can take."""

    def __init__(self, ours: BaseLoader) -> None:
        self._ours = ours

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the source of `ours/NAME`."""
        return self._ours.get_source(environment, template.removeprefix("ours/"))


def _broken(error: Exception, name: str) -> ConfigError:
    """Return what is wrong with a theme, with its place where Jinja says one."""
    file, line = (error.name or name, error.lineno) if isinstance(error, TemplateSyntaxError) else (name, None)
    said = str(error.message if isinstance(error, TemplateError) and error.message else error)
    message = " ".join(said.split()) if isinstance(error, TemplateError) else f"{type(error).__name__}: {said}"
    return ConfigError((Problem(file=file, line=line, column=None, message=message),))
