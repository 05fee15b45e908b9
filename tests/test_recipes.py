"""The CI recipes of docs/recipes do what docs/deployment.md says, in a real git repository."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need
from tests.hub import Hub
from tests.runner import RECIPES, ROOT, Job, Runner, documented, recipe, script, steps
from tests.upstream import Upstream, item

NAMES = ("github-actions.yml", "gitea-actions.yml", "gitlab-ci.yml")
NEWS = "github-actions[bot]: News from the sources [skip ci]"
SIX = "".join(item(number) for number in range(1, 7))
SEVEN = item(7) + SIX
FEED = "source/feeds/news.atom"
#: A job costs seconds: of the tests that play more than the plainest ones, each run of `make test` takes some.
some = pytest.mark.sampled(3, of="jobs")
COMMIT = "git -c user.name=Ada -c user.email=a@news.example commit -qam between"


@pytest.fixture(scope="module")
def news() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, news: Upstream) -> tuple[Runner, Job]:
    """A repository and its first job."""
    need("git")
    news.feed("/a", SIX)
    runner = Runner(tmp_path_factory.mktemp("ci") / "first")
    runner.lay_out({"a": f"{news.address}/a"})
    return runner, runner.job()


@pytest.fixture
def runner(tmp_path: Path, first: tuple[Runner, Job], news: Upstream) -> Runner:
    """Return a copy of that repository for one test; upstream has what it had, and the person has pulled."""
    news.feed("/a", SIX)
    shutil.copytree(first[0].root, tmp_path / "ci", symlinks=True)
    made = Runner(tmp_path / "ci")
    made.pull()
    return made


def test_the_first_job_commits_posts_and_feeds(first: tuple[Runner, Job]) -> None:
    """The first job pushes one commit, by the author of the recipe, with every post and the feeds, and no state."""
    runner, job = first

    assert (job.code, job.status) == (0, ""), job.said
    assert job.outputs == {"changed": "true", "pushed": "true"}
    assert runner.commits() == [NEWS, "Ada: the site"]
    files = runner.files()
    assert sum(path.startswith("source/_posts/news/") for path in files) == 6
    assert {FEED, "source/feeds/all.atom", "source/feeds/index.opml"} <= set(files)
    assert not any("state" in path for path in files)


def test_a_job_without_news_commits_nothing(runner: Runner) -> None:
    """A second job finds nothing new: no commit, nothing to see for git, and no site to build."""
    job = runner.job()

    assert (job.code, job.status) == (0, ""), job.said
    assert job.outputs == {"changed": "false", "pushed": "false"}
    assert len(runner.commits()) == 2


@pytest.mark.post_row("D10", "R63")
def test_a_lost_cache_makes_no_commit(runner: Runner) -> None:
    """Without its cache a job rebuilds the state, asks again, and changes no byte."""
    shutil.rmtree(runner.cache)

    job = runner.job()

    assert (job.code, job.status, len(runner.commits())) == (0, "", 2), job.said
    assert "rebuilt from 6 posts" in job.said
    assert (runner.cache / "state.sqlite").exists()


@pytest.mark.post_row("R64")
def test_what_a_person_edits_is_kept_and_published(runner: Runner, news: Upstream) -> None:
    """A post that a person edited between two jobs stays as it is, also when upstream changes, and the feed says the same."""
    post = runner.post("Entry 3")
    text = post.read_text("utf-8").replace("Text of entry 3.", "What Ada says of it.")
    post.write_text(text, "utf-8")
    runner.push("say more")
    news.feed("/a", SIX.replace("Text of entry 3.", "Another text."))

    job = runner.job()

    assert job.code == 0, job.said
    assert runner.commits()[:2] == [NEWS, "Ada: say more"]
    assert runner.show(post.relative_to(runner.person).as_posix()) == text
    assert "What Ada says of it." in runner.show(FEED)


@some
def test_what_a_person_deletes_stays_deleted(runner: Runner, news: Upstream) -> None:
    """A post that a person deleted comes back neither as a file nor in a feed, though upstream has it; nor without a cache."""
    post = runner.post("Entry 3")
    post.unlink()
    runner.push("take it out")
    news.feed("/a", SEVEN)

    job = runner.job()

    assert job.code == 0, job.said
    assert post.relative_to(runner.person).as_posix() not in runner.files()
    assert ">Entry 3<" not in runner.show(FEED)
    assert ">Entry 7<" in runner.show(FEED)
    shutil.rmtree(runner.cache)
    assert (runner.job().code, len(runner.commits())) == (0, 4)


@some
def test_many_deletions_are_accepted_as_documented(runner: Runner, news: Upstream) -> None:
    """Who deletes more than twenty posts stops the jobs, follows the documented commands in a plain clone, and they go on."""
    many = "".join(item(number) for number in range(1, 24))
    news.feed("/a", many)
    assert runner.job().code == 0
    runner.pull()
    shutil.rmtree(runner.person / "source" / "_posts")
    runner.push("take them all out")
    assert runner.job().code == 5

    done = runner.follow(documented("Accept many deletions"))
    assert done.returncode == 0, done.stderr
    assert runner.show("ledger.jsonl").count('"kind": "deleted"') == 23
    news.feed("/a", item(24) + many)
    job = runner.job()
    assert job.code == 0, job.said
    assert [path for path in runner.files() if path.endswith(".md")] == [
        path for path in runner.files() if "/entry-24-" in path
    ]


@some
def test_a_push_in_between_loses_nothing(runner: Runner, news: Upstream) -> None:
    """A person pushes while a job is about to: the job's one commit goes on top, and both are there, in the feed as well."""
    post = runner.post("Entry 3")
    news.feed("/a", SEVEN)

    job = runner.job(before_push=f"sed -i 's/Text of entry 3/Words of Ada/' '{post}'\n{COMMIT}")

    assert (job.code, job.status) == (0, ""), job.said
    assert runner.commits() == [NEWS, "Ada: between", NEWS, "Ada: the site"]
    assert "Words of Ada" in runner.show(post.relative_to(runner.person).as_posix())
    assert "Words of Ada" in runner.show(FEED)
    assert ">Entry 7<" in runner.show(FEED)


@pytest.mark.post_row("R64")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("act", ["sed -i \"s/^title: .*/title: 'Words of Ada'/\"", "git rm -q"], ids=["edited", "deleted"])
def test_in_a_conflict_the_person_wins(runner: Runner, news: Upstream, act: str) -> None:
    """A post that job and person changed at once is the person's, whole; what else the job brought is there."""
    post = runner.post("Entry 3")
    news.feed("/a", SEVEN.replace("Text of entry 3.", "Another text."))

    job = runner.job(before_push=f"{act} '{post}'\n{COMMIT}")

    assert (job.code, job.status) == (0, ""), job.said
    assert runner.commits()[:2] == [NEWS, "Ada: between"]
    runner.pull()
    assert post.exists() is (act != "git rm -q")
    assert not post.exists() or "Words of Ada" in post.read_text("utf-8")
    assert "Another text" not in runner.show(FEED)
    assert ">Entry 7<" in runner.show(FEED)


@some
def test_when_every_source_fails_nothing_is_pushed(runner: Runner, news: Upstream) -> None:
    """A job whose sources all fail is red and pushes nothing; that they failed goes to the next job."""
    news.pages["/a"].status = 500
    before = (runner.cache / "state.sqlite").read_bytes()

    job = runner.job()

    assert (job.code, job.status) == (4, ""), job.said
    assert len(runner.commits()) == 2
    assert (runner.cache / "state.sqlite").read_bytes() != before


@some
def test_a_source_that_is_alone_and_fails_is_told(runner: Runner, news: Upstream) -> None:
    """Where every source that is due fails, the jobs are red, and `status.atom` with its news is pushed once all the same."""
    runner.write(
        "config/sources/feeds.yaml", f"sources:\n  never: {{feed: '{news.address}/never', categories: [news], every: 1s}}\n"
    )
    runner.push("another source")
    before = len(runner.commits())

    jobs = [runner.job()]
    while len(jobs) < 8 and jobs[-1].outputs["pushed"] == "false":
        jobs.append(runner.job())

    assert jobs[-1].code == 4, jobs[-1].said
    assert runner.job().outputs["pushed"] == "false"
    assert runner.show("source/feeds/status.atom").count("never has given no feed yet") == 1
    assert runner.commits()[:-before] == [NEWS]


@some
def test_a_job_that_dies_keeps_the_state_of_the_last_push(runner: Runner, news: Upstream) -> None:
    """A job whose push is refused for good is red and passes no state on that knows posts which nobody has."""
    before = (runner.cache / "state.sqlite").read_bytes()
    news.feed("/a", SEVEN)
    refuse = runner.remote / "hooks" / "pre-receive"
    refuse.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    refuse.chmod(0o755)

    job = runner.job(impatient=True)

    assert job.code == 75, job.said
    assert (runner.cache / "state.sqlite").read_bytes() == before


@some
def test_a_job_that_waited_begins_at_the_branch(runner: Runner) -> None:
    """A job that was given an older commit than the branch has works on the branch, and takes no post for deleted."""
    old = runner.git(runner.remote, "rev-parse", "main~1").strip()

    job = runner.job(checkout=old)

    assert (job.code, job.status, len(runner.commits())) == (0, "", 2), job.said
    assert job.outputs == {"changed": "false", "pushed": "false"}


@some
def test_branches_that_both_added_to_the_ledger_merge(runner: Runner) -> None:
    """Two branches that each added lines to the ledger merge by git alone, and the next job reads the result."""
    line = '{{"kind": "alias", "source": "a", "id": "{0}", "key": "{1}", "at": "2026-01-01T00:00:00Z"}}\n'
    header = '{"ledger": 1}\n'
    here = runner.person
    runner.git(here, "checkout", "--quiet", "-b", "other")
    runner.write("ledger.jsonl", header + line.format("x1", "aaaaaaaaaaaa"))
    runner.commit("other")
    runner.git(here, "checkout", "--quiet", "main")
    runner.write("ledger.jsonl", header + line.format("x2", "bbbbbbbbbbbb"))
    runner.commit("main")
    runner.git(here, "-c", "user.name=Ada", "-c", "user.email=a@news.example", "merge", "--quiet", "--no-edit", "other")
    runner.git(here, "push", "--quiet", "origin", "main")

    job = runner.job()

    assert (job.code, job.status) == (0, ""), job.said
    assert {"x1", "x2"} <= set(re.findall(r'"id": "(\w+)"', runner.show("ledger.jsonl")))


@some
def test_hubs_are_told_when_the_news_is_pushed(runner: Runner, news: Upstream) -> None:
    """With `ping: later` a hub is told once of each feed, when the remote has it; a job without news tells nothing again."""
    remote: dict[str, str] = {}
    with Hub() as hub:
        hub.respond = lambda _, ping: remote.update({ping.topic: runner.show(f"source/{ping.topic}")}) is not None
        settings = (runner.person / "config" / "settings.yaml").read_text("utf-8")
        named = settings.replace("# hubs: [https://hub.example/]", f"hubs: ['{hub.address}']").replace(
            "# ping: now", "ping: later"
        )
        runner.write("config/settings.yaml", named)
        runner.push("hubs")
        news.feed("/a", SEVEN)
        job = runner.job()
        assert job.code == 0, job.said
        assert {"feeds/all.atom", "feeds/news.atom", "feeds/news.rss"} <= set(hub.topics)
        assert len(hub.topics) == len(remote)
        assert all("Entry 7" in text for topic, text in remote.items() if topic != "feeds/status.atom"), remote.keys()
        hub.forget()
        assert runner.job().code == 0

    assert hub.pings == []


@pytest.mark.parametrize("name", NAMES)
def test_the_recipes_do_not_drift(name: str) -> None:
    """Every recipe runs the same commands with the same settings."""
    ours = recipe(name)
    shared = ("TZ", "AGGREGATOR", "KEPT", "STATE_KEPT", "MESSAGE")

    assert script(name) == script("github-actions.yml")
    assert {key: _environment(ours)[key] for key in shared} == {key: _environment(recipe(NAMES[0]))[key] for key in shared}
    assert {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} <= _environment(ours).keys()


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_jobs_are_scheduled_alone_and_with_few_rights(name: str) -> None:
    """The job runs by schedule (not at minute 0) and by hand, one at a time, uncut, and may write nothing that it need not."""
    found = recipe(name)
    on = found["on"]

    [schedule] = on["schedule"]
    assert 0 < int(schedule["cron"].split()[0]) < 60
    assert "workflow_dispatch" in on
    assert found["concurrency"]["cancel-in-progress"] is False
    rights = {"contents": "write", "pages": "write", "id-token": "write"}
    assert found["permissions"] == (rights if name == NAMES[0] else {"contents": "write"})


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_state_is_restored_before_and_saved_whatever_happens(name: str) -> None:
    """The cache is read before the sync and written after it also when that failed, under a name that is new each time."""
    order = [step.get("id") or step.get("uses", "").partition("@")[0] for step in steps(name)]
    save = next(step for step in steps(name) if step.get("uses", "").startswith("actions/cache/save"))
    restore = next(step for step in steps(name) if step.get("uses", "").startswith("actions/cache/restore"))

    assert order.index("actions/cache/restore") < order.index("news") < order.index("actions/cache/save")
    assert "always()" in save["if"]
    assert "github.run_id" in save["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])


def test_the_gitlab_job_runs_alone_and_keeps_its_cache() -> None:
    """GitLab runs one job at a time, keeps the cache whatever happens, and builds the site where a feed was refused."""
    news = recipe("gitlab-ci.yml")["news"]

    assert news["resource_group"]
    assert news["cache"]["when"] == "always"
    assert news["cache"]["paths"] == [_environment(recipe("gitlab-ci.yml"))["STATE_KEPT"]]
    assert news["allow_failure"] == {"exit_codes": [1]}


def test_every_recipe_is_documented() -> None:
    """docs/deployment.md names each recipe, and each way in which its commands end."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")

    assert {path.name for path in RECIPES.iterdir()} == set(NAMES)
    assert all(f"(recipes/{name})" in text for name in NAMES)
    assert "| 75 |" in text


def _environment(found: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = found.get("env") or found["variables"]
    return named
