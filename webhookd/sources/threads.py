"""Work that waits for a disk, done in a thread so that the event loop never does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


async def in_thread(
    work: Callable[[], Result], *, on_cancel: Callable[[], None] | None = None
) -> Result:
    """Return what *work* returns, and do not go on without it.

    A thread cannot be cancelled: `asyncio.to_thread` would leave it at work on a file that its
    owner closes or moves. This waits for it; *on_cancel* asks it to hurry.
    """
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await asyncio.wait([future])
        # Nobody wants the result now; asking for it keeps asyncio from complaining.
        if not future.cancelled():
            future.exception()
        raise
