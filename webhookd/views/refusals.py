"""Why the daemon did not do what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from webhookd.views.deliveries import DeliveryView
from webhookd.views.view import View


@dataclass(frozen=True, slots=True)
class RefusalView(View):
    """Why not."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset({"problems", "deliveries"})

    error: str
    """What is wrong, in a sentence."""
    problems: tuple[str, ...] | None = None
    """Each of its own place, where a configuration or condition is wrong."""
    deliveries: tuple[DeliveryView, ...] | None = None
    """The first of those whose id fits, where several do."""
