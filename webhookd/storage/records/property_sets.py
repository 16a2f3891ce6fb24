"""What sources asked for: a few lists of names, each stored once, whatever the records."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from webhookd.model import Asked
from webhookd.storage.database.connection import with_lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.storage.database.connection import Statements

_OF_NUMBERS = with_lists("SELECT number, content FROM asked WHERE number {one_of}")


def numbers(
    connection: Statements, several: Iterable[Asked | None]
) -> dict[Asked | None, int | None]:
    """Return the number of each of *several*, new ones stored; None stays None."""
    found: dict[Asked | None, int | None] = {None: None}
    for asked in several:
        if asked not in found:
            found[asked] = _number(connection, _content(asked)) if asked is not None else None
    return found


def of_numbers(
    connection: Statements, several: Iterable[int | None]
) -> dict[int | None, Asked | None]:
    """Return what each of the numbers *several* stands for."""
    wanted = connection.listed(number for number in set(several) if number is not None)
    rows = connection.execute(_OF_NUMBERS[connection.dialect], (wanted,))
    return {None: None} | {number: _asked(content) for number, content in rows}


def numbers_with(connection: Statements, names: frozenset[str]) -> tuple[int, ...]:
    """Return the numbers of all lists that hold every one of *names*."""
    rows = connection.execute("SELECT number, content FROM asked")
    return tuple(number for number, content in rows if names <= _asked(content).names)


def _number(connection: Statements, content: str) -> int:
    connection.execute("INSERT INTO asked (content) VALUES (?) ON CONFLICT DO NOTHING", (content,))
    query = "SELECT number FROM asked WHERE content = ?"
    number: int = connection.execute(query, (content,)).fetchone()[0]
    return number


@lru_cache(maxsize=256)
def _content(asked: Asked) -> str:
    parts = (asked.names, asked.instants, asked.unwatched)
    return orjson.dumps([sorted(part) for part in parts]).decode()


@lru_cache(maxsize=256)
def _asked(content: str) -> Asked:
    names, instants, unwatched = orjson.loads(content)
    return Asked(frozenset(names), frozenset(instants), frozenset(unwatched))
