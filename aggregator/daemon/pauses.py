"""How long a daemon waits after a round that failed as a whole."""

from __future__ import annotations

_SHORTEST = 60.0  #: seconds
_MOST_DOUBLINGS = 6  #: about an hour


class Pauses:
    """A minute each time; twice as long each time, up to an hour, where upstreams were asked and nothing could be kept.

    A disk that has room for the state and none for posts, for one, lets a round ask whoever is due and saves none of it: those
    would be asked again each minute of a weekend.
    """

    def __init__(self) -> None:
        """Begin without trouble."""
        self._in_vain = 0

    def after(self, *, has_asked: bool) -> float:
        """Return for how many seconds no round begins after one that has failed; `has_asked`: upstreams, before it did."""
        if not has_asked:
            return _SHORTEST
        doublings = min(self._in_vain, _MOST_DOUBLINGS)
        self._in_vain += 1
        return _SHORTEST * 2.0**doublings

    def over(self) -> None:
        """Take it that a round went well."""
        self._in_vain = 0
