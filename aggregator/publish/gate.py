"""The gate: an entry, a whole document, a swap -> pass, or the reason in words. Pure; decides, never repairs.

1. `find_refusal`: an entry that breaks RFC 4287 or our own rules is left out of the feed, and the rest is published.
2. `check_document`: a feed whose frame is invalid is refused; the last good file stays. Entries that are at fault only as
   they stand in the document, in any format, are named, so that whoever asks can leave out these alone.
3. `check_swap`: so is a feed from which more than half of what subscribers had would vanish without a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from aggregator.errors import PublishError
from aggregator.model.entry import Entry
from aggregator.model.key import atom_id, is_absolute_iri
from aggregator.model.output import Built, OutputEntry, OutputFeed
from aggregator.publish.document import Standing, examine, read_standing
from aggregator.publish.findings import Examined
from aggregator.publish.parts import is_language_tag, is_media_type
from aggregator.publish.scan import find_fault, is_web_address, quoted

#: Everything outside production 2 of XML 1.0; one such character costs a reader the whole feed (RFC 4287 §2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Outside these years a date is a fault of the publisher's software, and old readers cannot hold it.
_FIRST_YEAR, _LAST_YEAR = 1000, 2999
#: How many findings of a refused document its message names.
_NAMED = 3


def find_refusal(item: OutputEntry) -> str | None:
    """Return why the entry must stay out of the feed, or None."""
    return next(_refusals(item.entry), None)


def check_document(content: bytes, frame: OutputFeed) -> None:
    """Refuse a document that is not a valid feed with this frame. Raises: PublishError."""
    expected = {"id": frame.id, "self": frame.self_link, "alternate": frame.page_link}
    chain = {"current": frame.current, "prev-archive": frame.prev_archive, "archive": "yes" if frame.current else None}
    refuse_faults(examine(content), expected | chain, frame, frame.path)


def refuse_faults(examined: Examined, expected: Mapping[str, str | None], frame: OutputFeed, path: str) -> None:
    """Refuse a file of the feed that has faults, or says something else of itself than expected. Raises: PublishError."""
    faults = [str(finding) for finding in examined.faults]
    at_fault = {finding.entry: f"{finding.text} ({finding.rule})" for finding in reversed(examined.faults)}
    if not faults:
        faults = [
            f"its {name} is {examined.frame.get(name)!r} instead of {value!r}"
            for name, value in expected.items()
            if examined.frame.get(name) != value
        ]
    if faults:
        more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        raise PublishError(
            f"{path}: the feed as built is not valid: {'; '.join(faults[:_NAMED])}{more}. The last good"
            " file is kept. If titles and addresses in config/ are right, this is a fault of the program: report it.",
            output=frame.path,
            faulty=() if None in at_fault else tuple((entry, why) for entry, why in at_fault.items() if entry is not None),
        )


def check_swap(
    old: bytes | None,
    new: Built,
    *,
    output: str,
    gone_on_purpose: frozenset[str],
    unreadable: frozenset[str] = frozenset(),
) -> None:
    """Refuse to replace `old` if more than half of what should still stand in it would vanish.

    Entries that newer ones pushed out of a full feed, and those in `gone_on_purpose` (atom:ids of posts that were
    deleted, taken down or moved), do not count. A file that cannot be read as a feed protects nothing. `unreadable` are
    the atom:ids of posts that are there and cannot be read: they count, and the message says that it is they.
    Raises: PublishError.
    """
    standing = read_standing(old) if old is not None else None
    kept = frozenset(new.ids)
    due = [entry for entry in standing or () if entry.id in kept or _must_stay(entry, new, gone_on_purpose)]
    lost = [entry for entry in due if entry.id not in kept]
    if len(lost) * 2 <= len(due):
        return
    first = f"{quoted(lost[0].title)} ({lost[0].id!r})"
    raise PublishError(
        f"{output}: {len(lost)} of {len(due)} entries would vanish, the first is {first}, and nothing says they should."
        f" The last good file is kept.{_left_out_hint(new)}{_advice(output, lost, len(due), unreadable)}",
        output=output,
        lost=tuple(entry.id for entry in lost),
    )


def _advice(output: str, lost: Sequence[Standing], due: int, unreadable: frozenset[str]) -> str:
    """Return what to do: posts that cannot be read are to be mended, whatever else is missing."""
    broken = sum(entry.id in unreadable for entry in lost)
    mend = f" {broken} of them are posts that cannot be read (they are named): mend them, then `aggregator build`."
    if broken and (len(lost) - broken) * 2 <= due:
        return mend
    return (
        f"{mend if broken else ''} If they are to go, delete {output} in the public folder and run `aggregator build`; if not,"
        " `aggregator reindex` reads all posts."
    )


def _left_out_hint(new: Built) -> str:
    if not new.left_out:
        return ""
    first = new.left_out[0]
    return f" The gate left {len(new.left_out)} entries out, {quoted(first.title)} because {first.reason}."


def _must_stay(entry: Standing, new: Built, gone_on_purpose: frozenset[str]) -> bool:
    if entry.id in gone_on_purpose:
        return False
    return new.floor is None or entry.date is None or entry.date > new.floor


def _refusals(entry: Entry) -> Iterator[str]:
    yield from _text_refusals(entry)
    if not entry.title.strip():
        yield "it has no title (RFC 4287 §4.1.2)"
    if "\n" in entry.title or "\r" in entry.title:
        yield "its title has several lines (RFC 4287 §4.2.14: a title is plain text)"
    if not is_absolute_iri(atom_id(entry.source_id, entry.id)):
        yield f"its id {entry.id!r} is no absolute IRI (RFC 4287 §4.2.6)"
    if entry.link is None and not entry.content:
        yield "it has neither a link nor content (RFC 4287 §4.1.2)"
    if not entry.categories or not all(entry.categories):
        yield "its category has an empty part (RFC 4287 §4.2.2: a category has a term)"
    yield from _date_refusals(entry)
    yield from _address_refusals(entry)
    yield from _person_refusals(entry)
    yield from _detail_refusals(entry)
    fault = find_fault(entry.content)
    if fault is not None:
        yield f"its content holds {fault} (RFC 4287 §8.1)"


def _text_refusals(entry: Entry) -> Iterator[str]:
    texts = list(_texts(entry))
    if _NOT_XML.search(" ".join([text for _, text in texts])) is None:  # one search instead of thirty
        return
    for name, text in texts:
        found = _NOT_XML.search(text)
        if found is not None:
            yield f"its {name} holds the character U+{ord(found[0]):04X}, which XML forbids (RFC 4287 §2)"


def _texts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Return every text that goes into the document, with its name."""
    single = ("id", "title", "content", "summary", "author", "link", "language", "rights")
    yield from ((name, text) for name in single if (text := getattr(entry, name)) is not None)
    yield from (("category", part) for part in entry.categories)
    feed = entry.feed
    yield from (("source", text) for text in (feed.title, feed.id, feed.link, feed.rights) if text is not None)
    for person in entry.authors:
        yield from (("author", text) for text in (person.name, person.uri, person.email) if text is not None)
    for tag in entry.tags:
        yield from (("tag", text) for text in (tag.term, tag.scheme, tag.label) if text is not None)
    for enclosure in entry.enclosures:
        fields = (enclosure.href, enclosure.type, enclosure.title)
        yield from (("enclosure", text) for text in fields if text is not None)
    if entry.episode is not None and entry.episode.image is not None:
        yield "episode's image", entry.episode.image


def _date_refusals(entry: Entry) -> Iterator[str]:
    if entry.published is None and entry.first_seen is None:
        yield "it has no date at all (RFC 4287 §4.1.2: updated is required)"
    for name in ("published", "first_seen", "updated"):
        date: datetime | None = getattr(entry, name)
        if date is None:
            continue
        if date.utcoffset() is None or date.utcoffset() != timedelta(0):
            yield f"its date `{name}` is not in UTC (RFC 4287 §3.3)"
        if not _FIRST_YEAR <= date.year <= _LAST_YEAR:
            yield f"its date `{name}` lies in the year {date.year} (RFC 4287 §3.3: as accurate as possible)"


def _address_refusals(entry: Entry) -> Iterator[str]:
    if entry.link is not None and not is_web_address(entry.link):
        yield f"its link is not absolute http(s): {entry.link!r} (RFC 4287 §4.2.7.1)"
    if entry.feed.link is not None and not is_web_address(entry.feed.link):
        yield f"the link of its source is not absolute http(s): {entry.feed.link!r} (RFC 4287 §4.2.11)"
    if entry.feed.id is not None and not is_absolute_iri(entry.feed.id):
        yield f"the id of its source is no absolute IRI: {entry.feed.id!r} (RFC 4287 §4.2.6)"
    if not entry.feed.title.strip():
        yield "its source has no title (RFC 4287 §4.2.11)"
    for enclosure in entry.enclosures:
        if not is_web_address(enclosure.href):
            yield f"an enclosure is not absolute http(s): {enclosure.href!r} (RFC 4287 §4.2.7.1)"
        if enclosure.type is not None and not is_media_type(enclosure.type):
            yield f"an enclosure has no media type: {enclosure.type!r} (RFC 4287 §4.2.7.3)"
        if enclosure.length is not None and enclosure.length < 0:
            yield f"an enclosure has a negative length: {enclosure.length} (RFC 4287 §4.2.7.6)"
    image = entry.episode.image if entry.episode is not None else None
    if image is not None and not is_web_address(image):
        yield f"its episode's image is not absolute http(s): {image!r} (Apple's podcast RSS: itunes:image)"


def _person_refusals(entry: Entry) -> Iterator[str]:
    if entry.author is not None and not entry.author.strip():
        yield "its byline is empty (RFC 4287 §3.2.1)"
    for person in entry.authors:
        if not person.name.strip():
            yield "an author has no name (RFC 4287 §3.2.1)"
        if person.uri is not None and not is_web_address(person.uri):
            yield f"the address of an author is not absolute http(s): {person.uri!r} (RFC 4287 §3.2.2)"
        if person.email is not None and not all(person.email.partition("@")):
            yield f"an author's e-mail address has no @: {person.email!r} (RFC 4287 §3.2.3)"


def _detail_refusals(entry: Entry) -> Iterator[str]:
    if entry.language is not None and not is_language_tag(entry.language):
        yield f"{entry.language!r} is no language tag (RFC 4287 §2)"
    for tag in entry.tags:
        if not tag.term.strip():
            yield "a tag has no term (RFC 4287 §4.2.2)"
        if tag.scheme is not None and not is_absolute_iri(tag.scheme):
            yield f"the scheme of a tag is no absolute IRI: {tag.scheme!r} (RFC 4287 §4.2.2.2)"
