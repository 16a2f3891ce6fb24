"""Trying a webhook in force, or a draft, with a record: looked at, or sent once.

Nothing is stored, nothing is retried, and no other delivery waits for it. What a draft sends has a
placeholder for every secret, goes where the egress rules in force let deliveries go, and takes the
way that they take by default: a draft is a text that nobody who looks after the daemon has read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import clock
from webhookd.authentication.credentials import Fixed
from webhookd.config.drafts import draft, ground
from webhookd.config.drafts.ground import PLACEHOLDER
from webhookd.definitions import Bearer, OAuth2
from webhookd.delivery.prepared_webhook import prepare
from webhookd.errors import TokenError, WebhookdError
from webhookd.intake.decision import stored
from webhookd.model import Response, Secret
from webhookd.operations.deliveries.masked_request import view_of
from webhookd.operations.trials.samples import sample
from webhookd.operations.trials.turns import Turns
from webhookd.operations.trials.verdicts import judged, refused
from webhookd.operations.unknown_names import unknown_webhook
from webhookd.rules.templating.scope import TooLargeError
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.transport import SendError
from webhookd.views.trials import ReplyView

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.authentication.credentials import Credentials
    from webhookd.clock import Clock
    from webhookd.definitions import Authentication, Webhook
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.model import Delivery
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.operations.trials.samples import Sample, Wanted
    from webhookd.rules.redaction import Redactor
    from webhookd.views.deliveries import RequestView
    from webhookd.views.trials import TrialView

LONGEST: Final = 25.0
"""Seconds for an answer, if the webhook waits longer: a person waits for it, and a page."""
HEADER: Final = "webhookd-test: 1"
PREFIX: Final = "test_"


class NotTestedError(WebhookdError):
    """A test is not sent: what is tried does not fire, or may not be sent."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is tried with a sample: a webhook in force, or a draft, which has *unsendable*."""

    webhook: Webhook
    sample: Sample
    is_draft: bool = False
    unsendable: str = ""


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """What was tried, what is said of it, and the delivery that it makes, if it can."""

    tried: _Tried
    view: TrialView
    delivery: Delivery | None


class Trials:
    """Tries webhooks and drafts. Used on the event loop; what computes long does so on threads."""

    def __init__(self, dependencies: ControlDependencies, time: Clock) -> None:
        self._dependencies = dependencies
        self._time = time
        # One looks at a time: however many ask, they take one thread from the daemon's work.
        self._looking = asyncio.Lock()
        self._turns = Turns(time)

    async def of_webhook(
        self, name: str, wanted: Wanted, *, is_sent: bool, anyway: bool
    ) -> TrialView:
        """Try the webhook *name* in force, with its own secrets.

        Raises an UnknownNameError or UnknownRecordError where there is no such thing, and what
        `_sent` raises.
        """
        webhooks = self._dependencies.reloader.definitions.webhooks
        webhook = webhooks.get(name)
        if webhook is None:
            raise unknown_webhook(name, webhooks)
        find = partial(self._in_force, webhook, wanted)
        return await self._tried(find, is_sent=is_sent, anyway=anyway)

    async def of_draft(
        self, text: str, wanted: Wanted, *, is_sent: bool, anyway: bool
    ) -> TrialView:
        """Try the draft *text*, with a placeholder for each secret; raises what the other does."""
        find = partial(self._drafted, text, wanted)
        return await self._tried(find, is_sent=is_sent, anyway=anyway)

    async def _tried(
        self, find: Callable[[], _Tried | TrialView], *, is_sent: bool, anyway: bool
    ) -> TrialView:
        """Look at what *find* finds, or answer the view that it returns; send it where asked to."""
        async with self._looking:
            found = await asyncio.to_thread(self._found, find)
        if not isinstance(found, _LookedAt):
            return found
        return await self._sent(found, anyway=anyway) if is_sent else found.view

    def _found(self, find: Callable[[], _Tried | TrialView]) -> _LookedAt | TrialView:
        tried = find()
        return self._looked_at(tried) if isinstance(tried, _Tried) else tried

    def _in_force(self, webhook: Webhook, wanted: Wanted) -> _Tried:
        return _Tried(webhook, self._sample(webhook, wanted))

    def _drafted(self, text: str, wanted: Wanted) -> _Tried | TrialView:
        reloader = self._dependencies.reloader
        read = draft.read(text, ground.ground(reloader.shown.document, reloader.defaults))
        if read.webhook is None:
            return refused(read.problems, self._dependencies.secrets.redactor)
        found = self._sample(read.webhook, wanted)
        return _Tried(read.webhook, found, is_draft=True, unsendable=read.unsendable)

    def _sample(self, webhook: Webhook, wanted: Wanted) -> Sample:
        return sample(self._dependencies.database, webhook, wanted, self._time.now())

    def _looked_at(self, tried: _Tried) -> _LookedAt:
        delivery, request, why_none = self._request(tried)
        view = judged(
            tried.webhook,
            tried.sample,
            self._dependencies.secrets.redactor,
            request=request,
            why_none=why_none,
            unsendable=tried.unsendable or None,
            secrets="placeholder" if tried.is_draft else "real",
        )
        return _LookedAt(tried, view, delivery)

    def _request(self, tried: _Tried) -> tuple[Delivery | None, RequestView | None, str | None]:
        """Return the delivery and its request as it may be shown; or why there is none."""
        definitions, now = self._dependencies.reloader.definitions, self._time.now()
        redactor = self._dependencies.secrets.redactor
        try:
            # As long as any: a body may hold it.
            id_ = f"{PREFIX}{clock.new_id(now)[len(PREFIX) :]}"
            delivery = stored(tried.webhook, tried.sample.change, id_, now)
            return delivery, view_of(delivery, tried.webhook, definitions, redactor, now), None
        except (TooLargeError, UnfilledError, SendError) as error:
            return None, None, redactor.text(str(error))

    async def _sent(self, looked_at: _LookedAt, *, anyway: bool) -> TrialView:
        """Send what was looked at, once.

        Raises a NotTestedError where it may not be sent, a TooManyTestsError where others are.
        """
        tried, view, delivery = looked_at.tried, looked_at.view, looked_at.delivery
        if tried.unsendable:
            raise NotTestedError(
                f"the draft is not sent: {tried.unsendable}; put it into the configuration, and"
                f" test the webhook there: webhookd test {tried.webhook.name} --send"
            )
        if delivery is None:
            raise NotTestedError(f"there is no request: {view.why_none}")
        if not (view.fires or anyway):
            raise NotTestedError("not sent: the change does not fire; `anyway` sends it the same")
        with self._turns.taken():
            reply = await self._exchanged(tried, delivery)
        return replace(view, reply=reply)

    async def _exchanged(self, tried: _Tried, delivery: Delivery) -> ReplyView:
        dependencies = self._dependencies
        definitions = dependencies.reloader.definitions
        began = dependencies.secrets.redactor
        secrets = definitions.named_secrets
        if tried.is_draft:
            secrets = dict.fromkeys(secrets, Secret(PLACEHOLDER))
        prepared = prepare(
            tried.webhook,
            definitions.egress,
            secrets=secrets,
            credentials_of=_placeholders if tried.is_draft else dependencies.credentials_of,
        )
        options = prepared.options
        options = replace(options, timeout=min(options.timeout, LONGEST))
        started, now = self._time.monotonic(), self._time.now()
        try:
            authorization = await prepared.credentials.authorize(now)
            request = prepared.template.fill(delivery, authorization, at=now)
            reply = await dependencies.sender.send(_marked(request), options)
        except (TokenError, UnfilledError) as error:
            return self._unanswered(str(error), began, started)
        if not isinstance(reply, Response):
            return self._unanswered(f"{reply.reason}: {reply.detail}", began, started)
        # As a delivery does: a token that was refused is not shown to this receiver again.
        prepared.credentials.refused(authorization.serial, reply.status)
        redactor = dependencies.secrets.redactor_since(began)
        answer = redactor.answer(reply.answer, is_cut=reply.is_cut) if reply.answer else None
        return ReplyView(reply.status, None, answer, self._seconds_since(started))

    def _unanswered(self, why: str, began: Redactor, started: float) -> ReplyView:
        told = self._dependencies.secrets.redactor_since(began).text(why)
        return ReplyView(None, told, None, self._seconds_since(started))

    def _seconds_since(self, started: float) -> float:
        return round(self._time.monotonic() - started, 3)


def _marked(request: SignedRequest) -> SignedRequest:
    """Return *request* with the header that says that it is a test."""
    return replace(request, head=f"{request.head}\r\n{HEADER}", lines=request.lines + 1)


def _placeholders(authentication: Authentication | None, *_way: object) -> Credentials:
    """Return the credentials of a draft: no token is asked for, with no secret to ask with."""
    if isinstance(authentication, OAuth2):
        return Fixed(Bearer(Secret(PLACEHOLDER), authentication.prefix))
    return Fixed(authentication)
