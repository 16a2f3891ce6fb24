"""What is said of a trial: whether the change fires, and why; or what is wrong with a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from webhookd.errors import counted
from webhookd.rules import trigger
from webhookd.views.trials import FindingView, ProblemView, SampleView, TrialView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webhookd.definitions import Webhook
    from webhookd.errors import Problem
    from webhookd.operations.trials.samples import Sample
    from webhookd.rules.findings import Finding
    from webhookd.rules.redaction import Redactor
    from webhookd.views.deliveries import RequestView

MOST_PROBLEMS: Final = 200
"""Problems of a draft that are told one by one."""


def judged(
    webhook: Webhook,
    tried: Sample,
    redactor: Redactor,
    *,
    request: RequestView | None,
    why_none: str | None,
    unsendable: str | None,
    secrets: Literal["real", "placeholder"],
) -> TrialView:
    """Return what *webhook* makes of the sample, with the request that comes of it."""
    change = tried.change
    explained = trigger.explain(webhook.trigger, change, tried.at)
    has_it = tried.is_enrolled and trigger.is_once(webhook.trigger.enroll, change.kind)
    reasons = list(explained.reasons)
    if explained.fires and has_it:
        reasons.append("enroll once: the record was reported before")
    if not webhook.enabled:
        reasons.append("the webhook is disabled: nothing fires")
    return TrialView(
        webhook=webhook.name,
        problems=(),
        sample=SampleView(
            change.record_id, change.kind.value, tried.number, tried.at, tried.origin
        ),
        fires=explained.fires and not has_it and webhook.enabled,
        reasons=tuple(map(redactor.text, reasons)),
        findings=_findings(explained.findings, redactor),
        findings_before=_findings(explained.findings_before, redactor),
        request=request,
        why_none=why_none,
        unsendable=unsendable,
        secrets=secrets,
        reply=None,
    )


def refused(problems: Sequence[Problem], redactor: Redactor) -> TrialView:
    """Return that a draft is wrong, and what is."""
    told = [
        ProblemView(one.line, one.column, one.where, redactor.text(one.message))
        for one in problems[:MOST_PROBLEMS]
    ]
    if len(problems) > MOST_PROBLEMS:
        more = counted(len(problems) - MOST_PROBLEMS, "more problem")
        told.append(ProblemView(0, 0, "", f"and {more}"))
    return TrialView(
        webhook=None,
        problems=tuple(told),
        sample=None,
        fires=None,
        reasons=(),
        findings=(),
        findings_before=(),
        request=None,
        why_none=None,
        unsendable=None,
        secrets="placeholder",
        reply=None,
    )


def _findings(found: Iterable[Finding], redactor: Redactor) -> tuple[FindingView, ...]:
    return tuple(
        FindingView(
            one.depth,
            redactor.text(one.text),
            None if one.met is None else redactor.text(one.met),
            one.holds,
        )
        for one in found
    )
