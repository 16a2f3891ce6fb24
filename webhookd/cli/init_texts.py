"""What `webhookd init` writes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.config.presets.catalogue import Preset

_HEAD = """\
# yaml-language-server: $schema=webhookd.schema.json
#
# Your editor completes and checks this file once `webhookd schema > webhookd.schema.json` was run.
# Every key is in docs/configuration.md. After a change: webhookd check, then webhookd reload.
version: 1

apps: # who signs the requests
  mine:
    client_secret: {env: CLIENT_SECRET} # a secret is never written here, only where it is

egress: # this machine and private networks are refused unless they are named here
  allow: [127.0.0.0/8]

sources:
"""

_WEBHOOK = """\

webhooks:
  new-%(one)s:
    source: %(source)s
    object: %(object)s
    trigger:
      changes: [created, updated]
%(when)s    request:
      url: http://127.0.0.1:8000/%(object)s # where `webhookd listen` receives
      allow_http: true # only for this machine; leave it out with https
      signature: {app_id: mine, scheme: hubspot_v3}
"""

_CUSTOMER = """\
      when: # all of these; leave it out, and every change is told
        - {property: lifecyclestage, operator: EQ, value: customer}
      enroll: every_match # each time a record begins to match; once: the first time only
"""

_ENVIRONMENT = """\
# Copy this file to .env, write your own values, and keep it out of version control.
CLIENT_SECRET=change-me-this-signs-requests
"""

_OF_OBJECTS = frozenset({"objects", "object_defaults"})

SAMPLE = """\
id,email,firstname,lifecyclestage
101,ada@example.com,Ada,customer
102,grace@example.com,Grace,lead
"""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is written, and the *commands* to try with it."""

    config: str
    environment: str
    commands: tuple[str, ...]
    folders: tuple[str, ...] = ()
    sample: str = SAMPLE


def csv() -> Beginning:
    """Return a configuration that reads files from a folder."""
    source = """\
  export:
    type: drop_directory # whatever is put into crm/new is taken: csv, json, ndjson
    path: crm
    object: contacts # what the rows are
"""
    names = {"one": "customer", "source": "export", "object": "contacts", "when": _CUSTOMER}
    return Beginning(
        _HEAD + source + _WEBHOOK % names,
        _ENVIRONMENT,
        (
            "webhookd listen --env-file .env.example &",
            "cp contacts.csv crm/new/",
            "webhookd run --env-file .env.example",
        ),
        ("crm", "crm/new", "crm/tmp"),
    )


def hubspot() -> Beginning:
    """Return a configuration that reads contacts from HubSpot."""
    source = """\
  crm:
    type: hubspot
    token: {env: HUBSPOT_TOKEN} # a private app's, with crm.objects.contacts.read
    poll_every: 30s
    objects:
      contacts: {properties: [email, firstname, lastname, lifecyclestage]}
"""
    names = {"one": "customer", "source": "crm", "object": "contacts", "when": _CUSTOMER}
    token = "HUBSPOT_TOKEN=pat-na1-change-me\n"  # noqa: S105 - a text in its place
    return Beginning(
        _HEAD + source + _WEBHOOK % names,
        _ENVIRONMENT + token,
        _trying("customer", " --record contacts.csv"),
    )


def rest(preset: Preset) -> Beginning:
    """Return a configuration that reads an API as *preset* says."""
    object_ = next(iter(preset.objects), "contacts")
    variables: dict[str, None] = {}
    keys = {key: value for key, value in preset.source.items() if key not in _OF_OBJECTS}
    own = _own(keys, tuple(preset.words), variables)
    lines = [
        "  crm:",
        f"    type: rest # {preset.title}; all of it: webhookd presets show {preset.name}",
        f"    extends: {preset.name}",
    ]
    words = [f"    # {_placeholder(word)}: {meaning}" for word, meaning in preset.words.items()]
    lines += [*words, *(f"    {pair}" for pair in _pairs(own))]
    lines += ["    objects:", f"      {object_}: {{}}"]
    one = re.sub("[^a-z0-9_-]", "-", object_.lower())
    names = {"one": one, "source": "crm", "object": object_, "when": ""}
    environment = _ENVIRONMENT + "".join(f"{name}=change-me\n" for name in variables)
    config = _HEAD + "\n".join(lines) + "\n" + _WEBHOOK % names
    return Beginning(config, environment, _trying(one, " --change created"))


def _trying(one: str, record: str) -> tuple[str, ...]:
    return (
        "webhookd check --env-file .env.example",
        f"webhookd test new-{one}{record} --env-file .env.example",
        "webhookd run --env-file .env.example",
    )


def _own(
    value: Mapping[str, Any], words: tuple[str, ...], variables: dict[str, None]
) -> dict[str, Any]:
    """Return what of *value* only the user knows: references to secrets, and texts with *words*.

    The variables that hold the secrets are noted.
    """
    from webhookd.config.secrets import PLACES  # noqa: PLC0415 - loads slowly; presets need it

    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, str) and any(word in inner for word in words):
            for word in words:
                inner = inner.replace(word, _placeholder(word))  # noqa: PLW2901 - one by one
            found[name] = inner
        if not isinstance(inner, dict):
            continue
        if len(inner) == 1 and next(iter(inner)) in PLACES:
            variable = re.sub("[^A-Z0-9]", "_", str(next(iter(inner.values()))).upper())
            variables[variable] = None
            found[name] = {"env": variable}
        elif deeper := _own(inner, words, variables):
            found[name] = deeper
    return found


def _placeholder(word: str) -> str:
    return f"your-{word.lower().replace('_', '-')}"


def _pairs(value: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in value.items():
        flow = "{" + ", ".join(_pairs(inner)) + "}" if isinstance(inner, dict) else _scalar(inner)
        yield f"{name}: {flow}"


def _scalar(value: object) -> str:
    text = str(value)
    return text if re.fullmatch("[A-Za-z0-9_./:-]+", text) else json.dumps(text)
