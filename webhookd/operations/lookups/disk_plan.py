"""What a reload would change now: the configuration on the disk beside the one in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.rules.difference import compare, effect
from webhookd.rules.literal_secrets import shown_document
from webhookd.views.configuration import DifferenceView, PlanView, SettingView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.loading import Loaded
    from webhookd.rules.difference import Difference, Setting
    from webhookd.rules.literal_secrets import Shown
    from webhookd.views.webhooks import RotatedView


def refused(running_hash: str, problems: tuple[str, ...]) -> PlanView:
    """Return the plan of a configuration that is wrong."""
    return PlanView(
        problems=problems,
        config_hash=None,
        running_hash=running_hash,
        changes=False,
        refused_as_mass_removal=False,
        webhooks=(),
        sources=(),
        egress=(),
        rotated={},
        lacking={},
    )


def plan(
    running_hash: str,
    shown: Shown,
    loaded: Loaded,
    rotated: RotatedView,
    waiting: Mapping[str, int],
) -> PlanView:
    """Return what putting *loaded* in force would change of what is *shown* to be in force.

    *waiting* is how many deliveries wait of each webhook.
    """
    after = shown_document(loaded.document)
    hidden = {
        name: tuple(
            setting
            for setting, digest in settings.items()
            if shown.digests.get(name, {}).get(setting, digest) != digest
        )
        for name, settings in after.digests.items()
    }
    secrets = {
        name: (*rotated.webhooks.get(name, ()), *hidden.get(name, ()))
        for name in {*rotated.webhooks, *hidden}
    }
    found = compare(shown.document, after.document, secrets=secrets)

    def of_webhook(one: Difference) -> DifferenceView:
        count = waiting.get(one.name, 0)
        definition = loaded.document["webhooks"].get(one.name, {})
        told = effect(one, count, is_enabled=definition.get("enabled", True))
        return _difference(one, count, told)

    return PlanView(
        problems=(),
        config_hash=loaded.definitions.hash,
        running_hash=running_hash,
        changes=not found.is_empty,
        refused_as_mass_removal=found.is_mass_removal,
        webhooks=tuple(map(of_webhook, found.webhooks)),
        sources=tuple(_difference(one, 0, "") for one in found.sources),
        egress=tuple(map(_setting, found.egress)),
        rotated=rotated.webhooks,
        lacking=rotated.lacking,
    )


def _difference(one: Difference, pending: int, told: str) -> DifferenceView:
    return DifferenceView(one.kind, one.name, tuple(map(_setting, one.settings)), pending, told)


def _setting(one: Setting) -> SettingView:
    return SettingView(one.name, one.before, one.after)
