"""The recipes: files that a test loads, and the page that shows each with what it sends.

In docs/recipes.md stands `<!-- recipe: slack -->` before a block of YAML, the file, and one of HTTP
for each of its webhooks. Renew it with `python -m tests.recipes`.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.documented_requests import AT, ROOT, body_of, request_for
from webhookd.config import loading
from webhookd.model import Change, ChangeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.definitions import Definitions
    from webhookd.delivery.signed_request import SignedRequest

PAGE = ROOT / "docs" / "recipes.md"
FOLDER = ROOT / "docs" / "recipes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

CREDENTIALS = {
    "slack-url": "https://hooks.slack.com/services/T00/B00/EXAMPLE",
    "teams-url": "https://prod.example.logic.azure.com/workflows/EXAMPLE?sig=EXAMPLE",
    "discord-url": "https://discord.com/api/v10/webhooks/1/EXAMPLE",
    "hook-url": "https://hooks.zapier.com/hooks/catch/1/EXAMPLE",
    "pagerduty-key": "EXAMPLE-INTEGRATION-KEY",
    "whsec": "whsec_ZXhhbXBsZS1jbGllbnQtc2VjcmV0LW9mLTMyLWJ5dGVz",
    **dict.fromkeys(
        (
            *("hubspot-token", "jira-token", "servicenow-client", "servicenow-secret"),
            *("api-token", "news-key"),
        ),
        "EXAMPLE-SECRET",
    ),
}
RECORDS: dict[str, tuple[str, dict[str, str]]] = {
    "contacts": (
        "101",
        {
            "email": "Ada@Example.com",
            "firstname": "Ada",
            "lastname": "Lovelace",
            "annualrevenue": "1250.50",
            "languages": "de;en",
        },
    ),
    "companies": ("202", {"name": "Müller & Söhne", "domain": "mueller.example"}),
    "deals": (
        "303",
        {
            "dealname": "Roof <new>",
            "dealstage": "closedwon",
            "amount": "1250.00",
            "closedate": "2026-03-31T22:30:00Z",
        },
    ),
    "tickets": (
        "404",
        {
            "subject": "It does not start",
            "content": 'It says "no".',
            "hs_ticket_priority": "HIGH",
        },
    ),
}
_RECIPE = re.compile(
    r"<!-- recipe: (?P<name>[\w-]+) -->\n```yaml\n.*?```\n(?:\n```http\n.*?```\n)*", re.DOTALL
)


def renewed(page: str) -> str:
    """Return *page* with each recipe and what it sends."""

    def recipe(found: re.Match[str]) -> str:
        name = found["name"]
        written = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
        sent = "".join(f"\n```http\n{one}```\n" for one in all_sent(name))
        return f"<!-- recipe: {name} -->\n```yaml\n{written}```\n{sent}"

    return _RECIPE.sub(recipe, page)


def loaded(name: str) -> Definitions:
    """Return the definitions of a recipe, with credentials that are examples."""
    with tempfile.TemporaryDirectory() as folder:
        for credential, value in CREDENTIALS.items():
            (Path(folder) / credential).write_text(value)
        environment = {"CREDENTIALS_DIRECTORY": folder}
        found = loading.load(FOLDER / f"{name}.yaml", environment=environment)
    assert found.warnings == ()
    return found.definitions


def requests(
    definitions: Definitions, more: Mapping[str, str] | None = None, **changes: object
) -> list[SignedRequest]:
    """Return what each webhook of a recipe sends of a record, with *more* property values."""
    return [
        request_for(definitions, name, change(webhook.object, kind, more or {}, **changes))
        for name, webhook in definitions.webhooks.items()
        for kind in [
            webhook.trigger.changes[0] if len(webhook.trigger.changes) == 1 else ChangeKind.UPDATED
        ]
    ]


def change(object_: str, kind: ChangeKind, more: Mapping[str, str], **changes: object) -> Change:
    """Return a change of the example record of a type."""
    record_id, properties = RECORDS[object_]
    values = {name: json.dumps(value) for name, value in {**properties, **more}.items()}
    before = dict(list(values.items())[1:])
    made = {"record_id": record_id, **changes}
    return Change(kind, "crm", object_, str(made["record_id"]), values, before, AT)


def all_sent(name: str) -> list[str]:
    """Return each request of a recipe as the page shows it."""
    return [
        "\n".join(
            [
                f"{made.method} {made.target} HTTP/1.1",
                *(f"{header}: {value}" for header, value in made.headers),
                "",
                *body_of(made.body),
            ]
        )
        for made in requests(loaded(name))
    ]


def main() -> None:
    """Renew the page."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
