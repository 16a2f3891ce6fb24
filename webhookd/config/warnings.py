"""What is allowed, and yet will not work as it stands or tells others too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.config import addressing, urls
from webhookd.config.checks import carried, comparisons, template_marks, timers
from webhookd.config.checks.context import reference
from webhookd.config.templates.marks import without_marked
from webhookd.definitions import ROTATING, BodyFormat, OAuth2
from webhookd.model import SHORTEST_SOUGHT, ChangeKind
from webhookd.rules import egress, hubspot_legacy, literal_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Collection, Node
    from webhookd.definitions import Definitions, Request, Webhook
    from webhookd.errors import Problem
    from webhookd.model import Secret


_KEPT_AWAY: Final = "keep this file away from others and out of version control"
_REFERRED_TO: Final = "write a reference in its place, as in 'url: {env: NAME}'"


def warnings(
    definitions: Definitions, collection: Collection, secrets: Secrets
) -> Iterator[Problem]:
    """Yield a warning for what `egress` refuses, secrets in sight, templates, order among texts."""
    for name, node in collection.entries("sources").items():
        for key, url in definitions.sources[name].urls.items():
            yield from _refused(url, definitions, node.at(key))
    for name, node in collection.entries("webhooks").items():
        webhook = definitions.webhooks[name]
        request = webhook.request
        if not secrets.offline or isinstance(request.url, str):
            yield from _refused(request.origin, definitions, node.at("request", "url"))
        yield from _literal(request, node.at("request"))
        for part in ("body", "query"):
            yield from _static(node.at("request", part, "static"), part)
        if isinstance(request.authentication, OAuth2):
            place = node.at("request", "authentication")
            yield from _refused(
                request.authentication.token_url, definitions, place.at("token_url")
            )
            yield from _literal_of_client(request.authentication, place)
        yield from _untold_deletions(webhook, node)
        yield from carried.warnings(webhook, definitions.sources[webhook.source], node)
        yield from template_marks.check(node.at("request"))
        yield from timers.warnings(node)
        yield from comparisons.check(node, definitions.sources[webhook.source].value_reading)
    yield from _unused(definitions, collection)
    yield from _unnamed(definitions, collection)
    if any(_is_short(secret) for secret in secrets.all()):
        for top in collection.tops:
            yield from _short(top, secrets)


def _refused(url: str, definitions: Definitions, node: Node) -> Iterator[Problem]:
    address = addressing.literal_address(urls.parse(url).host)
    refusal = egress.refusal(address, definitions.egress) if address else None
    if refusal:
        yield node.problem(f"egress will refuse this: {refusal}{_remedy(refusal)}")


def _unused(definitions: Definitions, collection: Collection) -> Iterator[Problem]:
    """Yield a warning for each app whose previous secrets no signature uses."""
    signed = [one for each in definitions.webhooks.values() for one in each.request.signatures]
    rotating = {one.app_id for one in signed if one.scheme in ROTATING}
    # What is received is verified with all of them.
    wakes = [source.wake for source in definitions.sources.values() if source.wake is not None]
    rotating |= {one.app_id for wake in wakes for one in wake.signatures}
    others = {one.app_id: one.scheme for one in signed if one.app_id not in rotating}
    for app, scheme in others.items():
        node = collection.entries("apps").get(app)
        if node is not None and node.is_there("previous_client_secrets"):
            yield node.problem(
                f"no signature uses these: {scheme} signs with client_secret alone, and only"
                f" {' and '.join(sorted(ROTATING))} sign with previous ones too",
                "previous_client_secrets",
                at_key=True,
            )


def _unnamed(definitions: Definitions, collection: Collection) -> Iterator[Problem]:
    """Yield a warning for each secret that no template names."""
    named = {name for one in definitions.webhooks.values() for name in one.request.secrets}
    for name, node in collection.entries("secrets").items():
        if name not in named:
            yield node.problem(
                f"no template names this secret; write {{{{ secrets[{name!r}] }}}} where it"
                " belongs, or remove it",
                at_key=True,
            )


def _literal_url(url: str, node: Node, remedy: str) -> Iterator[Problem]:
    own = without_marked(url)
    if literal_secrets.shown_url(own) != own:
        yield node.problem(
            f"this URL holds a literal secret: whoever reads it can use it; {remedy}. It is shown"
            f" as {literal_secrets.shown_url(url)}"
        )


def _literal_of_client(authentication: OAuth2, node: Node) -> Iterator[Problem]:
    """Yield a warning for each secret that stands among what a token is asked with."""
    yield from _literal_url(authentication.token_url, node.at("token_url"), _KEPT_AWAY)
    for name, value in authentication.parameters:
        if literal_secrets.is_secret_header(name, value):
            yield node.at("parameters", name).problem(
                "this parameter looks like a secret, and stands here literally; the client's secret"
                " belongs in 'client_secret', as a reference. It is shown as ***"
            )


def _literal(request: Request, node: Node) -> Iterator[Problem]:
    """Yield a warning for each secret that stands in *request* itself. None of them shows it."""
    if isinstance(request.url, str):
        yield from _literal_url(request.url, node.at("url"), _REFERRED_TO)
    for name, value in request.headers:
        if literal_secrets.holds_secret(name, without_marked(value)):
            yield node.at("headers", name).problem(
                "this header holds a literal secret; use 'authentication' with a reference, as in"
                f" {{type: api_key, name: {name}, key: {{env: NAME}}}}. It is shown as ***"
            )


def _static(node: Node, part: str) -> Iterator[Problem]:
    """Yield a warning for each fixed value of a body or query that is named like a secret."""
    for entry in _inside(node):
        if literal_secrets.is_secret_name(entry.name) and isinstance(entry.value, str):
            yield entry.problem(
                f"this is named like a secret, and stands in every {part} that is kept or shown;"
                " where the receiver takes it in a header or in the query, use 'authentication'"
                " with a reference"
            )


def _untold_deletions(webhook: Webhook, node: Node) -> Iterator[Problem]:
    """Yield a warning where a deletion looks like any other change to the receiver."""
    body = webhook.request.body
    if (
        body is not None
        and body.format is BodyFormat.HUBSPOT_LEGACY
        and ChangeKind.DELETED in webhook.trigger.changes
        and not body.static
        and not hubspot_legacy.tells_deletions(webhook.object)
    ):
        yield node.problem(
            f"with hubspot_legacy the body of one of {webhook.object} does not say that it was"
            " deleted; report deletions by a webhook of its own, with another URL or with 'static'",
            *("request", "body", "format"),
        )


def _short(node: Node, secrets: Secrets) -> Iterator[Problem]:
    """Yield a warning for each reference below *node* to a secret too short to be hidden."""
    found = reference(node)
    secret = None if found is None else secrets.known(found, node.folder)
    if secret is not None and _is_short(secret):
        yield node.problem(
            f"this secret has fewer than {SHORTEST_SOUGHT} characters: it cannot be hidden inside"
            " of texts (answers, errors, the log) without hiding others. It is shown as *** only"
            " where it is the whole of a header, a query parameter or a JSON text; use a longer one"
        )
    for entry in _children(node):
        yield from _short(entry, secrets)


def _is_short(secret: Secret) -> bool:
    return len(secret.reveal()) < SHORTEST_SOUGHT


def _inside(node: Node) -> Iterator[Node]:
    """Yield the nodes among the keys below *node*, at any depth."""
    for entry in _children(node):
        if isinstance(entry.steps[-1], str):
            yield entry
        yield from _inside(entry)


def _children(node: Node) -> Iterator[Node]:
    yield from node.entries()
    yield from node.items()


def _remedy(refusal: str) -> str:
    return "" if "egress.deny" in refusal else "; add its network to egress.allow if it should be"
