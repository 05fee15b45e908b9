"""What podcast readers expect of the elements that make an entry an episode -> findings, in every XML format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from aggregator.publish.findings import Finding
from aggregator.publish.parts import Part
from aggregator.publish.podcast import NAMESPACE
from aggregator.publish.scan import is_web_address

_ITUNES = f"{{{NAMESPACE}}}"
_DURATION = re.compile(r"\d+(?::\d\d){0,2}\Z", re.ASCII)
#: Podcast element -> what its text must look like (Apple's podcast RSS).
_PODCAST: Mapping[str, re.Pattern[str]] = {
    "duration": _DURATION,
    "episode": re.compile(r"[1-9]\d*\Z", re.ASCII),
    "season": re.compile(r"[1-9]\d*\Z", re.ASCII),
    "episodeType": re.compile(r"(?:full|trailer|bonus)\Z"),
    "explicit": re.compile(r"(?:true|false|yes|no|clean|explicit)\Z"),
}


def podcast_findings(item: Part) -> Iterator[Finding]:
    """Yield what is wrong with the episode that an entry, or an item, says that it is."""
    for name, pattern in _PODCAST.items():
        for element in item.children.get(f"{_ITUNES}{name}", ()):
            if pattern.match(element.text or "") is None:
                text = f": its itunes:{name} is {element.text!r}, which podcast readers do not know"
                yield item.finding(text, f"Apple's podcast RSS <itunes:{name}>", "write it as Apple has it", at=element)
    for element in item.children.get(f"{_ITUNES}image", ()):
        if not is_web_address(element.get("href", "")):
            text = f": the href of its itunes:image is not absolute http(s): {element.get('href')!r}"
            yield item.finding(text, "Apple's podcast RSS <itunes:image>", "write the whole address", at=element)
