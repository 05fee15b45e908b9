"""Runs a command as a systemd unit would confine it, without systemd: `python -m tests.confinement UNIT COMMAND...`.

Of the unit's lines those are put in force that a program can trip over: `SystemCallFilter` with its error number and
`RestrictAddressFamilies` as a seccomp filter, `MemoryDenyWriteExecute` as the kernel's own bit (Linux 6.3), `LimitNOFILE`. They
are inherited by everything that the command starts.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import subprocess
import sys
from errno import EAFNOSUPPORT, EPERM
from pathlib import Path

#: A unit as systemd reads it: section -> key -> its values, in order.
Unit = dict[str, dict[str, list[str]]]

NO_MDWE = "this kernel knows no MemoryDenyWriteExecute of its own"
_PR_SET_MDWE, _REFUSE_EXEC_GAIN = 65, 1
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL = 4  #: SCMP_CMP_EQ
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
    libc = ctypes.CDLL(None, use_errno=True)
    if service["MemoryDenyWriteExecute"] == ["yes"] and libc.prctl(_PR_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0):
        sys.exit(NO_MDWE)
    assert service["SystemCallErrorNumber"] == ["EPERM"]
    families = [int(getattr(socket, name)) for name in service["RestrictAddressFamilies"][0].split()]
    _load_filter(allowed_calls(service["SystemCallFilter"]), families)


class _Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp` of libseccomp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def _load_filter(calls: set[str], families: list[int]) -> None:
    """Refuse all other calls, and sockets of other families."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    ]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(_ERRNO | EPERM)
    for call in sorted(calls - {"socket"}):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # others are of other architectures
            assert library.seccomp_rule_add_array(context, _ALLOW, number, 0, None) == 0, call
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in range(_FAMILIES):
        action = _ALLOW if family in families else _ERRNO | EAFNOSUPPORT
        equal = (_Comparison * 1)(_Comparison(0, _EQUAL, family, 0))
        assert library.seccomp_rule_add_array(context, action, number, 1, equal) == 0, family
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(read_unit(Path(sys.argv[1]))["Service"])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
