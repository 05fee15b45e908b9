from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.cli.config import SCHEMAS, schema_text
from aggregator.model.settings import FetchSettings, HostLimits, Settings, StateSettings
from aggregator.model.source import FIX_NAMES, Source
from aggregator.settings.schema import default_of, describe, json_schema
from aggregator.settings.shapes import (
    AUTH,
    CATEGORY,
    COVER,
    FILES,
    HOST,
    RIGHTS,
    SETTINGS_FILE,
    SOURCE,
    STATE,
    Shape,
    required,
)
from tests.projects import read, write

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "configuration.md"
SECTIONS = {name: shape for name, shape in SETTINGS_FILE.keys.items() if isinstance(shape, Shape)}
SHAPES = {**SECTIONS, "categories.yaml": CATEGORY, "A source": SOURCE}
INNER = {"host": HOST, "cover": COVER, "rights": RIGHTS, "auth": AUTH}
#: What comes from elsewhere than a key: the id is the name of the mapping, addresses follow from feed and bases, the rest
#: from the ledger.
DERIVED = {"Source": {"id", "key", "addresses", "moved_from", "gone"}, "Category": {"path"}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_shipped_schemas_are_the_generated_ones(name: str) -> None:
    """config/schema/*.json is what `config schema --write` makes."""
    assert (ROOT / "config" / "schema" / f"{name}.json").read_text("utf-8") == schema_text(name)


@pytest.mark.parametrize("shape", [*SHAPES.values(), *INNER.values()], ids=lambda shape: shape.record.__name__)
def test_every_field_of_a_record_has_a_key(shape: Shape) -> None:
    """A record and its table name the same fields, so no setting exists that cannot be written."""
    filled = {shape.field_of(key) for key in shape.keys}
    if shape is COVER:
        assert filled == {"cover_fallback"}
        return
    expected = {item.name for item in fields(shape.record)} - DERIVED.get(shape.record.__name__, set())
    assert filled - {"cover"} == expected - {"cover_fallback"}


def test_every_section_of_the_settings_is_in_a_file() -> None:
    """What `Settings` holds is what the three files hold, where they are, and what the ledger says of names."""
    keys = {key for top in FILES.values() for key in top.keys} - {"defaults", "bases"}
    assert {item.name for item in fields(Settings)} == keys | {"root", "config", "renamed", "removed"}


@pytest.mark.parametrize("shape", [*SHAPES.values(), *INNER.values()], ids=lambda shape: shape.record.__name__)
def test_every_key_is_described(shape: Shape) -> None:
    """Each key has a description, which speaks of YAML and not of Python."""
    for key in shape.keys:
        assert describe(shape, key)
        assert not re.search(r"\bNone\b|\bTrue\b|\(\)", describe(shape, key)), key


def _rows(title: str) -> dict[str, tuple[str, str]]:
    """Return the rows of the first table below a heading of the docs: key -> (type, default)."""
    text = DOCS.read_text("utf-8")
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, f"no heading {title}"
    return {
        key: (kind, default)
        for key, kind, default in re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", match[1], re.MULTILINE)
    }


@pytest.mark.parametrize("title", SHAPES)
def test_every_key_is_documented_with_its_default(title: str) -> None:
    """docs/configuration.md has a row for each key and states the default that counts."""
    shape = SHAPES[title]
    rows = _rows(title)
    assert set(rows) == set(shape.keys)
    for key, (kind, default) in rows.items():
        words = getattr(shape.keys[key], "words", "")
        assert kind == words, key
        assert default == _stated(shape, key), key


def _stated(shape: Shape, key: str) -> str:
    if key in required(shape):
        return "required"
    if shape is STATE:
        return f"`{StateSettings().url.reveal()}`"
    default = None if isinstance(shape.keys[key], Shape) else default_of(shape, key)
    return "–" if default is None else f"`{json.dumps(default)}`".replace('"', "")


def test_inner_keys_are_named_in_the_docs() -> None:
    """The keys of hosts, cover, rights and auth are named in the row of their section."""
    text = DOCS.read_text("utf-8")
    for shape in INNER.values():
        for key in shape.keys:
            assert f"`{key}`" in text, key


def _examples() -> Iterator[tuple[str, str]]:
    for block in re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        yield block.split("\n", 1)[0].removeprefix("# "), block


@pytest.mark.parametrize(("name", "text"), list(_examples()), ids=lambda value: value[:12])
def test_the_examples_of_the_docs_load(tmp_path: Path, name: str, text: str) -> None:
    """Each example in docs/configuration.md is a file that loads, and fits its schema."""
    read(write(tmp_path, {name: text}))
    schema = json_schema(name.split("/", maxsplit=1)[0].removesuffix(".yaml"))
    assert list(_violations(schema, yaml.safe_load(text))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_config_fits_its_schemas(path: Path) -> None:
    """Each shipped file names its schema in the first line and fits it."""
    text = path.read_text("utf-8")
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert found is not None
    schema = path.parent / found[1]
    assert list(_violations(json.loads(schema.read_text("utf-8")), yaml.safe_load(text))) == []


def test_the_shipped_config_loads() -> None:
    """The shipped config/ is used as it stands: ZAKER through RSSHub first among its sources."""
    made = read(ROOT)
    zaker = next(source for source in made.sources if source.id == "zaker-channel-13")
    assert zaker.addresses == ("http://127.0.0.1:1200/zaker/channel/13", "https://rsshub.app/zaker/channel/13")
    assert zaker.allow_private == ("127.0.0.1/32",)
    assert made.site.id.startswith("urn:uuid:")
    assert {category.path[0] for category in made.categories} >= {"新媒体", "编程", "Science"}


@pytest.mark.parametrize("path", [ROOT / "config/settings.yaml", ROOT / "aggregator/cli/templates/settings.yaml"])
def test_every_setting_stands_in_the_settings_file(path: Path) -> None:
    """The shipped settings.yaml and the one of `init` name every key, at least in a comment, with its default."""
    text = path.read_text("utf-8")
    for name, shape in SECTIONS.items():
        section = re.search(rf"^{name}:\n(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
        assert section is not None
        for key in shape.keys:
            # Not one that takes more than its line: what it excludes, and demands of others, is in the docs.
            line = "  # .*`secret`" if key == "secret" else f"  (# )?{key}:"
            assert re.search(f"^{line}", section[1], re.MULTILINE), f"{name}.{key}"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("settings", {}),
        ("settings", {"site": {"id": "urn:x:y", "title": "T", "url": "ftp://x"}}),
        ("settings", {"site": {"id": "urn:x:y", "title": "T", "url": "https://x", "x": 1}}),
        ("settings", {"site": {"id": "urn:x:y", "title": "T", "url": "https://x"}, "fetch": {"timeout": 3}}),
        ("settings", {"site": {"id": "urn:x:y", "title": "T", "url": "https://x"}, "public": {"entries": 0}}),
        ("categories", {"categories": {"A": {"slugg": "x"}}}),
        ("sources", {"sources": {"a": {"categories": ["A"]}}}),
        ("sources", {"sources": {"a": {"feed": "https://x", "paused": "yes"}}}),
        ("sources", {"sources": {"a": {"feed": "https://x", "categories": []}}}),
        ("sources", {"sources": {"a": {"feed": "https://x", "rights": {"mode": "ful"}}}}),
        ("sources", {"sources": {"a": {"feed": "https://x", "proxy": {"env": "A", "file": "b"}}}}),
        ("sources", {"bases": {"RSS": ["https://x"]}}),
    ],
)
def test_the_schemas_refuse_what_the_reader_refuses(name: str, data: Any) -> None:
    """What the reader would report, an editor with the schema underlines as well."""
    assert list(_violations(json_schema(name), data))


def test_the_fixes_that_can_be_named_exist() -> None:
    """The names that `fixes:` takes are those of the fixes there are."""
    from aggregator.normalise.fixes import FIXES

    assert set(FIX_NAMES) == set(FIXES)


def test_limits_of_a_host_are_those_of_all() -> None:
    """What can be said of one host can be said of all of them."""
    assert {item.name for item in fields(HostLimits)} <= {item.name for item in fields(FetchSettings)}
    assert {item.name for item in fields(Source)} > {"feed"}


_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def _violations(schema: Any, data: Any) -> Iterator[str]:
    """Yield what in the data does not fit; knows the keywords that our schemas use, and no other."""
    for word, wanted in schema.items():
        yield from _CHECKS[word](wanted, data, schema)


def _is(kind: str, data: Any) -> bool:
    if kind in {"integer", "number"}:
        return isinstance(data, int if kind == "integer" else (int, float)) and not isinstance(data, bool)
    return isinstance(data, _TYPES[kind])


def _type(wanted: Any, data: Any, _: Any) -> Iterator[str]:
    if not any(_is(kind, data) for kind in ([wanted] if isinstance(wanted, str) else wanted)):
        yield f"{data!r} is not {wanted}"


def _properties(wanted: Any, data: Any, _: Any) -> Iterator[str]:
    for key in wanted.keys() & (data.keys() if isinstance(data, dict) else set()):
        yield from _violations(wanted[key], data[key])


def _additional(wanted: Any, data: Any, schema: Any) -> Iterator[str]:
    for key in (data.keys() if isinstance(data, dict) else set()) - schema.get("properties", {}).keys():
        if wanted is False:
            yield f"{key} is unknown"
        else:
            yield from _violations(wanted, data[key])


def _names(wanted: Any, data: Any, _: Any) -> Iterator[str]:
    for key in data or ():
        yield from _violations(wanted, key)


def _any_of(wanted: Any, data: Any, _: Any) -> Iterator[str]:
    if all(list(_violations(each, data)) for each in wanted):
        yield f"{data!r} fits none of {wanted}"


def _items(wanted: Any, data: Any, _: Any) -> Iterator[str]:
    for item in data if isinstance(data, list) else ():
        yield from _violations(wanted, item)


def _that(fits: Any) -> Any:
    def check(wanted: Any, data: Any, _: Any) -> Iterator[str]:
        if not fits(wanted, data):
            yield f"{data!r}: {wanted!r}"

    return check


_CHECKS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "anyOf": _any_of,
    "items": _items,
    "required": _that(lambda wanted, data: not isinstance(data, dict) or set(wanted) <= data.keys()),
    "enum": _that(lambda wanted, data: data in wanted),
    "pattern": _that(lambda wanted, data: not isinstance(data, str) or re.search(wanted, data)),
    "minimum": _that(lambda wanted, data: not _is("number", data) or data >= wanted),
    "maximum": _that(lambda wanted, data: not _is("number", data) or data <= wanted),
    "minLength": _that(lambda wanted, data: not isinstance(data, str) or len(data) >= wanted),
    "maxLength": _that(lambda wanted, data: not isinstance(data, str) or len(data) <= wanted),
    "minItems": _that(lambda wanted, data: not isinstance(data, list) or len(data) >= wanted),
    **dict.fromkeys(("$schema", "title", "description", "default", "format"), _that(lambda *_: True)),
}
