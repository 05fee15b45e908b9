"""Addresses and ids as far as they tell entries apart: what says who sent a reader, or in which session, is left out.

Nothing here makes a name: names are written as upstream wrote them. These forms are only compared.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Parameters that say who sent a reader, not what is read; whatever their value.
_TRACKING = re.compile(
    r"utm_\w+|(?:pk|piwik|mtm|matomo|hsa|itm|at|ns|fb)_(?:campaign|kwd|keyword|source|medium|content|cid|group|placement|mchannel"
    r"|linkname|fee|custom\d|acc|cam|grp|ad|src|tgt|kw|mt|net|ver|action_ids|action_types|ref)"
    r"|fbclid|gclid|gclsrc|gbraid|wbraid|gad_source|gad_campaignid|dclid|yclid|ysclid|_openstat|msclkid|twclid|ttclid|li_fat_id"
    r"|igshid|igsh|epik|rb_clickid|s_kwcid|ef_id|wickedid|mc_[ce]id|_hs(?:enc|mi)|__hs(?:tc|sc|fp)|hsctatracking|mkt_tok|vero_(?:id|conv)"
    r"|oly_(?:anon|enc)_id|wt_mc|wt[._]mc_id|wt\.rss_[a-z]{1,3}|s_cid|cmpid|icid|ncid|ocid|ftag|xtor|_ga|_gl|ref_src|ref_url"
    r"|spm|scm|spm_id_from|vd_source|share_(?:source|medium|plat|session_id|tag|from|token)|feedname|feedtype",
    re.IGNORECASE | re.ASCII,
)
#: Parameters that may say what is read; they track only with a value that names the feed.
_ORIGIN_NAME = re.compile(
    r"from|ref|referrer|source|src|via|medium|origin|partner|emc|cmp|mod|campaign|channel|feed", re.IGNORECASE
)
_ORIGIN = re.compile(rf"(?:{_ORIGIN_NAME.pattern})=(?:rss(?:[_-]\w+|feed|2)?|atom|feeds?|xml|feedburner|feedly)", re.IGNORECASE)
#: Parameters that are another at each visit: sessions, signatures, times of expiry, cache busters.
_NONCE = re.compile(
    r"(?:_|nonce|rand(?:om)?|cb|cachebust(?:er)?|timestamp|_?ts|token|sign|sig|signature|expires?|auth_key|hmac|policy|key-pair-id"
    r"|(?:php|j)?sess(?:ion)?_?id|sid|x-(?:amz|oss|goog|cos)-[a-z-]+|ossaccesskeyid|awsaccesskeyid|request_?id)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_HOST_PREFIX = re.compile(r"(?:www|m|mobile)\.(?=[^.]+\.)")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
_UUID = re.compile(r"urn:uuid:", re.IGNORECASE)

_LONGEST_REMEMBERED = 100  #: characters of a parameter's name


def tracks(parameter: str) -> bool:
    """Tell whether a parameter of a query, `name=value`, says only who sent a reader."""
    name = parameter.partition("=")[0]
    tracking = (_tracking if len(name) <= _LONGEST_REMEMBERED else _tracking.__wrapped__)(name)
    return tracking if tracking is not None else _ORIGIN.fullmatch(parameter) is not None


@lru_cache(maxsize=256)
def _tracking(name: str) -> bool | None:
    """Tell whether a parameter of that name tracks; None: its value decides. Remembered, for a site has few names."""
    if _TRACKING.fullmatch(name):
        return True
    return None if _ORIGIN_NAME.fullmatch(name) else False


def comparable(address: str, *, nonces: bool = False) -> str:
    """Return the address alike for http and https, with and without `www.`, default port, last slash and tracking.

    With `nonces` sessions and signatures go as well. What is no http(s) address stays as it is, but for the case of a UUID.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return address.lower() if _UUID.match(address) else address
    host, path, query, fragment = found.groups("")
    host = host.lower()
    if "@" in host or ":" in host:
        host = host.rpartition("@")[2].removesuffix(":80").removesuffix(":443")
    if "www." in host or "m." in host or "mobile." in host:
        host = _HOST_PREFIX.sub("", host)
    if nonces and ";" in path:
        path = _SESSION_IN_PATH.sub("", path)
    return f"//{host}{path.rstrip('/')}{_kept(query, nonces=nonces)}{f'#{fragment}' if fragment else ''}"


def is_page(address: str) -> bool:
    """Tell whether the address names more than a host: a home page identifies no entry."""
    return "/" in comparable(address, nonces=True)[2:] or "?" in comparable(address, nonces=True)


def _kept(query: str, *, nonces: bool) -> str:
    if not query:
        return ""
    if "&" not in query:  # as most are: one parameter
        return "" if _varies(query, nonces=nonces) else f"?{query}"
    parts = [part for part in query.replace("&amp;", "&").split("&") if part and not _varies(part, nonces=nonces)]
    return f"?{'&'.join(sorted(parts))}" if parts else ""


def _varies(parameter: str, *, nonces: bool) -> bool:
    return tracks(parameter) or (nonces and _NONCE.fullmatch(parameter.partition("=")[0]) is not None)
