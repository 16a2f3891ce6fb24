"""What the daemon begins with: read and checked whole, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.config import loading
from webhookd.operations.reloading.files_seen import FilesSeen
from webhookd.process.listeners import Listeners, read_listeners

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.loading import Loaded
    from webhookd.config.settings.process_settings import Settings


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first configuration, the files that it was read from, and where to listen."""

    loaded: Loaded
    files: FilesSeen
    listeners: Listeners


def read_beginning(settings: Settings, environment: Mapping[str, str]) -> Beginning:
    """Return what *settings* lead to; ConfigError for whatever is wrong: it costs nothing yet."""
    files = FilesSeen()
    loaded = loading.load(settings.config_path(), environment=environment, note=files.note)
    return Beginning(loaded, files, read_listeners(settings, environment))
