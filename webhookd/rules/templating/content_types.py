"""Content types that a template can make, and how each is made."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from webhookd.definitions.templates import FORM_TYPE, JSON_TYPE

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE: Final = re.compile(
    rf"(?P<type>{_NAME}/{_NAME})"
    rf"(?P<parameters>(?: *; *{_NAME}=(?:{_NAME}|\"[ -!#-\[\]-~]*\"))*)"
)
_CHARSET: Final = re.compile(r"; *charset=\"?([^\";]*)", re.IGNORECASE)
_LONGEST: Final = 200


class Kind(Enum):
    """How a body is made, and what its template is."""

    JSON = "a map or a list"
    FORM = "a flat map"
    XML = "a text of XML"
    TEXT = "a text"


def kind_of(content_type: str) -> Kind:
    """Return how a body of *content_type* is made; ValueError for one that no template makes."""
    main = content_type.partition(";")[0].strip().lower()
    if main == JSON_TYPE or (main.startswith("application/") and main.endswith("+json")):
        return Kind.JSON
    if main == FORM_TYPE:
        return Kind.FORM
    if main in {"text/xml", "application/xml"} or main.endswith("+xml"):
        return Kind.XML
    if main == "text/plain":
        return Kind.TEXT
    raise ValueError(content_type)


def flaw_of(content_type: str) -> str | None:
    """Return what is wrong with a template's *content_type*, None if nothing is."""
    found = _TYPE.fullmatch(content_type)
    if found is None or len(content_type) > _LONGEST:
        return "this is not a content type; write one like application/json or text/xml"
    charset = _CHARSET.search(found["parameters"])
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        return "bodies are UTF-8; leave 'charset' out, or write utf-8"
    try:
        kind_of(content_type)
    except ValueError:
        return (
            "a template makes application/json (or +json), application/x-www-form-urlencoded,"
            " text/xml, application/xml (or +xml) and text/plain"
        )
    return None
