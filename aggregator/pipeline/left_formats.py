"""Files in a format that the config names no more: they stay as they are, and that is said once. The main process's side.

Whoever subscribed to such a file goes on asking for it and must not be given nothing; whether it may go is for its owner to
say. What is taken down is cut out of it all the same (`cutting`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aggregator.model.output import OutputFeed
from aggregator.model.poll import Event, Note
from aggregator.model.settings import FORMAT_NAMES
from aggregator.publish.addresses import twin_path

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_FACT = "left_formats"  #: of the state: the files that were told
_NAMED = 3


def tell_left_formats(project: Project, frames: Sequence[OutputFeed], report: Callable[[Event], None]) -> None:
    """Say which files no format of the config stands for any more, if they are others than the last time."""
    fewer = [frame for frame in frames if len(frame.files) < len(FORMAT_NAMES)]
    places = {path for frame in fewer for path in (frame.path, *frame.former)}
    dropped = {twin_path(path, name) for path in places for name in FORMAT_NAMES} - {
        path for frame in frames for path in frame.everywhere
    }
    left = sorted(path for path in dropped if (project.public / path).exists())
    seen = "\n".join(left)
    if seen == (project.state.fact(_FACT) or ""):
        return
    project.state.set_fact(_FACT, seen)
    if not left:
        return
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    named = ", ".join(f"{project.settings.public.dir}/{path}" for path in left[:_NAMED])
    report(
        Note(
            text=f"{named}{more}: `formats` in the config names that format no more, so such files are no longer written."
            " They stay as they are; delete them when nobody asks for them"
        )
    )
