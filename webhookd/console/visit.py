"""One request of a viewer, with all that a page needs to answer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from starlette.responses import HTMLResponse, RedirectResponse

from webhookd import clock
from webhookd.console import rendering
from webhookd.console.composing.recent_changes import RecentChanges
from webhookd.console.forms import Form

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from webhookd.console.access.sessions import Session, Sessions
    from webhookd.console.daemon_link import DaemonLink
    from webhookd.console.feed import Feed
    from webhookd.views.status import StatusView

Role: TypeAlias = Literal["operator", "viewer"]


@dataclass(slots=True)
class Console:
    """What all pages share while the console runs."""

    daemon: DaemonLink
    sessions: Sessions
    role: Role
    person: str
    """Who started it: shown, so that nobody acts in another's name unawares."""
    feed: Feed
    """What happens, for all who watch."""
    recent: RecentChanges = field(default_factory=RecentChanges)
    """What drafts are held against."""


@dataclass(slots=True)
class Visit:
    """A request, its session, and the form it brought."""

    request: Request
    console: Console
    session: Session | None
    form: Form = field(default_factory=lambda: Form([]))

    @property
    def daemon(self) -> DaemonLink:
        """Return the daemon that is asked."""
        return self.console.daemon

    def take_form(self, form: Form) -> Form:
        """Keep the form that the request brought, and return it."""
        self.form = form
        return form

    @property
    def may_act(self) -> bool:
        """Return whether this viewer may change anything."""
        return self.console.role == "operator"

    def asked(self, name: str) -> str:
        """Return a parameter of the URL, empty where it is not there."""
        return self.request.query_params.get(name, "").strip()

    async def page(
        self, template: str, *, section: str, status: int = 200, **values: Any
    ) -> Response:
        """Return a page, with how the daemon stands at its head."""
        return self.rendered(
            template, section=section, status=status, head=await self.daemon.status(), **values
        )

    def rendered(
        self,
        template: str,
        *,
        section: str = "",
        status: int = 200,
        head: StatusView | None = None,
        **values: Any,
    ) -> Response:
        """Return a page without asking anything."""
        html = rendering.render(
            template,
            section=section,
            head=head,
            is_fragment=self.asked("fragment") == "1",
            now=clock.now(),
            role=self.console.role,
            may_act=self.may_act,
            person=self.console.person,
            form_token="" if self.session is None else self.session.form_token,
            here=self.request.url.path,
            notice=self._taken_notice(),
            **values,
        )
        return HTMLResponse(html, status)

    def tell(self, notice: str) -> None:
        """Have the next page of this session say what was done."""
        if self.session is not None:
            self.session.tell(notice)

    def _taken_notice(self) -> str:
        if self.session is None or self.asked("fragment") == "1":
            return ""
        return self.session.take_notice()

    @staticmethod
    def elsewhere(path: str) -> Response:
        """Return the answer to a form that was taken: look there."""
        return RedirectResponse(path, 303)
