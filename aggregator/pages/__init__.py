"""What a page shows (`model.page`) -> HTML, with one stylesheet and one small script.

Pure but for the package's own files; the only importer of Jinja2. Everything is escaped by default; what is not is `SafeHtml`
and our own catalogue of words. The same records give the same bytes: no clock, no chance.
"""

from __future__ import annotations

from aggregator.pages.render import render, script, stylesheet
from aggregator.pages.signature import signature
from aggregator.pages.theme import Theme
from aggregator.pages.words import LANGUAGES

__all__ = ["LANGUAGES", "Theme", "render", "script", "signature", "stylesheet"]
