"""Two configurations compared, setting by setting: what a reload would change.

Both are effective documents: every default is in them, and references to secrets where secrets
are. *Settings* are dotted names (`delivery.retry.first_after`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind: TypeAlias = Literal["added", "removed", "changed"]
Document: TypeAlias = "Mapping[str, Any]"

_EFFECTS = (
    (("enabled",), "go on now"),
    (
        (
            "request.url",
            "request.authentication",
            "request.signature",
            "request.tls",
            "request.proxy",
            "request.proxy_authentication",
            "secrets",
        ),
        "due now, for the way to its receiver changed",
    ),
    (("request.headers",), "keep their schedule; sent with the new setting"),
    (("delivery.coalesce",), "keep their places, whatever changes; it holds for what comes after"),
    (("delivery",), "keep their schedule; the new policy holds from their next attempt on"),
)
FEW_WEBHOOKS = 5
"""As many may vanish in one reload without a question."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that differs. *before* and *after* are its JSON text, None where it is not."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A webhook or source that differs. *settings* are those of a changed one."""

    kind: Kind
    name: str
    settings: tuple[Setting, ...] = ()

    def setting(self, name: str) -> Setting | None:
        """Return the setting *name* if it differs."""
        return next((setting for setting in self.settings if setting.name == name), None)

    def touches(self, *names: str) -> bool:
        """Return whether a setting below one of *names* differs."""
        return any(
            setting.name == name or setting.name.startswith(f"{name}.")
            for setting in self.settings
            for name in names
        )

    def is_within(self, name: str) -> bool:
        """Return whether nothing differs but *name*, and settings below it."""
        return all(
            setting.name == name or setting.name.startswith(f"{name}.") for setting in self.settings
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two configurations."""

    webhooks: tuple[Difference, ...] = ()
    sources: tuple[Difference, ...] = ()
    egress: tuple[Setting, ...] = ()
    vanishing: int = 0
    webhooks_before: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing differs."""
        return not (self.webhooks or self.sources or self.egress)

    @property
    def is_mass_removal(self) -> bool:
        """Return whether so many webhooks would vanish that a reload asks first."""
        return is_mass_removal(self.vanishing, self.webhooks_before)


def is_mass_removal(vanishing: int, webhooks_before: int) -> bool:
    """Return whether *vanishing* webhooks are more than a few, and more than half of them."""
    return vanishing > FEW_WEBHOOKS and 2 * vanishing > webhooks_before


def compare(
    before: Document, after: Document, *, secrets: Mapping[str, tuple[str, ...]] | None = None
) -> Comparison:
    """Return what differs. *secrets* names, by webhook, settings whose secret has another value."""
    old, new = _webhooks(before), _webhooks(after)
    webhooks = tuple(_differences(old, new, secrets or {}))
    return Comparison(
        webhooks=webhooks,
        sources=tuple(_differences(_sources(before), _sources(after), {})),
        egress=tuple(_settings(before.get("egress", {}), after.get("egress", {}))),
        vanishing=sum(one.kind == "removed" for one in webhooks),
        webhooks_before=len(old),
    )


def effect(difference: Difference, waiting: int, *, is_enabled: bool) -> str:
    """Say what a reload does to *waiting* pending deliveries of a webhook."""
    if waiting == 0:
        return "nothing waits"
    return f"{waiting:,} waiting: {_what_becomes(difference, is_enabled=is_enabled)}"


def _what_becomes(difference: Difference, *, is_enabled: bool) -> str:
    if difference.kind == "removed":
        return "held until it returns"
    if not is_enabled:
        return "held while it is disabled"
    touched = (words for names, words in _EFFECTS if difference.touches(*names))
    return next(touched, "keep what they were stored with")


def _webhooks(document: Document) -> dict[str, Any]:
    """Return the webhooks, each with its app in the place of the reference to it."""
    apps = document.get("apps", {})
    return {
        name: _with_app(webhook, apps) for name, webhook in document.get("webhooks", {}).items()
    }


def _with_app(webhook: dict[str, Any], apps: Mapping[str, Any]) -> dict[str, Any]:
    request = webhook.get("request", {})
    if not request.get("signature"):
        return webhook
    return webhook | {"request": _signed(request, apps)}


def _sources(document: Document) -> dict[str, Any]:
    """Return the sources, each with the app that wakes it in the place of the reference to it."""
    apps = document.get("apps", {})
    return {
        name: source | {"wake": _signed(source["wake"], apps)}
        if (source.get("wake") or {}).get("signature")
        else source
        for name, source in document.get("sources", {}).items()
    }


def _signed(told: dict[str, Any], apps: Mapping[str, Any]) -> dict[str, Any]:
    """Return *told*, which has a signature or several, with the app of each."""
    signature = told["signature"]
    listed = signature if isinstance(signature, list) else [signature]
    apart = [one | {"app": apps.get(one.get("app_id"), {})} for one in listed]
    return told | {"signature": apart if isinstance(signature, list) else apart[0]}


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], secrets: Mapping[str, tuple[str, ...]]
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Difference("removed", name)
        elif name not in before:
            yield Difference("added", name)
        else:
            settings = list(_settings(before[name], after[name]))
            told = {setting.name for setting in settings}
            unseen = tuple(each for each in secrets.get(name, ()) if each not in told)
            settings += _rotated(unseen)
            if settings:
                yield Difference("changed", name, tuple(settings))


def _rotated(names: tuple[str, ...]) -> Iterator[Setting]:
    for name in names:
        if name == "request.tls":
            yield Setting(name, '"its files"', '"its files (of another content)"')
        else:
            yield Setting(name, '"***"', '"*** (another secret)"')


def _settings(before: Any, after: Any, name: str = "") -> Iterator[Setting]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{name}.{key}" if name else key
            yield from _settings(before.get(key), after.get(key), inner)
        return
    yield Setting(name, _text(before), _text(after))


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
