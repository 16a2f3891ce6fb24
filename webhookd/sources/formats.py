"""Which format a file has, and the rows in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from webhookd.sources import csv_rows, json_rows, ndjson_rows
from webhookd.sources.rows import BrokenFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from webhookd.model import BadRow
    from webhookd.sources.rows import Row

Format: TypeAlias = Literal["csv", "json", "ndjson"]

_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}


def format_of(name: str, setting: Literal["auto"] | Format) -> Format:
    """Return the format that *setting* says, or under `auto` the suffix of *name*."""
    if setting != "auto":
        return setting
    plain = name.lower().removesuffix(".gz")
    for suffix, found in _SUFFIXES.items():
        if plain.endswith(suffix):
            return found
    raise BrokenFileError(
        "the name does not tell the format: end it in .csv, .json, .ndjson or .jsonl"
        " (or that and .gz), or set the source's `format`"
    )


def rows(stream: BinaryIO, file_format: Format, id_property: str) -> Iterator[Row | BadRow]:
    """Yield the rows of *stream*; BrokenFileError where it cannot be read on."""
    match file_format:
        case "csv":
            return csv_rows.rows(stream, id_property)
        case "json":
            return json_rows.rows(stream)
        case "ndjson":
            return ndjson_rows.rows(stream)
        case _:
            assert_never(file_format)
