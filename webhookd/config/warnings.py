"""What is allowed and yet will not work as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import addressing, urls
from webhookd.rules import egress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Collection, Node
    from webhookd.definitions import Definitions
    from webhookd.errors import Problem


def warnings(definitions: Definitions, collection: Collection) -> Iterator[Problem]:
    """Yield a warning for each URL whose literal address `egress` refuses."""
    for name, node in collection.entries("sources").items():
        for key, url in definitions.sources[name].urls.items():
            yield from _refused(url, definitions, node.at(key))
    for name, node in collection.entries("webhooks").items():
        yield from _refused(
            definitions.webhooks[name].request.url, definitions, node.at("request", "url")
        )


def _refused(url: str, definitions: Definitions, node: Node) -> Iterator[Problem]:
    address = addressing.literal_address(urls.parse(url).host)
    refusal = egress.refusal(address, definitions.egress) if address else None
    if refusal:
        yield node.problem(f"egress will refuse this: {refusal}{_remedy(refusal)}")


def _remedy(refusal: str) -> str:
    return "" if "egress.deny" in refusal else "; add its network to egress.allow if it should be"
