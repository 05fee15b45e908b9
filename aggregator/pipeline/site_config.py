"""A site's own configuration, as far as the checks of posts need it. Reads, never writes; its files are anybody's.

Every value is a text, a list or a mapping; keys of Hugo are in lower case, as Hugo takes them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregator.store.profiles import PostFormatError
from aggregator.store.profiles.front import load_yaml

_MAX_BYTES = 1024 * 1024
_YAML = (".yml", ".yaml")
#: Engine -> the names of its configuration, the one that counts first.
_NAMES = {
    "hexo": ("_config.yml", "_config.yaml", "_config.json"),
    "hugo": tuple(f"{name}.{kind}" for name in ("hugo", "config") for kind in ("toml", "yaml", "yml", "json")),
    "jekyll": ("_config.yml", "_config.yaml", "_config.toml"),
}


class SiteConfigError(ValueError):
    """A site's configuration cannot be read; the message is one line that begins with the file."""

    is_missing = False  #: there is none at all


class NoSiteConfigError(SiteConfigError):
    """The folder holds no configuration of a site; the message begins with the folder."""

    is_missing = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """What a site's configuration says."""

    file: str  #: where to write what is missing, relative to the site
    values: Mapping[str, Any]

    def text(self, *path: str) -> str:
        """Return the text under these keys, or "" where there is none."""
        value: Any = self.values
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return "" if value is None or isinstance(value, (Mapping, list)) else str(value).strip()

    def flag(self, *path: str) -> bool:
        """Tell whether the value under these keys is true."""
        return self.text(*path).lower() in {"true", "yes", "on"}

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; a single one may stand alone."""
        value = self.values.get(key)
        return tuple(str(one).strip() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def read_site_config(site: Path, engine: str) -> SiteConfig:
    """Return the configuration of a site.

    Raises:
        NoSiteConfigError: there is none.
        SiteConfigError: it cannot be read.
    """
    names = _NAMES[engine]
    file = next((name for name in names if (site / name).is_file()), None)
    parts = dict(_hugo_folder(site)) if engine == "hugo" else {}
    if file is None and not parts:
        raise NoSiteConfigError(f"{site}: there is no {names[0]}, so this is no folder of a {engine.capitalize()} site")
    values = {} if file is None else _mapping(site, file)
    if engine == "hugo":
        values = _lowered({**{key: value for key, value in parts.items() if key}, **parts.get("", {}), **values})
    return SiteConfig(file=file or f"config/_default/{names[0]}", values=values)


def _hugo_folder(site: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what stands in config/_default: the files `hugo` and `config` are the top, others the key of their name."""
    folder = site / "config" / "_default"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in {".toml", ".json", *_YAML} and path.is_file():
            yield ("" if path.stem in {"hugo", "config"} else path.stem), _mapping(site, path.relative_to(site).as_posix())


def _mapping(site: Path, name: str) -> dict[str, Any]:
    path = site / name
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SiteConfigError(f"{name}: it is larger than 1 MiB, so it is no configuration")
        found = _parsed(path.read_text("utf-8-sig"), path.suffix)
    except OSError as error:
        raise SiteConfigError(f"{name}: it cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise SiteConfigError(f"{name}: it is not UTF-8") from error
    except (PostFormatError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise SiteConfigError(f"{name}: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise SiteConfigError(f"{name}: it is nested too deeply") from error
    except ValueError as error:  # a whole number of more digits than Python turns into one
        raise SiteConfigError(f"{name}: a value in it cannot be read: {str(error).partition(';')[0].lower()}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SiteConfigError(f"{name}: a list or a text stands where keys are expected")
    return {str(key): value for key, value in found.items()}


def _parsed(text: str, suffix: str) -> Any:
    if suffix in _YAML:
        return load_yaml(text)
    return tomllib.loads(text) if suffix == ".toml" else json.loads(text)


def _lowered(values: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """Return the mapping with its keys in lower case, four levels down, which is where the last of ours stands."""
    return {
        str(key).lower(): _lowered(value, depth + 1) if isinstance(value, Mapping) and depth < 4 else value  # noqa: PLR2004
        for key, value in values.items()
    }
