"""URLs as they are sent: values percent-encoded, parameters put together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

# HubSpot tells receivers of v3 to decode twelve escapes before they compute a signature, and
# its own libraries do not; a query that leaves those characters bare satisfies both. The twelfth
# is the semicolon, which is bare for v3 only (`with_bare_semicolons`): Go's net/url (since 1.17)
# drops a parameter that holds one, and Go's reverse proxy strips it from the query.
_BARE = ":/?@!$'()*,"
_SEMICOLON = "%3B"
_NOT_IN_HEADERS: Final = re.compile("[^\x20-\x24\x26-\x7e]+")


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a query, percent-encoded, `%20` for a space."""
    return "&".join(f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in pairs)


def percent_encoded(text: str) -> str:
    """Return *text* with all but unreserved characters and `:/?@!$'()*,` percent-encoded."""
    return quote(whole(text), safe=_BARE)


def segment_encoded(text: str) -> str:
    """Return *text* for a segment of a path: all but unreserved characters percent-encoded.

    That is the simple expansion of RFC 6570: no value can end its segment.
    """
    return quote(whole(text), safe="")


def whole(text: str) -> str:
    """Return *text* with each lone surrogate, which has no UTF-8, as U+FFFD, as decoders do."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def with_bare_semicolons(query: str) -> str:
    """Return an encoded *query* as a receiver of HubSpot v3 needs it: with `;` as it is."""
    return query.replace(_SEMICOLON, ";")


def without_bare_semicolons(query: str) -> str:
    """Return an encoded *query* as every other receiver needs it.

    Queries that an older webhookd stored hold bare ones.
    """
    return query.replace(";", _SEMICOLON)


def full_url(url: str, query: str, key: str = "") -> str:
    """Return the URL to request: its own query as written, the delivery's, then an API key's.

    *query* and *key* are encoded (`encode_query`), and empty where there is none.
    A fragment is never sent. An empty path is sent as `/` (RFC 9112, 3.2.1), so it stands
    in what is signed as well.
    """
    address, mark, own = url.partition("#")[0].partition("?")
    start, host_mark, host = address.partition("://")
    if host_mark and "/" not in host:
        address = f"{start}://{host}/"
    added = "&".join(part for part in (query, key) if part)
    if not added:
        return address + mark + own
    joint = "" if not own or own.endswith("&") else "&"
    return f"{address}?{own}{joint}{added}"


def header_encoded(text: str) -> str:
    """Return *text* as printable ASCII: all else, and `%`, as the escapes of its UTF-8 bytes."""
    return _NOT_IN_HEADERS.sub(lambda found: quote(found[0], safe=""), whole(text))
