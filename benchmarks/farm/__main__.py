"""`python -m benchmarks.farm make --out DIR --sources 1000 --seed 1`, `python -m benchmarks.farm serve --dir DIR`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks.farm.make import make_farm, plan_sources, read_counts
from benchmarks.farm.nginx import serve as serve_farm


@click.group()
def farm() -> None:
    """Make a farm of feeds, or serve one on loopback."""


@farm.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option("--sources", type=click.IntRange(1, 50_000), default=1000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--port", type=click.IntRange(1024, 65_535), default=18_080, show_default=True)
def make(out: Path, sources: int, seed: int, port: int) -> None:
    """Write feeds, nginx.conf, newsboat's urls and this project's config/ into DIR."""
    if (out / "feeds").exists():
        raise click.UsageError(f"{out} holds a farm already; give a new folder")
    counts = make_farm(out, sources=sources, seed=seed, port=port)
    click.echo(f"{counts.sources} feeds, {counts.entries} entries, {counts.bytes / 1e6:.1f} MB in {out}")


@farm.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
def serve(folder: Path) -> None:
    """Serve a farm in the foreground until Ctrl-C."""
    counts = read_counts(folder)
    host = plan_sources(1, seed=counts.seed)[0].host
    click.echo(f"{counts.sources} feeds on http://{host}:{counts.port}/ and the addresses after it; Ctrl-C ends")
    try:
        sys.exit(serve_farm(folder, host=host, port=counts.port))
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    farm(prog_name="python -m benchmarks.farm")
