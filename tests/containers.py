"""Reads a Containerfile as a builder does, and builds it outside of a container, below a prefix."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

#: https://docs.docker.com/reference/dockerfile/
INSTRUCTIONS = frozenset(
    {
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN"),
        *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction."""

    name: str
    flags: Mapping[str, str]  #: `--from=build` and the like
    rest: str

    @property
    def words(self) -> list[str]:
        """Return what follows the flags: the exec form as it is, else split as a shell would."""
        return self.exec_form() if self.rest.startswith("[") else shlex.split(self.rest)

    def exec_form(self) -> list[str]:
        """Return the words of an exec form; the shell form, which would put a shell between signals and program, is none."""
        found = json.loads(self.rest)
        assert isinstance(found, list)
        assert all(isinstance(word, str) for word in found)
        return found


Stage = list[Instruction]


def read_containerfile(path: Path) -> list[Stage]:
    """Return the stages; each begins with its FROM. ARG values of before the first one are put in."""
    text = re.sub(r"^[ \t]*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    stages: list[Stage] = []
    values: dict[str, str] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        assert name in INSTRUCTIONS, line
        flags: dict[str, str] = {}
        while found := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
            flags[found[1]] = found[2]
            rest = rest[found.end() :]
        if name == "ARG" and not stages:
            key, _, value = rest.partition("=")
            values[key] = value
            continue
        if name == "FROM":
            rest = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], rest)
            stages.append([])
        stages[-1].append(Instruction(name=name, flags=flags, rest=rest.strip()))
    return stages


def one(stage: Stage, name: str) -> Instruction:
    """Return the only instruction of its name in a stage."""
    [found] = [each for each in stage if each.name == name]
    return found


def is_sent(path: str, ignore: str) -> bool:
    """Tell whether a .dockerignore lets a file of the tree through; the last line that fits decides."""
    sent = True
    for line in ignore.splitlines():
        pattern = line.lstrip("!").strip("/")
        if not pattern or line.startswith("#"):
            continue
        parts = path.split("/")
        ways = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        fits = any(fnmatch(way, pattern) for way in ways) if "**" not in pattern else pattern.split("/")[-1] in parts
        if fits:
            sent = line.startswith("!")
    return sent


class Build:
    """Stages built below a prefix: absolute paths of the image are paths there, and stay so in what is run."""

    def __init__(self, prefix: Path, context: Path, environment: Mapping[str, str]) -> None:
        """Take where to build, what to build from, and what is to hold besides the image's own environment."""
        self.prefix = prefix
        self._context = context
        self._environment = dict(environment)
        self._ignore = (context / ".dockerignore").read_text("utf-8")
        self._folder = prefix

    def run(self, stage: Stage) -> None:
        """Carry out what makes files."""
        for each in stage:
            if each.name == "WORKDIR":
                self._folder = Path(self.inside(each.rest))
                self._folder.mkdir(parents=True, exist_ok=True)
            elif each.name == "ENV":
                pairs = (word.partition("=") for word in each.words)
                self._environment |= {key: self.inside(value) for key, _, value in pairs}
            elif each.name == "COPY" and "from" not in each.flags:
                self._copy(each)
            elif each.name == "RUN":
                done = self.execute(["sh", "-c", self.inside(each.rest)])
                assert done.returncode == 0, done.stdout + done.stderr

    def _copy(self, each: Instruction) -> None:
        *sources, target = each.words
        for name in sources:
            source, goal = self._context / name, self._folder / target
            if source.is_dir():
                files = [path for path in source.rglob("*") if path.is_file() and self._sent(path)]
                pairs = [(path, goal / path.relative_to(source)) for path in files]
            else:
                assert self._sent(source), f"{name} is kept back by .dockerignore"
                pairs = [(source, goal / name)]
            assert pairs, f"{name} is kept back by .dockerignore"
            for path, place in pairs:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place)

    def _sent(self, path: Path) -> bool:
        return is_sent(path.relative_to(self._context).as_posix(), self._ignore)

    @property
    def environment(self) -> dict[str, str]:
        """Return the image's environment, and what was given."""
        kept = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
        return {**kept, **self._environment}

    def command(self, words: list[str]) -> list[str]:
        """Return a command line as it is here: the program looked up in the image, its arguments below the prefix."""
        program = shutil.which(words[0], path=self.environment["PATH"])
        assert program is not None, words[0]
        return [program, *(self.inside(word) for word in words[1:])]

    def execute(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as in the image."""
        command = words if words[0] == "sh" else self.command(words)
        return subprocess.run(
            command, cwd=self._folder, env=self.environment, capture_output=True, encoding="utf-8", check=False
        )

    def inside(self, text: str) -> str:
        """Return a text with the image's own folders below the prefix."""
        return re.sub(r"(?<![\w/.-])/(?=(?:opt/aggregator|data|src)\b)", f"{self.prefix}/", text)
