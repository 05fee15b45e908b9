"""What a service manager is told: sd_notify(3), one datagram at a time; without a manager nothing is told."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

_PATIENCE = 1.0  #: seconds that a manager which does not listen just now is waited for: signals and ticks wait as well


class Manager:
    """The service manager that started this process, if it wants to be told."""

    def __init__(self) -> None:
        """Take the address and the watchdog's time from the environment, once: children are not to speak for us."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds, owner = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
        meant = owner in {"", str(os.getpid())}
        #: Seconds after which a silent process is ended; None: nobody watches.
        self.patience = int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) else None

    def ready(self) -> None:
        """Say that everything is up."""
        self._say("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is read again; `ready` must follow."""
        # Type=notify-reload wants the moment as well.
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line how things are."""
        self._say("STATUS=" + text.replace("\n", " "))

    def alive(self) -> None:
        """Say that work goes on."""
        self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the abstract namespace, whose names begin with NUL.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            # A manager that has gone, or hangs, is no reason to stop.
            line.settimeout(_PATIENCE)
            line.sendto(text.encode(), address)
