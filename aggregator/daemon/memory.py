"""Memory that a round has used goes back to the kernel.

glibc gives back only what is free at the end of its heaps. What bodies, headers and database pages of ten thousand polls leave
free lies in pieces between what lives on: a tenth more was held after them than after the first thousand, all of it unused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def trimmer() -> Callable[[], None]:
    """Return what gives free memory back; it does nothing where the C library cannot (musl and macOS do so by themselves)."""
    if sys.platform == "linux":
        import ctypes

        try:
            trim = ctypes.CDLL(None).malloc_trim
        except (OSError, AttributeError):
            return _nothing
        trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
        return lambda: trim(0)
    return _nothing


def _nothing() -> None:
    """Give nothing back."""
