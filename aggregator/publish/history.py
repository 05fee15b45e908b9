"""What makes a document an archive page: an empty fh:archive in its head (RFC 5005 §4). Pure."""

from __future__ import annotations

from typing import Any

from feedgen.ext.base import BaseExtension
from lxml import etree

NAMESPACE = "http://purl.org/syndication/history/1.0"
ARCHIVE = f"{{{NAMESPACE}}}archive"


class ArchiveExtension(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """Writes the mark before the entries."""

    def extend_ns(self) -> dict[str, str]:
        """Return the prefix that RFC 5005 uses."""
        return {"fh": NAMESPACE}

    def extend_atom(self, feed: Any) -> Any:
        """Add the element to the feed that feedgen made."""
        etree.SubElement(feed, ARCHIVE)
        return feed
