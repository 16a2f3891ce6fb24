"""The names of the process's settings, and what they mean to people.

The documents and the options of commands are made of `Meaning`. A module of its own, since most
commands have such an option and read no settings: what reads them takes longer to load than these
commands take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "WEBHOOKD_"

_LINK_ALONE = re.compile(r" \(\[[^]]*\]\([^)]*\)\)")
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Says, in the annotation of a setting, what it means, as Markdown.

    *metavar* is what the option's value looks like; a setting without one is no option. *default*
    is for one that the field's own default does not show.
    """

    text: str
    metavar: str = ""
    default: str = ""


CONFIG = Meaning(
    "The configuration: a file, or a folder of `*.yaml` files.",
    "PATH",
    default="`./webhookd.yaml`, else in `/etc/webhookd`",
)
STATE_DIRECTORY = Meaning(
    "Where the daemon keeps its state, the database included.",
    "PATH",
    default="`$STATE_DIRECTORY`, else `./.webhookd`",
)
DATABASE_URL = Meaning(
    "The database: `sqlite:///PATH`, or `postgresql://HOST/NAME` ([scaling](scaling.md)).",
    "URL",
    default="`sqlite:///<state>/webhookd.db`",
)


def variable(name: str) -> str:
    """Return the environment variable of the setting *name*."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the option of the setting *name*."""
    return f"--{name.replace('_', '-')}"


def written(environment: Mapping[str, str], name: str) -> str | None:
    """Return the text that *environment* has for the setting *name*, None when it is not set.

    As pydantic-settings reads it: the variable's name in whatever case, and an empty text is none.
    """
    wanted = variable(name).lower()
    return {key.lower(): text for key, text in environment.items() if text}.get(wanted)


def plain(markdown: str) -> str:
    """Return *markdown* for a terminal: without code marks, and without where links lead."""
    return _LINK.sub(r"\1", _LINK_ALONE.sub("", markdown)).replace("`", "")
