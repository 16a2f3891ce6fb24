"""`webhookd test`: the exact request of a webhook for a record, and why it fires or not."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhookd import clock
from webhookd.authentication.credentials import Fixed
from webhookd.cli import outgoing
from webhookd.cli.settings import (
    ConfigOption,
    DatabaseOption,
    EnvFileOption,
    StateOption,
    config_path,
)
from webhookd.cli.shown_request import shown_authentication, shown_request
from webhookd.cli.terminal import console
from webhookd.cli.tried_change import tried_change
from webhookd.cli.tried_moment import moment_lines
from webhookd.cli.tried_record import Wanted
from webhookd.cli.typed_text import utf8
from webhookd.config import loading
from webhookd.config.messages import near, no_such
from webhookd.config.settings.process_settings import Settings
from webhookd.delivery.curl import curl_line
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.sender import LocalSender
from webhookd.errors import TokenError, WebhookdError, printable
from webhookd.intake.decision import stored
from webhookd.model import ChangeKind, Response
from webhookd.rules import trigger, usage
from webhookd.rules.redaction import Redactor
from webhookd.rules.templating.scope import TooLargeError
from webhookd.rules.templating.unfilled import UnfilledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhookd.authentication.credentials import Authorization, Credentials
    from webhookd.cli.tried_change import TriedChange
    from webhookd.definitions import Authentication, Definitions, Webhook
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.rules.findings import Finding

GOOD = range(200, 300)


class NoSuchWebhookError(WebhookdError):
    """There is no webhook of that name in the configuration."""


class NotFiringError(WebhookdError):
    """The record does not fire, and was not sent."""

    exit_code = 4


class NotDeliveredError(WebhookdError):
    """The request that was sent did not get a 2xx answer."""


def try_webhook(
    webhook: Annotated[
        str, typer.Argument(metavar="WEBHOOK", help="The webhook's key in the configuration.")
    ],
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file whose first record is taken; else one is made up."
        ),
    ] = None,
    record_id: Annotated[
        str | None,
        typer.Option(metavar="ID", callback=utf8, help="A record as webhookd knows it, by its id."),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="With --record-id: ask the source for it.")
    ] = False,
    last: Annotated[
        bool,
        typer.Option(
            "--last", help="The last change that was seen, or that of the --record-id, as it was."
        ),
    ] = False,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the record before, for an update."),
    ] = None,
    before: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What differed in the record before, for an update; repeatable.",
        ),
    ] = None,
    change: Annotated[
        ChangeKind | None,
        typer.Option(help="What happened to the record.", show_default="what the webhook takes"),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="An event of the daemon's own, like delivery.failed, made up."
        ),
    ] = None,
    send_it: Annotated[
        bool, typer.Option("--send", help="Send the request once and show the answer.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="With --send: send what does not fire, too.")
    ] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show a record's request, and why the record fires or not.

    The request is exactly what is sent, with secrets as ***. Without --change, --before and
    --previous the record counts as seen for the first time, as a backfill reports it. Exit 0 when
    it fires, 4 when it does not; 1 when the request cannot be made or, with --send, when it is not
    answered 2xx.
    """
    if anyway and not send_it:
        raise typer.BadParameter("it goes with --send", param_hint="--anyway")
    definitions = loading.load(config_path(config), environment=os.environ).definitions
    definition = _webhook(definitions, webhook)
    wanted = Wanted(
        record=record,
        record_id=record_id,
        is_fetched=fetch,
        is_last=last,
        previous=previous,
        before=tuple(before or ()),
        kind=change,
        event=event,
        state_directory=state_directory,
        database_url=database_url,
    )
    tried = tried_change(definitions, definition, wanted)
    fires = _fires(definition, tried)
    redactor = Redactor.of(definitions)
    if tried.origin:
        typer.echo(f"record    {redactor.text(printable(tried.origin))}")
    for line in (*_explained(definition, tried), *_missing(definition, tried.names)):
        typer.echo(redactor.text(line))
    proxy = Settings.from_environment(os.environ).outgoing_proxy()
    secrets = definitions.named_secrets
    prepared = prepare(definition, definitions.egress, secrets=secrets, credentials_of=_shown)
    now = clock.now()
    try:
        delivery = stored(definition, tried.change, clock.new_id(now), now)
        fill = partial(prepared.template.fill, delivery, at=now)
        authorization = asyncio.run(prepared.credentials.authorize(now))
        request = fill(authorization)
    except (TooLargeError, UnfilledError) as error:
        raise NotDeliveredError(f"there is no request: {printable(str(error))}") from None
    shown = shown_request(request, definition, definitions, delivery, authorization, now)
    typer.echo("")
    for line in _request(shown, redactor):
        _echo_exactly(line)
    typer.echo("")
    _echo_exactly(curl_line(shown, prepared.options, proxy, redactor))
    if send_it and not (fires or anyway):
        raise NotFiringError("not sent: the record does not fire; --anyway sends it all the same")
    if send_it:
        asyncio.run(_send(fill, definition, definitions))
    elif not fires:
        raise typer.Exit(NotFiringError.exit_code)


def _webhook(definitions: Definitions, name: str) -> Webhook:
    if name not in definitions.webhooks:
        raise NoSuchWebhookError(no_such("webhook", name, definitions.webhooks))
    return definitions.webhooks[name]


def _fires(webhook: Webhook, tried: TriedChange) -> bool:
    is_over = _has_enrolled(webhook, tried)
    fires = trigger.fires(webhook.trigger, tried.change, tried.at)
    return webhook.enabled and fires and not is_over


def _has_enrolled(webhook: Webhook, tried: TriedChange) -> bool:
    """Return whether *webhook* reports a record once, and has reported this one."""
    return tried.is_enrolled and trigger.is_once(webhook.trigger.enroll, tried.change.kind)


def _explained(webhook: Webhook, tried: TriedChange) -> Iterator[str]:
    change = tried.change
    explanation = trigger.explain(webhook.trigger, change, tried.at)
    would = explanation.fires and not _has_enrolled(webhook, tried)
    fires = "fires" if would else "does not fire"
    yield from moment_lines(webhook, change, tried.at)
    if not webhook.enabled:
        fires = "is disabled; else it would " + ("fire" if would else "not fire")
    yield f"{webhook.name} {fires} for {change.object}/{printable(change.record_id)}, {change.kind}"
    for reason in explanation.reasons:
        yield f"  {printable(reason)}"
    if explanation.fires and not would:
        yield "  enroll once: the record was reported before"
    yield from _findings("  now:", explanation.findings)
    yield from _findings("  before:", explanation.findings_before)


def _missing(webhook: Webhook, names: frozenset[str] | None) -> Iterator[str]:
    """Yield the properties that the webhook speaks of and the record has not, not even empty."""
    if names is not None:
        for name in sorted({*usage.of_webhook(webhook)} - names):
            told = f"{name}: the record has no property of this name{near(name, names)}"
            yield f"  {printable(told)}"


def _findings(title: str, findings: tuple[Finding, ...]) -> Iterator[str]:
    if findings:
        yield title
    for finding in findings:
        mark = "+" if finding.holds else "-"
        met = "" if finding.met is None else f"  (met {printable(finding.met)})"
        yield f"    {'  ' * finding.depth}{mark} {printable(finding.text)}{met}"


def _request(request: SignedRequest, redactor: Redactor) -> Iterator[str]:
    # Part by part: a short secret is hidden only where it is a whole value.
    yield f"{request.method} {redactor.text(request.uri)}"
    for name, value in request.headers:
        yield f"{name}: {redactor.text(value)}"
    if request.body:
        yield ""
        yield redactor.text(request.body.decode())


def _echo_exactly(line: str) -> None:
    # To the letter for programs; what could steer a terminal is written out on one.
    typer.echo(printable(line) if console.is_terminal else line)


def _shown(authentication: Authentication | None, *_: object) -> Credentials:
    """Return credentials as they are shown: a token is asked for where something is sent."""
    return Fixed(shown_authentication(authentication))


async def _send(
    fill: Callable[[Authorization], SignedRequest],
    webhook: Webhook,
    definitions: Definitions,
) -> None:
    async with outgoing.opened(definitions) as out:
        prepared = prepare(webhook, definitions.egress, credentials_of=out.keyring.of)
        try:
            authorization = await prepared.credentials.authorize(clock.now())
        except TokenError as error:
            raise NotDeliveredError(out.secrets.redactor.text(f"token: {error}")) from None
        reply = await LocalSender(out.transport).send(fill(authorization), prepared.options)
    redactor = out.secrets.redactor
    typer.echo("")
    if not isinstance(reply, Response):
        raise NotDeliveredError(redactor.text(f"{reply.reason}: {reply.detail}"))
    typer.echo(f"answered {reply.status}")
    if reply.answer:
        typer.echo(redactor.answer(reply.answer, is_cut=reply.is_cut))
    if reply.status not in GOOD:
        raise NotDeliveredError(f"the receiver answered {reply.status}, which is no success")
