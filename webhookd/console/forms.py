"""Forms as browsers send them: pairs of names and values, bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_FORM: Final = 256 * 1024
MOST_FIELDS: Final = 2_000
KIND: Final = "application/x-www-form-urlencoded"


class BadFormError(ValueError):
    """What came is not a form; *status* is the answer's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Form:
    """The fields of a form, in its order."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field, without blanks around it."""
        return next((value.strip() for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.pairs if key == name]


async def read(request: Request) -> Form:
    """Return the form in the body of a request; BadFormError when there is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise BadFormError("the body is not a form", 415)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_FORM:
            raise BadFormError(f"the form is over {LARGEST_FORM:,} bytes", 413)
    return parsed(bytes(content))


def parsed(content: bytes) -> Form:
    """Return the form that *content* is."""
    try:
        text = content.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise BadFormError("the form is not UTF-8") from None
    except ValueError:
        raise BadFormError(f"the form has over {MOST_FIELDS:,} fields", 413) from None
    return Form(pairs)
