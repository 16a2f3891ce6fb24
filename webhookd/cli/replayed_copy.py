"""`deliveries retry ID --to URL`: a copy of a delivery for a desk, which changes nothing.

The copy is made here, of what the daemon or its database shows of the delivery and what the
configuration says of its webhook. Nothing is stored, and the daemon learns nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from webhookd import clock
from webhookd.authentication.credentials import Authorization
from webhookd.cli.desk import Desk, DeskError, NoAnswer
from webhookd.cli.output import print_json
from webhookd.cli.receiver_output import masked, named_status, shown_seconds
from webhookd.config import loading
from webhookd.config.settings import config_places
from webhookd.config.settings.process_settings import Settings
from webhookd.definitions import DIRECT, Egress, Request, Tls
from webhookd.delivery.signed_request import USER_AGENT, RequestTemplate
from webhookd.errors import ConfigError, printable
from webhookd.model import ChangeKind, Delivery, Rendered, Secret
from webhookd.rules import literal_secrets, signing
from webhookd.rules.redaction import MARK, Redactor
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.rules.url_encoding import full_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from webhookd.cli.desk import PassedOn
    from webhookd.definitions import Definitions, Webhook

REPLAY = ("webhookd-replay", "1")
GOOD = range(200, 300)
_LONGEST_ANSWER = 2000

Shown: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Copy:
    """A request for the desk; *notes* say what is not as in the delivery's own."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    notes: tuple[str, ...]


def send(shown: Shown, to: str, config: Path | None, *, as_json: bool = False) -> None:
    """Send a copy of the delivery *shown* to the URL *to*, once, and print what came of it.

    Raises a DeskError where the answer is no success, or there is none.
    """
    if not shown["record_id"]:
        raise DeskError("its record was forgotten, and what was sent with it: nothing is left")
    definitions, why = _definitions(config)
    desk = Desk(to, Egress() if definitions is None else definitions.egress)
    copy = _copy(shown, desk.url, definitions, why)
    redactor = Redactor(()) if definitions is None else Redactor.of(definitions)

    def told(text: str) -> str:
        return printable(redactor.text(text))

    if as_json:
        passed = asyncio.run(_passed_on(desk, shown["method"], copy))
        print_json(_as_object(shown, copy, passed, redactor))
        _require_success(passed)
        return
    typer.echo(f"{shown['method']} {told(literal_secrets.shown_url(copy.url))}")
    for name, value in copy.headers:
        typer.echo(f"   {name}: {told(masked(name, value))}")
    for note in copy.notes:
        typer.echo(f"({note})")
    passed = asyncio.run(_passed_on(desk, shown["method"], copy))
    _tell(passed, redactor)
    _require_success(passed)


async def _passed_on(desk: Desk, method: str, copy: _Copy) -> PassedOn:
    try:
        return await desk.pass_on(method, copy.url, copy.headers, copy.body)
    finally:
        await desk.close()


def _tell(passed: PassedOn, redactor: Redactor) -> None:
    answer = passed.answer
    if isinstance(answer, NoAnswer):
        return
    typer.echo(f"answered {named_status(answer.status)} in {shown_seconds(passed.seconds)}")
    for name, value in answer.headers:
        typer.echo(f"   {printable(name)}: {printable(redactor.text(masked(name, value)))}")
    if answer.body:
        body = redactor.answer(answer.body, limit=_LONGEST_ANSWER, is_cut=answer.is_cut)
        for line in body.splitlines():
            typer.echo(f"   {printable(line)}")


def _require_success(passed: PassedOn) -> None:
    """Raise a DeskError unless the desk answered 2xx."""
    answer = passed.answer
    if isinstance(answer, NoAnswer):
        raise DeskError(f"no answer: {answer.why}")
    if answer.status not in GOOD:
        raise DeskError(f"the desk answered {answer.status}, which is no success")


def _as_object(shown: Shown, copy: _Copy, passed: PassedOn, redactor: Redactor) -> Shown:
    """Return what was sent and came, secrets as `***`."""

    def told(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        return {name: redactor.text(masked(name, value)) for name, value in headers}

    sent = {
        "delivery_id": shown["id"],
        "method": shown["method"],
        "url": redactor.text(literal_secrets.shown_url(copy.url)),
        "request_headers": told(copy.headers),
        "notes": list(copy.notes),
        "seconds": round(passed.seconds, 3),
    }
    answer = passed.answer
    if isinstance(answer, NoAnswer):
        return sent | {"status": None, "answer_headers": {}, "answer": "", "error": answer.why}
    body = redactor.answer(answer.body, limit=_LONGEST_ANSWER, is_cut=answer.is_cut)
    return sent | {
        "status": answer.status,
        "answer_headers": told(answer.headers),
        "answer": body,
        "error": None,
    }


def _definitions(config: Path | None) -> tuple[Definitions | None, str]:
    """Return the configuration, or why there is none.

    One that was not named may be unreadable here: its secrets are the daemon's.
    """
    named = Settings.from_environment(os.environ, config=config).config
    path = named or config_places.find()
    if path is None:
        return None, "there is no configuration here; --config names one"
    try:
        return loading.load(path, environment=os.environ).definitions, ""
    except ConfigError as error:
        if config is not None:
            raise
        return None, f"{path} cannot be used here: {error.problems[0]}"


def _copy(shown: Shown, url: str, definitions: Definitions | None, why: str) -> _Copy:
    webhook = None if definitions is None else definitions.webhooks.get(shown["webhook"])
    if definitions is None or webhook is None:
        why = why or f"the configuration has no webhook {shown['webhook']}"
        return _bare(shown, url, why)
    return _as_defined(shown, url, webhook, definitions)


def _bare(shown: Shown, url: str, why: str) -> _Copy:
    """Return the copy where the definition of its webhook is not at hand."""
    seconds = str(signing.since_epoch(clock.now())[0])
    kind = shown["content_type"]
    headers = [
        ("user-agent", USER_AGENT),
        ("webhook-id", shown["id"]),
        ("webhook-timestamp", seconds),
        *([] if kind is None else [("content-type", kind)]),
        REPLAY,
    ]
    notes = (f"without a signature and headers of its own: {why}",)
    return _Copy(full_url(url, shown["query"]), tuple(headers), _body(shown), notes)


def _as_defined(shown: Shown, url: str, webhook: Webhook, definitions: Definitions) -> _Copy:
    """Return the copy as *webhook* would send it to *url* now, without what proves who sends."""
    own = webhook.request
    live = None if own.live is None else replace(own.live, url=None)
    is_kept = [not literal_secrets.is_secret_header(*header) for header in own.headers]
    headers = tuple(one for one, kept in zip(own.headers, is_kept, strict=True) if kept)
    if live is not None:
        names = {name for name, _ in headers}
        live = replace(live, headers={n: v for n, v in live.headers.items() if n in names})
    request: Request = replace(
        own,
        url=url,
        authentication=None,
        headers=headers,
        live=live if live is not None and live.headers else None,
        tls=Tls(),
        proxy=DIRECT,
    )
    hidden = {name: Secret(MARK) for name in definitions.named_secrets}
    template = RequestTemplate(request, hidden)
    try:
        filled = template.fill(_delivery(shown), Authorization(), at=clock.now())
    except UnfilledError as error:
        raise DeskError(f"there is no request: {error}") from None
    sent = tuple(one for one in filled.headers if one[0] not in {"host", "content-length"})
    return _Copy(filled.uri, (*sent, REPLAY), filled.body, tuple(_notes(webhook, headers)))


def _notes(webhook: Webhook, kept: tuple[tuple[str, str], ...]) -> list[str]:
    own = webhook.request
    notes = [f"signed for this URL ({one.scheme.value})" for one in own.signatures]
    left = [name for name, value in own.headers if (name, value) not in kept]
    if own.authentication is not None:
        left.insert(0, "its authentication")
    if left:
        notes.append(f"left out, for they are secrets of the receiver: {', '.join(left)}")
    if own.secrets:
        notes.append("secrets that the body asks for are sent as ***")
    return notes


def _delivery(shown: Shown) -> Delivery:
    values = shown.get("url_values")
    kept = None if values is None else {n: json.dumps(v) for n, v in values.items()}
    rendered = Rendered(
        shown["method"],
        None if shown["body"] is None else _body(shown),
        shown["content_type"],
        shown["query"],
        values=kept,
    )
    created_at = datetime.fromisoformat(shown["created_at"])
    return Delivery(
        id=shown["id"],
        webhook=shown["webhook"],
        source=shown["source"],
        object=shown["object"],
        record_id=shown["record_id"],
        change=ChangeKind(shown["change"]),
        rendered=rendered,
        created_at=created_at,
        due_at=created_at,
    )


def _body(shown: Shown) -> bytes:
    return (shown["body"] or "").encode()
