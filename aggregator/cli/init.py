"""`aggregator init`: a project folder that works at once. Asks nothing, overwrites nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.config import SCHEMAS, schema_text
from aggregator.errors import StoreError

if TYPE_CHECKING:
    from aggregator.cli.init_site import SiteValues

#: Engine -> profile, folder of the posts, folder of the feeds, and what must stand in the site's own configuration.
ENGINES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "hexo": (
        "hexo",
        "source/_posts",
        "source",
        (
            "This folder is a Hexo site's. In its _config.yml must stand, with the zone that site.timezone names above:",
            "  timezone: UTC",
            "  updated_option: 'date'",
            "  skip_render: ['feeds/**']",
            "The feeds are in source/feeds, from where Hexo copies them; its own public/ it makes anew each time.",
        ),
    ),
    "hugo": (
        "hugo",
        "content/posts",
        "static",
        (
            "This folder is a Hugo site's. Hugo shows the HTML of posts only with this in its hugo.toml or config.toml:",
            "  [markup.goldmark.renderer]",
            "    unsafe = true",
            "The feeds are in static/feeds, from where Hugo copies them.",
        ),
    ),
    "jekyll": (
        "jekyll",
        "_posts",
        "news",
        (
            "This folder is a Jekyll site's. In its _config.yml must stand, with the zone that site.timezone names above:",
            "  timezone: UTC",
            "  exclude: [config, state, archive, ledger.jsonl]",
            "The feeds are in news/feeds, from where Jekyll copies them: site.url above ends in /news/.",
        ),
    ),
}


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice((*ENGINES, "plain")),
    default="plain",
    help="Write posts for a site of this engine; may be run in its folder. [default: plain]",
)
@pass_invocation
def init(invocation: Invocation, directory: Path | None, engine: str) -> None:
    """Make a project folder: config/ with a comment for every key, and a .gitignore.

    Asks nothing and never overwrites a file. A new identity (site.id) is minted here, once. With --engine in the folder of a
    site, title, address, language and time zone are taken from the site's own configuration, which is not changed.
    """
    root = invocation.root / directory if directory else invocation.root
    inside = invocation.config.is_relative_to(invocation.root)
    config = root / invocation.config.relative_to(invocation.root) if inside else invocation.config
    if (config / "settings.yaml").exists():
        invocation.talk(f"{root} is a project already; nothing was written")
        return
    site = _values_of_site(root, engine)
    for path, text in skeleton(f"urn:uuid:{uuid4()}", engine, site.values).items():
        target = config / path.removeprefix("config/") if path.startswith("config/") else root / path
        made = _write_new(target, text)
        invocation.talk(f"{'made' if made else 'kept'} {target.relative_to(root) if target.is_relative_to(root) else target}")
        if not made and path == ".gitignore" and "state/" not in target.read_text("utf-8", "replace").splitlines():
            invocation.talk("     put state/ into it: that folder is an index that can be rebuilt at any time")
    for words in site.words:
        invocation.talk(words)
    invocation.talk("\nnext:")
    if directory and root.resolve() != Path.cwd():
        invocation.talk(f"  cd {directory}")
    if engine != "plain":
        invocation.talk(f"  aggregator check posts --engine {engine}    (says what the site's own configuration lacks)")
    invocation.talk("  aggregator source add ADDRESS    (of a feed, or of a page that has one)")
    served = "  aggregator run                   (polls, publishes and serves until stopped; from cron: aggregator sync)"
    invocation.talk(served if engine == "plain" else "  aggregator sync")


def _values_of_site(root: Path, engine: str) -> SiteValues:
    from aggregator.cli.init_site import SiteValues, values_of_site  # a reader of YAML, which a plain project needs not

    return SiteValues() if engine == "plain" else values_of_site(root, engine)


def skeleton(site_id: str, engine: str = "plain", site: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the files of a new project by their path; the sources are all commented out, so that a first sync succeeds.

    `site` is what is known of the site, by the keys below `site`.
    """
    folder = files("aggregator.cli") / "templates"
    found = {
        "config/settings.yaml": _for_engine(
            (folder / "settings.yaml").read_text("utf-8").replace("urn:uuid:SITE-ID", site_id), engine, site or {}
        ),
        "config/categories.yaml": (folder / "categories.yaml").read_text("utf-8"),
        "config/sources/feeds.yaml": (folder / "feeds.yaml").read_text("utf-8"),
    }
    found |= {f"config/schema/{name}.json": schema_text(name) for name in SCHEMAS}
    return found | {".gitignore": "# An index that can be rebuilt at any time: aggregator reindex\nstate/\n"}


def _for_engine(settings: str, engine: str, site: Mapping[str, str]) -> str:
    """Return the settings with the profile and the folders that fit the engine, and what its site must say, and says."""
    if engine == "plain":
        return settings
    profile, posts, public, words = ENGINES[engine]
    zone = site.get("timezone", "UTC")
    comment = "".join(f"# {line}\n" for line in words).replace("timezone: UTC", f"timezone: {zone}")
    url = site.get("url", "http://127.0.0.1:4000/news/" if engine == "jekyll" else "http://127.0.0.1:8080/")
    for old, new in (
        ("\nposts:\n", f"\n{comment}posts:\n"),
        ("  # dir: posts\n", f"  dir: {posts}\n"),
        ("  # profile: default\n", f"  profile: {profile}\n"),
        ("  # dir: public\n", f"  dir: {public}\n"),
        ("  # timezone: UTC\n", _line("timezone", zone)),
        ("  url: http://127.0.0.1:8080/\n", _line("url", url)),
        *((("  title: News\n", _line("title", site["title"])),) if "title" in site else ()),
        *((("  # language: en\n", _line("language", site["language"])),) if "language" in site else ()),
    ):
        settings = settings.replace(old, new, 1)
    return settings


def _line(key: str, value: str) -> str:
    from aggregator.settings.show import to_yaml

    return f"  {to_yaml({key: value})}"


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; tell whether it was written."""
    if path.is_file():
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}", path=path) from error
    return True
