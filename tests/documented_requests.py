"""Requests that documents show: made by the code that sends them, so that no page can be wrong.

In a page, a comment `<!-- sent: deals -->` says which record an example is for, and what happened
to it if it was not updated (`<!-- sent: deals deleted -->`). Behind it stand the request as it is
configured (a block of YAML) and the request as it is sent (a block of HTTP), which `renewed`
writes. Renew pages with `python -m tests.documented_requests`.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from webhookd.authentication.credentials import Fixed
from webhookd.config import loading
from webhookd.definitions import Bearer, OAuth2
from webhookd.delivery.prepared_webhook import prepare
from webhookd.intake.decision import stored
from webhookd.model import Change, ChangeKind, Secret

if TYPE_CHECKING:
    from webhookd.definitions import Definitions
    from webhookd.delivery.signed_request import SignedRequest

ROOT = Path(__file__).parents[1]
PAGES = ("moving-from-hubspot.md", "receivers.md")

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
DELIVERY = "019ca88a7a40c8a35b1c2a9d8e6f4b21"
ENVIRONMENT = {
    "CLIENT_SECRET": "example-client-secret",
    "ERP_KEY": "example-api-key",
    "WHSEC": "whsec_ZXhhbXBsZS1jbGllbnQtc2VjcmV0LW9mLTMyLWJ5dGVz",
    "OLD_WHSEC": "whsec_YW4tb2xkZXItY2xpZW50LXNlY3JldC1vZi0zMi1ieXRlcw==",
}
RECORDS: dict[str, tuple[str, dict[str, str]]] = {
    "contacts": (
        "101",
        {"email": "ada@example.com", "firstname": "Ada", "lifecyclestage": "customer"},
    ),
    "companies": ("202", {"name": "Acme", "domain": "acme.example"}),
    "deals": (
        "303",
        {"dealname": "New roof", "amount": "1250.00", "closedate": "2026-03-31T10:00:00Z"},
    ),
    "tickets": ("404", {"subject": "It does not start", "hs_pipeline_stage": "1"}),
    "2-3453932": ("505", {"serial": "A-17"}),
}
"""One record of each type of object: its id, and its properties."""

BEFORE = {"lifecyclestage": "lead", "amount": "1100.00"}
"""What differed before, in the records that have it."""

_WIDTH = 120
_EXAMPLE = re.compile(
    r"<!-- sent: (?P<object>[\w-]+)(?: (?P<kind>\w+))? -->\n"
    r"```yaml\n(?P<request>.*?)```\n\n```http\n.*?```\n",
    re.DOTALL,
)


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


def renewed(page: str) -> str:
    """Return *page* with each request as it is sent."""

    def example(found: re.Match[str]) -> str:
        kept = found[0][: found[0].index("```http\n")]
        kind = ChangeKind(found["kind"] or "updated")
        return f"{kept}```http\n{sent(found['request'], found['object'], kind)}```\n"

    return _EXAMPLE.sub(example, page)


def sent(request: str, object_: str, kind: ChangeKind = ChangeKind.UPDATED) -> str:
    """Return the request for the record of the type *object_*, configured as YAML says."""
    made = filled(request, object_, kind)
    head = [f"{made.method} {made.target} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in made.headers]
    return "\n".join([*head, "", *body_of(made.body)])


def filled(
    request: str, object_: str, kind: ChangeKind = ChangeKind.UPDATED, at: datetime = AT
) -> SignedRequest:
    """Return the request of an attempt that begins *at* a moment."""
    record_id, properties = RECORDS[object_]
    webhook = {"source": "crm", "object": object_, **yaml.safe_load(request)}
    values = {name: json.dumps(value) for name, value in properties.items()}
    before = {name: json.dumps(BEFORE[name]) for name in BEFORE.keys() & properties.keys()}
    previous = {
        ChangeKind.CREATED: None,
        ChangeKind.UPDATED: {**values, **before},
        ChangeKind.DELETED: values,
    }
    change = Change(
        kind, "crm", object_, record_id, values, previous[kind], AT, frozenset({"closedate"})
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(json.dumps(_configuration(webhook), ensure_ascii=False), encoding="utf-8")
        definitions = loading.load(path, environment=ENVIRONMENT).definitions
    return request_for(definitions, "example", change, at)


def request_for(
    definitions: Definitions, webhook: str, change: Change, at: datetime = AT
) -> SignedRequest:
    """Return the request of an attempt of *webhook* to tell *change*; a token is `TOKEN`."""
    definition = definitions.webhooks[webhook]
    prepared = prepare(
        definition,
        definitions.egress,
        secrets=definitions.named_secrets,
        credentials_of=lambda one, *_: Fixed(
            Bearer(Secret("TOKEN")) if isinstance(one, OAuth2) else one
        ),
    )
    authorization = asyncio.run(prepared.credentials.authorize(at))
    delivery = stored(definition, change, DELIVERY, at)
    return prepared.template.fill(delivery, authorization, at=at)


def _configuration(webhook: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "apps": {
            "1234567": {"client_secret": {"env": "CLIENT_SECRET"}},
            "partner": {
                "client_secret": {"env": "WHSEC"},
                "previous_client_secrets": [{"env": "OLD_WHSEC"}],
            },
        },
        "sources": {
            "crm": {
                "type": "hubspot",
                "token": {"env": "CLIENT_SECRET"},
                "objects": {name: {"properties": "all"} for name in RECORDS},
            }
        },
        "webhooks": {"example": webhook},
    }


def body_of(body: bytes) -> list[str]:
    """Return a body as the lines of a page: JSON for people, all else as it is."""
    if not body:
        return []
    if body[:1] not in b"{[":
        return [body.decode().removesuffix("\n"), ""]
    value = json.loads(body, parse_float=Number, parse_int=Number)
    assert _compact(value, ",", ":").encode() == body, "nothing of a body is lost on the page"
    return [_wide(value, "", 0), ""]


def _wide(value: Any, indent: str, begins_at: int) -> str:
    """Return JSON that people can read: in one line where that is short, else broken."""
    line = _compact(value, ", ", ": ")
    if begins_at + len(line) < _WIDTH or not isinstance(value, dict):
        return line
    names = {name: f"{indent}  {json.dumps(name)}: " for name in value}
    members = [
        names[name] + _wide(one, f"{indent}  ", len(names[name])) for name, one in value.items()
    ]
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _compact(value: Any, comma: str, colon: str) -> str:
    match value:
        case Number():
            return str(value)
        case dict():
            members = (
                f"{json.dumps(name, ensure_ascii=False)}{colon}{_compact(one, comma, colon)}"
                for name, one in value.items()
            )
            return "{" + comma.join(members) + "}"
        case list():
            return "[" + comma.join(_compact(one, comma, colon) for one in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Renew all pages."""
    for name in PAGES:
        page = ROOT / "docs" / name
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
