"""What to do with a write that the database refused: report it, wait a second, write it again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from webhookd import telemetry
from webhookd.errors import StorageError
from webhookd.telemetry.events import StorageRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")

RETRY_SECONDS: Final = 1.0
"""Pause before a refused write is tried again.

Each refusal is a line in the log, and a server that restarts is away for seconds; a full disk or a
lock in somebody's shell lasts longer, and a second more does not matter then.
"""


async def keep_trying(
    write: Callable[[], Awaitable[Result]],
    *,
    what: str,
    count: int = 1,
    refused: Callable[[], object] = lambda: None,
    pause: float = RETRY_SECONDS,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Result:
    """Await *write* until it does not raise StorageError, and return its result.

    Runs on the event loop. Each refusal is logged as `storage.refused` with *what* and *count*,
    then *refused* is called, then *pause* seconds pass in *sleep*. Raises whatever *write* raises
    but StorageError, and whatever *sleep* raises: that is how a caller gives up.
    """
    while True:
        try:
            return await write()
        except StorageError as error:
            telemetry.report(StorageRefused(what, count, str(error)))
            refused()
        await sleep(pause)
