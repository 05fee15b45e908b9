"""`aggregator search`: posts by the words that are in them. Brings the index up to date first; takes no lock of the project."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import load, no_such_source
from aggregator.errors import StoreError
from aggregator.model.changes import PostRow
from aggregator.model.settings import Settings, join_category, split_category
from aggregator.pipeline.effective import effective
from aggregator.pipeline.searching import OwnIndex, Searching, hidden_keys
from aggregator.store.ledger import FILE_NAME, Ledger
from aggregator.store.opening import open_state
from aggregator.store.search import RANKED, Hit, Hits, find
from aggregator.store.search_words import parse_query
from aggregator.store.state import State
from aggregator.store.tables import category_text

_SLICE = timedelta(seconds=1)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option("--category", help="Only posts of this category (path parts joined by /) and below.")
@click.option("--source", "source_name", metavar="NAME", help="Only posts of this source.")
@click.option("--limit", type=click.IntRange(1, RANKED), default=20, help="How many are shown. [default: 20]")
@click.option("--json", "json_", is_flag=True, help="As a JSON array.")
@pass_invocation
def search(
    invocation: Invocation, words: tuple[str, ...], category: str | None, source_name: str | None, limit: int, json_: bool
) -> None:
    """Find posts by words in their titles and texts, the best first.

    All words must be there; what stands in quotation marks must be there as it stands, and the last word may be the
    beginning of a longer one. In Chinese, Japanese and Korean any part of a text is found. Accents, case and full width do
    not matter.

    The index that this needs, state/search.sqlite, is brought up to date first; the first time that takes a second for some
    hundred posts.

    Exit codes: 0 something was found, 1 nothing was, 5 the posts or the index cannot be read.
    """
    question = parse_query(" ".join(words))
    if question is None:
        raise click.UsageError("there is no word to look for in that: signs alone are not indexed")
    configured = load(invocation)
    ledger = Ledger.load(configured.root / FILE_NAME)
    settings = effective(configured, ledger)
    source_id = None if source_name is None else _source_id(invocation, settings, source_name)
    opened = open_state(settings.state.url.reveal(), settings.root, create=False)
    try:
        with _indexed(invocation, settings) as index:
            categories = None if category is None else _categories(settings, opened.state, category)
            hits = find(index.path, question, categories=categories, source_id=source_id, limit=limit)
        shown = _shown(opened.state, hits, hidden_keys(ledger))
    finally:
        opened.state.close()
    if json_ or invocation.json:
        click.echo(json.dumps([_plain(settings, *pair) for pair in shown], ensure_ascii=False, indent=2))
    for hit, row in () if json_ or invocation.json else shown:
        click.echo(f"{hit.date:%Y-%m-%d}  {row.title}  {settings.posts.dir / row.path}")
    if hits.found > len(shown):
        more = f"at least {hits.found}" if hits.found == RANKED else f"{hits.found}"
        invocation.talk(f"{len(shown)} of {more}")
    if not shown:
        invocation.talk("nothing was found")
        sys.exit(EXIT_PARTIAL)


@contextmanager
def _indexed(invocation: Invocation, settings: Settings) -> Iterator[Searching]:
    """Bring the index up to date; where the project cannot be written, one for this question alone. Raises StoreError."""
    own = OwnIndex(lambda: settings)
    try:
        told = False
        while not own.searching.slice(settings, _SLICE):
            if own.searching.problem is not None:
                raise StoreError(own.searching.problem, path=own.searching.path)
            if not told:
                invocation.talk("indexing the posts; what is indexed stays so")
                told = True
        yield own.searching
    finally:
        own.clear()


def _categories(settings: Settings, state: State, text: str) -> list[str]:
    """Return the categories below one, itself included, as the state stores them."""
    wanted = settings.renamed.current(split_category(text))
    found = [leaf for leaf in state.leaves() if settings.renamed.current(leaf)[: len(wanted)] == wanted]
    if not found:
        raise click.BadParameter(f'no post stands in "{text}". All: aggregator category list', param_hint="--category")
    return [category_text(leaf) for leaf in found]


def _source_id(invocation: Invocation, settings: Settings, name: str) -> str:
    for source in settings.sources:
        if source.name == name:
            return source.id
    raise no_such_source(invocation, name, (source.name for source in settings.sources))


def _shown(state: State, hits: Hits, hidden: frozenset[str]) -> list[tuple[Hit, PostRow]]:
    """Return what is there now of what was found: the index may be a moment behind."""
    rows = {row.key: row for row in state.find([hit.key for hit in hits.hits]) if not row.expired and row.key not in hidden}
    return [(hit, rows[hit.key]) for hit in hits.hits if hit.key in rows]


def _plain(settings: Settings, hit: Hit, row: PostRow) -> dict[str, object]:
    return {
        "key": row.key,
        "date": row.date.isoformat(),
        "title": row.title,
        "source": next((source.name for source in settings.sources if source.id == row.source_id), row.source_id),
        "category": join_category(settings.renamed.current(row.categories)),
        "post": os.fspath(settings.posts.dir / row.path),
        "snippet": hit.snippet,
    }
