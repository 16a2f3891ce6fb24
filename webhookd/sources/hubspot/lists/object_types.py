"""HubSpot's own ids of types of objects, which its lists speak of them by."""

from __future__ import annotations

import re
from typing import Final

_OWN: Final = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "quotes": "0-14",
    "tasks": "0-27",
    "notes": "0-46",
    "meetings": "0-47",
    "calls": "0-48",
    "emails": "0-49",
    "leads": "0-136",
}
_ID: Final = re.compile(r"[0-9]+-[0-9]+")
_STANDARD: Final = "0-"
"""What the ids of HubSpot's own types begin with; those of an account begin with another number."""


def is_of(object_: str, type_id: str) -> bool:
    """Return whether *object_*, as the configuration names it, may be the type *type_id*.

    Names that an account gave to its own types say nothing about their ids.
    """
    plural = object_ if object_ in _OWN else f"{object_}s"
    own = object_ if _ID.fullmatch(object_) else _OWN.get(plural)
    return own == type_id if own is not None else not type_id.startswith(_STANDARD)
