"""The web console of the demo: a process of its own beside the demo's daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text

from webhookd.cli.terminal import console
from webhookd.errors import printable

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path


async def start(state: Path) -> Process:
    """Start the console of the daemon whose state directory is *state*, and print its link."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "webhookd", "console", "--listen", "127.0.0.1:0"),
        *("--admin-address", f"unix:{state / 'admin.sock'}"),
        # What the console keeps goes with the demo's folder.
        env=dict(os.environ) | {"XDG_STATE_HOME": str(state)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    told = b"" if process.stdout is None else await process.stdout.readline()
    link = printable(told.decode(errors="replace").strip())
    console.print(Text("\nthe web console, for a browser; the link works once:", "bold"))
    console.print(Text(f"  {link}", "cyan"), soft_wrap=True)
    return process


async def end(process: Process) -> None:
    """End the console and wait for it."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    await process.wait()
