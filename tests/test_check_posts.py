"""`check posts` names what cannot be read and what a site would do to the posts, with the line to write; it writes nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from aggregator.cli import cli
from aggregator.cli.init import skeleton
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key
from aggregator.pipeline.site_config import SiteConfigError, read_site_config
from aggregator.store.paths import post_path
from aggregator.store.posts import write_post
from aggregator.store.profiles import get_profile
from tests.post_records import entry
from tests.upstream import Folder

SITE_ID = "urn:uuid:0a4d6c0e-4f2b-4c55-8b58-6f1d3c1f2a90"
SKIP = "skip_render: ['feeds/**']\n"
HEXO = {"_config.yml": f"timezone: Asia/Shanghai\nupdated_option: date\n{SKIP}"}
HUGO = {"hugo.toml": "[markup.goldmark.renderer]\nunsafe = true\n"}
JEKYLL = {"_config.yml": "timezone: Asia/Shanghai\nexclude: [config, state/, archive, ledger.jsonl]\n"}


class Checked:
    """A project folder that is also a site."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def project(self, engine: str, site: Mapping[str, str], *, profile: str | None = None, settings: str = "") -> None:
        """Write settings as `init --engine` does, and the site's own files."""
        files = skeleton(SITE_ID, engine)
        text = files["config/settings.yaml"].replace(" timezone: UTC", " timezone: Asia/Shanghai")
        files["config/settings.yaml"] = text.replace(f"profile: {engine}\n", f"profile: {profile or engine}\n") + settings
        for path, content in {**files, **site}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content, "utf-8")
        folder = yaml.safe_load(files["config/settings.yaml"]).get("posts") or {}
        (self.root / folder.get("dir", "posts")).mkdir(parents=True, exist_ok=True)

    def post(
        self, folder: str, profile: str, found: Entry | None = None, name: str | None = None, zone: str = "Asia/Shanghai"
    ) -> Path:
        """Write a post as a run does, or under another name; return its path."""
        found, made = found or entry(), get_profile(profile, zone)
        key = entry_key(found.source_id, found.id)
        path = name.replace("KEY", key) if name else post_path(found.categories, found.title, key, made.name_start(found))
        write_post(self.root / folder, path, made.render(found), self.root / "archive")
        return self.root / folder / path

    def check(self, *words: str, **environment: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(cli, ["-C", str(self.root), "check", "posts", *words], env={"TZ": None, **environment})

    def codes(self, engine: str, **environment: str) -> list[str]:
        """Return the codes of the findings, those that are only notes in brackets."""
        done = self.check("--engine", engine, "--json", **environment)
        found = json.loads(done.stdout)["findings"]
        assert done.exit_code == (1 if any(not one["is_note"] for one in found) else 0)
        return [f"({one['code']})" if one["is_note"] else one["code"] for one in found]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    return Checked(tmp_path)


def test_sound_posts_are_counted(checked: Checked) -> None:
    """Without a fault the exit code is 0 and the posts are counted."""
    checked.project("plain", {})
    checked.post("posts", "default")
    done = checked.check()

    assert (done.exit_code, done.stdout) == (0, "posts: 1 post, no problem\n")


def test_a_post_that_cannot_be_read_is_named(checked: Checked) -> None:
    """Path, reason and what to do stand there; the exit code is 1; the file is as it was."""
    checked.project("plain", {})
    path = checked.post("posts", "default")
    path.write_bytes(path.read_bytes()[:100])
    before = path.read_bytes()
    done = checked.check()

    assert done.exit_code == 1
    assert "posts/news/local/a-title-" in done.stdout
    assert 'cannot be read: the front matter has no closing "---"' in done.stdout
    assert "posts: 1 post, 1 problem\n" in done.stdout
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["a symbolic link", "a folder"])
def test_what_is_no_file_in_a_post_s_place_is_named(checked: Checked, what: str) -> None:
    """No run reads through a link, and a folder is no post: each is told with its path."""
    checked.project("plain", {})
    path = checked.post("posts", "default")
    moved = path.rename(checked.root / "elsewhere.md")
    path.symlink_to(moved) if what == "a symbolic link" else path.mkdir()
    done = checked.check()

    assert done.exit_code == 1
    assert f"posts/news/local/{path.name}: {what} is in a post's place" in done.stdout


def test_two_posts_of_one_entry_are_named(checked: Checked) -> None:
    """A copy in another folder is told, with the first one's path."""
    checked.project("plain", {})
    checked.post("posts", "default")
    checked.post("posts", "default", name="other/copy-KEY.md")
    done = checked.check()

    assert "posts/other/copy-" in done.stdout
    assert "is the same entry as posts/news/local/a-title-" in done.stdout


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("_draft-KEY.md", "hidden"),
        (".a/b-KEY.md", "hidden"),
        ("-a-KEY.md", "hidden"),
        ("a#b-KEY.md", "address"),
        (f"{'中' * 70}-KEY.md", "long"),
    ],
)
def test_names_that_break_are_told(checked: Checked, name: str, code: str) -> None:
    """Names that engines pass over, that break an address, or that are too long: only hands make them."""
    checked.project("plain", {})
    checked.post("posts", "default", name=name)

    assert [one["code"] for one in json.loads(checked.check("--json").stdout)["findings"]] == [code]


def test_own_files_without_a_key_are_left_alone(checked: Checked) -> None:
    """What is no post of ours is not judged."""
    checked.project("plain", {})
    (checked.root / "posts" / "_mine.md").write_text("x", "utf-8")

    assert checked.check().stdout == "posts: 0 posts, no problem\n"


def _config(text: str) -> dict[str, str]:
    return {"_config.yml": text}


def _hexo(text: str) -> dict[str, str]:
    return _config(text + SKIP)


@pytest.mark.parametrize(
    ("profile", "site", "codes"),
    [
        ("hexo", HEXO, []),
        ("hexo", _hexo("updated_option: date\n"), ["timezone"]),
        ("hexo", _hexo("timezone: ''\nupdated_option: date\n"), ["timezone"]),
        ("hexo", _hexo("timezone: Europe/Berlin\nupdated_option: empty\n"), ["timezone"]),
        ("hexo", _hexo("timezone: Mars/Base\nupdated_option: empty\n"), ["timezone"]),
        ("hexo", _hexo("timezone: Asia/Shanghai\n"), ["(updated)"]),
        ("hexo", _hexo("timezone: Asia/Shanghai\nupdated_option: date\npermalink: p/:id/\n"), ["permalink"]),
        ("hexo", _hexo("timezone: Asia/Shanghai\nupdated_option: date\nsource_dir: src\n"), ["posts-dir"]),
        (
            "hexo",
            _hexo("timezone: Asia/Shanghai\nupdated_option: date\npublic_dir: source\n"),
            ["posts-output", "public-output"],
        ),
        ("hexo", _config("timezone: Asia/Shanghai\nupdated_option: date\n"), ["(feeds)"]),
        ("hexo", _config("timezone: Asia/Shanghai\nupdated_option: date\nskip_render: feeds/*.json\n"), ["(feeds)"]),
        ("hexo", _config("timezone: Asia/Shanghai\nupdated_option: date\nskip_render: '**/*.json'\n"), []),
        ("default", HEXO, ["timezone"]),
        ("volantis", _hexo("timezone: ''\nupdated_option: date\n"), []),
        ("default", _hexo("updated_option: date\n"), []),
        ("jekyll", HEXO, ["profile"]),
        ("hexo", {}, ["site-config"]),
        ("hexo", _config("a: [\n"), ["site-config"]),
        ("hexo", _config("- a\n"), ["site-config"]),
        ("hexo", _config("x: " + "[" * 5000 + "\n"), ["site-config"]),
        ("hexo", _config("x: !!python/object/apply:os.getcwd []\n"), ["site-config"]),
        ("hexo", _config(f"# {'x' * 1_100_000}\n"), ["site-config"]),
    ],
)
def test_what_hexo_would_do_is_told(checked: Checked, profile: str, site: dict[str, str], codes: list[str]) -> None:
    """Time zone, places, addresses and the dates of updates, from Hexo's own configuration."""
    checked.project("hexo", site, profile=profile)

    assert checked.codes("hexo") == codes


def test_a_site_without_json_feeds_needs_no_skip_render(checked: Checked) -> None:
    """Hexo passes every other format on as it is."""
    checked.project("hexo", _config("timezone: Asia/Shanghai\nupdated_option: date\n"))
    file = checked.root / "config" / "settings.yaml"
    file.write_text(file.read_text("utf-8").replace("  # formats: [rss, json]", "  formats: [rss]"), "utf-8")

    assert checked.codes("hexo") == []


def test_rfc_822_is_right_in_hexo_where_the_machine_has_the_same_zone(checked: Checked) -> None:
    """With TZ equal to timezone the profile default needs nothing else."""
    checked.project("hexo", HEXO, profile="default")

    assert checked.codes("hexo", TZ="Asia/Shanghai") == []


@pytest.mark.parametrize(
    ("profile", "site", "codes"),
    [
        ("hugo", HUGO, []),
        ("hugo", {"config.yaml": "Markup: {Goldmark: {renderer: {unsafe: true}}}\ntimeZone: Asia/Tokyo\n"}, []),
        ("hugo", {"config.json": '{"markup": {"goldmark": {"renderer": {"unsafe": true}}}}'}, []),
        (
            "hugo",
            {"config/_default/hugo.toml": "", "config/_default/markup.yaml": "goldmark: {renderer: {unsafe: true}}\n"},
            [],
        ),
        ("hugo", {"hugo.toml": ""}, ["unsafe"]),
        ("hugo", {"hugo.toml": "[markup.goldmark.renderer]\nunsafe = false\n"}, ["unsafe"]),
        ("default", {"hugo.toml": f"timeZone = 'Asia/Tokyo'\n{HUGO['hugo.toml']}"}, ["timezone"]),
        ("default", HUGO, []),
        ("hugo", {"hugo.toml": f"contentDir = 'c'\n{HUGO['hugo.toml']}"}, ["posts-dir"]),
        ("hugo", {"hugo.toml": f"publishDir = 'static'\n{HUGO['hugo.toml']}"}, ["public-output"]),
        ("hexo", HUGO, ["profile"]),
        ("hugo", {"hugo.toml": "a = \n"}, ["site-config"]),
        ("hugo", {"hugo.toml": "a = " + "[" * 5000 + "\n"}, ["site-config"]),
        ("hugo", {"hugo.json": "{"}, ["site-config"]),
        ("hugo", {"hugo.json": f'{{"a": {"1" * 5000}}}'}, ["site-config"]),
        ("hugo", {"hugo.toml": f"a = {'1' * 5000}"}, ["site-config"]),
        ("hugo", {}, ["site-config"]),
    ],
)
def test_what_hugo_would_do_is_told(checked: Checked, profile: str, site: dict[str, str], codes: list[str]) -> None:
    """Whether it shows the HTML, and takes dates for what they are, from any of the files that Hugo reads."""
    checked.project("hugo", site, profile=profile)

    assert checked.codes("hugo") == codes


@pytest.mark.parametrize(
    ("profile", "site", "codes"),
    [
        ("jekyll", JEKYLL, []),
        ("jekyll", _config("timezone: Asia/Shanghai\nexclude: [config]\n"), ["exclude"]),
        ("jekyll", _config("timezone: UTC\nexclude: [config, state, archive, ledger.jsonl]\n"), ["timezone"]),
        ("jekyll", _config("exclude: [config, state, archive, ledger.jsonl]\n"), ["timezone"]),
        ("jekyll", _config("timezone: Asia/Shanghai\nsource: src\n"), ["posts-dir"]),
        ("default", JEKYLL, ["profile"]),
    ],
)
def test_what_jekyll_would_do_is_told(checked: Checked, profile: str, site: dict[str, str], codes: list[str]) -> None:
    """Posts that it would not see, and files of ours that it would publish."""
    checked.project("jekyll", site, profile=profile)

    assert checked.codes("jekyll") == codes


def test_posts_without_a_day_in_their_name_are_told_for_jekyll(checked: Checked) -> None:
    """Jekyll passes over them in silence."""
    checked.project("jekyll", JEKYLL)
    checked.post("_posts", "jekyll")
    checked.post("_posts", "jekyll", entry(id="2"), name="News/a-KEY.md")

    assert checked.codes("jekyll") == ["names"]


@pytest.mark.parametrize(
    ("engine", "folder", "site"),
    [
        ("hexo", "source/_posts", HEXO),
        ("hugo", "content/posts", {"hugo.toml": f"timeZone = 'Asia/Tokyo'\n{HUGO['hugo.toml']}"}),
    ],
)
def test_dates_of_another_profile_are_told(checked: Checked, engine: str, folder: str, site: dict[str, str]) -> None:
    """Posts from before a change of the profile are read, but their dates are not right in the site."""
    checked.project(engine, site)
    checked.post(folder, engine)
    assert checked.codes(engine) == []

    checked.post(folder, "default", entry(id="2"))
    assert checked.codes(engine) == ["dates"]


@pytest.mark.parametrize(
    ("engine", "site", "future"),
    [
        ("jekyll", JEKYLL, "future: true\n"),
        ("hugo", {"config.yaml": "markup: {goldmark: {renderer: {unsafe: true}}}\n"}, "buildFuture: true\n"),
    ],
)
def test_posts_of_the_future_are_told(checked: Checked, engine: str, site: dict[str, str], future: str) -> None:
    """A site that hides what is dated later than now is said to do so."""
    checked.project(engine, site)
    checked.post(
        {"jekyll": "_posts", "hugo": "content/posts"}[engine], engine, entry(published=datetime(2199, 1, 1, tzinfo=UTC))
    )

    assert checked.codes(engine) == ["future"]
    [(name, text)] = site.items()
    (checked.root / name).write_text(text + future, "utf-8")
    assert checked.codes(engine) == []


@pytest.mark.parametrize(("name", "engine"), [("constructor", "hexo"), ("x" * 250, "hexo"), ("..", "hugo")])
def test_categories_that_an_engine_fails_on_are_told(checked: Checked, name: str, engine: str) -> None:
    """Names that end a build, or lose the posts of the category."""
    checked.project(engine, {"hexo": HEXO, "hugo": HUGO}[engine])
    checked.post({"hexo": "source/_posts", "hugo": "content/posts"}[engine], engine, entry(categories=("News", name)))

    assert checked.codes(engine) == ["category"]


def test_the_default_folders_in_a_hexo_site_are_told(checked: Checked) -> None:
    """Hexo would remove feeds from its own public/, and would not look into posts/."""
    checked.project("plain", HEXO, settings="")

    assert checked.codes("hexo") == ["posts-dir", "public-output", "timezone"]


def test_a_site_needs_an_engine(checked: Checked) -> None:
    """--site alone is wrong usage."""
    checked.project("plain", {})

    assert checked.check("--site", str(checked.root)).exit_code == 2


def test_every_finding_says_the_line_to_write(checked: Checked) -> None:
    """In words: the file, what would go wrong, and the line."""
    checked.project("hexo", _config("timezone: Europe/Berlin\n"))
    done = checked.check("--engine", "hexo")

    assert (
        "_config.yml: timezone is Europe/Berlin, and the dates of new posts are the wall clock of Asia/Shanghai" in done.output
    )
    assert "-> write `timezone: Asia/Shanghai`, or `site: {timezone: Europe/Berlin}` in settings.yaml" in done.output
    assert "note: _config.yml: posts that were never updated" in done.output
    assert "posts: 0 posts, 1 problem\n" in done.output


def test_a_zone_that_is_none_is_never_advised(checked: Checked) -> None:
    """The site's `timezone` is only taken for ours where it is an IANA name."""
    checked.project("hexo", _config("timezone: '+08:00'\n"))
    done = checked.check("--engine", "hexo")

    assert "timezone is +08:00, which is no IANA name" in done.output
    assert "timezone: +08:00}" not in done.output
    assert "-> write `timezone: Asia/Shanghai`, the site.timezone of the posts\n" in done.output


def test_the_zone_of_a_site_stays_where_ours_is_the_default(checked: Checked) -> None:
    """Nobody has chosen UTC: the site's own pages are not to move for it, and posts that are there want `build --posts`."""
    checked.project("hexo", _config("timezone: Asia/Tokyo\n"))
    settings = checked.root / "config/settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace("timezone: Asia/Shanghai", "timezone: UTC"), "utf-8")
    own = "-> write `site: {timezone: Asia/Tokyo}` in settings.yaml"

    assert f"{own}\n" in checked.check("--engine", "hexo").output
    checked.post("source/_posts", "hexo")
    assert f"{own}, then run `aggregator build --posts`\n" in checked.check("--engine", "hexo").output


def test_posts_with_the_clock_of_a_former_zone_are_told(checked: Checked) -> None:
    """Once both zones are Tokyo's, a post with Shanghai's clock is an hour off, also where the configuration looks right."""
    checked.project("hexo", _hexo("timezone: Asia/Tokyo\nupdated_option: date\n"))
    settings = checked.root / "config/settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace("timezone: Asia/Shanghai", "timezone: Asia/Tokyo"), "utf-8")
    assert checked.codes("hexo") == []
    checked.post("source/_posts", "hexo")

    assert checked.codes("hexo") == ["clock"]
    assert "aggregator build --posts" in checked.check("--engine", "hexo").output


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo"])
@pytest.mark.parametrize("hour", range(5))
@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_dates_beside_a_change_of_the_clocks_are_right(checked: Checked, zone: str, day: datetime, hour: int) -> None:
    """The profile's own dates are never told, in the hours in which the clocks change least of all."""
    checked.project("hexo", _config(f"timezone: {zone}\nupdated_option: date\n"))
    settings = checked.root / "config/settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace("timezone: Asia/Shanghai", f"timezone: {zone}"), "utf-8")
    checked.post("source/_posts", "hexo", entry(published=day.replace(hour=hour)), zone=zone)

    assert "clock" not in checked.codes("hexo")


def test_a_broken_configuration_is_to_be_mended(checked: Checked) -> None:
    """File and line are named, and nobody is sent to another folder."""
    checked.project("hexo", _config("title: a\nx: [\n"))
    done = checked.check("--engine", "hexo")

    assert re.search(
        r"^_config\.yml: it is no YAML: .*\(line \d\)\n  -> mend it; Hexo needs it too$", done.output, re.MULTILINE
    )


def test_a_posts_folder_that_is_not_there_is_told(checked: Checked) -> None:
    """Without a state, a missing folder is a problem once feeds were published; before that it is a note."""
    checked.project("plain", {})
    empty = checked.check()
    (checked.root / "posts").rmdir()
    fresh = checked.check()
    (checked.root / "public/feeds").mkdir(parents=True)
    gone = checked.check()

    assert (empty.exit_code, fresh.exit_code, gone.exit_code) == (0, 0, 1)
    assert "note: posts: is not there\n  -> nothing was published yet" in fresh.output
    assert gone.output.startswith("posts: is not there, although feeds were published\n")


def test_posts_that_the_state_knows_are_missed(synced: Folder) -> None:
    """A folder that holds no post is a problem while the state knows some; a state that cannot be read is a note."""
    posts = synced.root / "posts"
    shutil.rmtree(posts)
    gone = synced.run("check", "posts")
    posts.mkdir()
    empty = synced.run("check", "posts")
    (synced.root / "state/state.sqlite").write_bytes(b"no state of anybody's, whatever it is called" * 99)
    unknown = synced.run("check", "posts")

    assert (gone.returncode, empty.returncode, unknown.returncode) == (1, 1, 0)
    assert "posts: is not there, and the state knows 5: is it mounted?\n" in gone.stdout
    assert "posts: holds no post, and the state knows 5: is it mounted?\n" in empty.stdout
    assert "note: the state: cannot be read, so nobody knows which posts should be there" in unknown.stderr


def test_nothing_is_written(checked: Checked) -> None:
    """No file comes, goes or changes, and no state is made."""
    checked.project("hexo", HEXO)
    checked.post("source/_posts", "hexo")

    def files() -> dict[Path, Any]:
        return {path: path.stat().st_mtime_ns for path in checked.root.rglob("*")}

    before = files()
    checked.check("--engine", "hexo")

    assert files() == before


def test_a_site_configuration_that_is_not_text_is_told(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are an error of one line that names the file."""
    (tmp_path / "_config.yml").write_bytes(b"\xff\xfe")

    with pytest.raises(SiteConfigError, match=r"^_config\.yml: it is not UTF-8"):
        read_site_config(tmp_path, "hexo")
