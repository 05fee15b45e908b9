"""Runs a command as a systemd unit would confine it, without systemd: `python -m tests.confinement UNIT COMMAND...`.

Of the unit's lines those are put in force that a program can trip over: `SystemCallFilter` with its error number,
`RestrictAddressFamilies` and `MemoryDenyWriteExecute` as seccomp filters, which is what systemd makes of them, and
`LimitNOFILE`. They are inherited by everything that the command starts.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import socket
import subprocess
import sys
from errno import EAFNOSUPPORT, EPERM
from pathlib import Path

#: A unit as systemd reads it: section -> key -> its values, in order.
Unit = dict[str, dict[str, list[str]]]

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL, _MASKED_EQUAL = 4, 7  #: SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ: argument, mask, value
_FAMILIES = 64  #: more than Linux has


def read_unit(path: Path) -> Unit:
    """Read a unit file; an empty value takes back the values before it."""
    found: Unit = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
            continue
        key, equals, value = line.partition("=")
        assert equals, line
        values = section.setdefault(key, [])
        values.append(value)
    return found


def allowed_calls(filters: list[str]) -> set[str]:
    """Return the system calls that a unit's filter leaves: the first line allows, one with ~ takes away."""
    allowed: set[str] = set()
    for line in filters:
        names = {call for word in line.lstrip("~").split() for call in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed | set(_members("@default"))  # systemd always adds it to a list that allows


def _members(word: str) -> list[str]:
    if not word.startswith("@"):
        return [word]
    told = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in told.splitlines()[1:]]
    return [call for line in lines if line and not line.startswith("#") for call in _members(line)]


def confine(service: dict[str, list[str]]) -> None:
    """Put the lines of a unit's [Service] in force, for this process and all that it starts."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(service["LimitNOFILE"][0]),) * 2)
    if service["MemoryDenyWriteExecute"] == ["yes"]:
        _forbid_executable_memory()
    assert service["SystemCallErrorNumber"] == ["EPERM"]
    families = [int(getattr(socket, name)) for name in service["RestrictAddressFamilies"][0].split()]
    _allow_only(allowed_calls(service["SystemCallFilter"]), families)


class _Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp` of libseccomp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class _Filter:
    """A seccomp filter: what it does with all calls, and with some in another way. Of several the strictest wins."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_load.argtypes = [ctypes.c_void_p]
        context, comparisons = ctypes.c_void_p, ctypes.POINTER(_Comparison)
        self._library.seccomp_rule_add_array.argtypes = [context, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, comparisons]
        self._context = self._library.seccomp_init(default)

    def rule(self, action: int, call: str, *comparisons: _Comparison) -> None:
        """Treat a call in this way, if its arguments compare so; calls of other architectures are passed over."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (_Comparison * len(comparisons))(*comparisons)
        assert self._library.seccomp_rule_add_array(self._context, action, number, len(comparisons), array) == 0, call

    def load(self) -> None:
        """Put it in force."""
        assert self._library.seccomp_load(self._context) == 0


def _forbid_executable_memory() -> None:
    """Refuse memory that is written and executed, and memory that becomes executable: as systemd does it (`seccomp-util.c`)."""
    both, execute = mmap.PROT_WRITE | mmap.PROT_EXEC, mmap.PROT_EXEC
    found = _Filter(_ALLOW)
    found.rule(_ERRNO | EPERM, "mmap", _Comparison(2, _MASKED_EQUAL, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        found.rule(_ERRNO | EPERM, call, _Comparison(2, _MASKED_EQUAL, execute, execute))
    found.load()


def _allow_only(calls: set[str], families: list[int]) -> None:
    """Refuse all other calls, and sockets of other families."""
    found = _Filter(_ERRNO | EPERM)
    for call in sorted(calls - {"socket"}):
        found.rule(_ALLOW, call)
    for family in range(_FAMILIES):
        action = _ALLOW if family in families else _ERRNO | EAFNOSUPPORT
        found.rule(action, "socket", _Comparison(0, _EQUAL, family, 0))
    found.load()


if __name__ == "__main__":
    confine(read_unit(Path(sys.argv[1]))["Service"])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
