"""`aggregator config show` and `config schema`: what counts, where it comes from, and what may be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from aggregator.cli import Invocation, pass_invocation

SCHEMAS = ("settings", "categories", "sources")


@click.group()
def config() -> None:
    """Show the effective configuration or its schema."""


@config.command()
@click.option("--origin", is_flag=True, help="Say behind each value where it comes from.")
@click.option("--json", "json_", is_flag=True, help="As JSON.")
@pass_invocation
def show(invocation: Invocation, origin: bool, json_: bool) -> None:
    """Print every setting that counts, defaults included; secrets are masked."""
    from aggregator.settings import load
    from aggregator.settings.show import effective, origins, to_yaml

    loaded = load(invocation.root, invocation.config, os.environ)
    data = effective(loaded.settings)
    if not (json_ or invocation.json):
        click.echo(to_yaml(data, origins(loaded) if origin else None), nl=False)
        return
    if origin:
        data["origins"] = {"/".join(path): place for path, place in origins(loaded).items()}
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


@config.command()
@click.argument("name", required=False, type=click.Choice(SCHEMAS))
@click.option("--write", is_flag=True, help="Write schema/*.json into the config folder instead.")
@pass_invocation
def schema(invocation: Invocation, name: str | None, write: bool) -> None:
    """Print the JSON Schema of one config file, or of all three under their names."""
    names = (name,) if name else SCHEMAS
    if write:
        for path in write_schemas(invocation.config / "schema", names):
            invocation.talk(f"wrote {path}")
        return
    from aggregator.settings.schema import json_schema

    if name:
        click.echo(schema_text(name), nl=False)
    else:
        click.echo(json.dumps({each: json_schema(each) for each in SCHEMAS}, ensure_ascii=False, indent=2))


def write_schemas(folder: Path, names: tuple[str, ...] = SCHEMAS) -> list[Path]:
    """Write the schemas that editors read, in place of older ones; return the files that changed. Raises StoreError."""
    from aggregator.settings.edit import save

    changed: list[Path] = []
    for name in names:
        path = folder / f"{name}.json"
        text = schema_text(name).encode()
        if not path.is_file() or path.read_bytes() != text:
            save(path, text)
            changed.append(path)
    return changed


def schema_text(name: str) -> str:
    """Return the bytes of one schema file as text."""
    from aggregator.settings.schema import json_schema

    return json.dumps(json_schema(name), ensure_ascii=False, indent=2) + "\n"
