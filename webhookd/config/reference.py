"""The reference of the configuration file, written from its schema.

`python -m webhookd.config.reference > docs/configuration.md` renews the document.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from webhookd.config.schema import schema
from webhookd.config.settings import setting_names, setting_text
from webhookd.config.settings.process_settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INTRODUCTION = """\
# The configuration file

`webhookd run --config PATH` reads one file, or a folder whose `*.yaml` files are read in name
order and merged. Everything about webhooks is in it; what concerns the process is set by
[`WEBHOOKD_…` variables](#settings-of-the-process) or options. `config.example.yaml` shows every
key at work.

`webhookd check` prints every problem at once, one line each, with its place:

```
config.yaml:7:15: webhooks.new-customer.request.method: 'PSOT' is not one of POST, GET, PUT, PATCH, DELETE; did you mean 'POST'?
```

Editors that speak the YAML language server check and explain the file while you write it, when
it begins with

```yaml
# yaml-language-server: $schema=schema/webhookd.schema.json
```

## The text

The file is YAML 1.2, UTF-8, one document of 16 MiB and 64 levels at most.

* Only `true` and `false` are booleans; `on`, `yes` and `no` are text. Keys and dates are text.
* Numbers are plain decimals. What two versions of YAML read differently (`010`, `1_000`, `0x1F`)
  is refused: write a plain number, or put it in quotes.
* A key twice, an unknown key and an unknown tag are refused. There are no merge keys (`<<`).
* Anchors and aliases work; keys that begin with `x-` may stand at the top to hold anchors.

In a folder, each file has its own `version`, an id may stand in one file only, and `egress` and
`defaults` in one each. A `*.yml` file is an error, so that none is overlooked. Relative paths are
taken from the folder of the file that names them.

A path is taken as it is written. What only a shell or Windows understands (`~/drop`, `$SPOOL/crm`, `${X}/y`,
`%APPDATA%\\x`, `C:\\exports`, `//server/share`, `s3://…`) is refused with what to write instead, here and in the
[settings of the process](#settings-of-the-process). A `$` or `%` inside of a name is a character like any other; a name
that begins with `~` is written `./~name`.

## Secrets

A secret is never written in the file. Where one is needed, a reference says where it is found:
`{env: NAME}`, `{file: PATH}` or `{credential: NAME}`. Secrets and files are read when the
configuration is loaded and at each reload; `webhookd check --offline` leaves them alone.
"""  # noqa: E501 - a message is one line

_SETTINGS = """\
## Settings of the process

| variable | option | default | meaning |
|---|---|---|---|
"""

_SECTIONS = (
    "app",
    "secret",
    "egress",
    "drop_directory",
    "csv",
    "json",
    "hubspot",
    "hubspot_object",
    "hubspot_list",
    "hubspot_deletions",
    "hubspot_associated",
    "association_type",
    "hubspot_owner",
    "rest",
    "rest_object",
    "rest_paging",
    "rest_detect",
    "rest_part",
    "rest_deletions",
    "rest_one",
    "rest_describe",
    "rest_error",
    "no_authentication",
    "wake",
    "own_events",
    "defaults",
    "webhook",
    "trigger",
    "at",
    "wait",
    "comparison",
    "property_comparison",
    "relative_date",
    "range",
    "membership",
    "presence",
    "any",
    "all",
    "not",
    "request",
    "api_key",
    "bearer",
    "basic",
    "oauth2",
    "signature",
    "hmac",
    "body",
    "query",
    "chosen_property",
    "tls",
    "delivery",
    "retry",
)
_WORDS = {
    "source": (
        "[drop directory](#drop-directory), [HubSpot](#hubspot), [REST API](#rest-api)"
        " or [own events](#own-events)"
    ),
    "source_authentication": (
        "[API key](#api-key), [bearer](#bearer-token), [basic](#basic-authentication),"
        " [OAuth2](#oauth2) or [none](#no-authentication)"
    ),
    "when": "[condition](#comparison-with-a-value) or group",
    "authentication": (
        "[API key](#api-key), [bearer](#bearer-token), [basic](#basic-authentication)"
        " or [OAuth2](#oauth2)"
    ),
    "chosen_properties": "list of names or [chosen properties](#chosen-property)",
    "path": "path",
    "duration": "duration",
    "property_name": "text",
    "password": "[secret reference](#secret-reference) or an empty text",
    "username": "text or [secret reference](#secret-reference)",
    "text_or_secret": "text or [secret reference](#secret-reference)",
    "value": "text, number or boolean",
    "name": "name",
}


def reference() -> str:
    """Return the whole document, as Markdown."""
    definitions = schema()["$defs"]
    sections = [_section({**schema(), "title": "The top"})]
    sections += [_section(definitions[name]) for name in _SECTIONS]
    page = "\n".join([_INTRODUCTION, *sections, _settings()])
    return page.replace("\n## ", f"\n{_contents(page)}\n\n## ", 1)


def _contents(page: str) -> str:
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    links = [f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles]
    return "\n".join(["<!-- contents -->", " ·\n".join(links), "<!-- /contents -->"])


def _settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        meaning = setting_text.meaning(field)
        option = f"`{setting_names.option(name)}`" if meaning.metavar else ""
        default = setting_text.default(field)
        rows.append(f"| `{setting_names.variable(name)}` | {option} | {default} | {meaning.text} |")
    return "\n".join([_SETTINGS + rows[0], *rows[1:], ""])


def _section(node: Mapping[str, Any]) -> str:
    lines = [f"## {node['title']}", ""]
    if "description" in node:
        lines += [str(node["description"]), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += _rows(node)
    return "\n".join([*lines, ""])


def _rows(node: Mapping[str, Any]) -> Iterator[str]:
    required = node.get("required", ())
    for key, child in node["properties"].items():
        default = "**required**" if key in required else _code(child.get("default"))
        meaning = f"{_resolved(child).get('description', '')}{_example(child)}"
        yield f"| `{key}` | {_type(child)} | {default} | {meaning} |"


def _type(node: Mapping[str, Any]) -> str:
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        return _WORDS.get(name) or _link(schema()["$defs"][name])
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    if "if" in node:
        then = node["then"]
        first = "`all`" if "enum" in then else _type({"type": "array", **then})
        return f"{first}, or a {_type(node['else'])}"
    return _plain_type(node)


def _plain_type(node: Mapping[str, Any]) -> str:
    match node["type"]:
        case "array":
            return f"list of {_type(node['items'])}" if "items" in node else "list"
        case "object":
            children = node.get("additionalProperties")
            return (
                f"{_type(children)} by name" if isinstance(children, dict) else "any JSON by name"
            )
        case [*types]:
            return " or ".join(_plain_type({"type": name}) for name in types)
        case other:
            return {"string": "text", "integer": "whole number"}.get(str(other), str(other))


def _link(node: Mapping[str, Any]) -> str:
    title = str(node["title"])
    return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"


def _resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "description" in node or "$ref" not in node:
        return node
    found: Mapping[str, Any] = schema()["$defs"][str(node["$ref"]).rpartition("/")[2]]
    return found


def _example(node: Mapping[str, Any]) -> str:
    examples = _resolved(node).get("examples", ())
    return f" Example: {_code(examples[0])}" if examples and not _is_obvious(node) else ""


def _is_obvious(node: Mapping[str, Any]) -> bool:
    # A choice or a default shows as much as an example would.
    return "enum" in node or node.get("default") not in (None, "", [], {})


def _code(value: object) -> str:
    if value in (None, "", [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
