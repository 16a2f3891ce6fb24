"""URLs as the configuration and the settings may have them: RFC 3986, sent as written.

No message shows the URL: its query or a user name in it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 8192
_LONGEST_HOST = 253
_LARGEST_PORT = 65535

_PARTS = re.compile(
    r"(?P<scheme>[^:/?#]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?"
    r"(?P<fragment>#.*)?",
    re.DOTALL,
)
_REFUSED = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]")
_TEMPLATE = re.compile(r"[{}<>]|%\([^()]*\)")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(:(?P<port>.*))?", re.DOTALL)
_FOUR_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){3}")
_LABELS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DOT_SEGMENT = re.compile(r"/(\.|%2[eE]){1,2}(/|$)")

_OF_POSTGRESQL = re.compile(
    r"postgres(ql)?://(?P<authority>[^/?]*)(/(?P<name>[^?]*))?(\?(?P<query>.*))?", re.DOTALL
)
_DATABASE_HOST = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(:(?P<port>.*))?", re.DOTALL)
_RESERVED, _RESERVED_IN_A_HOST = frozenset("/@:?#[]"), frozenset("/@?#")
_RESERVED_IN_A_PARAMETER = {
    "user": _RESERVED,
    "password": _RESERVED,
    "sslpassword": _RESERVED,
    "dbname": _RESERVED,
    # A folder of sockets, or an IPv6 address, stands there as it is.
    "host": frozenset("@?#[]"),
}


class UrlError(ValueError):
    """A URL is not valid; the message says what is wrong without showing it."""


@dataclass(frozen=True)
class ParsedUrl:
    """The parts of a URL that decide something. *host* stands without brackets."""

    scheme: str
    host: str


def parse(url: str) -> ParsedUrl:
    """Return the parts of *url*, or raise a `UrlError` with the first thing that is wrong."""
    _check_characters(url)
    found = _PARTS.fullmatch(url)
    if not found or found["scheme"].lower() not in {"http", "https"}:
        raise UrlError("this is not a URL; it begins with https://")
    if found["fragment"] is not None:
        raise UrlError("a URL's fragment ('#…') is never sent; leave it out")
    if "@" in found["authority"]:
        raise UrlError("a URL holds no user name or password; use 'authentication' (type: basic)")
    if _DOT_SEGMENT.search(found["path"]):
        raise UrlError("the URL's path holds '.' or '..'; write where it leads")
    if re.search(r"[\[\]]", found["path"] + (found["query"] or "")):
        raise UrlError("'[' and ']' in a URL's path or query are written %5B and %5D")
    return ParsedUrl(found["scheme"].lower(), _host(found["authority"]))


def parse_proxy(url: str) -> ParsedUrl:
    """Return the parts of the URL of a proxy, or raise a `UrlError`: `http://HOST:PORT`."""
    _check_characters(url)
    found = _PARTS.fullmatch(url)
    if not found or found["scheme"].lower() != "http":
        raise UrlError("this is not the URL of a proxy; write one like http://proxy:3128")
    if "@" in found["authority"]:
        raise UrlError(
            "a proxy's URL holds no user name or password; use 'proxy_authentication' (type: basic)"
        )
    if found["path"] not in {"", "/"} or found["query"] or found["fragment"]:
        raise UrlError("a proxy's URL ends behind its port, as in http://proxy:3128")
    host = _host(found["authority"])
    if not re.search(":[0-9]+$", found["authority"]):
        raise UrlError("a proxy's URL names its port, as in http://proxy:3128")
    return ParsedUrl("http", host)


def check_database(url: str) -> None:
    """Raise a `UrlError` unless *url* can be one of PostgreSQL, read in one way only.

    A password with a bare `/` or `@` would make a part of it the host or the database's name, which
    are shown in log lines and by commands.
    """
    if not url.isprintable():
        raise UrlError("the URL holds a control character; write it as %XX")
    if " " in url:
        raise UrlError("the URL holds a space; write it as %20")
    found = _OF_POSTGRESQL.fullmatch(url)
    if not found:
        raise UrlError("this is not a URL of PostgreSQL")
    login, _, hosts = found["authority"].rpartition("@")
    user, _, password = login.partition(":")
    for part in (user, password, found["name"] or ""):
        _check_part(part, _RESERVED)
    for one in hosts.split(","):
        host = _DATABASE_HOST.fullmatch(one)
        if not host:
            raise UrlError(_unescaped())
        _check_part(host["host"], _RESERVED_IN_A_HOST)
        _check_database_port(host["port"])
    for parameter in filter(None, (found["query"] or "").split("&")):
        name, _, value = parameter.partition("=")
        if not re.fullmatch("[A-Za-z_]+", name) or "=" in value:
            raise UrlError(_unescaped())
        _check_part(value, _RESERVED_IN_A_PARAMETER.get(name, frozenset()))
        for port in value.split(",") if name == "port" else ():
            _check_database_port(port)


def _check_part(text: str, reserved: frozenset[str]) -> None:
    if _BAD_PERCENT.search(text) or reserved & set(text):
        raise UrlError(_unescaped())
    try:
        holds_nul = "\0" in unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UrlError("an escape (%XX) in the URL is not of UTF-8") from None
    if holds_nul:
        raise UrlError("%00 cannot stand in the URL of a database")


def _check_database_port(port: str | None) -> None:
    # An empty one means the default.
    try:
        _check_port(port or None)
    except UrlError:
        told = f"the port in the URL is not a number from 1 to 65535, or {_unescaped()}"
        raise UrlError(told) from None


def _unescaped() -> str:
    return (
        "a user, password, host or name in the URL holds one of / @ : ? # [ ] % as it is: write /"
        " as %2F, @ as %40, : as %3A, ? as %3F, # as %23, [ as %5B, ] as %5D and % as %25"
    )


def query_names(url: str) -> Iterator[str]:
    """Yield the names of the parameters that *url* itself has."""
    query = url.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        if pair:
            yield unquote_plus(pair.partition("=")[0])


def _check_characters(url: str) -> None:
    if len(url) > LONGEST:
        raise UrlError(f"the URL is longer than the maximum of {LONGEST} characters")
    if _TEMPLATE.search(url):
        raise UrlError(
            "the URL holds what looks like a template of another tool; an expression is written"
            " {{ record.id }}"
        )
    refused = _REFUSED.search(url)
    if refused:
        raise UrlError(f"the URL holds {_named(refused.group())}")
    if _BAD_PERCENT.search(url):
        raise UrlError("a '%' in a URL begins an escape of two hex digits; write %25 for itself")


def _named(character: str) -> str:
    if character.isspace():
        return "a space or line break; percent-encode it (%20), or remove it"
    if not character.isascii():
        return "a character beyond ASCII; percent-encode it, or write the host's xn-- form"
    return f"the character {character!r}; percent-encode it"


def _host(authority: str) -> str:
    found = _HOST_AND_PORT.fullmatch(authority)
    if not found:
        raise UrlError("the URL's host is not valid")
    _check_port(found["port"])
    host = found["host"]
    if host.startswith("["):
        return _ipv6(host[1:-1])
    if not host:
        raise UrlError("the URL has no host")
    if len(host) > _LONGEST_HOST or not _are_labels(host):
        raise UrlError("the URL's host is not valid")
    if _FOUR_NUMBERS.fullmatch(host.removesuffix(".")):
        _check_ipv4(host.removesuffix("."))
    return host


def _check_ipv4(text: str) -> None:
    # httpx takes no other host of this form. Resolvers read a leading zero as octal, people do not.
    try:
        IPv4Address(text)
    except AddressValueError:
        raise UrlError(
            "the URL's host is not an IPv4 address: that is four numbers from 0 to 255 without"
            " leading zeros, as in 10.20.30.4"
        ) from None


def _are_labels(host: str) -> bool:
    return all(_LABELS.fullmatch(label) for label in host.removesuffix(".").split("."))


def _ipv6(text: str) -> str:
    try:
        IPv6Address(text)
    except AddressValueError:
        raise UrlError("the URL's IPv6 address is not valid") from None
    if "%" in text:
        raise UrlError("the URL's IPv6 address has a zone, which only means something locally")
    return text


def _check_port(port: str | None) -> None:
    if port is None:
        return
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= _LARGEST_PORT:
        raise UrlError("the URL's port is not a number from 1 to 65535")
