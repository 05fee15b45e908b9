"""The exit codes, documented in docs/operations.md."""

EXIT_OK = 0  #: done; some sources may have failed (they are named on stderr)
EXIT_PARTIAL = 1  #: a feed was refused, some source failed and --strict, or a check found a difference
EXIT_USAGE = 2  #: wrong usage (click)
EXIT_CONFIG = 3  #: configuration invalid
EXIT_ALL_FAILED = 4  #: every due source failed
EXIT_STORE = 5  #: posts, state or outputs cannot be read or written
EXIT_LOCKED = 6  #: another run holds the project folder
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
