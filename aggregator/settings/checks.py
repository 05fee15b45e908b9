"""What one value alone cannot show: folders inside each other, slugs that meet, feeds without a base. Never repairs."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import normpath
from pathlib import Path

from aggregator.model.settings import PostsSettings, PublicSettings, split_category
from aggregator.settings.documents import Document
from aggregator.settings.nodes import Node
from aggregator.settings.reader import Value, Values
from aggregator.sources import AddressError, expand

#: Names that our own files have at the top level of public/feeds.
RESERVED_SLUGS = frozenset({"all", "index", "redirects", "status"})
FEEDS_FOLDER = "feeds"  #: what `publish` writes to, below public.dir


def check_feed(document: Document, values: Values, bases: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the addresses of a source, or () after reporting why there are none."""
    feed = values.get(("feed",))
    if feed is None or feed.value is None:
        return ()
    try:
        return expand(feed.value, bases)
    except AddressError as fault:
        if "user name" in fault.reason:
            document.hide(feed.node)
        document.fault(feed.node, f'"feed" {fault.reason}', hint=fault.hint)
        return ()


def check_headers(document: Document, values: Values, node: Node, source_id: str) -> None:
    """Report credentials that are given twice."""
    named = {path[1].lower() for path in values if path[0] == "headers" and len(path) > 1}
    if "authorization" in named and any(path[0] == "auth" and len(path) > 1 for path in values):
        message = f'source "{source_id}" has both "auth" and an Authorization header'
        document.fault(node, message, hint="remove one of them")


def check_folders(values: Values, root: Path, config: Path) -> None:
    """Report posts and public folders that would hold each other's files, the project or its configuration.

    A static site has one folder for all that it is made of: posts may stand beside the feeds (`source/_posts`, `source/feeds`).
    """
    posts, public = values.get(("posts", "dir")), values.get(("public", "dir"))
    folders = {
        "posts": _place(root, posts, PostsSettings().dir),
        "public": _place(root, public, PublicSettings().dir),
    }
    given = [(name, value) for name, value in (("posts", posts), ("public", public)) if value is not None]
    taken = [(name, value, words) for name, value in given if (words := _taken(folders[name], root, config))]
    for name, value, words in taken:
        value.document.fault(value.node, f'"dir" in {name} would hold {words} or stand in it')
    feeds = folders["public"] / FEEDS_FOLDER
    if given and not taken and (_nested(folders["posts"], feeds) or folders["public"].is_relative_to(folders["posts"])):
        name, value = given[-1]
        other = "public" if name == "posts" else "posts"
        message = f'"dir" in {name} and "dir" in {other} are the same folder, or posts and feeds would hold each other'
        value.document.fault(value.node, message, hint="give each a folder of its own")


def check_secret(values: Values) -> None:
    """Report an address of the site without the secret that everything is served behind, and hubs that would learn it."""
    secret, url, hubs = (values.get(path) for path in (("server", "secret"), ("site", "url"), ("public", "hubs")))
    if secret is None or secret.value is None:
        return
    if url is not None and url.value is not None and not url.value.endswith(f"/{secret.value.reveal()}/"):
        message = '"url" in site must end with the secret of the server and a slash: feeds name their own address'
        url.document.fault(url.node, message, hint="such as https://news.example/SECRET/, with what stands in server.secret")
    if hubs is not None and hubs.value:
        message = '"hubs" in public would be told addresses that "secret" in server keeps to yourself'
        hubs.document.fault(hubs.node, message, hint="remove one of them")


def _taken(folder: Path, root: Path, config: Path) -> str | None:
    if root.is_relative_to(folder):
        return "the project folder"
    return "the config folder" if _nested(folder, config) else None


def _nested(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _place(root: Path, value: Value | None, default: Path) -> Path:
    chosen = value.value if value is not None and value.value is not None else default
    return Path(normpath(root / chosen))


def check_categories(categories: Mapping[str, tuple[Values, Document, Node]]) -> None:
    """Report slugs that are taken: by our own files, by another category, or a path that is written twice."""
    paths: dict[tuple[str, ...], str] = {}
    slugs: dict[tuple[tuple[str, ...], str], str] = {}
    for name, (values, document, node) in categories.items():
        path = split_category(name)
        if path in paths:
            document.fault(node, f'the category "{name}" stands twice', hint=f'first as "{paths[path]}"')
        paths.setdefault(path, name)
        slug = values.get(("slug",))
        if slug is None or slug.value is None:
            continue
        folded = slug.value.casefold()
        if len(path) == 1 and folded in RESERVED_SLUGS:
            document.fault(slug.node, f'the slug "{slug.value}" is taken: feeds/{folded} is one of our own files')
        first = slugs.setdefault((path[:-1], folded), name)
        if first != name:
            document.fault(slug.node, f'the slug "{slug.value}" is that of "{first}" too', hint="their feeds would meet")
