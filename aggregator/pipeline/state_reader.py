"""The state of a project, read by somebody who holds no lock, for as long as a server lives.

It may not be there yet, be set aside and rebuilt, be of another version, or be damaged: then nothing is known for the while,
and the next question tries again. What is asked never writes. Threads may ask at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

from aggregator.errors import NoStateError, StoreError
from aggregator.model.source import Secret
from aggregator.store.opening import file_mark, open_state, state_file
from aggregator.store.state import State

Answer = TypeVar("Answer")


class StateReader:
    """Opens the state when it is first asked, and anew when another file stands in its place."""

    def __init__(self, url: Secret, root: Path) -> None:
        """Take where the state is; it may come into being later."""
        self._url, self._root = url, root
        self._file = state_file(url.reveal(), root)
        self._lock = Lock()
        self._state: State | None = None
        self._inode: int | None = None
        self.failures = 0  #: questions that had no answer, although there is a state
        self.problem: str | None = None  #: why the last question had no answer, in words

    def ask(self, question: Callable[[State], Answer]) -> Answer | None:
        """Return what the state answers; None where nothing is known."""
        try:
            answer = question(self._open())
        except StoreError as error:
            self.problem = str(error)
            self.failures += not isinstance(error, NoStateError)
            self.close()
            return None
        self.problem = None
        return answer

    def mark(self) -> object:
        """Return what is another after every change of the state."""
        if self._file is not None:
            return file_mark(self._file)
        return self.ask(lambda state: state.listing.mark())

    def close(self) -> None:
        """Let the state go; the next question opens it again."""
        with self._lock:
            state, self._state = self._state, None
        if state is not None:
            state.close()

    def _open(self) -> State:
        """Return the open state. Raises StoreError if there is none that can be read."""
        with self._lock:
            inode = self._found()
            if self._state is not None and inode == self._inode:
                return self._state
            if self._state is not None:
                self._state.close()
                self._state = None
            self._inode = inode
            self._state = open_state(self._url.reveal(), self._root, create=False).state
            return self._state

    def _found(self) -> int | None:
        try:
            return None if self._file is None else self._file.stat().st_ino
        except OSError:
            return None
