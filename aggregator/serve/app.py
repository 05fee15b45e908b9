"""The application: a request -> the answer that HTTP's rules ask for (conduct P26-P30). ASGI, on Starlette.

What can be asked for is a short list: the files of the public folder that `tree` lets out, what the site answers, and how the
process is. Nothing is looked up by a path that a client made. No link or host in an answer comes from a request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from functools import lru_cache
from hmac import compare_digest
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from aggregator.serve.access import Access
from aggregator.serve.exchange import ASK_EACH_TIME, ENDED, NOT_KEPT, Exchange, Whole, in_words, missing, removed
from aggregator.serve.kept import Header, Prepared, Shelf, codings
from aggregator.serve.links import feed_links
from aggregator.serve.negotiate import choose_coding, choose_languages, decoded_path, is_current
from aggregator.serve.site import Answer, Fields, Policy, Site
from aggregator.serve.tree import PublicTree

T = TypeVar("T")
NO_FIELDS: Mapping[str, str] = MappingProxyType({})

_OK, _NOT_MODIFIED = 200, 304
_CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")
_METHODS = frozenset({"GET", "HEAD"})
_ALLOWED = "GET, HEAD"
#: In what a browser is asked to put the answer: `document` is a page that a person goes to (Fetch Metadata §2.1).
_ASKED_AS = b"sec-fetch-dest"
_FILES_BYTES = 32 * 1024 * 1024  #: that are kept of files, codings included
_PAGES_BYTES = 16 * 1024 * 1024  #: and of pages
_LONGEST_QUERY = 8192  #: bytes: 200 characters of Chinese are 1,800 as addresses have them
_MOST_FIELDS = 8
_LONGEST_WISH = 512  #: bytes of what is remembered that clients make up
_VERSION_EVERY = 1.0  #: seconds for which the site's version is believed
_RENDER_WITHIN = 20.0  #: seconds after which a page is given up
_FOR_EVER = 365 * 24 * 3600


class Application:
    """All that one server answers."""

    def __init__(
        self,
        tree: PublicTree,
        site: Site,
        *,
        readers: Executor,
        makers: Executor,
        secret: str | None = None,
        log: Callable[[Access], None] | None = None,
        tell: Callable[[str, BaseException | None], None] | None = None,
    ) -> None:
        """Take what is served; `secret` is the first part of every address; `tell` hears of bugs.

        `readers` read files, `makers` ask the site: where all of these wait for a state that does not answer, feeds go out.
        """
        self.tally = dict.fromkeys(("2xx", "3xx", "4xx", "5xx"), 0)
        self._tree = tree
        self.site = site
        self._readers, self._makers = readers, makers
        self._secret = secret
        self._log = log
        self._tell = tell
        self._files: Shelf[tuple[tuple[str, ...], bool]] = Shelf(_FILES_BYTES)
        self._pages: Shelf[object] = Shelf(_PAGES_BYTES)
        self._version, self._version_at = "", float("-inf")
        self._troubles: tuple[str, ...] = ()  #: as they were told last
        routes = [Route("/healthz", _Endpoint(self._healthz)), Route("/readyz", _Endpoint(self._readyz))]
        self._routed = Starlette(routes=routes)
        self._routed.router.redirect_slashes = False
        self._routed.router.default = self._anything

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.monotonic()
        exchange = Exchange(scope, send)
        try:
            ready = self._ready(scope, exchange)
            if ready is not None:
                await exchange.begin(*ready)
            else:
                scope["exchange"] = exchange
                await self._routed(scope, receive, _unheard)
        except Exception as error:
            if self._tell is not None:
                self._tell(f"internal error, a bug of aggregator: {type(error).__name__}: {error}", error)
            if exchange.status:
                raise  # the answer has begun: only the end of the connection can say it now
            await exchange.text(500, "something is wrong here; it was told to whoever runs this")
        self.tally[_CLASSES[exchange.status // 100]] += 1
        if self._log is not None:
            self._log(exchange.access(began))

    def _ready(self, scope: Scope, exchange: Exchange) -> Whole | None:
        """Return an answer that needs no thread and no route; most of all requests get one. None: it has to be made."""
        target = scope["raw_path"]
        parts = _decoded(target) if len(target) <= _LONGEST_WISH else decoded_path(target.decode("latin-1"))
        if self._secret is not None and (parts := _behind(self._secret, parts or ())) is None:
            return missing()  # whatever the method: who does not know the secret learns nothing
        if exchange.method not in _METHODS:  # a body that nobody reads may follow
            return in_words(405, f"only {_ALLOWED}", [(b"allow", _ALLOWED.encode()), ENDED])
        if parts is None:
            return missing()
        exchange.parts = parts
        if self._tree.may_hold(parts):
            # Nothing is to be done but to look whether it is still the same.
            coding, as_page = _wanted(exchange), exchange.asked.get(_ASKED_AS) == b"document"
            stamp = self._tree.stamp(parts)
            kept = None if stamp is None else self._files.take((parts, as_page), stamp)
            if kept is not None and kept.has(coding) and not self._tree.is_former(parts):
                return self._whole(exchange, kept, coding, self.site.max_age(parts))
        scope["path"] = "/" + "/".join(parts)
        return None

    # -- what there is ----------------------------------------------------------------------------------------------

    async def _healthz(self, exchange: Exchange) -> None:
        await exchange.text(_OK, "ok", [NOT_KEPT])

    async def _readyz(self, exchange: Exchange) -> None:
        """Say whether it is worth while to ask here. Why not is for whoever runs the server: it may name folders."""
        try:
            troubles = tuple(await self._asked(self.site.troubles))
        except TimeoutError:
            troubles = (f"the site has not answered within {_RENDER_WITHIN:.0f} s",)
        if troubles and troubles != self._troubles and self._tell is not None:
            self._tell("\n".join(troubles), None)
        self._troubles = troubles
        await exchange.text(503 if troubles else _OK, "not ready; the log says why" if troubles else "ready", [NOT_KEPT])

    async def _anything(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Answer with a file, where it is now, that it is no more, what the site has, or 404."""
        exchange: Exchange = scope["exchange"]
        parts = exchange.parts
        if self._tree.may_hold(parts):
            if self._tree.is_former(parts) and (moved := await self._read(lambda: self._tree.moved(parts))) is not None:
                await self._send_elsewhere(exchange, moved)
                return
            coding, as_page = _wanted(exchange), exchange.asked.get(_ASKED_AS) == b"document"
            prepared = await self._read(lambda: self._prepare_file(parts, coding, as_page=as_page))
            if prepared is not None:
                await exchange.begin(*self._whole(exchange, prepared, coding, self.site.max_age(parts)))
                return
            if self._tree.is_removed(parts):
                await exchange.begin(*removed())
                return
        await self._page(exchange)

    def _prepare_file(self, parts: tuple[str, ...], coding: str | None, *, as_page: bool) -> Prepared | None:
        stamp = self._tree.stamp(parts)  # before the bytes are read: what comes in between has another one
        prepared = None if stamp is None else self._files.take((parts, as_page), stamp)
        if prepared is None:
            document = self._tree.read(parts)
            if document is None:
                return None
            shown = document.page_type if as_page else None
            prepared = Prepared(
                document.content,
                shown or document.type,
                policy=Policy.FEED,
                mark="-page" if shown else "",
                vary="" if document.page_type is None else "Sec-Fetch-Dest",
                modified=document.modified,
                links=feed_links(document.content),
            )
        prepared.make(coding)
        if stamp is not None:
            self._files.put((parts, as_page), stamp, prepared)
        return prepared

    async def _page(self, exchange: Exchange) -> None:
        query = _fields(exchange.query, self.site.fields(exchange.parts))
        offered = self.site.languages
        if (asked := query.pop("lang", "")) and (found := choose_languages("", asked, offered)):
            query["lang"] = found[0]
        languages = choose_languages(exchange.header(b"accept-language")[:_LONGEST_WISH], query.get("lang", ""), offered)
        coding = _wanted(exchange)
        key = (exchange.parts, tuple(query.items()), languages)
        try:
            made = await self._asked(lambda: self._prepare_page(key, query, languages, coding))
        except TimeoutError:
            await exchange.text(503, "this takes too long just now", [(b"retry-after", b"60"), NOT_KEPT])
            return
        if made is None:
            await exchange.begin(*missing())
        elif isinstance(made, str):
            await self._send_elsewhere(exchange, made, query)
        else:
            await exchange.begin(*self._whole(exchange, made, coding, made.max_age))

    def _prepare_page(
        self,
        key: tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]],
        query: Mapping[str, str],
        languages: tuple[str, ...],
        coding: str | None,
    ) -> Prepared | str | None:
        version = self._version_now()
        prepared = self._pages.take(key, version)
        if prepared is None:
            answer = self.site.find(key[0], query, languages)
            if answer is None or answer.location is not None:
                return None if answer is None else answer.location
            prepared = _prepared(answer)
            if not version or not answer.is_kept or answer.status != _OK:
                prepared.make(coding)
                return prepared
        prepared.make(coding)
        self._pages.put(key, version, prepared)
        return prepared

    def _version_now(self) -> str:
        if (now := time.monotonic()) - self._version_at >= _VERSION_EVERY:
            self._version, self._version_at = self.site.version(), now
        return self._version

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def _asked(self, work: Callable[[], T]) -> T:
        """Return what the site says. Raises TimeoutError."""
        async with asyncio.timeout(_RENDER_WITHIN):
            return await asyncio.get_running_loop().run_in_executor(self._makers, work)

    # -- how it is sent ---------------------------------------------------------------------------------------------

    def _whole(self, exchange: Exchange, prepared: Prepared, coding: str | None, max_age: int) -> Whole:
        """Return what is sent of something that was made: 304 to who has it already."""
        sent = prepared.sent(coding)
        if prepared.status == _OK:
            asked = exchange.asked
            tags = asked.get(b"if-none-match")
            if tags == sent.etag or (
                (tags is not None or b"if-modified-since" in asked)
                and is_current(sent.etag, prepared.modified, tags, asked.get(b"if-modified-since"))
            ):
                return _NOT_MODIFIED, [*sent.both, _cache_control(max_age, self._secret is not None)], b""
        head = [*sent.both, *sent.only_whole, _cache_control(max_age, self._secret is not None)]
        return prepared.status, head, sent.body

    async def _send_elsewhere(self, exchange: Exchange, path: str, query: Mapping[str, str] = NO_FIELDS) -> None:
        """Say that something has another address for good (RFC 9110 §15.4.2).

        The address is relative, as all links of ours are: behind a proxy the site may lie below a path that we do not know.
        """
        address = quote(path, safe="/")
        location = "../" * (len(exchange.parts) - 1) + address + (f"?{urlencode(query)}" if query else "")
        # A category may get its old name back: who had kept both answers would go in circles.
        headers = [(b"location", (location or "./").encode()), ASK_EACH_TIME]
        await exchange.text(301, f"it is at /{address} now", headers)


class _Endpoint:
    """A fixed address; a class, so that Starlette hands the request through as it is."""

    def __init__(self, answer: Callable[[Exchange], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        await self._answer(scope["exchange"])


async def _unheard(_message: Message) -> None:
    """Take what Starlette itself would say of an error: an exchange says that."""


@lru_cache(maxsize=4096)
def _decoded(target: bytes) -> tuple[str, ...] | None:
    return decoded_path(target.decode("latin-1"))


def _behind(secret: str, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the parts behind the secret one, None if that is not there. Takes as long for a near miss as for any."""
    said = parts[0] if parts else ""
    if not compare_digest(said.encode(), secret.encode()) or len(parts) == 1:
        return None
    return () if parts[1:] == ("",) else parts[1:]


def _wanted(exchange: Exchange) -> str | None:
    accepted = exchange.asked.get(b"accept-encoding")
    return None if accepted is None else choose_coding(accepted[:_LONGEST_WISH], codings())


def _prepared(answer: Answer) -> Prepared:
    return Prepared(
        answer.content,
        answer.type,
        policy=answer.policy,
        vary="Accept-Language" if answer.by_language else "",
        status=answer.status,
        max_age=_FOR_EVER if answer.is_lasting else answer.max_age,
    )


@lru_cache(maxsize=1024)
def _cache_control(max_age: int, is_private: bool) -> Header:  # noqa: FBT001 - the cache takes positions quicker
    if max_age <= 0 and not is_private:
        return ASK_EACH_TIME  # keep it, but ask: a 304 costs nothing here
    age = f"max-age={max_age}" if max_age > 0 else "no-cache"
    words = [*(["private"] if is_private else []), age, *(["immutable"] if max_age == _FOR_EVER else [])]
    return (b"cache-control", ", ".join(words).encode())


def _fields(query: bytes, known: Fields) -> dict[str, str]:
    """Return the fields of a query that make a difference, the first of each name; what is too long or too much is left out."""
    if not query or len(query) > _LONGEST_QUERY:
        return {}
    try:
        found = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return {}
    first = {name: value for name, value in reversed(found) if name in known}
    return {name: value for name, value in first.items() if (values := known[name]) is None or value in values}
