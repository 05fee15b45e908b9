"""One parsed document on its way through a digest: its entries under lasting keys, normalised when first asked for.

Where known entries came under new ids, they get their own keys here. The ledger has to say so first: then the document is
given back with what it should say (`names`), and nothing has been written. Reads no file but adopted posts that an entry
could be by its title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from aggregator.decide.adopted import recognise_adopted, same_titles
from aggregator.decide.recognise import Recognised, is_unstable, recognise, stranger, written_down
from aggregator.model.changes import Skipped
from aggregator.model.entry import Entry, Feed, SafeHtml
from aggregator.model.parsed import ParsedEntry, ParsedFeed
from aggregator.normalise import Identified, identify, normalise_entry, read_content
from aggregator.normalise.fixes import Placeholder
from aggregator.pipeline.adopted import post_as_normalised
from aggregator.pipeline.jobs import DigestJob, NewNames

_UNSTABLE = (
    "{} came under new ids again: this source's ids change from poll to poll. From now on its entries are told apart by their"
    " links (a line in ledger.jsonl); nothing is published twice"
)


class Document:
    """One parsed document: its entries are normalised when they are first asked for."""

    def __init__(self, job: DigestJob, parsed: ParsedFeed, feed: Feed) -> None:
        self.job = job
        self.parsed = parsed
        self.feed = feed
        self.told: list[str] = []  #: what was recognised, in words
        self.names: NewNames | None = None  #: what must be written down before anything rests on it
        self._normal: dict[bytes, Entry | Skipped] = {}

    def items(self) -> tuple[Identified, ...]:
        """Return the entries, each under its own key; unless there are `names`, for then the ledger comes first."""
        job = self.job
        items = identify(
            self._entries(),
            source_id=job.source.id,
            known=job.known,
            address=job.final_address,
            aliases=job.aliases,
            unstable=job.unstable,
        )
        strangers = [item for item in items if item.key not in job.known]
        if not strangers or not (job.known or _could_be_twins(strangers)):
            return items
        return self._recognise(items, strangers)

    def _entries(self) -> Sequence[ParsedEntry]:
        """Return the entries but for those that say that they come out of a feed of this site."""
        entries = self.parsed.entries
        kept = [entry for entry in entries if entry.origin is None or entry.origin not in self.job.own_feeds]
        if len(kept) < len(entries):
            number = _count(len(entries) - len(kept), "entry comes", "entries come")
            self.told.append(f"{number} from a feed of this site and would go round in circles: left out")
        return kept

    def normalise(self, items: Sequence[Identified]) -> None:
        """Normalise these entries at once: all texts, then all else, which takes a tenth less than entry by entry."""
        job = self.job
        waiting = [item for item in items if item.raw_hash not in self._normal]
        contents = [read_content(item, source=job.source, address=job.final_address) for item in waiting]
        for item, content in zip(waiting, contents, strict=True):
            self.normal(item, content)

    def normal(self, item: Identified, content: SafeHtml | Placeholder | None = None) -> Entry | Skipped:
        """Return the entry in the model's terms."""
        entry = self._normal.get(item.raw_hash)
        if entry is None:
            entry = normalise_entry(
                item,
                feed=self.feed,
                feed_language=self.parsed.language,
                source=self.job.source,
                address=self.job.final_address,
                now=self.job.now,
                content=content,
            )
            if isinstance(entry, Entry) and entry.published is None:
                entry = replace(entry, first_seen=self.job.stamp)
            self._normal[item.raw_hash] = entry
        return entry

    def _recognise(self, items: tuple[Identified, ...], strangers: Sequence[Identified]) -> tuple[Identified, ...]:
        """Find known entries among the strangers; returns all under their own keys."""
        job = self.job
        self.normalise(strangers)
        normal = {item.key: entry for item in strangers if isinstance(entry := self.normal(item), Entry)}
        described = [stranger(entry, key) for key, entry in normal.items()]
        present = {item.key for item in items}
        found = recognise(described, job.known, present, by_link=job.unstable)
        found = self._with_adopted(found, normal, present)
        if not found:
            return items
        names = written_down(found, job.known, job.aliases, unstable=job.unstable)
        if not (job.settled or job.dry_run):
            if not job.unstable and is_unstable(found, job.known, job.aliases, len(items)):
                said = _UNSTABLE.format(_count(len(found), "entry", "entries"))
                self.names = NewNames(aliases=(), unstable=True, told=(said,))
            elif names:
                pairs = tuple((one.id, one.key) for one in names)
                self.names = NewNames(aliases=pairs, told=tuple(_told(found, len(names))))
        if not job.unstable:
            # Of an unstable source it was told once, and the ledger says so.
            self.told += _told(found, 0)
        return _renamed(items, {one.id: one.key for one in found})

    def _with_adopted(
        self, found: tuple[Recognised, ...], normal: dict[str, Entry], present: set[str]
    ) -> tuple[Recognised, ...]:
        """Add the strangers, by key, that are posts which another program wrote and which were adopted."""
        job = self.job
        done = {one.id for one in found}
        entries = {entry.id: entry for entry in normal.values() if entry.id not in done}
        pairs = same_titles(entries.values(), job.known, present | {one.key for one in found})
        if not pairs:
            return found
        keys = {key for fitting in pairs.values() for key in fitting}
        posts = {key: post_as_normalised(job, key) for key in sorted(keys)}
        adopted = recognise_adopted(pairs, entries, posts, job.known)
        names = {one.id: one.key for one in adopted}
        own = {key: names[entry.id] for key, entry in normal.items() if entry.id in names}
        # What stands in the document twice goes where the one of the two goes that stands for both.
        return (*(replace(one, key=own.get(one.key, one.key)) for one in found), *adopted)


def _could_be_twins(items: Sequence[Identified]) -> bool:
    """Tell, cheaply, whether any two entries could be one under two ids."""
    pages = {(item.entry.link, item.entry.published or item.entry.updated) for item in items}
    return len(pages) < len(items)


def _renamed(items: Sequence[Identified], keys: dict[str, str]) -> tuple[Identified, ...]:
    """Give the items the keys of the entries that they are; of several with one key the entry itself stands for all."""
    taken = {item.key for item in items if item.id not in keys}
    renamed = []
    for item in items:
        key = keys.get(item.id)
        if key is None:
            renamed.append(item)
        elif key not in taken:
            taken.add(key)
            renamed.append(replace(item, key=key))
    return tuple(renamed)


def _told(found: Sequence[Recognised], written: int) -> list[str]:
    """Return in words what was recognised, and by what."""
    number = Counter(one.by for one in found)
    twins = number.pop("twin", 0)
    told = []
    if number:
        ways = {
            "id": "their ids but for http, https or tracking",
            "link": "their links",
            "text": "their titles, dates and texts",
            "title": "the titles and texts of adopted posts",
        }
        by = " and ".join(words for way, words in ways.items() if way in number)
        entries = _count(number.total(), "known entry came", "known entries came")
        where = f" ({_count(written, 'line', 'lines')} in ledger.jsonl)" if written else ""
        told.append(f"{entries} under new ids; recognised by {by}{where}; nothing is published twice")
    if twins:
        entries = _count(twins, "entry stands", "entries stand")
        told.append(
            f"{entries} in the document a second time under another id, the same in link, title, date and text: taken once"
        )
    return told


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"
