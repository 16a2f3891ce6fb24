"""File forms: how the configuration file writes a definition, where that is not as it is.

A field that the file writes as the definition holds it stands in `webhookd.definitions` alone:
`with_fields_of` gives it to the form with its type and default, and `made` copies its value. A
form declares only what differs: references to secrets, names of files, what is renamed or comes
in another shape, and a default of the file for a field that the definition requires.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

from pydantic import BaseModel, Field, create_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import DataclassInstance

Form = TypeVar("Form", bound=BaseModel)
T = TypeVar("T", bound="DataclassInstance")


def with_fields_of(
    definition: type[DataclassInstance], *, but: Iterable[str] = ()
) -> Callable[[type[Form]], type[Form]]:
    """Give a form the fields of *definition* that it does not declare, save those in *but*.

    Keys that only the file has come first, then the fields in the order of *definition*: the
    order in which the effective document shows them.
    """
    types = get_type_hints(definition, include_extras=True)
    shared: dict[str, Any] = {
        one.name: (types[one.name], Field(default_factory=one.default_factory))
        if one.default_factory is not MISSING
        else (types[one.name], ... if one.default is MISSING else one.default)
        for one in fields(definition)
        if one.name not in but
    }

    def completed(form: type[Form]) -> type[Form]:
        declared = {name: (one.annotation, one) for name, one in form.model_fields.items()}
        of_the_file = {name: one for name, one in declared.items() if name not in shared}
        both = {name: declared.get(name, one) for name, one in shared.items()}
        fields_: dict[str, Any] = {**of_the_file, **both}
        return create_model(
            form.__name__,
            __base__=cast("type[Form]", form.__base__),
            __module__=form.__module__,
            __doc__=form.__doc__,
            **fields_,
        )

    return completed


def made(definition: type[T], form: BaseModel, **differing: Any) -> T:
    """Return the *definition* that *form* describes; *differing* are the fields that differ."""
    same = {
        one.name: getattr(form, one.name) for one in fields(definition) if one.name not in differing
    }
    return definition(**same, **differing)
