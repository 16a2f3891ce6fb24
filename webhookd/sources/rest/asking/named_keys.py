"""The keys that errors name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.sources.polling.refusals import nonsense

if TYPE_CHECKING:
    from webhookd.sources.polling.refusals import PollError


@dataclass(frozen=True, slots=True)
class Keys:
    """What errors name: the object, and where in it the list stands (`detect.`, `deletions.`)."""

    object: str
    within: str = ""

    def wrong(self, key: str, why: str, *, own: bool = True) -> PollError:
        """Return the error that *key* does not do what it should."""
        within = self.within if own else ""
        return nonsense(f"objects.{self.object}.{within}{key}: {why}")
