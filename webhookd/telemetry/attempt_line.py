"""The line of a delivered attempt as JSON, made in one go: the one line that there are many of.

It is, to the letter, what structlog makes of the same event (a test compares the two).
"""

from __future__ import annotations

from json.encoder import encode_basestring, encode_basestring_ascii
from typing import TYPE_CHECKING

from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import Settlement


def maker(prefix: str, *, is_ascii: bool) -> Callable[[Settlement, str], str]:
    """Return what makes the line of a settlement and its record's id as it may be shown.

    *prefix* stands before each line; *is_ascii* escapes whatever is not ASCII.
    """
    text = encode_basestring_ascii if is_ascii else encode_basestring
    now = clock.now

    def line(settlement: Settlement, record_id: str) -> str:
        delivery, attempt = settlement.delivery, settlement.attempt
        at = now().isoformat().replace("+00:00", "Z")
        return (
            f'{prefix}{{"webhook": {text(delivery.webhook)}, "delivery_id": {text(delivery.id)},'
            f' "object": {text(delivery.object)}, "record_id": {text(record_id)},'
            f' "change": "{delivery.change!s}", "attempt": {attempt.number},'
            f' "outcome": "delivered", "status": {attempt.status},'
            f' "seconds": {round(attempt.seconds, 3)!r}, "event": "delivery.attempted",'
            f' "level": "info", "timestamp": "{at}"}}\n'
        )

    return line
