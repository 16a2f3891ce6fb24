"""Which format a file has, and the rows in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from webhookd.definitions import ANY_CSV, ANY_JSON, CsvSettings, JsonSettings
from webhookd.sources.formats import csv_rows, json_rows, ndjson_rows
from webhookd.sources.formats.rows import BrokenFileError, behind_mark
from webhookd.sources.packing.foreign_files import why_not_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from webhookd.model import BadRow
    from webhookd.sources.formats.csv_header import Header
    from webhookd.sources.formats.rows import Row

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
    if reason := why_not_text(plain):
        raise BrokenFileError(reason)
    raise BrokenFileError(
        "the name does not tell the format: end it in .csv, .json, .ndjson or .jsonl"
        " (or that and .gz, or zip it), or set the source's `format`"
    )


def rows(
    stream: BinaryIO,
    file_format: Format,
    id_property: str,
    saw_header: Callable[[Header], None] = lambda _: None,
    *,
    saw_repeated_header: Callable[[int], None] = lambda _: None,
    is_list: bool = False,
    csv: CsvSettings = ANY_CSV,
    json: JsonSettings = ANY_JSON,
) -> Iterator[Row | BadRow]:
    """Yield the rows of *stream*; BrokenFileError where it cannot be read on.

    *saw_header* gets the header where the format has one, *saw_repeated_header* the number of each
    line that repeats it. *is_list* says that the file must list all records, *csv* how a CSV file
    is written, *json* where a JSON file has its records.
    """
    match file_format:
        case "csv":
            return csv_rows.rows(stream, id_property, saw_header, saw_repeated_header, csv)
        case "json":
            return json_rows.rows(behind_mark(stream), id_property, path=json.path, is_list=is_list)
        case "ndjson":
            return ndjson_rows.rows(behind_mark(stream))
        case _:
            assert_never(file_format)
