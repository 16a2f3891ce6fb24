"""The shells that complete webhookd's commands."""

from __future__ import annotations

from enum import StrEnum


class Shell(StrEnum):
    """The shells there is a script for; `words` is what the scripts call."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    WORDS = "words"
