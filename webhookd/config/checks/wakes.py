"""Who may wake a source: by a signature or by authentication, and not by nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import authentication, signatures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(source: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with `wake` of *source*, if it has one."""
    wake = source.at("wake")
    if not isinstance(wake.value, dict):
        return
    ways = [key for key in ("signature", "authentication") if wake.is_there(key)]
    if len(ways) != 1:
        told = (
            "keep one of 'signature' and 'authentication', not both"
            if ways
            else "'signature' or 'authentication' is missing: anybody could have the source polled"
        )
        yield source.problem(told, "wake", at_key=True)
    for signature in signatures.listed(wake):
        # A request may well have no body: it is no data.
        yield from signatures.one(signature, context, has_body=None)
        yield from signatures.unknown_app(signature, context)
    yield from authentication.check_wake(wake, context)
