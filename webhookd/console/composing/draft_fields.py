"""The fields of the form that a draft is written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, get_args

from webhookd.config.secrets import PLACES
from webhookd.console.composing import condition_fields
from webhookd.definitions import BodyFormat, Method, Scheme

if TYPE_CHECKING:
    from webhookd.console.composing.condition_fields import ConditionField
    from webhookd.console.forms import Form

METHODS: Final = get_args(Method)
CHANGES: Final = ("created", "updated", "deleted")
ENROLLS: Final = {
    "every_change": "at every change",
    "every_match": "when it begins to match",
    "once": "once a record",
}
AUTHENTICATIONS: Final = {
    "": "none",
    "api_key": "API key",
    "bearer": "bearer token",
    "basic": "name and password",
}
SECRET_KEYS: Final = {"api_key": "key", "bearer": "token", "basic": "password"}
SCHEMES: Final = tuple(one.value for one in Scheme if one is not Scheme.HMAC)
FORMATS: Final = tuple(one.value for one in BodyFormat)
USUAL_CHANGES: Final = ("created", "updated")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of the form. *chosen* are properties with the names they are sent as."""

    name: str = "new-webhook"
    description: str = ""
    source: str = ""
    object: str = ""
    changes: tuple[str, ...] = USUAL_CHANGES
    enroll: str = "every_change"
    changed: str = ""
    conditions: tuple[ConditionField, ...] = ()
    method: str = "POST"
    url: str = "https://receiver.example/webhook"
    allow_http: bool = False
    authentication: str = ""
    auth_name: str = ""
    auth_in_query: bool = False
    secret_in: str = PLACES[0]
    secret: str = ""
    scheme: str = ""
    app_id: str = ""
    takes_all: bool = True
    format: str = ""
    previous: bool = False
    chosen: tuple[tuple[str, str], ...] = ()
    more: str = ""
    rest: str = ""
    record_id: str = field(default="", compare=False)


def names_of(fields: Fields) -> tuple[str, ...]:
    """Return the properties that the fields name, whichever for."""
    return (
        *(one.property for one in fields.conditions),
        *condition_fields.listed(fields.changed),
        *(() if fields.takes_all else (name for name, _ in fields.chosen)),
        *(() if fields.takes_all else condition_fields.listed(fields.more)),
    )


def of_form(form: Form) -> Fields:
    """Return the fields that a form brought."""
    source, _, object_ = form.get("records").partition(" ")
    names = list(dict.fromkeys(form.all("property")))
    chosen = tuple((name, form.get(f"as {name}") or name) for name in names)
    return Fields(
        name=form.get("name"),
        description=form.get("description"),
        source=source,
        object=object_,
        changes=tuple(one for one in CHANGES if one in form.all("changes")),
        enroll=form.get("enroll"),
        changed=form.get("changed"),
        conditions=condition_fields.of_form(form),
        method=form.get("method"),
        url=form.get("url"),
        allow_http=bool(form.get("allow_http")),
        authentication=form.get("authentication"),
        auth_name=form.get("auth_name"),
        auth_in_query=form.get("auth_location") == "query",
        secret_in=form.get("secret_in", "env"),
        secret=form.get("secret"),
        scheme=form.get("scheme"),
        app_id=form.get("app_id"),
        takes_all=form.get("takes") != "chosen",
        format=form.get("format"),
        previous=bool(form.get("previous")),
        chosen=chosen,
        more=form.get("more"),
        rest=form.get("rest"),
        record_id=form.get("record_id"),
    )
