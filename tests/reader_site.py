"""A project that publishes what real readers are given to read."""

from __future__ import annotations

from collections.abc import Iterable

from tests.reader_entries import FIRST_SEEN, SITE, Sample, atom_upstream, rss_upstream
from tests.upstream import SITE_ID, Folder, Page, Upstream


def configure(folder: Folder, upstream: Upstream, url: str) -> None:
    """Configure both sources, and where the site is served."""
    (folder.root / "config/settings.yaml").write_text(
        f"site: {{id: '{SITE_ID}', title: {SITE}, url: '{url}', author: Tester}}\nfetch: {{allow_private: [127.0.0.0/8]}}\n",
        "utf-8",
    )
    folder.sources_at({name: f"{upstream.address}/{name}" for name in ("paper", "cast")})


def sync(folder: Folder, upstream: Upstream, samples: Iterable[Sample]) -> None:
    """Let upstream bring these entries, and publish them."""
    upstream.pages["/paper"] = Page(body=atom_upstream(samples), headers={"Content-Type": "application/atom+xml"})
    upstream.pages["/cast"] = Page(body=rss_upstream(), headers={"Content-Type": "application/rss+xml"})
    folder.sync("--force", SOURCE_DATE_EPOCH=str(int(FIRST_SEEN.timestamp())))
