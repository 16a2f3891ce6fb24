"""Going on until Ctrl-C, or until somebody stops the process."""

from __future__ import annotations

import asyncio
import signal


async def until_told_to_stop() -> None:
    """Return when SIGINT or SIGTERM comes."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
