"""`aggregator source test`: one source, or any address, asked once, and what a stage makes of the answer.

Nothing comes of it: no post, no state, no lock; the request is unconditional, so what is shown is what is there now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import click

from aggregator.catalogue import RefusedError, address_key, take_address
from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.exits import EXIT_ALL_FAILED, EXIT_PARTIAL
from aggregator.cli.foreign import as_json, shown_address, shown_text
from aggregator.cli.project import no_such_source, state_to_read
from aggregator.cli.source_place import Known
from aggregator.cli.source_preview import count_entries, format_name
from aggregator.model.changes import Skipped
from aggregator.model.entry import Entry, Episode
from aggregator.model.fetched import Fetched
from aggregator.model.known import NOTHING_KNOWN
from aggregator.model.parsed import ParsedEpisode
from aggregator.model.settings import Settings, join_category
from aggregator.model.source import Source
from aggregator.pipeline.jobs import DECIDE, FETCH, NORMALISE, PARSE, STAGES, Examined, ExaminedEntry
from aggregator.pipeline.remembered import LedgerIndex, Remembered
from aggregator.pipeline.visit import Visit, Visitor
from aggregator.store.ledger import FILE_NAME, Ledger

_COLUMNS = 100
_TEXT = 200  #: characters of an entry's text
#: Response headers whose value is between a server and one visitor.
_SECRET_HEADERS = frozenset({"set-cookie", "set-cookie2", "www-authenticate", "authentication-info", "x-api-key"})
#: Request headers that everybody may see; the value of any other one is the source's own.
_OPEN_HEADERS = frozenset({"user-agent", "accept", "accept-encoding", "accept-language"})
_MARKS = {"new": "+", "changed": "~", "found in place": "o", "kept": "!", "left out": "-", "known": "="}


@click.command("test")
@click.argument("source", metavar="ID|URL")
@click.option("--stage", type=click.Choice(STAGES), default=DECIDE, help="The last stage to take. [default: decide]")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the body to FILE.")
@click.option("--json", "json_", is_flag=True, help="Everything, as one JSON object on stdout.")
@pass_invocation
def test_source(invocation: Invocation, source: str, stage: str, save: Path | None, json_: bool) -> None:
    """Ask a source once and print what a stage makes of the answer; nothing is stored.

    fetch: what was sent and what came. parse: the feed as written. normalise: the entries as they would be stored.
    decide: which of them are new, and what becomes of the others.

    Exit codes: 0 it could be read, 4 it could not, as `sync` would say.
    """
    known = Known.read(invocation)
    chosen = _chosen(invocation, known, source)
    current = clock.now()
    entries, has_state = _remembered(known.settings, chosen) if stage == DECIDE else (Remembered(), False)
    with Visitor(known.settings, clock.now) as visitor:
        visit = visitor.visit(chosen, entries, stage=stage, stamp=clock.stamp(current), keep_body=save is not None)
    report = _Report(source=chosen, settings=known.settings, stage=stage, visit=visit, has_state=has_state)
    if json_ or invocation.json:
        click.echo(as_json(report.plain(), _as_data))
    else:
        for line in report.lines():
            click.echo(line)
    if save is not None and visit.examined is not None and visit.examined.body is not None:
        from aggregator.settings.edit import save as save_file

        save_file(save, visit.examined.body, make_folders=False)
        invocation.talk(f"wrote {save}: {len(visit.examined.body):,} bytes")
    if visit.failed is not None:
        name = chosen.name if chosen in known.settings.sources else shown_address(chosen.feed)
        invocation.warn(f"✗ {name}  {visit.failed.message}  ({visit.failed.kind})")
        if visit.failed.kind == "refused-address" and chosen not in known.settings.sources:
            invocation.talk("only a source can allow that: aggregator source add ADDRESS --allow-private")
        if visit.answer is not None and save is None:
            invocation.talk(f"see the body: aggregator source test {source} --stage fetch --save FILE")
        raise SystemExit(EXIT_ALL_FAILED)
    if report.parsed is not None:
        for warning in report.parsed.warnings:
            invocation.talk(f"  {chosen.name}: {shown_text(warning, 400)}")


def _chosen(invocation: Invocation, known: Known, text: str) -> Source:
    """Return a configured source by its id or address, else one that is made up for the address."""
    by_name = {source.name: source for source in known.settings.sources}
    if text in by_name:
        return by_name[text]
    if ":" not in text and "/" not in text:
        error = no_such_source(invocation, text, by_name)
        scheme = f"  An address needs its scheme: https://{text}" if "." in text else ""
        raise click.UsageError(f"{error.message}{scheme}")
    try:
        address, addresses = take_address(text.partition("#")[0], known.bases, [])
    except RefusedError as error:
        invocation.warn(str(error))
        raise SystemExit(EXIT_PARTIAL) from None
    source = known.catalogue.find(map(address_key, addresses))
    if source is not None:
        invocation.talk(f"this is the address of the source {source.name}: its settings count")
        return source
    return Source(id="address", feed=address, addresses=addresses, categories=("inbox",))


def _remembered(settings: Settings, source: Source) -> tuple[Remembered, bool]:
    """Return what the state and the ledger know of a source's entries, and whether there is a state."""
    ledger = LedgerIndex(Ledger.load(settings.root / FILE_NAME))
    with state_to_read(settings) as state:
        return ledger.of(source.id, state.known(source.id) if state is not None else NOTHING_KNOWN), state is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What is told of a visit."""

    source: Source
    settings: Settings
    stage: str
    visit: Visit
    has_state: bool

    @property
    def parsed(self) -> Any:
        return self.visit.examined.parsed if self.visit.examined is not None else None

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        answer, found = self.visit.answer, self.visit.examined
        if answer is None:
            return
        if self.stage == FETCH:
            yield from self._fetched(answer, found)
        if found is None or found.parsed is None:
            return
        if self.stage == PARSE:
            yield from _parsed(found)
        elif self.stage == NORMALISE:
            yield from _normalised(found)
        elif self.stage == DECIDE:
            yield from self._decided(found)

    def _fetched(self, answer: Fetched, found: Examined | None) -> Iterator[str]:
        yield f"GET {shown_address(answer.address)}"
        for name, value in _sent(self.source, self.settings, answer):
            yield f"  {name}: {value}"
        if answer.permanent_address is not None:
            yield f"it leads for good to {shown_address(answer.final_address)}"
        elif answer.validators.final is not None:
            yield f"it leads for now to {shown_address(answer.final_address)}"
        yield f"{answer.status} in {_milliseconds(answer)} ms"
        for name, value in _received(answer):
            yield f"  {shown_text(name, 60)}: {shown_text(value, 400)}"
        size = f", {found.size:,} inflated ({answer.coding})" if found is not None and answer.coding else ""
        yield f"body: {len(answer.body):,} bytes{size}"
        if answer.note:
            yield f"note: {answer.note}"

    def _decided(self, found: Examined) -> Iterator[str]:
        words = [each.decision or "" for each in found.entries]
        width = max(map(len, words), default=0)
        for word, each in zip(words, found.entries, strict=True):
            reason = f"  ({shown_text(each.why, 300)})" if each.why else ""
            yield f"{_MARKS[word]} {word:<{width}}  {_title(each)}{reason}"
            if each.path is not None and word in {"new", "changed", "found in place"}:
                yield f"{'':<{width + 4}}{each.path}"
        numbers = ", ".join(f"{words.count(word)} {word}" for word in _MARKS if word in words)
        repeated = f"; {found.left} more repeat another one in every field" if found.left else ""
        against = "" if self.has_state else "; there is no state yet to compare with"
        yield f"{count_entries(found.count)}{f': {numbers}' if numbers else ''}{repeated}{against}"

    def plain(self) -> dict[str, Any]:
        """Return it as data: everything up to the stage."""
        answer, found, failed = self.visit.answer, self.visit.examined, self.visit.failed
        data: dict[str, Any] = {"source": self.source.name, "stage": self.stage}
        if failed is not None:
            data["failed"] = {"kind": failed.kind, "message": failed.message, "status": failed.status}
        if answer is not None:
            data["fetch"] = {
                "address": shown_address(answer.address),
                "final_address": shown_address(answer.final_address),
                "permanent": answer.permanent_address is not None,
                "sent": dict(_sent(self.source, self.settings, answer)),
                "status": answer.status,
                "headers": [list(pair) for pair in _received(answer)],
                "coding": answer.coding,
                "bytes": len(answer.body),
                "inflated_bytes": found.size if found is not None else None,
                "elapsed_ms": _milliseconds(answer),
                "note": answer.note,
            }
        if found is not None and found.parsed is not None:
            data["feed"] = {name: value for name, value in asdict(found.parsed).items() if name != "entries"}
            data["feed"]["count"] = found.count
            data["feed"]["repeated"] = found.left
            data["entries"] = [_plain_entry(each, self.stage) for each in found.entries]
        if self.stage == DECIDE:
            data["state"] = self.has_state
        return data


def _sent(source: Source, settings: Settings, answer: Fetched) -> list[tuple[str, str]]:
    """Return the headers of the first request; what could be a secret is masked."""
    from aggregator.fetch.address import parse_target
    from aggregator.fetch.headers import request_headers
    from aggregator.pipeline.effective import user_agent

    home = parse_target(next((each for each in source.addresses if each == answer.address), answer.address))
    pairs = request_headers(source, home, home, None, user_agent(settings))
    found = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in pairs]
    return [(name, value if name.lower() in _OPEN_HEADERS else "***") for name, value in found]


def _received(answer: Fetched) -> list[tuple[str, str]]:
    return [(name, "***" if name in _SECRET_HEADERS else value) for name, value in answer.headers]


def _milliseconds(answer: Fetched) -> int:
    return round(answer.elapsed.total_seconds() * 1000)


def _parsed(found: Examined) -> Iterator[str]:
    feed = found.parsed
    if feed is None:
        return
    facts = [
        ("format", f"{format_name(feed.format)}{'' if feed.complete else ', breaks off'}"),
        ("title", feed.title.value if feed.title else None),
        ("link", feed.link),
        ("id", feed.id),
        ("language", feed.language),
        ("rights", feed.rights.value if feed.rights else None),
        *((name, str(value)) for name, value in asdict(feed.hints).items() if value),
    ]
    yield from _facts(facts, "")
    yield count_entries(found.count)
    for number, each in enumerate(found.entries, 1):
        entry = each.parsed
        yield f"{number:>3}. {shown_text(entry.title.value, _COLUMNS) if entry.title else '(no title)'}"
        facts = [
            ("id", entry.id),
            ("link", entry.link),
            ("published", entry.published),
            ("updated", entry.updated),
            ("authors", ", ".join(person.name or person.email or person.uri or "" for person in entry.authors)),
            ("tags", ", ".join(tag.label or tag.term or "" for tag in entry.tags)),
            ("summary", _size(entry.summary)),
            ("content", _size(entry.content)),
            *(("enclosure", f"{file.href} {file.type or ''} {file.length or ''}") for file in entry.enclosures),
            ("episode", _episode(entry.episode)),
            *(("image", image) for image in entry.images),
        ]
        yield from _facts(facts, "     ")


def _size(text: Any) -> str | None:
    return None if text is None else f"{len(text.value):,} characters, {text.type}"


def _episode(episode: ParsedEpisode | Episode | None) -> str | None:
    if episode is None:
        return None
    return ", ".join(f"{name} {as_json(value)}" for name, value in asdict(episode).items() if value is not None)


def _normalised(found: Examined) -> Iterator[str]:
    yield f"{count_entries(found.count)}{f'; {found.left} repeat another one in every field' if found.left else ''}"
    for number, each in enumerate(found.entries, 1):
        yield f"{number:>3}. {_title(each)}"
        entry = each.entry
        if not isinstance(entry, Entry):
            yield f"     left out: {shown_text(entry.reason, _COLUMNS)}" if entry is not None else ""
            continue
        facts = [
            ("id", each.id),
            ("key", each.key),
            ("link", entry.link),
            ("date", f"{entry.date.isoformat()}, {each.date_from}"),
            ("updated", entry.updated.isoformat() if entry.updated else None),
            ("category", join_category(entry.categories)),
            ("authors", ", ".join(person.name for person in entry.authors)),
            ("tags", ", ".join(tag.label or tag.term for tag in entry.tags)),
            ("language", entry.language),
            ("cover", entry.cover),
            ("summary", entry.summary),
            *(("enclosure", f"{file.href} {file.type or ''} {file.length or ''}") for file in entry.enclosures),
            ("episode", _episode(entry.episode)),
            ("text", _beginning(entry)),
        ]
        yield from _facts(facts, "     ")


def _beginning(entry: Entry) -> str | None:
    """Return the first words of an entry's text, without its markup."""
    text = " ".join(unescape(re.sub(r"<[^>]*>", " ", entry.content)).split())
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"


def _facts(facts: list[tuple[str, str | None]], indent: str) -> Iterator[str]:
    for name, value in facts:
        if value:
            yield f"{indent}{name:<10}{shown_text(value, 300)}"


def _title(each: ExaminedEntry) -> str:
    if isinstance(each.entry, Entry):
        return shown_text(each.entry.title, _COLUMNS)
    text = each.parsed.title.value if each.parsed.title else each.id
    return shown_text(text, _COLUMNS)


def _plain_entry(each: ExaminedEntry, stage: str) -> dict[str, Any]:
    data: dict[str, Any] = {"id": each.id, "key": each.key, "parsed": asdict(each.parsed)}
    if stage == PARSE:
        return data
    if isinstance(each.entry, Skipped):
        data["left_out"] = each.entry.reason
    elif each.entry is not None:
        data["entry"] = asdict(each.entry)
        data["date_from"] = each.date_from
    if stage == DECIDE:
        data |= {"decision": each.decision, "why": each.why, "path": each.path}
    return data


def _as_data(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
