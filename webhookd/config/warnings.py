"""What is allowed and yet will not work as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import addressing, urls
from webhookd.rules import egress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.parts import Part
    from webhookd.errors import Problem
    from webhookd.rules.plan import Plan


def warnings(plan: Plan, webhooks: dict[str, Part]) -> Iterator[Problem]:
    """Yield a warning for each URL whose literal address `egress` refuses."""
    for name, part in webhooks.items():
        address = addressing.literal_address(urls.parse(plan.webhooks[name].request.url).host)
        refusal = egress.refusal(address, plan.egress) if address else None
        if refusal:
            yield part.problem(
                f"egress will refuse this: {refusal}{_remedy(refusal)}", "request", "url"
            )


def _remedy(refusal: str) -> str:
    return "" if "egress.deny" in refusal else "; add its network to egress.allow if it should be"
