"""Conditions as a form has them: a property, an operator and a text, each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from webhookd.config import models
from webhookd.config.text.scalars import ScalarError, WrittenFloat, resolve

if TYPE_CHECKING:
    from webhookd.console.forms import Form


def _operators(form: Any) -> tuple[str, ...]:
    return get_args(form.model_fields["operator"].annotation)


COMPARING: Final = _operators(models.Comparison)
LISTING: Final = _operators(models.Membership)
RANGING: Final = _operators(models.Range)
DATING: Final = _operators(models.RelativeDate)
ASKING: Final = _operators(models.Presence)
OPERATORS: Final = (*COMPARING, *RANGING, *LISTING, *DATING, *ASKING)
MOST: Final = 10


@dataclass(frozen=True, slots=True)
class ConditionField:
    """One line of the form."""

    property: str = ""
    operator: str = "EQ"
    text: str = ""

    def value(self) -> dict[str, Any]:
        """Return the condition as a file writes it."""
        begun: dict[str, Any] = {"property": self.property, "operator": self.operator}
        if self.operator in ASKING:
            return begun
        if self.operator in LISTING:
            return {**begun, "values": list(map(as_value, listed(self.text)))}
        if self.operator in RANGING:
            low, _, high = self.text.partition(",")
            return {**begun, "value": as_value(low.strip()), "high_value": as_value(high.strip())}
        return {**begun, "days" if self.operator in DATING else "value": as_value(self.text)}


def of_form(form: Form) -> tuple[ConditionField, ...]:
    """Return the conditions that a form brought; lines without a property are left out."""
    columns = (form.all(f"when_{name}") for name in ("property", "operator", "text"))
    lines = (
        ConditionField(*(part.strip() for part in line)) for line in zip(*columns, strict=False)
    )
    return tuple(line for line in lines if line.property)[:MOST]


def of_when(when: list[Any]) -> tuple[ConditionField, ...]:
    """Return conditions as the form has them; none where it cannot say all of them."""
    if len(when) > MOST:
        return ()
    found = [one for condition in when if (one := _field(condition)) is not None]
    return tuple(found) if len(found) == len(when) else ()


def _field(condition: Any) -> ConditionField | None:
    if not isinstance(condition, dict) or condition.get("operator") not in OPERATORS:
        return None
    name, operator = condition.get("property"), condition["operator"]
    values = condition.get("values")
    if isinstance(values, list):
        text = ", ".join(map(_text, values))
    elif "high_value" in condition:
        text = f"{_text(condition.get('value'))}, {_text(condition['high_value'])}"
    else:
        text = _text(condition.get("value", condition.get("days", "")))
    made = ConditionField(str(name), operator, text)
    # What the field would say must be what was written, to the letter.
    return made if _exact(made.value()) == _exact(condition) else None


def _exact(value: Any) -> Any:
    """Return a value with its type and the text that it was written as."""
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(map(_exact, value))
    return type(value), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, WrittenFloat):
        return value.written
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(text: str) -> list[str]:
    """Return what a text lists, with commas between."""
    return [part for one in text.split(",") if (part := one.strip())]


def as_value(text: str) -> Any:
    """Return what a text in a condition's field means, as it would in the file."""
    try:
        found = resolve(text)
    except ScalarError:
        return text
    return text if found is None else found
