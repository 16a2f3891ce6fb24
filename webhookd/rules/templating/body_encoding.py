"""Values as they stand in bodies: in JSON texts, in forms, in XML, in plain text."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote_plus

from webhookd.rules import json_text
from webhookd.rules.templating.content_types import Kind, kind_of
from webhookd.rules.url_encoding import whole

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A parser turns a bare line break in an attribute's value into a blank, and \r\n into \n.
_XML: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&apos;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def encoded(content_type: str, secret: str) -> bytes:
    """Return *secret* as it stands in a body of *content_type*, where its hole is."""
    match kind_of(content_type):
        case Kind.JSON:
            return json_text.encoded(json_part(secret))
        case Kind.FORM:
            return form_text(secret).encode()
        case Kind.XML:
            return xml_text(secret).encode()
        case Kind.TEXT:
            return utf8(secret)


def as_it_is(text: str) -> str:
    """Return *text* as it is."""
    return text


def json_part(text: str) -> str:
    """Return *text* as it stands between the quotes of a JSON text."""
    return json_text.text(text)[1:-1]


def form_text(text: str) -> str:
    """Return *text* as the form encoding of WHATWG's URL standard has it: a space is `+`."""
    return quote_plus(whole(text), safe="*").replace("~", "%7E")


def xml_text(text: str) -> str:
    """Return *text* for content and attributes; what XML 1.0 cannot hold is U+FFFD."""
    return _NOT_XML.sub("\ufffd", text).translate(_XML)


def utf8(text: str) -> bytes:
    """Return *text* as UTF-8; what has none is U+FFFD."""
    return whole(text).encode()


ENCODERS: Final = {
    Kind.JSON: json_text.encoded,
    Kind.FORM: utf8,
    Kind.XML: utf8,
    Kind.TEXT: utf8,
}
"""What makes bytes of a body, of which a part may be a secret's hole."""
