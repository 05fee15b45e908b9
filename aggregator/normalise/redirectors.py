"""Links that pass through somebody's counter or warning page -> where they lead. Offline: only what stands in the link.

What is found is as written: `address.unwrap` checks it like any other address.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_PARTS = re.compile(r"https?://([^/?#@:]+)(?::\d+)?([^?#]*)\?([^#]*)(#.*)?", re.IGNORECASE | re.DOTALL)
#: Host without `www.` -> path (None: any), then the parameters that may hold the address, in order of trial.
_REDIRECTORS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "link.zhihu.com": ("/", ("target",)),
    "link.juejin.cn": ("/", ("target",)),
    "link.juejin.im": ("/", ("target",)),
    "link.csdn.net": ("/", ("target",)),
    "oschina.net": ("/action/gotolink", ("url",)),
    "gitee.com": ("/link", ("target",)),
    "links.jianshu.com": ("/go", ("to",)),
    "link.jianshu.com": ("/", ("t",)),
    "sspai.com": ("/link", ("target",)),
    "infoq.cn": ("/link", ("target",)),
    "douban.com": ("/link2", ("url",)),
    "weibo.cn": ("/sinaurl", ("u", "toasturl")),
    "l.facebook.com": ("/l.php", ("u",)),
    "lm.facebook.com": ("/l.php", ("u",)),
    "facebook.com": ("/l.php", ("u",)),
    "l.instagram.com": ("/", ("u",)),
    "t.umblr.com": ("/redirect", ("z",)),
    "out.reddit.com": (None, ("url",)),
    "steamcommunity.com": ("/linkfilter", ("url", "u")),
    "youtube.com": ("/redirect", ("q",)),
    "vk.com": ("/away.php", ("to",)),
    "slack-redir.net": ("/link", ("url",)),
}
#: Turns nearly every link of nearly every text away at once.
_PERHAPS = re.compile(rf"https?://(?:www\.)?(?:{'|'.join(map(re.escape, _REDIRECTORS))}|google\.)", re.IGNORECASE)
_GOOGLE = re.compile(r"google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")


def find_target(link: str) -> str | None:
    """Return the address, as written, that an absolute link of a known redirector leads to; None for any other link."""
    match = _PARTS.fullmatch(link) if _PERHAPS.match(link) else None
    if match is None:
        return None
    host, path, query, fragment = match.groups()
    host = host.lower().removeprefix("www.")
    known = _REDIRECTORS.get(host)
    if known is None:
        if not _GOOGLE.fullmatch(host):
            return None
        known = ("/url", ("q", "url"))
    where, names = known
    if where is not None and path.lower().rstrip("/") != where.rstrip("/"):
        return None
    values: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        values.setdefault(name.lower(), value)
    return next((found for name in names if (found := _target(values.get(name, ""), fragment)) is not None), None)


def _target(value: str, fragment: str | None) -> str | None:
    """Return the address that a parameter holds, with the fragment it inherits (RFC 9110 §10.2.2)."""
    address = unquote(value).strip()
    if not _ADDRESS.match(address) or "\ufffd" in address:
        return None  # not an address, or one whose bytes are no UTF-8: decoded, it would be another one
    return f"{address}{fragment}" if fragment and "#" not in address else address
