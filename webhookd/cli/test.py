"""`webhookd test`: the exact request of a webhook for a record, and why it fires or not."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhookd import clock
from webhookd.authentication.credentials import Fixed
from webhookd.authentication.keyring import Keyring
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.cli.curl import curl_line
from webhookd.cli.settings import ConfigOption, config_path
from webhookd.cli.terminal import console
from webhookd.config import loading
from webhookd.config.messages import near, no_such
from webhookd.config.settings.process_settings import Settings
from webhookd.definitions import Bearer, DirectorySource, OAuth2
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.sender import LocalSender
from webhookd.errors import TokenError, WebhookdError, printable
from webhookd.model import Change, ChangeKind, Response, Secret
from webhookd.rules import render, trigger, usage
from webhookd.rules.redaction import MARK, Redactor
from webhookd.sources.directory.sample import names_in, read_first
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from webhookd.authentication.credentials import Authorization, Credentials
    from webhookd.definitions import Definitions, Egress, Proxy, Request, Source, Webhook
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.model import Properties
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
    webhook: Annotated[str, typer.Argument(help="The webhook's key in the configuration.")],
    config: ConfigOption = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file whose first record is taken; else one is made up."
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the record before, for an update."),
    ] = None,
    change: Annotated[
        ChangeKind | None,
        typer.Option(help="What happened to the record.", show_default="what the webhook takes"),
    ] = None,
    send_it: Annotated[
        bool, typer.Option("--send", help="Send the request once and show the answer.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="With --send: send what does not fire, too.")
    ] = False,
) -> None:
    """Show a record's request, and why the record fires or not.

    The request is exactly what is sent, with secrets as ***. Exit 0 when it fires, 4 when it does
    not; 1 when the request cannot be made or, with --send, when it is not answered 2xx.
    """
    if anyway and not send_it:
        raise typer.BadParameter("it goes with --send", param_hint="--anyway")
    definitions = loading.load(config_path(config), environment=os.environ).definitions
    definition = _webhook(definitions, webhook)
    made, names = _change(definitions, definition, record, previous, change)
    fires = definition.enabled and trigger.fires(definition.trigger, made, clock.now())
    redactor = Redactor.of(definitions)
    if record is None:
        typer.echo("record    made up; --record FILE takes a real one")
    for line in (*_explained(definition, made), *_missing(definition, names)):
        typer.echo(redactor.text(line))
    proxy = Settings.from_environment(os.environ).outgoing_proxy()
    prepared = prepare(definition, definitions.egress, credentials_of=_shown)
    now = clock.now()
    delivery_id = clock.new_id(now)
    rendered = render.render(definition, made, delivery_id=delivery_id)
    fill = partial(prepared.template.fill, rendered, delivery_id=delivery_id, at=now)
    request = fill(asyncio.run(prepared.credentials.authorize(now)))
    typer.echo("")
    for line in _request(request, redactor):
        _echo_exactly(line)
    typer.echo("")
    _echo_exactly(curl_line(request, prepared.options, proxy, redactor))
    if send_it and not (fires or anyway):
        raise NotFiringError("not sent: the record does not fire; --anyway sends it all the same")
    if send_it:
        asyncio.run(_send(fill, definition, definitions.egress, proxy, redactor))
    elif not fires:
        raise typer.Exit(NotFiringError.exit_code)


def _webhook(definitions: Definitions, name: str) -> Webhook:
    if name not in definitions.webhooks:
        raise NoSuchWebhookError(no_such("webhook", name, definitions.webhooks))
    return definitions.webhooks[name]


def _change(
    definitions: Definitions,
    webhook: Webhook,
    record: Path | None,
    previous: Path | None,
    kind: ChangeKind | None,
) -> tuple[Change, frozenset[str] | None]:
    """Return the change, and the names of the properties in its files; None without a file."""
    source = _of_files(definitions.sources[webhook.source], webhook)
    used = usage.of_webhooks([webhook])
    record_id, properties, names = "123", _made_up(webhook), None
    old = None if previous is None else read_first(previous, source, used)
    if record is not None:
        seen = read_first(record, source, used)
        record_id, properties = seen.record_id, seen.properties
        kind = ChangeKind.DELETED if seen.deleted and kind is None else kind
        names = names_in(seen) | (frozenset() if old is None else names_in(old))
    before = None if old is None else old.properties
    chosen = kind or _usual_kind(webhook, has_before=before is not None)
    made = Change(
        kind=chosen,
        source=webhook.source,
        object=webhook.object,
        record_id=record_id,
        properties=properties,
        previous=_before(chosen, properties, before),
        occurred_at=clock.now(),
    )
    return made, names


def _of_files(source: Source, webhook: Webhook) -> DirectorySource:
    """Return how a file is read that holds a record of *source*: as its files, if it has some."""
    if isinstance(source, DirectorySource):
        return source
    return DirectorySource(source.name, Path(), webhook.object)


def _usual_kind(webhook: Webhook, *, has_before: bool) -> ChangeKind:
    order = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)
    if has_before:
        order = (ChangeKind.UPDATED, ChangeKind.DELETED, ChangeKind.CREATED)
    return next(kind for kind in order if kind in webhook.trigger.changes)


def _before(
    kind: ChangeKind, properties: Properties, before: Properties | None
) -> Properties | None:
    match kind:
        case ChangeKind.CREATED:
            return None
        case ChangeKind.UPDATED:
            return before or {}
        case ChangeKind.DELETED:
            return properties


def _made_up(webhook: Webhook) -> Mapping[str, str]:
    """Return a value for every property that the webhook speaks of."""
    names = {"id": None}
    names |= dict.fromkeys(usage.chosen(webhook))
    names |= dict.fromkeys(sorted(webhook.trigger.changed_properties))
    made = {name: json.dumps(f"sample {name}", ensure_ascii=False) for name in names}
    for condition in usage.conditions(webhook.trigger.when):
        if condition.values:
            made[condition.property] = json.dumps(condition.values[0], ensure_ascii=False)
    return made | {"id": '"123"'}


def _explained(webhook: Webhook, change: Change) -> Iterator[str]:
    explanation = trigger.explain(webhook.trigger, change, clock.now())
    fires = "fires" if explanation.fires else "does not fire"
    if not webhook.enabled:
        fires = "is disabled; else it would " + ("fire" if explanation.fires else "not fire")
    yield f"{webhook.name} {fires} for {change.object}/{printable(change.record_id)}, {change.kind}"
    for reason in explanation.reasons:
        yield f"  {printable(reason)}"
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


def _shown(request: Request) -> Credentials:
    """Return credentials as they are shown: a token is asked for where something is sent."""
    is_token = isinstance(request.authentication, OAuth2)
    return Fixed(Bearer(Secret(MARK)) if is_token else request.authentication)


async def _send(
    fill: Callable[[Authorization], SignedRequest],
    webhook: Webhook,
    egress: Egress,
    proxy: Proxy | None,
    redactor: Redactor,
) -> None:
    transport, secrets = Transport(proxy), KnownSecrets()
    secrets.adopt(redactor)
    keyring = Keyring(transport, lambda: egress, secrets, None, clock=clock.SYSTEM)
    prepared = prepare(webhook, egress, credentials_of=keyring.of)
    try:
        authorization = await prepared.credentials.authorize(clock.now())
        reply = await LocalSender(transport).send(fill(authorization), prepared.options)
        redactor = secrets.redactor
    except TokenError as error:
        raise NotDeliveredError(redactor.text(f"token: {error}")) from None
    finally:
        await transport.aclose()
    typer.echo("")
    if not isinstance(reply, Response):
        raise NotDeliveredError(redactor.text(f"{reply.reason}: {reply.detail}"))
    typer.echo(f"answered {reply.status}")
    if reply.answer:
        typer.echo(redactor.answer(reply.answer, is_cut=reply.is_cut))
    if reply.status not in GOOD:
        raise NotDeliveredError(f"the receiver answered {reply.status}, which is no success")
