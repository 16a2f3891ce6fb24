"""The members of an object that is too large for memory, one after the other.

What is read over is not checked to be JSON: only strings and brackets count in it.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from webhookd.sources.formats.json_values import RefusedValueError, scan
from webhookd.sources.formats.rows import BrokenFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.sources.formats.streamed_json.json_window import Window

_KINDS: Final = {"{": "an object", "[": "a list", '"': "text", "n": "null", "": "nothing"}


def members(window: Window) -> Iterator[str]:
    """Yield each key of the object that starts here; its value is to be read over meanwhile.

    When the last is given, the object has been read. BrokenFileError where it is none.
    """
    window.at += 1
    if window.next_mark() == "}":
        window.at += 1
        return
    while True:
        yield _key(window)
        mark = window.next_mark()
        if mark not in {",", "}"}:
            raise _broken(window, "a comma or } is missing between two members")
        window.at += 1
        if mark == "}":
            return


def skip(window: Window) -> None:
    """Read over a member's value; BrokenFileError when it is missing or does not end."""
    place = window.place()
    length = window.skip_value(",}]")
    if length is None:
        raise BrokenFileError("the file ends inside the value that starts here", *place)
    if not length:
        raise _broken(window, "a value is missing here")


def kind_of_next(window: Window) -> str:
    """Return what the next value is, as its first character tells."""
    return _KINDS.get(window.next_mark(), "a number, true or false")


def _key(window: Window) -> str:
    if window.next_mark() != '"':
        raise _broken(window, "a key is missing here")
    window.fill()
    try:
        key, window.at = scan(window.text, window.at)
    except JSONDecodeError as error:
        raise BrokenFileError(
            f"the document is not JSON: {error.msg}", *window.place_of(error.pos)
        ) from None
    except RefusedValueError as error:
        raise _broken(window, str(error)) from None
    if window.next_mark() != ":":
        raise _broken(window, "a colon is missing behind a key")
    window.at += 1
    window.next_mark()
    return str(key)


def _broken(window: Window, reason: str) -> BrokenFileError:
    if not window.next_mark():
        return BrokenFileError("the file ends inside its object", *window.place())
    return BrokenFileError(f"the document is not JSON: {reason}", *window.place())
