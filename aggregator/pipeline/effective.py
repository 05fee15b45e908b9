"""Settings + ledger -> the settings that count: sources under their identity, at the address they moved to, or gone.

The config says what a person wants; the ledger holds what has happened since: a source that was renamed keeps the identity
that its posts derive from, one whose server said 301 for long enough is asked where that led, one that said 410 is not asked.
Pure but for reading the ledger in `load_effective`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from shlex import quote

from aggregator.errors import ConfigError, Problem
from aggregator.model.renames import Rename, Renames, is_below
from aggregator.model.settings import Settings, join_category, split_category
from aggregator.model.source import Source
from aggregator.publish.addresses import FOLDER, SUFFIX
from aggregator.store.ledger import FILE_NAME, Gone, Ledger, Moved, Removed, Renamed


def load_effective(settings: Settings) -> Settings:
    """Return the settings that count, with the project's ledger. Raises ConfigError, StoreError."""
    return effective(settings, Ledger.load(settings.root / FILE_NAME))


def effective(settings: Settings, ledger: Ledger) -> Settings:
    """Return the settings that count.

    Raises:
        ConfigError: a source's key is the former name of another one, whose posts it would take over; or a category is.
    """
    settings = with_renames(settings, ledger)
    former = former_names(ledger.of(Renamed))
    moved = {(line.source, line.old): line for line in ledger.of(Moved)}
    gone = {(line.source, line.address): line.at for line in ledger.of(Gone)}
    if not former and not moved and not gone:
        return settings
    identities = {source.id: identity(source.id, former) for source in settings.sources}
    _check(identities)
    sources = tuple(_effective(source, identities[source.id], moved, gone) for source in settings.sources)
    return replace(settings, sources=sources)


def with_renames(settings: Settings, ledger: Ledger) -> Settings:
    """Return the settings that know what categories were called before. Raises ConfigError."""
    renamed = category_renames(ledger.of(Renamed))
    if renamed.steps:
        _check_categories(settings, renamed)
    return replace(settings, renamed=renamed, removed=removed_files(ledger))


def category_renames(lines: Iterable[Renamed]) -> Renames:
    """Return the renames of categories in the order in which they were noted."""
    ours = sorted((line for line in lines if line.what == "category"), key=lambda line: line.at)
    steps = (Rename(old=split_category(line.old), new=split_category(line.new), file=_inside(line.file)) for line in ours)
    return Renames(steps=tuple(steps))


def removed_files(ledger: Ledger) -> tuple[str, ...]:
    """Return the Atom files of categories that the ledger says are no more."""
    return tuple(file for line in ledger.of(Removed) if (file := _inside(line.file)) is not None)


def _inside(file: str | None) -> str | None:
    """Return a file of the ledger if it is one that a feed of ours can have lain at."""
    if file is None or not file.startswith(f"{FOLDER}/") or not file.endswith(SUFFIX):
        return None
    parts = file.split("/")
    return file if all(part and not part.startswith(".") and part.isprintable() for part in parts) else None


def _contradictions(path: tuple[str, ...], renamed: Renames, *, file: str, who: str) -> list[Problem]:
    """Report a name that a category was given in one branch, and another name in another: one of them has its subscribers."""
    for step in renamed.steps:
        now = renamed.current(step.old)
        if is_below(path, step.new) and now != renamed.current(step.new):
            old, one, two = join_category(step.old), join_category(now), join_category(step.new)
            message = f'{who}the category "{old}" was renamed twice, to "{one}" and to "{two}" ({FILE_NAME})'
            hint = (
                f"delete the line of that file which does not count, and write the name of the other one here ({two} or {one})"
            )
            return [Problem(file=file, line=None, column=None, message=message, hint=hint)]
    return []


def _check_categories(settings: Settings, renamed: Renames) -> None:
    """Refuse a category under a name that another one had: its feed would take over that one's subscribers and posts."""
    used = [(category.path, "config/categories.yaml", "") for category in settings.categories]
    used += [(source.categories, "config/sources", f'source "{source.name}": ') for source in settings.sources]
    problems: list[Problem] = []
    for path, file, who in used:
        now = renamed.current(path)
        if now == path:
            problems += _contradictions(path, renamed, file=file, who=who)
            continue
        step = next(step for step in renamed.steps if is_below(path, step.old))
        old, new = join_category(step.old), join_category(renamed.current(step.old))
        problems.append(
            Problem(
                file=file,
                line=None,
                column=None,
                message=f'{who}the category "{old}" was renamed to "{new}" ({FILE_NAME}), and its feed and posts are there',
                hint=f"write {join_category(now)} here, or have it done: aggregator category rename {quote(old)} {quote(new)};"
                f" to go back: aggregator category rename {quote(new)} {quote(old)}",
            )
        )
    if problems:
        raise ConfigError(tuple(problems))


def user_agent(settings: Settings) -> str:
    """Return who we are, as upstreams should know us (RFC 9110 §10.1.5)."""
    from aggregator.fetch.headers import default_user_agent  # brings yarl along: not for a run that asks nobody

    return settings.fetch.user_agent or default_user_agent(_open_address(settings), settings.fetch.subscribers)


def _open_address(settings: Settings) -> str:
    """Return the site's address for everybody to know: without the secret part that it may end in."""
    secret = settings.server.secret
    return settings.site.url if secret is None else settings.site.url.removesuffix(f"{secret.reveal()}/")


def former_names(lines: Iterable[Renamed]) -> dict[str, str]:
    """Return the names that sources were given, each with the one it followed; no walk through them ends in a circle.

    What a hand or a merge has added may contradict itself. Then the lines that came first count: a name that was given
    twice is that of the first, and the line that would close a circle says nothing.
    """
    former: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: line.at):
        if line.what == "source" and identity(line.old, former) != line.new:
            former.setdefault(line.new, line.old)
    return former


def identity(name: str, former: Mapping[str, str]) -> str:
    """Return the first name of a source, which its posts derive from."""
    while (earlier := former.get(name)) is not None:
        name = earlier
    return name


def all_names(own: str, former: Mapping[str, str]) -> tuple[str, ...]:
    """Return every name that a source has had, in the order in which it first had them."""
    onward = {old: new for new, old in former.items()}
    names = [own]
    while (later := onward.get(names[-1])) is not None:
        names.append(later)
    return tuple(names)


def renaming(own: str, new: str, former: Mapping[str, str], now: datetime) -> Renamed | None:
    """Return the line that makes `new` a name of the source with this identity; None if it is one already.

    The line follows on the last of its names, whichever of them it bears now: so a source that takes a former name again
    needs none, and no two lines ever speak of one name.
    """
    names = all_names(own, former)
    return None if new in names else Renamed(what="source", old=names[-1], new=new, at=now)


def _effective(
    source: Source, own: str, moved: Mapping[tuple[str, str], Moved], gone: Mapping[tuple[str, str], datetime]
) -> Source:
    if own != source.id:
        source = replace(source, id=own, key=source.id)
    if len(source.addresses) == 1:
        source = _where_it_moved(source, moved)
    times = [gone[own, address] for address in source.addresses if (own, address) in gone]
    return replace(source, gone=max(times)) if times else source


def _where_it_moved(source: Source, moved: Mapping[tuple[str, str], Moved]) -> Source:
    """Follow the moves from the configured address; one that is older than the last was taken back by it."""
    configured = address = source.addresses[0]
    last: Moved | None = None
    seen = {address}
    while (onward := moved.get((source.id, address))) is not None:
        if last is not None and (onward.at < last.at or (onward.at == last.at and onward.new in seen)):
            break
        last, address = onward, onward.new
        seen.add(address)
    return source if address == configured else replace(source, addresses=(address,), moved_from=configured)


def _check(identities: Mapping[str, str]) -> None:
    """Refuse two sources with one identity: they would write each other's posts."""
    by_identity: dict[str, str] = {}
    problems: list[Problem] = []
    for name, own in identities.items():
        other = by_identity.setdefault(own, name)
        if other != name:
            new, old = (other, name) if name == own else (name, other)
            problems.append(
                Problem(
                    file="config/sources",
                    line=None,
                    column=None,
                    message=f'the source "{old}" has a name that "{new}" had before it was renamed ({FILE_NAME})',
                    hint=f'its posts belong to "{new}": choose another key for the new source',
                )
            )
    if problems:
        raise ConfigError(tuple(problems))
