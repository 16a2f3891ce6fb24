"""Where a delivery stands in a trace, as W3C Trace Context says it: worked out from its id alone.

    trace id                 the delivery's id, 32 hexadecimal digits; the last 20 are random
    id of its own span       the id's last 16 digits
    id of an attempt's span  that, moved on by a fixed step for each attempt
    sampled                  whether the last 16 digits, as a number, are below a bound

Nothing is stored for it: after a restart, and at every daemon of a fleet, the same delivery has the
same trace, the same spans and the same answer to whether it is sampled. The rule of the last line
is that of OpenTelemetry's `TraceIdRatioBased`, so that whoever samples by it decides likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEADER: Final = "traceparent"

_DIGITS: Final = 32
_NONE: Final = "0" * _DIGITS
_MODULUS: Final = 2**64
_LOW: Final = _MODULUS - 1
_STEP: Final = 0x9E3779B97F4A7C15
"""An odd number, so that no two of 2**64 attempts at a delivery have the same span id."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A delivery in its trace: the ids as numbers, as OpenTelemetry has them."""

    trace_id: int
    span_id: int

    def attempt(self, number: int) -> int:
        """Return the id of the span of attempt *number*, counted from 1."""
        # Never zero, which stands for no span at all.
        return (self.span_id + number * _STEP) & _LOW or 1


class Sampling:
    """Which deliveries are traced: those whose last 64 bits are below a bound."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        # Ids are compared as texts, which takes a tenth of the time; `g` is above every digit.
        self._bound_text = f"{bound:016x}" if bound < _MODULUS else "g"

    @classmethod
    def of(cls, ratio: float) -> Sampling:
        """Return the sampling that takes *ratio* of all deliveries, from 0 to 1."""
        return cls(round(ratio * _MODULUS))

    def sampled(self, delivery_id: str) -> TraceContext | None:
        """Return the context of the delivery, None where it is not to be traced.

        An id that is no trace id (none that webhookd makes) is not. Asked twice for each delivery.
        """
        if delivery_id[_DIGITS // 2 :] >= self._bound_text or not _is_plain(delivery_id):
            return None
        try:
            number = int(delivery_id, 16)
        except ValueError:
            return None
        return TraceContext(number, number & _LOW or 1) if number else None

    def header(self, delivery_id: str, number: int) -> str | None:
        """Return the line of the header that attempt *number* sends, sampled or not.

        None where the id is no trace id. Every attempt waits for this: about a microsecond.
        """
        try:
            low = int(delivery_id[_DIGITS // 2 :], 16)
        except ValueError:
            return None
        if not _is_plain(delivery_id) or delivery_id == _NONE:
            return None
        span_id = ((low or 1) + number * _STEP) & _LOW or 1
        flags = "01" if low < self._bound else "00"
        return f"{HEADER}: 00-{delivery_id}-{span_id:016x}-{flags}"


def _is_plain(delivery_id: str) -> bool:
    # `int` takes signs, blanks and underscores as well.
    return len(delivery_id) == _DIGITS and delivery_id.isalnum()
