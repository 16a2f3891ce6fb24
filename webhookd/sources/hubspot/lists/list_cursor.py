"""How far one list has been read: all that a restart needs to go on. Times are milliseconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from webhookd.sources.hubspot.cursor import ListPass
from webhookd.sources.source import ReadTo, SetAside

if TYPE_CHECKING:
    from webhookd.model import JsonText


@dataclass(frozen=True, slots=True)
class ListCursor:
    """How far the list with this *id* has been read.

    *type_id* is HubSpot's id of the type of its records. *passes* counts the whole passes over its
    members; none was made before the first is over. *under_way* is the one that is read now,
    *checked* the id up to which the members that it lacks were looked at: None while it is still
    read. *order* is the place in the order of joining. *read_at* is when the last pass ended.
    *set_aside* are absences that nobody has let through.
    """

    id: str
    type_id: str = ""
    passes: int = 0
    under_way: ListPass | None = None
    checked: str | None = None
    order: ListPass = field(default_factory=lambda: ListPass(0))
    read_at: int = 0
    set_aside: SetAside | None = None

    @property
    def number(self) -> int:
        """Return the number of the pass under way, or of the last."""
        return self.passes if self.under_way is None else self.under_way.number

    @property
    def is_known(self) -> bool:
        """Return whether all members were read once."""
        return self.passes > 0

    def begun(self, type_id: str) -> ListCursor:
        """Return the cursor with a pass at its beginning. None before it counts: its rows stay."""
        under_way = ListPass(self.number + 1)
        return replace(self, type_id=type_id, under_way=under_way, checked=None)

    def ended(self, at: int) -> ListCursor:
        """Return the cursor behind the pass under way, which ended *at* this time."""
        return replace(self, passes=self.number, under_way=None, checked=None, read_at=at)

    def text(self) -> JsonText:
        """Return the cursor as it is stored."""
        return orjson.dumps({"list": asdict(self)}).decode()


def parsed(text: JsonText) -> ListCursor:
    """Return the cursor that *text* is."""
    stored: dict[str, Any] = orjson.loads(text)["list"]
    under_way, order, aside = (stored.pop(key) for key in ("under_way", "order", "set_aside"))
    return ListCursor(
        **stored,
        under_way=under_way and ListPass(**under_way),
        order=ListPass(**order),
        set_aside=aside and SetAside(**aside),
    )


def described(text: JsonText) -> ReadTo | None:
    """Return what the cursor *text* says for people; None when it is not one of a list."""
    try:
        cursor = parsed(text)
        at = datetime.fromtimestamp(cursor.read_at / 1000, UTC) if cursor.read_at else None
        return ReadTo(at, is_first_read=not cursor.is_known)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError):
        return None


def aside(text: JsonText) -> SetAside | None:
    """Return the absences that the cursor *text* has set aside; None where there are none."""
    try:
        return parsed(text).set_aside
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
