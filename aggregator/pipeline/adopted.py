"""An adopted post -> the entry as it would be if upstream sent it today, to be compared with what upstream sends today."""

from __future__ import annotations

from dataclasses import replace

from aggregator.model.entry import Entry
from aggregator.model.parsed import HTML, ParsedText
from aggregator.normalise.body import to_content
from aggregator.normalise.fixes import Placeholder, choose_fixes
from aggregator.pipeline.jobs import DigestJob
from aggregator.store.posts import read_post
from aggregator.store.profiles import PostFormatError, get_profile


def post_as_normalised(job: DigestJob, key: str) -> Entry | None:
    """Return what an adopted post says, its HTML cleaned as upstream's is; None where it is gone or cannot be read."""
    path = job.known[key].path
    if not path:
        return None
    place = job.place
    try:
        found = read_post(place.root, path, get_profile(place.profile, place.timezone), place.archive, key=key)
    except PostFormatError:
        return None
    if found is None:
        return None
    entry = found.entry
    if not entry.content:
        return entry
    text = ParsedText(value=entry.content, type=HTML)
    content = to_content(text, base=job.final_address, fixes=choose_fixes(job.source))
    return entry if isinstance(content, Placeholder) else replace(entry, content=content)
