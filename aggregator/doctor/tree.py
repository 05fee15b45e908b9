"""The git tree that a project stands in: the posts belong in it, the state does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from aggregator.doctor.disk import places
from aggregator.doctor.finding import Findings, Situation, ok, warn

_IGNORED, _NOT_IGNORED = 0, 1


def tree(situation: Situation) -> Findings:
    """See whether git keeps what it should keep, and nothing else."""
    root = situation.root
    if not any((each / ".git").exists() for each in (root, *root.parents)):
        yield ok("git", "no git tree; see to it that posts/, archive/, config/ and ledger.jsonl are backed up")
        return
    command = shutil.which("git", path=situation.environ.get("PATH"))
    if command is None:
        yield ok("git", "there is a git tree, and no git to ask")
        return
    ignored = {path: _ask(command, root, "check-ignore", "--quiet", "--no-index", "--", path) for path in _asked(situation)}
    if not set(ignored.values()) <= {_IGNORED, _NOT_IGNORED}:
        yield warn("git", "git will not read its tree here", "see what `git status` says in the project folder")
        return
    kept_out = [path for path, code in ignored.items() if code == _IGNORED and path != _STATE]
    found = False
    if _ask(command, root, "ls-files", "--error-unmatch", "--", "state") == _IGNORED:
        found = True
        yield warn("git", "git keeps the state, which differs on each machine", "git rm -r --cached state, and commit that")
    if ignored[_STATE] == _NOT_IGNORED:
        found = True
        yield warn("git", "git does not ignore state/, an index that can be rebuilt", "write /state/ into .gitignore")
    if kept_out:
        found = True
        names = ", ".join(path.removesuffix(_SAMPLE).rstrip("/") for path in kept_out)
        yield warn("git", f"git ignores {names}, which nothing can make again", "take them out of .gitignore, and commit them")
    if not found:
        yield ok("git", "keeps posts, configuration and ledger, and ignores state/")


_STATE = "state/state.sqlite"
_SAMPLE = "post.md"


def _asked(situation: Situation) -> list[str]:
    posts = places(situation)["posts"]
    inside = posts.is_relative_to(situation.root)
    own = [f"{posts.relative_to(situation.root).as_posix()}/{_SAMPLE}"] if inside else []
    return [_STATE, *own, "ledger.jsonl", "config/settings.yaml"]


def _ask(command: str, root: Path, *words: str) -> int:
    asked = [command, "-C", str(root), *words]
    try:
        return subprocess.run(asked, capture_output=True, timeout=10, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return -1
