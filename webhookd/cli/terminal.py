"""The console of rich: loaded where standard output is a terminal, and by commands that stay."""

from __future__ import annotations

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
