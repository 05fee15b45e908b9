"""What docs/operations.md tells to do over the years: the commands as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from copy import copy
from pathlib import Path

from tests.conftest import need
from tests.upstream import Folder

_DOCS = Path(__file__).parents[1] / "docs" / "operations.md"


def test_a_backup_goes_on_where_the_project_was(synced: Folder, tmp_path: Path) -> None:
    """A project that is restored from the documented backup rebuilds its state, and no byte of posts and feeds changes."""
    need("tar")
    [command] = re.findall(r"^tar --create .*$", _DOCS.read_text("utf-8"), re.MULTILINE)
    words = shlex.split(command)
    archive, place = tmp_path / words[words.index("--file") + 1], tmp_path / "elsewhere"
    words[words.index("--file") + 1], words[words.index("-C") + 1] = str(archive), str(synced.root)
    subprocess.run(words, check=True)
    place.mkdir()
    subprocess.run(["tar", "--extract", "--gzip", "--file", str(archive), "-C", str(place)], check=True)
    assert not (place / "state").exists()
    restored = copy(synced)
    restored.root = place
    before = restored.files()

    done = restored.sync()

    assert "rebuilt from 5 posts" in done.stderr
    assert restored.files() == before == synced.files()
