"""Why a configuration that is right is not put in force: it does not go with what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import __version__
from webhookd.errors import WebhookdError
from webhookd.rules.difference import is_mass_removal
from webhookd.storage.fleet import members
from webhookd.storage.schema import versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.definitions import Definitions, Request, Trigger
    from webhookd.storage.database.connection import Connection


class ReloadRefusedError(WebhookdError):
    """A valid configuration that does not go with what runs; nothing was changed.

    *may_pass* says that the same configuration may be taken later, as it is.
    """

    def __init__(self, told: str, *, may_pass: bool = False) -> None:
        super().__init__(told)
        self.may_pass = may_pass


def refuse_other_identities(
    definitions: Definitions, known: Mapping[str, Mapping[str, str]]
) -> None:
    """Raise a ReloadRefusedError where a source that is *known* would become another one."""
    problems = [
        f"sources.{name}.type: the source of this name was of another type; give this one a new key"
        for name, source in definitions.sources.items()
        if name in known and known[name].get("type") != source.identity.get("type")
    ]
    problems += [
        f"sources.{name}.{key}: it was {known[name][key]!r} and may not become {value!r} under"
        f" the same key; give the changed {'list' if '.lists.' in key else 'source'} a new key"
        for name, source in definitions.sources.items()
        if name in known
        for key, value in source.identity.items()
        if known[name].get(key, value) != value
    ]
    if problems:
        raise ReloadRefusedError("\n".join(problems))


def refuse_mass_removal(before: Definitions, after: Definitions) -> None:
    """Raise a ReloadRefusedError where more webhooks would vanish than anybody means."""
    gone = before.webhooks.keys() - after.webhooks.keys()
    if is_mass_removal(len(gone), len(before.webhooks)):
        raise ReloadRefusedError(
            f"{len(gone)} of {len(before.webhooks)} webhooks would vanish, which looks like a"
            " truncated file; allow it explicitly, or restart the daemon, if it is meant"
        )


def refuse_with_older_daemons(connection: Connection, definitions: Definitions) -> None:
    """Raise a ReloadRefusedError where an older daemon would do what it does not understand.

    Runs on the writer's thread, in the transaction that puts *definitions* in force. An older
    webhookd would send a body without the secrets of its template, or a header with an expression
    as it is written, and would take records in without planning moments: from this transaction on,
    none such works on the database.
    """
    webhooks = definitions.webhooks.items()
    completed = [f"{name}.request" for name, webhook in webhooks if _is_completed(webhook.request)]
    timed = [f"{name}.trigger" for name, webhook in webhooks if _is_timed(webhook.trigger)]
    _refuse_older(
        connection, completed, "its template is completed at each attempt", versions.TEMPLATES
    )
    _refuse_older(connection, timed, "it has a timer", versions.TIMERS)


def _refuse_older(connection: Connection, places: list[str], what: str, version: str) -> None:
    """Raise a ReloadRefusedError where a daemon is there that does not know of *what*."""
    if not places:
        return
    there = members.daemons(connection) if connection.session.is_shared else []
    older = [one for one in there if _is_older(one.version)]
    if older:
        listed = ", ".join(f"{one.host} ({one.version})" for one in older)
        raise ReloadRefusedError(
            f"webhooks.{min(places)}: {what}, which daemons before {__version__} do not know;"
            f" replace those of this fleet first: {listed}",
            may_pass=True,
        )
    versions.allow_from(connection, version)


def _is_completed(request: Request) -> bool:
    """Return whether an attempt puts something into what was stored for *request*.

    Whatever it is: an older webhookd would send a header with its expression as it is written.
    """
    has_holes = request.body is not None and request.body.template is not None
    return (has_holes and bool(request.secrets)) or request.live is not None


def _is_timed(trigger: Trigger) -> bool:
    return trigger.at is not None or trigger.wait is not None


def _is_older(version: str) -> bool:
    return _numbers(version) < _numbers(__version__)


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers; what is no number counts as the oldest."""
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))
