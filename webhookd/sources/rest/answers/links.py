"""Links in answers: only their path and query are followed, at the origin of the base URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK: Final = re.compile(r"<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,]*))?)*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]*))", re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = "/%:@!$&'()*+,;=-._~?"


class ForeignLinkError(ValueError):
    """A link leads somewhere else, or nowhere; the message says where to."""


def next_of(header: str) -> str | None:
    """Return the link with the relation `next` in a `Link` header (RFC 8288), None without one."""
    for target, parameters in _LINK.findall(header):
        for quoted, bare in _REL.findall(parameters):
            if "next" in (quoted or bare).lower().split():
                return str(target)
    return None


def target(link: str, asked: str, base_url: str, *, without: str | None = None) -> str:
    """Return the path and query of *link*, which an answer to the URL *asked* has.

    The parameter *without* is dropped from the query: it is a secret, and every request has it
    anyway. ForeignLinkError where the link leads to another host than *base_url*.
    """
    base = urlsplit(base_url)
    try:
        found = urlsplit(urljoin(asked, link.strip()))
        is_ours = _is_ours(found, base)
    except ValueError:
        raise ForeignLinkError("it leads nowhere") from None
    if not is_ours:
        raise ForeignLinkError(f"it leads to {found.netloc.rpartition('@')[2]!r:.100}")
    query = "&".join(_kept(found.query, without))
    path = quote(found.path or "/", safe=_SAFE.replace("?", ""))
    return f"{path}?{quote(query, safe=_SAFE)}" if query else path


def _is_ours(link: SplitResult, base: SplitResult) -> bool:
    """Return whether a link leads to the base URL's host; a proxy may have lost the `s` of https.

    A port that is written counts.
    """
    if link.scheme not in _PORTS or (link.hostname or "") != (base.hostname or ""):
        return False
    base_port = base.port or _PORTS.get(base.scheme)
    return link.port is None or link.port == base_port


def _kept(query: str, without: str | None) -> Iterator[str]:
    for part in query.split("&"):
        if part and part.partition("=")[0] != without:
            yield part
