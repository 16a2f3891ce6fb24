"""Waiting for a server that a test has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.daemon import until

if TYPE_CHECKING:
    import subprocess


def wait_for(url: str, process: subprocess.Popen[bytes], name: str) -> None:
    """Wait until *url* answers with 200; fail at once when *process* ends, which is *name*."""

    def answers() -> bool:
        assert process.poll() is None, f"{name} has ended"
        try:
            return httpx.get(url, timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    until(answers, f"{name} answers")
