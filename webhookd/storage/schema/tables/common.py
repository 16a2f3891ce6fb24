"""What all tables have in common: the types of their columns, and conditions of indexes."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Integer, MetaData, Text, text

METADATA: Final = MetaData()

# PostgreSQL compares as SQLite does: by code point, whatever the language of the database.
TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
# A row's number, and columns that hold one: SQLite counts rows by INTEGER only.
NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")


def where(condition: str) -> dict[str, Any]:
    """Return *condition* as that of a partial index of both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
