"""The secrets of requests: they are there, and can travel where they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.config import urls
from webhookd.config.checks import api_sources, header_values, headers
from webhookd.config.messages import shown
from webhookd.definitions import DIRECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_SECRET_KEYS = {"api_key": "key", "bearer": "token", "basic": "password", "oauth2": "client_secret"}
_NO_HEADER: Final = (
    "a header cannot carry this secret: it is too long, begins or ends with a space, "
    "or holds characters beyond Latin-1"
)
_IN_A_HEADER = frozenset({"api_key", "bearer"})
_FIELDS: Final = {
    "grant_type": "'grant'",
    "client_id": "'client_id'",
    "client_secret": "'client_secret'",
    "scope": "'scope'",
    "refresh_token": "'refresh_token'",
}
"""Fields of a token request that webhookd fills in, and the keys that they come from."""


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the authentication of *webhook*."""
    request = webhook.at("request")
    authentication = request.at("authentication")
    yield from _of_its_secret(authentication, context)
    if authentication.text("type") == "oauth2":
        yield from _oauth2(authentication, request, context)


def check_wake(wake: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with how requests that wake a source are to authenticate."""
    found = wake.at("authentication")
    if found.text("type") == "oauth2":
        message = "a token of a server proves nothing here; use api_key, bearer or basic"
        yield found.problem(message, "type")
        return
    yield from _of_its_secret(found, context)
    name = found.text("name")
    if name is not None and _is_in_a_header(found) and (complaint := headers.misnamed(name)):
        yield found.problem(complaint, "name")


def check_source(source: Node, context: Context, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with the authentication of an API source; *reachable* is `egress`."""
    found = source.at("authentication")
    yield from _of_its_secret(found, context)
    if found.text("type") == "oauth2":
        yield from _client(found, context)
        if complaint := _of_token_url(found.text("token_url"), reachable):
            yield found.problem(complaint, "token_url")
    name = found.text("name")
    if name is not None and _is_in_a_header(found) and (complaint := headers.misnamed(name)):
        yield found.problem(complaint, "name")


def _of_its_secret(authentication: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the secret, and with the user name beside a password."""
    key = _SECRET_KEYS.get(authentication.text("type") or "")
    if key is None:
        return
    node = authentication.at(key)
    if problem := context.secret_problem(node):
        yield problem
    secret = context.secret(node)
    if secret and _is_in_a_header(authentication) and not header_values.fits(secret.reveal()):
        yield node.problem(_NO_HEADER)
    if key == "password":
        yield from username_problems(authentication, context)


def username_problems(basic: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with a user name by reference, in *basic*."""
    node = basic.at("username")
    if problem := context.secret_problem(node):
        yield problem
    found = context.secret(node)
    if found and ":" in found.reveal():
        yield node.problem("a user name holds no colon; a receiver takes it for the name's end")


def _is_in_a_header(authentication: Node) -> bool:
    # Basic authentication encodes its password, and OAuth2 its secret, whatever they hold.
    location = authentication.mapping().get("location", "header")
    return authentication.text("type") in _IN_A_HEADER and location == "header"


def _oauth2(authentication: Node, request: Node, context: Context) -> Iterator[Problem]:
    yield from _client(authentication, context)
    url = authentication.text("token_url")
    if url is not None and (complaint := _complaint(url, request)):
        yield authentication.problem(complaint, "token_url")


def _client(authentication: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with a client's credentials, and what is asked for with them."""
    for key in ("client_id", "refresh_token"):
        if problem := context.secret_problem(authentication.at(key)):
            yield problem
    is_refreshed = authentication.mapping().get("grant") == "refresh_token"
    if is_refreshed and not authentication.is_there("refresh_token"):
        yield authentication.problem("'refresh_token' is missing: this grant needs one", "grant")
    elif authentication.is_there("refresh_token") and not is_refreshed:
        message = "this is for grant: refresh_token; leave it out, or name that grant"
        yield authentication.problem(message, "refresh_token", at_key=True)
    for parameter in authentication.entries("parameters"):
        if parameter.name in _FIELDS:
            yield parameter.problem(
                f"webhookd fills this field in itself, from {_FIELDS[parameter.name]}", at_key=True
            )
        elif not parameter.name.isprintable() or not parameter.name:
            yield parameter.problem(f"{shown(parameter.name)} is no name of a field", at_key=True)


def _of_token_url(url: str | None, reachable: Node | None) -> str:
    """Return what is wrong with the URL of a source's token server; nothing if nothing is."""
    if url is None:
        return ""
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        return _of_client(error)
    if parsed.scheme == "http" and not api_sources.is_allowed(parsed.host, reachable):
        return (
            "plain http would show the client's secret to the network; use https, or an address"
            " (not a name) inside egress.allow"
        )
    return ""


def _of_client(error: urls.UrlError) -> str:
    told = str(error)
    return told.replace("'authentication' (type: basic)", "'client_id' and 'client_secret'")


def _complaint(url: str, request: Node) -> str:
    """Return what is wrong with the URL of a token server; nothing if nothing is."""
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        return _of_client(error)
    if parsed.scheme == "http" and request.mapping().get("allow_http") is not True:
        return (
            "plain http can be read and changed on its way, and this carries a secret; use https,"
            " or allow_http: true"
        )
    if "://[" in url and request.text("proxy") not in (None, DIRECT):
        return "an IPv6 address cannot be asked of a proxy; use a name, or proxy: direct"
    return ""
