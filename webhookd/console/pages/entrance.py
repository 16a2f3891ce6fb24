"""Coming in by a one-time link, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import clock

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.access.invitations import Invitations
    from webhookd.console.visit import Visit


async def enter(visit: Visit, invitations: Invitations) -> Response:
    """Begin a session and lead to the overview, or say that the link does not hold.

    The address with the token is left behind: it is not in the browser's history.
    """
    sessions, now = visit.console.sessions, clock.monotonic()
    cookies = [value for name, value in visit.request.scope["headers"] if name == b"cookie"]
    if sessions.find(cookies, now) is not None:
        return visit.elsewhere("/")
    is_asked = visit.request.method == "GET"
    if not (is_asked and invitations.take(visit.asked("t"), clock.now().timestamp())):
        return visit.rendered(
            "refused.html",
            status=403,
            title="This link does not hold",
            text="A link works once, and for ten minutes.",
            problems=[],
        )
    answer = visit.elsewhere("/")
    answer.set_cookie(
        sessions.cookie_name, sessions.begin(now), path="/", httponly=True, samesite="strict"
    )
    return answer


async def leave(visit: Visit) -> Response:
    """End the session."""
    if visit.session is not None:
        visit.console.sessions.end(visit.session)
    answer = visit.rendered(
        "refused.html", title="You left", text="This browser has no session any more.", problems=[]
    )
    answer.delete_cookie(visit.console.sessions.cookie_name, path="/")
    return answer
