"""Writes the demo's project folder: a config/ as an owner would write it, pointing at the bundled upstream.

In: a folder, the upstream's address and the address that public/ is served at. Out: config/ in that folder. It never
overwrites a file.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

_SETTINGS = Template("""\
# The demo's project: try any command on it with `aggregator -C THIS_FOLDER ...`
site:
  id: urn:uuid:6d1f2a54-4c0e-4b7e-9a57-0b7c6f3ad9e1
  title: 小站 · the demo
  url: $site
  author: The demo
  language: zh-CN
  timezone: Asia/Shanghai

fetch:
  # Private addresses are refused unless they are listed; the bundled upstream lives on this one.
  allow_private: [127.0.0.0/8]
""")

_CATEGORIES = """\
# Every prefix of a category's path is a feed of its own: public/feeds/new-media.atom, new-media/zaker.atom, ...
categories:
  新媒体: {slug: new-media, title: 新媒体}
  新媒体/ZAKER: {slug: zaker, title: ZAKER}
  新媒体/ZAKER/channel: {slug: channel, title: ZAKER 南风}
  新闻: {slug: news, title: 新闻}
  新闻/本地: {slug: local, title: 本地新闻}
  新闻/World: {slug: world, title: World}
  Technology: {slug: technology}
  Technology/Programming: {slug: programming}
  Technology/Tools: {slug: tools}
  Science: {slug: science, title: Science}
  Listening: {slug: listening, title: Listening}
  Workshop: {slug: workshop, title: The breaking workshop}
"""

_CHINESE = Template("""\
# Chinese sources: one through RSSHub, one in the GBK of twenty years ago.
defaults: {language: zh-CN, timezone: Asia/Shanghai}

bases:  # instances of one service, tried in order; a source writes `rsshub:/path`
  rsshub: [$upstream/rsshub]

sources:
  zaker-channel-13:
    feed: rsshub:/zaker/channel/13
    title: ZAKER
    categories: [新媒体, ZAKER, channel]
    every: 30m
    rights: {mode: full, note: © ZAKER}

  qingshi-evening:
    feed: $upstream/evening/rss.xml
    title: 青石晚报
    categories: [新闻, 本地]
""")

_WORLD = Template("""\
sources:
  harbour-gazette:          # RSS 1.0
    feed: $upstream/harbour/news.rdf
    categories: [新闻, World]
    language: en

  reading-oasis:            # from right to left
    feed: $upstream/oasis/feed.xml
    categories: [新闻, World]
    language: ar

  quiet-minutes:            # a podcast
    feed: $upstream/podcast/feed.xml
    categories: [Listening]

  sternwarte:               # moved for good: the address below answers 301
    feed: $upstream/observatory/old.xml
    categories: [Science]
    language: de
""")

_TECHNOLOGY = Template("""\
sources:
  orchard-notes:            # Atom
    feed: $upstream/orchard/notes.atom
    categories: [Technology, Programming]

  toolbox:                  # JSON Feed
    feed: $upstream/toolbox/feed.json
    categories: [Technology, Tools]

  attic:                    # answers 503 and asks to wait, which binds us for its whole host: so it has one of its own
    feed: $other/attic/feed.xml
    categories: [Technology, Tools]

  breaking-workshop:        # titles and bodies that have broken somebody's site before
    feed: $upstream/workshop/feed.xml
    categories: [Workshop]
""")


def write_project(root: Path, *, upstream: str, site: str) -> None:
    """Write config/ below `root`; `site` ends in a slash."""
    files = {
        "settings.yaml": _SETTINGS.substitute(site=site),
        "categories.yaml": _CATEGORIES,
        "sources/chinese.yaml": _CHINESE.substitute(upstream=upstream),
        "sources/technology.yaml": _TECHNOLOGY.substitute(upstream=upstream, other=upstream.replace("127.0.0.1", "localhost")),
        "sources/world.yaml": _WORLD.substitute(upstream=upstream),
    }
    (root / "config" / "sources").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with (root / "config" / name).open("x", encoding="utf-8") as file:
            file.write(text)
