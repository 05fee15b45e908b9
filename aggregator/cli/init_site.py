"""What a site's own configuration says of itself -> values for settings.yaml, and what is to be said about them.

Its files are anybody's: a value that does not fit is left where it is, with a word, and never makes `init` fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aggregator.cli.foreign import shown_text
from aggregator.pipeline.site_config import NoSiteConfigError, SiteConfig, SiteConfigError, read_site_config
from aggregator.settings import kinds
from aggregator.settings.kinds import UnfitError

_LONGEST = 200  #: characters; no title or address of a site is longer
_COLUMNS = 60
#: What engines write into the configuration of a new site: RFC 2606 §3.
_EXAMPLES = frozenset({"example.com", "example.net", "example.org"})
#: Engine -> our key -> what the engine calls it; of several the first that is there.
_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "hexo": {"title": ("title",), "url": ("url",), "language": ("language",), "timezone": ("timezone",)},
    "hugo": {
        "title": ("title",),
        "url": ("baseurl",),
        "language": ("languagecode", "defaultcontentlanguage"),
        "timezone": ("timezone",),
    },
    "jekyll": {"title": ("title",), "url": ("url",), "language": ("lang",), "timezone": ("timezone",)},
}
_PARSE: dict[str, Callable[[str], str]] = {
    "title": kinds.TEXT.parse,
    "url": kinds.SITE_URL.parse,
    "language": kinds.LANGUAGE.parse,
    "timezone": kinds.TIMEZONE.parse,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteValues:
    """What is taken over, and what a person should know about it."""

    values: dict[str, str] = field(default_factory=dict)  #: our key below `site` -> its value
    words: tuple[str, ...] = ()  #: one line each


def values_of_site(folder: Path, engine: str) -> SiteValues:
    """Return what the configuration of the site in a folder says of title, address, language and time zone."""
    try:
        config = read_site_config(folder, engine)
    except NoSiteConfigError:
        return SiteValues()
    except SiteConfigError as error:
        return SiteValues(words=(f"nothing was taken from the site's configuration. {shown_text(str(error), _LONGEST)}",))
    values: dict[str, str] = {}
    words: list[str] = []
    for key, names in _KEYS[engine].items():
        name, text = next(((name, text) for name in names if (text := config.text(name))), (key, ""))
        if not text:
            continue
        try:
            values[key] = _fitting(key, _address(config, engine) if key == "url" else text)
        except UnfitError as error:
            words.append(f"not taken from {config.file}: {name}: {shown_text(text, _COLUMNS)} ({error.reason})")
    if values:
        taken = ", ".join(f"{key} {shown_text(value, _COLUMNS)}" for key, value in values.items())
        words.insert(0, f"taken from {config.file}: {taken}")
    return SiteValues(values=values, words=tuple(words))


def _address(config: SiteConfig, engine: str) -> str:
    """Return where the folder of the feeds will be served."""
    if engine == "jekyll":
        return f"{config.text('url').rstrip('/')}/{config.text('baseurl').strip('/')}".rstrip("/") + "/news/"
    return config.text("baseurl" if engine == "hugo" else "url")


def _fitting(key: str, text: str) -> str:
    """Return a value as settings.yaml takes it. Raises UnfitError."""
    if len(text) > _LONGEST:
        raise UnfitError(f"is longer than {_LONGEST} characters")
    if not text.isprintable():
        raise UnfitError("holds what cannot be printed")
    value = _PARSE[key](text)
    if key == "url" and urlsplit(value).hostname in _EXAMPLES:
        raise UnfitError("is an example's")
    return value
