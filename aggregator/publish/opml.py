"""The site and its outputs -> `feeds/index.opml`, the list that a reader subscribes to in one go (OPML 2.0).

A category with feeds below it is a folder that holds its own feed first: many importers take an outline with an address
for a leaf and would never look at its children. No dates: the list changes when the feeds do, not when it is built. It
never names a source, so neither their secrets nor private ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.output import OutputFeed
from aggregator.model.settings import Site
from aggregator.publish.addresses import OPML_PATH


def render_opml(site: Site, outputs: Sequence[OutputFeed]) -> bytes:
    """List the outputs, in the order given, in a folder per category.

    Raises: PublishError if a title or an address cannot be written as XML.
    """
    root = etree.Element("opml", version="2.0")
    try:
        head = etree.SubElement(root, "head")
        etree.SubElement(head, "title").text = site.title
        if site.author is not None:
            etree.SubElement(head, "ownerName").text = site.author
        etree.SubElement(head, "ownerId").text = site.url
        _fill(etree.SubElement(root, "body"), outputs)
    except ValueError as error:
        raise PublishError(f"{OPML_PATH}: a title or address cannot be written as XML: {error}", output=OPML_PATH) from error
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _fill(body: etree._Element, outputs: Sequence[OutputFeed]) -> None:
    """Put each feed into its folder; a folder is made where a category has feeds below it."""
    parents = {output.category[:depth] for output in outputs for depth in range(1, len(output.category))}
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for output in outputs:
        home = output.category if output.category in parents else output.category[:-1]
        folder = body
        for depth in range(1, len(home) + 1):
            path = home[:depth]
            if path not in folders:
                folders[path] = etree.SubElement(folder, "outline", text=path[-1])
            folder = folders[path]
        feed = _outline(output)
        if home == output.category and home:
            folder.insert(0, feed)
        else:
            folder.append(feed)


def _outline(output: OutputFeed) -> etree._Element:
    attributes = {
        "type": "rss",  # OPML 2.0's word for any feed
        "text": output.title,
        "title": output.title,
        "xmlUrl": output.self_link,
        "htmlUrl": output.page_link,
    }
    if output.language is not None:
        attributes["language"] = output.language
    return etree.Element("outline", attributes)
