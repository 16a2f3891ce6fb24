"""Compose: a webhook written in a form, looked at with what the daemon knows, and taken as YAML.

Nothing is saved here and nothing goes live: what comes of it is a text to copy.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from webhookd.client.asynchronous import quoted
from webhookd.client.client_errors import RefusedError
from webhookd.config.drafts import draft, emission, written_draft
from webhookd.config.drafts.ground import ground
from webhookd.console import showing
from webhookd.console.composing import (
    compose_choices,
    condition_fields,
    draft_fields,
    drafting,
    webhook_fields,
)
from webhookd.console.composing.condition_fields import ConditionField
from webhookd.views.webhooks import ShownWebhookView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from webhookd.console.composing.compose_choices import Choices
    from webhookd.console.composing.draft_fields import Fields
    from webhookd.console.composing.recent_changes import Recent, Week
    from webhookd.console.visit import Visit
    from webhookd.definitions import Webhook
    from webhookd.rules.replay import Tally
    from webhookd.views.trials import TrialView

_SPARE_LINES = 2
_LEAST_LINES = 3
_MASK = "***"


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a draft would be delivered, in seconds, and what of that *defaults* of the file say."""

    timeout: float
    give_up_after: float
    defaults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What is said of a draft: its text, what is wrong, what a sample and recent changes show.

    *week* is there where a person asked for it.
    """

    text: str
    problems: tuple[str, ...] = ()
    trial: TrialView | None = None
    tally: Tally | None = None
    recent: Recent | None = None
    week: Week | None = None
    body: str = ""
    has_masks: bool = False
    delivered: Delivered | None = None
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _InForce:
    """The configuration in force: *document* and *defaults*, and what a draft may choose of it."""

    document: Mapping[str, Any]
    defaults: Mapping[str, Any]
    choices: Choices


async def _in_force(visit: Visit) -> _InForce:
    status = await visit.daemon.status()
    return _InForce(status.document, status.defaults, compose_choices.choices(status.document))


async def show(visit: Visit) -> Response:
    """Show an empty draft, or a webhook in force as the beginning of one."""
    in_force = await _in_force(visit)
    name = visit.asked("webhook")
    if name:
        one = await visit.daemon.read(ShownWebhookView, f"/v1/webhooks/{quoted(name)}")
        written = written_draft.webhook_of(name, one.text, one.definition, in_force.defaults)
        fields = webhook_fields.of_webhook(name, written or {})
    else:
        records = in_force.choices.records
        source, object_ = records[0] if records else ("", "")
        fields = draft_fields.Fields(source=source, object=object_)
    return await _page(visit, fields, in_force, is_sent=False)


async def preview(visit: Visit) -> Response:
    """Look at the draft that the form is."""
    fields = draft_fields.of_form(visit.form)
    return await _page(visit, fields, await _in_force(visit), is_sent=False)


async def test(visit: Visit) -> Response:
    """Send the draft once, with a placeholder for every secret."""
    fields = draft_fields.of_form(visit.form)
    return await _page(visit, fields, await _in_force(visit), is_sent=True)


async def _page(visit: Visit, fields: Fields, in_force: _InForce, *, is_sent: bool) -> Response:
    recent = None
    if (fields.source, fields.object) in in_force.choices.records:
        recent = await visit.console.recent.of(visit.daemon, fields.source, fields.object)
    properties = recent.properties if recent is not None else ()
    rows, hidden = compose_choices.rows(properties, fields.chosen)
    lines = max(_LEAST_LINES, len(fields.conditions) + _SPARE_LINES)
    lines = min(lines, condition_fields.MOST)
    spare = (ConditionField(),) * (lines - len(fields.conditions))
    return await visit.page(
        "compose.html",
        section="compose",
        fields=fields,
        choices=in_force.choices,
        rows=rows,
        hidden=hidden,
        names=[one["name"] for one in properties],
        examples={one["name"]: one["examples"] for one in properties},
        conditions=[*fields.conditions, *spare],
        words=draft_fields,
        operators=condition_fields.OPERATORS,
        preview=await _preview(visit, fields, in_force, recent, is_sent=is_sent),
    )


async def _preview(
    visit: Visit, fields: Fields, in_force: _InForce, recent: Recent | None, *, is_sent: bool
) -> Preview:
    text, problem = drafting.text_of(fields)
    found = Preview(text, has_masks=_MASK in text)
    if problem:
        told = f"What the form has no field for is no YAML: {problem}"
        return replace(found, problems=(told,))
    asked: dict[str, Any] = {"definition": text, "record_id": fields.record_id or None}
    try:
        trial = await visit.daemon.tried(is_sent=is_sent, **asked)
    except RefusedError as error:
        return replace(found, problems=(str(error),))
    if trial.problems:
        told_ = [f"line {one.line}: {one.where}: {one.message}" for one in trial.problems]
        return replace(found, problems=tuple(told_))
    names = draft_fields.names_of(fields)
    unasked = compose_choices.unasked(in_force.document, fields.source, fields.object, names)
    shown = showing.body_of(trial)
    found = replace(found, trial=trial, recent=recent, body=shown, unasked=unasked)
    read = await asyncio.to_thread(
        lambda: draft.read(text, ground(in_force.document, in_force.defaults))
    )
    if read.webhook is None:
        return found
    counted = None if recent is None else await visit.console.recent.tally(read.webhook, recent)
    week = None
    if visit.form.get("replay"):
        week = await visit.console.recent.week(visit.daemon, read.webhook)
    delivered = _delivered(read.webhook, read.added)
    return replace(found, tally=counted, week=week, delivered=delivered)


def _delivered(webhook: Webhook, added: Iterable[tuple[str, Any]]) -> Delivered:
    policy = webhook.delivery
    told = tuple(f"{key}: {emission.value_of(value)}" for key, value in added)
    return Delivered(
        policy.timeout.total_seconds(), policy.retry.give_up_after.total_seconds(), told
    )
