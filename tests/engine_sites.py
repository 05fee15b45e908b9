"""Sites for the real engines: a project folder in a small site whose layouts print what the tests look for, and its build."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import lxml.html

from aggregator.cli.init import ENGINES as PLACES
from aggregator.cli.init import skeleton
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key
from aggregator.store.paths import post_path
from aggregator.store.posts import write_post
from aggregator.store.profiles import get_profile
from tests.conftest import absent, need

ROOT = Path(__file__).parents[1]
HEXO = ROOT / ".venv" / "engines" / "hexo"

#: {} is how the engine writes title, instant and content.
_PAGE = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"></head>'
    "<body><h1>{}</h1><time>{}</time><article>{}</article></body></html>"
)
_LIST = "<!DOCTYPE html><html><body>list</body></html>"
#: The theme that the profile volantis is for prints titles as they are.
_VOLANTIS_PAGE = _PAGE.format("<%- page.title %>", "<%= page.date.toDate().toISOString() %>", "<%- page.content %>")
_HEXO_PAGE = _PAGE.format("<%= page.title %>", "<%= page.date.toDate().toISOString() %>", "<%- page.content %>")
_HUGO_PAGE = _PAGE.format("{{ .Title }}", '{{ .Date.UTC.Format "2006-01-02T15:04:05.000Z" }}', "{{ .Content }}")
_JEKYLL_PAGE = _PAGE.format("{{ page.title | escape }}", "{{ page.date | date_to_xmlschema }}", "{{ content }}")
#: An engine may drop the whole title in front of it.
_KEY = re.compile(r"[-/]([a-z2-7]{12})(?=[/.])")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A post's page as the engine built it."""

    path: Path  #: below the built site
    title: str
    instant: datetime
    html: lxml.html.HtmlElement


class Site:
    """A site of one engine, with a project folder of ours in it."""

    def __init__(self, root: Path, engine: str, *, profile: str, timezone: str, config: str | None = None) -> None:
        """Write the site; `config` takes the place of the engine's configuration that the profile wants."""
        self.root, self.engine, self.profile = root, engine, get_profile(profile, timezone)
        _, posts, public, _ = PLACES[engine]
        self.posts, self.public = root / posts, root / public
        self.built = root / ("_site" if engine == "jekyll" else "public")
        self.copied = self.built / "news" if engine == "jekyll" else self.built
        for path, text in skeleton("urn:uuid:0a4d6c0e-4f2b-4c55-8b58-6f1d3c1f2a90", engine).items():
            self.put(
                path,
                text.replace(f"profile: {engine}\n", f"profile: {profile}\n").replace(
                    " timezone: UTC", f" timezone: {timezone}"
                ),
            )
        for path, text in _files(engine, timezone, config).items():
            self.put(path, text.replace(_HEXO_PAGE, _VOLANTIS_PAGE) if profile == "volantis" else text)
        if engine == "hexo":
            (root / "package.json").write_bytes((ROOT / "tests" / "engines" / "hexo" / "package.json").read_bytes())
            (root / "node_modules").symlink_to(installed_hexo() / "node_modules")

    def put(self, path: str, text: str) -> None:
        """Write a file of the site."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def write(self, entries: Sequence[Entry]) -> dict[str, Entry]:
        """Write the posts as a run does; return the entries by key."""
        by_key = {entry_key(entry.source_id, entry.id): entry for entry in entries}
        for key, entry in by_key.items():
            path = post_path(entry.categories, entry.title, key, self.profile.name_start(entry))
            write_post(self.posts, path, self.profile.render(entry), self.root / "archive")
        return by_key

    def aggregator(self, *words: str) -> str:
        """Run a command of ours in the project folder; return what it said. It must succeed."""
        return self._run([sys.executable, "-m", "aggregator", "-C", str(self.root), *words], PYTHONPATH=str(ROOT))

    def build(self, machine_zone: str) -> str:
        """Build the site on a machine in that zone; return what the engine said. It must succeed."""
        return self._run(self._command(), TZ=machine_zone)

    def _run(self, command: Sequence[str], **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "HOME": str(self.root), **more},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-3000:]
        return said

    def pages(self) -> dict[str, Shown]:
        """Return the page of every post, by key."""
        found: dict[str, Shown] = {}
        for path in self.built.rglob("*.html"):
            place = path.relative_to(self.built)
            for key in _KEY.findall(place.as_posix())[-1:]:
                assert key not in found, f"two pages of {key}"
                found[key] = _shown(path, place)
        return found

    def _command(self) -> list[str]:
        if self.engine == "hexo":
            return [need("node"), str(self.root / "node_modules" / "hexo" / "bin" / "hexo"), "generate"]
        return [need("hugo"), "--quiet"] if self.engine == "hugo" else [need("jekyll"), "build", "--disable-disk-cache"]


def installed_hexo() -> Path:
    """Return the folder with Hexo, or skip the test and say why."""
    if not (HEXO / "node_modules" / "hexo").is_dir():
        absent("Hexo is not installed (make engines)")
    return HEXO


def _files(engine: str, timezone: str, config: str | None) -> dict[str, str]:
    if engine == "hexo":
        layouts = {f"themes/bench/layout/{name}.ejs": _LIST for name in ("index", "archive", "category", "tag")}
        text = f"timezone: {timezone}\n" if config is None else config
        more = "title: Bench\nurl: https://site.example\npermalink: :year/:month/:day/:title/\ntheme: bench\n"
        more += "updated_option: date\nexternal_link: {enable: false}\nskip_render: ['feeds/**']\n"
        return {**layouts, "themes/bench/layout/post.ejs": _HEXO_PAGE, "_config.yml": more + text}
    if engine == "hugo":
        text = "markup: {goldmark: {renderer: {unsafe: true}}}\n" if config is None else config
        more = "baseURL: https://site.example/\ntitle: Bench\ndisableKinds: [RSS, sitemap]\n"
        return {"layouts/_default/single.html": _HUGO_PAGE, "layouts/_default/list.html": _LIST, "config.yaml": more + text}
    text = f"timezone: {timezone}\nexclude: [config, state, archive, ledger.jsonl]\n" if config is None else config
    return {"_layouts/post.html": _JEKYLL_PAGE, "_config.yml": f"url: https://site.example\n{text}"}


def _shown(path: Path, place: Path) -> Shown:
    page = lxml.html.document_fromstring(path.read_bytes(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    [title], [time], [article] = (page.findall(f".//{tag}") for tag in ("h1", "time", "article"))
    return Shown(path=place, title=title.text or "", instant=datetime.fromisoformat(time.text or ""), html=article)
