"""`feeds/style.css`, which makes a page of a feed that is opened in a browser: written before the feeds that name it.

Like the list of feeds it is an output that the state knows: written when ours is another one than last time, or when it is
gone. Small and the same for all, so the main process writes it, without a worker.
"""

from __future__ import annotations

from collections.abc import Callable

from aggregator.errors import PlaceError
from aggregator.model.poll import Event, OutputEvent, OutputState
from aggregator.pipeline.frames import frame_hash
from aggregator.pipeline.project import Project
from aggregator.publish.addresses import STYLE_PATH
from aggregator.publish.style import STYLE
from aggregator.store.files import make_durable, read_file, write_file

_OURS = b"Written by aggregator"  #: in the first line of what we write


def publish_style(project: Project, report: Callable[[Event], None], *, again: bool = False) -> None:
    """Write the stylesheet if it is not as it should be. Raises StoreError. `again`: look whatever the state says (`build`)."""
    now_hash = frame_hash(STYLE)
    known = project.state.outputs().get(STYLE_PATH)
    settled = known is not None and not known.dirty and known.frame_hash == now_hash
    if settled and not again and (project.public / STYLE_PATH).exists():
        return
    changed, refused = False, None
    try:
        found = read_file(project.public, STYLE_PATH)
        if found and (known is None or known.dirty) and _OURS not in found.partition(b"\n")[0]:
            refused = f"{STYLE_PATH}: another program's file stands there, and it is not overwritten. Move it away, then:"
            refused += " aggregator build"
        elif found != STYLE:
            write_file(project.public, STYLE_PATH, STYLE)
            changed = True
            if project.settings.posts.durable:
                make_durable(project.public, (STYLE_PATH,))
    except PlaceError as fault:
        refused = f"{STYLE_PATH}: {project.bear(fault)}. Feeds opened in a browser have no style"
    project.outputs_written += changed
    project.outputs_refused += refused is not None
    report(OutputEvent(path=STYLE_PATH, changed=changed, refused=refused))
    kept = refused is not None
    project.state.published([OutputState(path=STYLE_PATH, frame_hash=now_hash, dirty=kept, refused=kept)], ())
