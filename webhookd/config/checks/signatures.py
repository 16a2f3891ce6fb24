"""Signatures: the scheme goes with the request and with the app's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import header_values, headers, payloads
from webhookd.config.messages import near, no_such
from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing, signing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem
    from webhookd.model import Secret


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with how *webhook* is signed."""
    request = webhook.at("request")
    names: dict[str, int] = {name.name.lower(): -1 for name in request.entries("headers")}
    if request.text("authentication", "location") == "header":
        names.setdefault((request.text("authentication", "name") or "").lower(), -1)
    for number, signature in enumerate(listed(request)):
        yield from one(signature, context, has_body=payloads.has_body(request))
        for name in sorted(_headers(signature)):
            if name in names:
                whose = "a header of this name" if names[name] < 0 else "another signature"
                message = f"{whose} sets {name}, too; a request carries it once"
                yield signature.problem(message)
            names.setdefault(name, number)


def listed(request: Node) -> Iterator[Node]:
    """Yield each signature of *request*: of a list, or the only one."""
    signature = request.at("signature")
    if isinstance(signature.value, list):
        yield from request.items("signature")
    elif request.is_there("signature"):
        yield signature


def unknown_app(signature: Node, context: Context) -> Iterator[Problem]:
    """Yield that the app of *signature* is none, where that is so."""
    app_id = signature.text("app_id")
    if app_id is not None and app_id not in context.apps and context.is_whole:
        yield signature.problem(no_such("app", app_id, context.apps), "app_id")


def _headers(signature: Node) -> set[str]:
    """Return the headers that *signature* sets, in lower case."""
    scheme = signature.text("scheme") or Scheme.HUBSPOT_V2.value
    if scheme == Scheme.HMAC:
        name = signature.text("hmac", "header")
        return set() if name is None else {name.lower()}
    return set(signing.headers_of(Scheme(scheme))) if scheme in {*Scheme} else set()


def one(signature: Node, context: Context, *, has_body: bool | None) -> Iterator[Problem]:
    """Yield what is wrong with *signature* by itself; *has_body* is what is known of requests."""
    scheme = signature.text("scheme")
    yield from _described(signature, scheme, has_body)
    if scheme == "hubspot_v1" and has_body is False:
        message = "hubspot_v1 covers only a body, and this request has none; use hubspot_v2"
        yield signature.problem(message, "scheme")
    app = context.apps.get(signature.text("app_id") or "")
    if scheme == "standard_webhooks" and app is not None:
        for node in (app.at("client_secret"), *app.items("previous_client_secrets")):
            secret = context.secret(node)
            if secret and not _is_standard(secret):
                yield signature.problem(_wrong_form(app, node), "scheme")


def _described(signature: Node, scheme: str | None, has_body: bool | None) -> Iterator[Problem]:
    """Yield what is wrong with the description that goes with the scheme `hmac`."""
    if scheme != Scheme.HMAC:
        if signature.is_there("hmac"):
            message = f"'hmac' goes with scheme: hmac, not with {scheme or 'hubspot_v2'}"
            yield signature.problem(message, "hmac", at_key=True)
        return
    if not signature.is_there("hmac"):
        message = "the scheme hmac needs 'hmac', which says in which header, and of what"
        yield signature.problem(message, "scheme")
        return
    described = signature.at("hmac")
    if (name := described.text("header")) is not None and (told := headers.misnamed(name)):
        yield described.problem(told, "header")
    signs = yield from _holes(described, "signs", "{{ body }}", hmac_signing.SIGNED_NAMES)
    value = yield from _holes(described, "value", "{{ signature }}", hmac_signing.VALUE_NAMES)
    if signs is not None and "body" not in signs and has_body:
        message = "this signs no body, and the request has one; write {{ body }} into it"
        yield described.problem(message, "signs")
    if value is not None and "signature" not in value:
        yield described.problem("the value holds no {{ signature }}", "value")
    if signs and value is not None and "timestamp_ms" in signs and "timestamp_ms" not in value:
        message = (
            "{{ timestamp_ms }} is signed and told nowhere in the request: write it into 'value',"
            " or sign {{ timestamp }}, which webhook-timestamp carries"
        )
        yield described.problem(message, "signs")
    text = described.text("value")
    if text is not None and not header_values.fits(text):
        yield described.problem("a header cannot carry this value", "value")


def _holes(
    described: Node, key: str, default: str, known: Sequence[str]
) -> Generator[Problem, None, list[str] | None]:
    """Yield what is wrong with the holes in a text, and return their names."""
    text = described.text(key) if described.is_there(key) else default
    if text is None:
        return None
    try:
        names = hmac_signing.holes(text)
    except ValueError as error:
        yield described.problem(str(error), key)
        return None
    for name in names:
        if name not in known:
            told = f"{{{{ {name} }}}} is not one of {', '.join(known)}{near(name, known)}"
            yield described.problem(told, key)
    return names


def _is_standard(secret: Secret) -> bool:
    try:
        signing.standard_webhooks_key(secret.reveal())
    except ValueError:
        return False
    return True


def _wrong_form(app: Node, node: Node) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else step for step in node.steps[2:])
    return (
        f"standard_webhooks needs secrets of the form whsec_ + base64 of 24 to 64 bytes; "
        f"{where} of the app {app.name!r} is not"
    )
