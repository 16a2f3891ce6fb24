"""Answers: views as JSON, and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from webhookd.views.json_writer import written
from webhookd.views.refusals import RefusalView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.views.view import View

BAD, CONFLICT, NOT_FOUND, TOO_MANY, UNAVAILABLE, BROKEN = 400, 409, 404, 429, 503, 500


def answer(view: View, status: int = 200) -> Response:
    """Return an answer with *view*."""
    return Response(written(view), status, media_type="application/json")


def refusal(text: str, status: int, problems: Iterable[str] | None = None) -> Response:
    """Return an answer that says why not, and every problem."""
    return answer(RefusalView(text, None if problems is None else tuple(problems)), status)
