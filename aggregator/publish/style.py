"""The stylesheet of the feeds: what makes a page of one that is opened in a browser. One text, the same for every feed.

No script, no XSLT (browsers are taking it out), nothing from elsewhere. CSS cannot turn an address into a link or escaped HTML
into a page: so it shows titles, dates, sources and summaries, and hides the rest. The one real link and the few words above
it are in the feed itself (`publish.look`). A person's colours are asked for, contrast is 4.5:1 or more in both; directions
follow each text's language, else its first letter. Names are those of Atom; `|name` is RSS, which has no namespace,
and what names no element (`:root`) would mean those of Atom alone.
"""

from __future__ import annotations

STYLE = b"""\
/* What a browser shows of a feed. Written by aggregator: changes here are lost. */
@namespace "http://www.w3.org/2005/Atom";
@namespace h "http://www.w3.org/1999/xhtml";
@namespace dc "http://purl.org/dc/elements/1.1/";
@namespace xml "http://www.w3.org/XML/1998/namespace";

*|*:root {
  --page: #fff; --box: #f2f5f9; --line: #d9dee5; --text: #1c1f24; --quiet: #59616c; --link: #0a56c2;
  color-scheme: light dark;
  background: var(--page); color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere;
}
@media (prefers-color-scheme: dark) {
  *|*:root { --page: #15181d; --box: #1f242b; --line: #363d47; --text: #e6e8eb; --quiet: #a2abb7; --link: #8ab6ff; }
}

/* Shown is what is named further down. */
feed > *|*, entry > *|*, source > *|*, author > *|*, |channel > *|*, |item > *|* { display: none; }

feed, |channel {
  display: flex; flex-direction: column; box-sizing: border-box;
  max-inline-size: 46rem; margin-inline: auto; padding: 2rem 1.25rem 4rem;
}
|rss { display: block; }
feed > title, |channel > |title {
  display: block; order: -2; margin-block-end: 1rem;
  font-size: 1.75rem; font-weight: 700; line-height: 1.3;
}
h|header {
  display: block; order: -1; margin-block-end: 1.5rem; padding: 1rem 1.25rem;
  background: var(--box); border: 1px solid var(--line); border-radius: .5rem;
}
h|header h|p { margin: 0 0 .5rem; }
h|header h|p:last-child { margin: 0; }
h|code {
  display: block; padding: .25rem .5rem; background: var(--page); border: 1px solid var(--line); border-radius: .25rem;
  font: .875rem/1.6 ui-monospace, monospace; user-select: all;
}
h|a { color: var(--link); }

entry, |channel > |item {
  display: flex; flex-wrap: wrap; column-gap: .75rem; padding-block: 1rem; border-block-start: 1px solid var(--line);
}
entry > title, |item > |title { display: block; inline-size: 100%; font-size: 1.125rem; font-weight: 600; line-height: 1.4; }

/* Of a date, its first letters are the day. */
entry > published, entry:not(:has(> published)) > updated, |item > |pubDate {
  display: block; order: 1; inline-size: 10ch; block-size: 1.6em; overflow: hidden; white-space: pre; direction: ltr;
  font: .875rem/1.6 ui-monospace, monospace; color: var(--quiet);
}
|item > |pubDate { inline-size: 16ch; }
entry > source, source > title, |item > |source, |item > dc|source {
  display: block; order: 2; font-size: .875rem; color: var(--quiet);
}
entry > summary {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; order: 3; inline-size: 100%;
}
entry > link[rel="alternate"], |item > |link {
  display: block; order: 4; inline-size: 100%; font-size: .875rem; color: var(--quiet);
}
entry > link[rel="alternate"]::before { content: attr(href); direction: ltr; unicode-bidi: isolate; }

/* Each text begins where its own writing begins. */
title, summary, |title, |source, dc|source { unicode-bidi: plaintext; text-align: start; }
entry[xml|lang] { direction: ltr; }
:is(feed, entry)[xml|lang]:is(
  :lang(ar), :lang(arc), :lang(ckb), :lang(dv), :lang(fa), :lang(glk), :lang(he), :lang(iw), :lang(ji), :lang(ks), :lang(lrc),
  :lang(mzn), :lang(nqo), :lang(pnb), :lang(ps), :lang(sd), :lang(syr), :lang(ug), :lang(ur), :lang(yi),
  [xml|lang*="-Arab" i], [xml|lang*="-Hebr" i]
):not([xml|lang*="-Latn" i], [xml|lang*="-Cyrl" i], [xml|lang*="-Deva" i]) { direction: rtl; }
"""
