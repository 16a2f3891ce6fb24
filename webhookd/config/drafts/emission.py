"""A webhook's values as the text of a file: what is read again is what was written.

Keys come in the order of the example configuration; small maps stand on one line. A text is quoted
wherever it would be read as something else.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from webhookd.config.text.scalars import ScalarError, WrittenFloat, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ORDER: Final = {
    (): "description enabled source object trigger request delivery",
    ("trigger",): "changes changed_properties when enroll",
    ("request",): "method url allow_http tls proxy proxy_authentication authentication signature"
    " headers body query",
    ("request", "authentication"): "type name location key username password token",
    ("request", "signature"): "app_id scheme hmac",
    ("request", "body"): "properties static format previous portal_id content_type template",
    ("request", "query"): "properties static",
}
_LENGTH: Final = re.compile(r"[0-9]+[a-zA-Z/][a-zA-Z0-9/]*")
"""Such texts as `30s`, `20/s` and `2xx`, which no reader takes for numbers."""
_PLAIN: Final = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./:@%+?&=-]*[A-Za-z0-9_./%+?=-])?")
_WORDS_ELSEWHERE: Final = frozenset({"y", "n", "yes", "no", "on", "off"})
"""Texts here, and not to readers of YAML 1.1."""
_ESCAPED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_WIDEST: Final = 84
_DEEPEST_LINE: Final = 2
"""Maps within maps that may stand on one line."""


def written(name: str, webhook: Mapping[str, Any]) -> str:
    """Return the section `webhooks` of a file with the one *webhook* in it."""
    lines = ["webhooks:", f"  {_scalar(name)}:{'' if webhook else ' {}'}"]
    return "\n".join([*lines, *_map(webhook, (), 4)]) + "\n"


def written_rest(values: Mapping[str, Any]) -> str:
    """Return some keys of a webhook alone; empty for none."""
    return "".join(f"{line}\n" for line in _map(values, (), 0))


def value_of(value: Any) -> str:
    """Return a text, a number or a list of them as it is written."""
    return _on_one_line(value, _DEEPEST_LINE) or json.dumps(value)


def _map(values: Mapping[str, Any], path: tuple[str, ...], indent: int) -> Iterator[str]:
    known = _ORDER.get(path, "").split()
    places = {key: place for place, key in enumerate(known)}
    for key in sorted(values, key=lambda one: places.get(one, len(known))):
        yield from _entry(f"{_scalar(key)}:", values[key], (*path, key), indent)


def _entry(begun: str, value: Any, path: tuple[str, ...], indent: int) -> Iterator[str]:
    """Yield the lines of one value that *begun* leads to: a key, or a dash."""
    space = " " * indent
    line = _on_one_line(value, _DEEPEST_LINE)
    room = _WIDEST - indent - len(begun)
    is_small = line is not None and (len(line) <= room or not isinstance(value, (dict, list)))
    if is_small and (len(path) > 1 or not isinstance(value, dict) or not value):
        yield f"{space}{begun} {line}"
    elif isinstance(value, dict):
        yield f"{space}{begun}"
        yield from _map(value, path, indent + 2)
    else:
        yield f"{space}{begun}"
        for item in value:
            yield from _item(item, (*path, ""), indent + 2)


def _item(item: Any, path: tuple[str, ...], indent: int) -> Iterator[str]:
    if isinstance(item, dict) and item and _too_wide(item, indent):
        first, *others = _map(item, path, indent + 2)
        yield f"{' ' * indent}- {first.lstrip()}"
        yield from others
    else:
        yield from _entry("-", item, path, indent)


def _too_wide(item: Any, indent: int) -> bool:
    line = _on_one_line(item, _DEEPEST_LINE)
    return line is None or len(line) > _WIDEST - indent


def _on_one_line(value: Any, depth: int) -> str | None:
    """Return a value as it stands on one line; None for what is too deep for that."""
    if not isinstance(value, (dict, list, tuple)):
        return _scalar(value, is_inside=depth < _DEEPEST_LINE)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if depth == 0:
        return None
    if isinstance(value, dict):
        pairs = [
            (_scalar(key, is_inside=True), _on_one_line(one, depth - 1))
            for key, one in value.items()
        ]
        if any(one is None for _, one in pairs):
            return None
        return "{" + ", ".join(f"{key}: {one}" for key, one in pairs) + "}"
    items = [_on_one_line(one, depth - 1) for one in value]
    return None if None in items else "[" + ", ".join(map(str, items)) + "]"


def _scalar(value: Any, *, is_inside: bool = False) -> str:
    match value:
        case None | bool():
            return json.dumps(value)
        case WrittenFloat():
            return value.written
        case int() | float():
            return repr(value)
        case str() if _is_plain(value, is_inside=is_inside):
            return value
        case _:
            quoted = json.dumps(value, ensure_ascii=False)
            return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_plain(text: str, *, is_inside: bool) -> bool:
    """Return whether a text reads as itself without quotes; *is_inside* a map on one line."""
    if not (_PLAIN.fullmatch(text) or _LENGTH.fullmatch(text)) or (is_inside and "?" in text):
        return False
    if text.lower() in _WORDS_ELSEWHERE:
        return False
    try:
        return resolve(text) == text
    except ScalarError:
        return False
