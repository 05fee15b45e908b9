"""Jobs for test_workers.py: they must be importable from a worker."""

from __future__ import annotations

import os
import re

from aggregator.workers import arm_deadline


def double(number: int) -> int:
    return number * 2


def abort(_number: int) -> int:
    os.abort()


def die(_number: int) -> int:
    os.kill(os.getpid(), 11)
    return 0


def grow(_number: int) -> int:
    return len(bytearray(64 * 1024**3))


def fail(number: int) -> int:
    raise LookupError(f"no {number}")


def stall(_number: int) -> int:
    """Hold the interpreter's lock in a regular expression that takes for ever."""
    arm_deadline()
    return len(re.findall(r"(a+)+$", "a" * 60 + "b"))
