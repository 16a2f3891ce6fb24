"""What is allowed, and yet will not work as it stands or tells others too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import addressing, urls
from webhookd.rules import egress, literal_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Collection, Node
    from webhookd.definitions import Definitions, Request
    from webhookd.errors import Problem


def warnings(definitions: Definitions, collection: Collection) -> Iterator[Problem]:
    """Yield a warning for each URL that `egress` refuses, and for each literal secret."""
    for name, node in collection.entries("sources").items():
        for key, url in definitions.sources[name].urls.items():
            yield from _refused(url, definitions, node.at(key))
    for name, node in collection.entries("webhooks").items():
        request = definitions.webhooks[name].request
        yield from _refused(request.url, definitions, node.at("request", "url"))
        yield from _literal(request, node.at("request"))


def _refused(url: str, definitions: Definitions, node: Node) -> Iterator[Problem]:
    address = addressing.literal_address(urls.parse(url).host)
    refusal = egress.refusal(address, definitions.egress) if address else None
    if refusal:
        yield node.problem(f"egress will refuse this: {refusal}{_remedy(refusal)}")


def _literal(request: Request, node: Node) -> Iterator[Problem]:
    """Yield a warning for each secret that stands in *request* itself. None of them shows it."""
    shown = literal_secrets.shown_url(request.url)
    if shown != request.url:
        yield node.at("url").problem(
            "this URL holds a literal secret: whoever reads it can use it; keep this file away from"
            f" others and out of version control. It is shown as {shown}"
        )
    for name, value in request.headers:
        if literal_secrets.is_secret_header(name, value):
            yield node.at("headers", name).problem(
                "this header holds a literal secret; use 'authentication' with a reference, as in"
                f" {{type: api_key, name: {name}, key: {{env: NAME}}}}. It is shown as ***"
            )


def _remedy(refusal: str) -> str:
    return "" if "egress.deny" in refusal else "; add its network to egress.allow if it should be"
