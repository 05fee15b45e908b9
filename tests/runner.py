"""A CI runner for the recipes of docs/recipes: a bare remote, a person's clone, and jobs that run the file's own steps.

Each job is a fresh shallow clone, as runners make it. Replaced are the steps that install (a wrapper on PATH instead) and build
the site, and the actions that keep the cache: the folder is carried from job to job here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "docs" / "recipes"
#: How GitHub and Gitea run a step with `shell: bash`.
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
_PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@news.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How one job ended."""

    code: int
    outputs: dict[str, str]  #: of the step, as GitHub reads them
    said: str
    status: str  #: what git says of the tree afterwards


def recipe(name: str) -> dict[str, Any]:
    """Return a recipe as its CI reads it."""
    found: dict[Any, Any] = yaml.safe_load((RECIPES / name).read_text("utf-8"))
    return {"on" if key is True else str(key): value for key, value in found.items()}  # YAML 1.1 takes `on` for true


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of a recipe of the GitHub kind."""
    found: list[dict[str, Any]] = recipe(name)["jobs"]["news"]["steps"]
    return found


def script(name: str) -> str:
    """Return the commands that sync, commit and push."""
    if name == "gitlab-ci.yml":
        [commands] = recipe(name)["news"]["script"]
    else:
        [commands] = [step["run"] for step in steps(name) if step.get("id") == "news"]
    return str(commands)


def documented(name: str) -> str:
    """Return the contents of a file that docs/deployment.md shows: a block whose first line is its name."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    [block] = re.findall(rf"```\w*\n# {re.escape(name)}\n(.*?)```", text, re.DOTALL)
    return str(block)


class Runner:
    """The repository of a Hexo site and the jobs of its recipe."""

    def __init__(self, root: Path) -> None:
        """Take the folder of a repository that `lay_out` made, or is about to make."""
        self.root = root
        self.remote = root / "remote.git"
        self.person = root / "person"
        self.cache = root / "cache"
        self.here = root / "job"

    def lay_out(self, feeds: dict[str, str]) -> None:
        """Lay the repository out as docs/deployment.md says, with these sources."""
        root = self.root
        (root / "bin").mkdir(parents=True)
        wrapper = root / "bin" / "aggregator"
        wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{ROOT}" exec "{sys.executable}" -m aggregator "$@"\n', "utf-8")
        wrapper.chmod(0o755)
        self.git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git(root, "clone", "--quiet", "remote.git", "person")
        self.git(self.person, "remote", "set-url", "origin", "../remote.git")  # so that the whole can be copied
        self.git(self.person, "checkout", "--quiet", "-B", "main")
        self.write("_config.yml", "title: T\ntimezone: Asia/Shanghai\n")
        made = subprocess.run([str(wrapper), "init", str(self.person), "--engine", "hexo"], capture_output=True, check=False)
        assert made.returncode == 0, made.stderr
        lines = [f"  {name}: {{feed: '{address}', categories: [news], every: 1s}}\n" for name, address in feeds.items()]
        self.write("config/sources/feeds.yaml", "sources:\n" + "".join(lines))
        self.write(".gitignore", documented(".gitignore"))
        self.write(".gitattributes", documented(".gitattributes"))
        self.push("the site")

    # -- a person ---------------------------------------------------------------------------------------------------

    def write(self, path: str, text: str) -> None:
        """Write a file in the person's clone."""
        file = self.person / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def pull(self) -> None:
        """Bring the person's clone up to date."""
        self.git(self.person, "pull", "--quiet", "--ff-only", "origin", "main")

    def push(self, message: str) -> None:
        """Commit and push all that the person did."""
        self.commit(message)
        self.git(self.person, "push", "--quiet", "origin", "main")

    def commit(self, message: str) -> None:
        """Commit all that the person did."""
        self.git(self.person, "add", "--all")
        self.git(self.person, *_PERSON, "commit", "--quiet", "-m", message)

    def post(self, title: str) -> Path:
        """Return the one post in the person's clone whose title is this."""
        posts = self.person / "source" / "_posts"
        [found] = [path for path in posts.rglob("*.md") if f"title: '{title}'" in path.read_text("utf-8")]
        return found

    def follow(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands in the person's clone, as somebody who follows the documentation does."""
        environment = self._environment("github-actions.yml") | {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ada"), ("EMAIL", "ada@news.example"))
        }
        del environment["GITHUB_OUTPUT"]
        return subprocess.run([*BASH, commands], cwd=self.person, env=environment, capture_output=True, text=True, check=False)

    # -- a job ------------------------------------------------------------------------------------------------------

    def job(self, *, before_push: str = "", checkout: str = "main", impatient: bool = False) -> Job:
        """Run the recipe's steps in a fresh clone; `before_push` is what the person does when the first push begins.

        The `impatient` push twice, without a wait.
        """
        name = "github-actions.yml"
        shutil.rmtree(self.here, ignore_errors=True)
        self.git(self.root, "clone", "--quiet", "--depth=1", f"file://{self.remote}", str(self.here))
        if checkout != "main":
            self.git(self.here, "fetch", "--quiet", "--depth=1", "origin", checkout)
            self.git(self.here, "checkout", "--quiet", checkout)
        self._meddle(before_push)
        kept = self.here / str(recipe(name)["env"]["STATE_KEPT"])
        if self.cache.exists():
            shutil.copytree(self.cache, kept)
        code, said = 0, ""
        for step in steps(name):
            command = {"Install aggregator": "command -v aggregator", "Build the site": "true"}.get(
                step.get("name", ""), step.get("run")
            )
            if command is not None and code == 0:
                command = command.replace("sleep ", ": ").replace("1 2 3 4 5", "1 2") if impatient else command
                done = subprocess.run(
                    [*BASH, command], cwd=self.here, env=self._environment(name), capture_output=True, text=True, check=False
                )
                code, said = done.returncode, said + done.stdout + done.stderr
        shutil.rmtree(self.cache, ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, self.cache)
        outputs = self.root / "outputs"
        lines = outputs.read_text("utf-8").splitlines() if outputs.exists() else []
        outputs.unlink(missing_ok=True)
        status = self.git(self.here, "status", "--porcelain") + self.git(self.here, "diff")
        return Job(code=code, outputs=dict(line.split("=") for line in lines), said=said, status=status)

    def _meddle(self, commands: str) -> None:
        """Have the person do this and push, once: between the job's commit and its first push reaching the remote."""
        hook = self.here / ".git" / "hooks" / "pre-push"
        if commands:
            hook.parent.mkdir(exist_ok=True)
            lines = (
                "#!/bin/bash -e",
                'rm "$0"',
                "unset ${!GIT_@}",
                f'cd "{self.person}"',
                commands,
                "git push -q origin main",
                "",
            )
            hook.write_text("\n".join(lines), "utf-8")
            hook.chmod(0o755)

    def _environment(self, name: str) -> dict[str, str]:
        found = {key: str(value) for key, value in recipe(name)["env"].items()}
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        return {
            **found,
            "BRANCH": "main",
            "HOME": str(home),
            "AGGREGATOR_FETCH__ALLOW_PRIVATE": "127.0.0.0/8",
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(self.root / "outputs"),
        }

    # -- what is there ----------------------------------------------------------------------------------------------

    def commits(self) -> list[str]:
        """Return author and subject of the remote's commits, newest first."""
        return self.git(self.remote, "log", "--format=%an: %s", "main").splitlines()

    def files(self) -> list[str]:
        """Return the paths that the remote holds."""
        return self.git(self.remote, "-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", "main").splitlines()

    def show(self, path: str) -> str:
        """Return a file as the remote has it."""
        return self.git(self.remote, "show", f"main:{path}")

    def git(self, where: Path, *words: str) -> str:
        """Run git, which must succeed."""
        done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout
