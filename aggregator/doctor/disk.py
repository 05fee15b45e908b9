"""The disk: room, rights, and what kind of file system it is."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from aggregator.doctor.finding import Findings, Situation, fail, ok, warn
from aggregator.model.settings import PostsSettings, PublicSettings

_SCARCE, _NONE = 100 * 1000**2, 1000**2  #: bytes
_SCARCE_NAMES = 1000  #: files that can still be made
_MOUNTS = Path("/proc/self/mountinfo")
#: File systems whose disk is another machine's, or which only pass on what it does.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "vboxsf", "virtiofs"})
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOST_FOLDERS = 500
_NAMED = 3


def places(situation: Situation) -> dict[str, Path]:
    """Return the folders that a run writes to, by what they hold."""
    settings = situation.settings
    posts, public = (settings.posts, settings.public) if settings else (PostsSettings(), PublicSettings())
    return {"posts": situation.root / posts.dir, "feeds": situation.root / public.dir, "state": situation.root / "state"}


def room(situation: Situation) -> Findings:
    """See how much fits onto each disk that is written to."""
    by_disk: dict[int, list[str]] = {}
    free: dict[int, os.statvfs_result] = {}
    for what, path in places(situation).items():
        there = _nearest(path)
        disk = there.stat().st_dev
        by_disk.setdefault(disk, []).append(what)
        free[disk] = os.statvfs(there)
    for disk, whats in by_disk.items():
        names, found = ", ".join(whats), free[disk]
        left = found.f_bavail * found.f_frsize
        advice = "make room: posts and feeds that are there are whole, and the next run goes on"
        if found.f_flag & os.ST_RDONLY:
            yield fail(
                "room", f"the disk of {names} can only be read", "mount it for writing; see the kernel's log for why it is not"
            )
        elif left < _NONE:
            yield fail("room", f"the disk of {names} is full", advice)
        elif left < _SCARCE:
            yield warn("room", f"{left // 1000**2} MB are left on the disk of {names}", advice)
        elif found.f_files and found.f_favail < _SCARCE_NAMES:
            text = f"{found.f_favail} files can still be made on the disk of {names}"
            yield warn("room", text, "remove files: each post is one, and this file system has room for so many only")
        else:
            yield ok("room", f"{left / 1000**3:.1f} GB left for {names}")


def rights(situation: Situation) -> Findings:
    """See whether this user may write what a run writes."""
    me = _user(os.geteuid())
    refused = [path for path in dict.fromkeys(_written(situation)) if not _may_write(path)]
    for path in refused[:_NAMED]:
        text = f"{_shown(path, situation)} cannot be written by {me}: it belongs to {_user(path.stat().st_uid)}"
        yield fail("rights", text, "run as its owner, or give it to this user: chown -R")
    if len(refused) > _NAMED:
        yield fail("rights", f"nor can {len(refused) - _NAMED} others", "as above")
    owner = _nearest(situation.root).stat().st_uid
    if not refused and os.geteuid() == 0 and owner:
        text = f"this runs as root, and the project belongs to {_user(owner)}, who cannot change what root writes"
        yield warn("rights", text, f"run as {_user(owner)}: sudo -u, or systemd-run -p User=")
    elif not refused:
        yield ok("rights", f"{me} may write all that a run writes")


def _written(situation: Situation) -> Iterator[Path]:
    for path in places(situation).values():
        yield _nearest(path)
    posts = places(situation)["posts"]
    if posts.is_dir() and os.access(posts, os.R_OK | os.X_OK):
        folders = (Path(top) for top, _, _ in os.walk(posts))
        yield from (folder for folder, _ in zip(folders, range(_MOST_FOLDERS), strict=False) if folder != posts)
    for name in ("ledger.jsonl", "state/state.sqlite", "state/lock"):
        path = situation.root / name
        if _is_there(path):
            yield path


def _may_write(path: Path) -> bool:
    wanted = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)


def kinds(situation: Situation) -> Findings:
    """Name file systems that a project should not be on."""
    try:
        mounts = read_mounts(_MOUNTS.read_text("utf-8", "surrogateescape"))
    except OSError:
        yield ok("file-system", "not known on this system")
        return
    found = {what: _kind(_nearest(path), mounts) for what, path in places(situation).items()}
    judged = [finding for what, kind in found.items() for finding in _judge(what, kind)]
    yield from judged
    if not judged:
        yield ok("file-system", ", ".join(sorted(set(found.values()))))


def _judge(what: str, kind: str) -> Findings:
    if what == "state" and (kind in _REMOTE or kind.startswith("fuse.")):
        text = f"the state is on {kind}, over which locks and SQLite's journal cannot be relied on"
        yield warn("file-system", text, "put the project on a disk of this machine")
    elif kind in _IN_MEMORY:
        lost = {"state": "due times and validators are", "posts": "all posts are", "feeds": "all feeds are"}[what]
        yield warn("file-system", f"{what} on {kind}: {lost} gone when the machine stops", "put the project on a disk")
    elif kind == "overlay":
        text = f"{what} on {kind}, inside a container: gone when that is made anew"
        yield warn("file-system", text, "mount a volume there")


def read_mounts(text: str) -> dict[str, str]:
    """Return the kind of file system at each mount point (proc(5), mountinfo); of several at one point the last counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        words = left.split()
        if separator and len(words) > 4:  # noqa: PLR2004 - the mount point is the fifth
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[4])
            found[point] = right.split(" ", 1)[0]
    return found


def _kind(path: Path, mounts: Mapping[str, str]) -> str:
    real = path.resolve()
    return next((mounts[str(each)] for each in (real, *real.parents) if str(each) in mounts), "unknown")


def _nearest(path: Path) -> Path:
    """Return the path, or the folder that it would be made in."""
    return next(each for each in (path, *path.parents) if _is_there(each))


def _is_there(path: Path) -> bool:
    """Tell whether a path can be seen; one in a folder that may not be entered cannot."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where the folder may not be entered


def _shown(path: Path, situation: Situation) -> str:
    return "the project folder" if path == situation.root else os.path.relpath(path, situation.root)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
