"""From what a page found to the HTML that it answers.

Every value that a template prints passes `showing.plain` and then Jinja's escaping. `Markup`, which
neither touches, is made by `charts` alone.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from markupsafe import Markup

from webhookd import __version__
from webhookd.client.asynchronous import quoted
from webhookd.console import showing
from webhookd.errors import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.runtime import Context

SIGNS: Final[Mapping[str, str]] = {
    "active": "●",
    "delivered": "✓",
    "failed": "✕",
    "pending": "◔",
    "held": "‖",
    "superseded": "↷",
    "cancelled": "⊘",
    "failing": "▲",
    "probed": "◌",
    "paused": "‖",
    "gone": "⊗",
    "disabled": "○",
    "removed": "○",
    "elsewhere": "◇",
}
"""A state is a word, a sign and a colour: whoever cannot see the one sees another."""


def render(template: str, **values: Any) -> str:
    """Return the HTML of a page; *values* must hold all that the template names."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("webhookd.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "ago": _ago,
        "bytes": showing.size,
        "cut": showing.cut,
        "iso": showing.iso,
        "lasting": showing.length,
        "number": showing.number,
        "one_line": showing.one_line,
        "part": quoted,
        "question": _question,
        "time": showing.clock_time,
        "took": showing.took,
        "utc": showing.utc,
    }
    environment.globals |= {"counted": counted, "signs": SIGNS, "version": __version__}
    return environment


def _harmless(value: object) -> object:
    """Return a value as it may be printed; Jinja calls it for each."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, datetime):
        return showing.utc(value)
    return showing.plain(str(value))


@pass_context
def _ago(context: Context, at: datetime) -> str:
    return showing.ago(at, context["now"])


def _question(values: Mapping[str, Any]) -> str:
    """Return the query of a URL, without what is empty."""
    kept = [(name, value) for name, value in values.items() if value not in (None, "")]
    return urlencode(kept, errors="replace")
