"""One connection, on uvicorn's h11: bounded in time whatever the client does, and in plain text where it is no HTTP.

uvicorn bounds only the silence between two requests. Here a client has so many seconds for the head of a request, however it
trickles, and must go on taking what it asked for. `overdue` is asked once in a while; nothing is timed on the way of a request.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from aggregator.serve.kept import SAFE

#: How much longer than for its request a client has for taking 48 KiB of an answer.
_READING = 2.5
_PORTION = 16 * 1024  #: bytes; a head may be as long, and by that much longer
_REFUSAL = b"400 this is no HTTP request\n"


class Connection(H11Protocol):
    """A client, as long as it is connected."""

    patience = 10.0  #: seconds for the head of a request
    most = 1000  #: connections at once

    _since: float = 0.0  #: when the client began to do what it is doing, as far as it was noticed
    _doing: tuple[Any, ...] | None = None
    _said_all = False
    _taken = 0  #: how often the client made room for more

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where there are too many, whoever has waited longest without a whole request goes."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._doing = ("asks", None)
        if len(self.connections) > self.most:
            waiting = [each for each in self.connections if isinstance(each, Connection) and each.is_waiting]
            min(waiting, key=lambda each: each._since, default=self).abort()  # noqa: SLF001 - its own kind

    def data_received(self, data: bytes) -> None:
        """Take what came, in portions: h11 looks at the length of a head only as long as it is not whole."""
        if len(data) <= _PORTION:
            super().data_received(data)
            return
        for start in range(0, len(data), _PORTION):
            if not self.transport.is_closing():
                super().data_received(data[start : start + _PORTION])

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Go on with what was asked: who has said all may still want the answer."""
        self._said_all = True
        return self.is_working or None

    def on_response_complete(self) -> None:
        """Go on with the next request, or end if there will be none."""
        super().on_response_complete()
        if self._said_all and not self.is_working:
            self.transport.close()

    def resume_writing(self) -> None:
        """Notice that the client took what was waiting for it."""
        self._taken += 1
        super().resume_writing()

    @property
    def is_working(self) -> bool:
        """Tell whether it is our turn."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is the client's turn to say something."""
        return not self.is_working and not self.transport.get_write_buffer_size() and not self.transport.is_closing()

    def overdue(self, now: float) -> bool:
        """Tell whether the client has taken longer than it may for what it is doing. Asked about once a second."""
        doing, allowed = self._what_it_does()
        if doing != self._doing:
            self._doing, self._since = doing, now
            return False
        return allowed is not None and now - self._since > allowed

    def _what_it_does(self) -> tuple[tuple[Any, ...], float | None]:
        if self.transport.get_write_buffer_size() or self.transport.is_closing():
            return ("reads", id(self.cycle), self._taken), self.patience * _READING
        if self.is_working:
            return ("waits", id(self.cycle)), None
        if self.cycle is None or self.conn.trailing_data[0] or self.conn.their_state is not h11.IDLE:
            return ("asks", None if self.cycle is None else id(self.cycle)), self.patience
        return ("rests", id(self.cycle)), None  # uvicorn's own time for that runs

    def abort(self) -> None:
        """Hang up, at once."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in plain text and without quoting it, if nothing else is being said."""
        del msg
        if self.is_working:  # what follows its head is none: the answer that is being made has nowhere to go
            self.cycle.disconnected = True
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(_REFUSAL)),
            (b"connection", b"close"),
            *SAFE,
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=_REFUSAL),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
