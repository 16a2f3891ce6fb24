"""TLS: the file of authorities can be read and holds certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.known import Known
    from webhookd.config.parts import Part
    from webhookd.errors import Problem


def check(webhook: Part, known: Known) -> Iterator[Problem]:
    """Yield what is wrong with the authorities that *webhook* trusts."""
    tls = webhook.at("request", "tls")
    written = tls.text("ca_file")
    if not written or known.offline:
        return
    complaint = known.authorities.complaint(webhook.folder / written)
    if complaint:
        yield tls.problem(complaint, "ca_file")
