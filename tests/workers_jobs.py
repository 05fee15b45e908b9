"""Jobs for test_workers.py: they must be importable from a worker."""

from __future__ import annotations

import os
import re
import resource
import time

from aggregator.workers import arm_deadline

_PIECE = 64 * 1024


def double(number: int) -> int:
    return number * 2


def doze(number: int) -> int:
    time.sleep(0.06)
    return number


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


def take_pages(size: int) -> int:
    """Use so much memory in small pieces and free it, again and again; return how many pages had to be taken the last time."""
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        pieces = [bytes(_PIECE) for _ in range(size // _PIECE)]
        del pieces
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def process_id(_number: int) -> int:
    return os.getpid()
