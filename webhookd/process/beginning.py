"""What the daemon begins with: read and checked whole, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.config import loading
from webhookd.config.settings import trace_settings
from webhookd.operations.reloading.files_seen import FilesSeen
from webhookd.process.listeners import Listeners, read_listeners

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.loading import Loaded
    from webhookd.config.settings.process_settings import Settings
    from webhookd.telemetry.tracing.running import Tracing


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first configuration, the files that it was read from, and where to listen.

    *tracing* is None where no spans are asked for.
    """

    loaded: Loaded
    files: FilesSeen
    listeners: Listeners
    tracing: Tracing | None


def read_beginning(settings: Settings, environment: Mapping[str, str]) -> Beginning:
    """Return what *settings* lead to; ConfigError for whatever is wrong: it costs nothing yet."""
    files = FilesSeen()
    loaded = loading.load(settings.config_path(), environment=environment, note=files.note)
    listeners = read_listeners(settings, environment)
    return Beginning(loaded, files, listeners, _read_tracing(environment))


def _read_tracing(environment: Mapping[str, str]) -> Tracing | None:
    asked = trace_settings.read(environment)
    if asked is None:
        return None
    # Half a second to load: only where it is asked for.
    from webhookd.telemetry.tracing import otlp_export  # noqa: PLC0415
    from webhookd.telemetry.tracing.running import Tracing  # noqa: PLC0415

    if not otlp_export.is_installed():
        raise trace_settings.extra_missing(asked)
    try:
        export = otlp_export.OtlpExport(asked.endpoint, asked.service)
    except Exception as error:
        raise trace_settings.unusable(error) from error
    return Tracing(export, asked.ratio)
