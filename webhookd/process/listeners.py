"""Where the daemon listens: for operators, for wakes, for supervisors and Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd import listener
from webhookd.client.admin_address import AdminAddress
from webhookd.config.settings.setting_names import variable
from webhookd.errors import ConfigError, Problem
from webhookd.inbound import inbound_settings
from webhookd.listen_address import ListenAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.settings.process_settings import Settings
    from webhookd.inbound.inbound_settings import InboundSettings

METRICS: Final = variable("metrics_address")


@dataclass(frozen=True, slots=True)
class Listeners:
    """The addresses that the settings name, which all differ. None: nothing listens for that."""

    admin: AdminAddress
    inbound: InboundSettings | None
    metrics: ListenAddress | None

    def require_free(self) -> None:
        """Raise AddressError when the daemon could not listen at one of them now."""
        listener.require_free(self.admin)
        if self.inbound is not None:
            listener.require_free(self.inbound.address)
        if self.metrics is not None:
            listener.require_free(self.metrics)


def read_listeners(settings: Settings, environment: Mapping[str, str]) -> Listeners:
    """Return where to listen; ConfigError where the settings do not go together."""
    admin = AdminAddress.parse(settings.admin_socket(environment))
    inbound = inbound_settings.read(settings, admin)
    return Listeners(admin, inbound, _metrics(settings.metrics_address, admin, inbound))


def _metrics(
    text: str | None, admin: AdminAddress, inbound: InboundSettings | None
) -> ListenAddress | None:
    if text is None:
        return None
    address = ListenAddress.parse(text, METRICS)
    if address.is_same(admin.path, admin.host, admin.port):
        raise _taken("the admin API listens there, and serves the same three paths")
    other = None if inbound is None else inbound.address
    if other is not None and address.is_same(other.path, other.host, other.port):
        raise _taken("wakes come in there; each needs an address of its own")
    return address


def _taken(told: str) -> ConfigError:
    return ConfigError([Problem(METRICS, 0, 0, "", told)])
