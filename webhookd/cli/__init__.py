"""The command line: commands parse, call, print, and turn errors into exit codes.

`app` is the command with its groups; each other module holds one group of commands.
"""

from __future__ import annotations

from webhookd.cli.app import main

__all__ = ["main"]
