"""One webhook's text against a configuration in force: its definition, or what is wrong with it.

Nothing is read but the text: no file, no variable, no secret. A draft is looked at in the time that
its own text takes, however large the configuration is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from webhookd.config import compiler, defaults, models, schema
from webhookd.config.checks import collection
from webhookd.config.text import document
from webhookd.config.text.limits import TOP
from webhookd.config.text.node import Node
from webhookd.errors import Problem
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.drafts.ground import Ground
    from webhookd.config.text.document import Document
    from webhookd.definitions import Webhook

FILE: Final = "draft.yaml"
LARGEST: Final = 64 * 1024
_SECRET_URL: Final = Secret("https://secret-url.invalid/")
_KEYS: Final = frozenset({"version", "webhooks"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that was looked at; *webhook* is None where it is wrong.

    A URL that is a secret is one of a host that cannot be. *unsendable* says why the draft may be
    looked at but not sent; empty where it may. *added* is what the file's `defaults` say of it and
    its text does not, by dotted key.
    """

    webhook: Webhook | None
    problems: tuple[Problem, ...] = ()
    unsendable: str = ""
    added: tuple[tuple[str, Any], ...] = ()


def read(text: str, ground: Ground) -> Draft:
    """Return the draft that *text* is: the section `webhooks` of a file, with one webhook in it."""
    content = text.encode(errors="replace")
    if len(content) > LARGEST:
        return _wrong(f"a draft is at most {LARGEST // 1024} KiB; this is {len(content):,} bytes")
    found = _with_version(document.parse(content, file=FILE, folder=Path()))
    if found.data is None:
        return Draft(None, found.problems)
    webhooks = found.data.get("webhooks")
    others = sorted(map(str, found.data.keys() - _KEYS))
    if others or not isinstance(webhooks, dict) or len(webhooks) != 1:
        told = f"a draft is one webhook under 'webhooks'{_instead(others, webhooks)}"
        return Draft(None, (*found.problems, found.problem((), told)))
    node = Node(found, ("webhooks", next(iter(webhooks))))
    problems = [*found.problems, *schema.check(found)]
    problems += collection.check_webhook(node, ground.context)
    if problems:
        return Draft(None, tuple(_in_order(problems)))
    return _compiled(node, ground)


def _with_version(read: Document) -> Document:
    """Return a document with the version that a draft need not say."""
    if not isinstance(read.data, dict) or "version" in read.data:
        return read
    data = {"version": 1, **read.data}
    return replace(read, data=data, places={**read.places, id(data): read.places[id(read.data)]})


def _instead(others: list[str], webhooks: Any) -> str:
    if others:
        return f"; there is {', '.join(others)[:200]}, too"
    if isinstance(webhooks, dict) and webhooks:
        return f"; there are {len(webhooks)}"
    return "; there is none"


def _compiled(node: Node, ground: Ground) -> Draft:
    value = node.value
    own = value.get("delivery", {})
    whole = defaults.merged(dict(ground.delivery), own)
    form = models.Webhook.model_validate({**value, "delivery": whole})
    reading = ground.readings[value["source"]]
    webhook = compiler.webhook(node.name, form, node, ground.requests, reading)
    unsendable = _unsendable(webhook)
    if isinstance(webhook.request.url, Secret):
        webhook = replace(webhook, request=replace(webhook.request, url=_SECRET_URL))
    added = tuple(defaults.added({"delivery": ground.delivery}, {"delivery": own}))
    return Draft(webhook, unsendable=unsendable, added=added)


def _unsendable(webhook: Webhook) -> str:
    """Return why a draft is not sent; empty where it may be."""
    request = webhook.request
    if isinstance(request.url, Secret):
        return "its URL is a secret, and a draft is sent with none"
    if any(request.tls.names):
        return "it names files of 'tls', which a draft is not given"
    if request.proxy is not None:
        return "it names a way of its own through 'proxy', which a draft does not take"
    return ""


def _wrong(message: str) -> Draft:
    return Draft(None, (Problem(FILE, *TOP, "", message),))


def _in_order(problems: list[Problem]) -> Iterator[Problem]:
    yield from sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column, one.where))
