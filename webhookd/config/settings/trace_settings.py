"""Whether and where spans are sent: OpenTelemetry's own `OTEL_…` variables, checked.

What only its exporter needs (headers, certificates) it reads itself; what it would leave out or
replace by a default, with no more than a warning, is refused here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from webhookd.config.messages import near, shown
from webhookd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
SAMPLER: Final = "OTEL_TRACES_SAMPLER"
RATIO: Final = "OTEL_TRACES_SAMPLER_ARG"

DEFAULT_RATIO: Final = 0.01
DEFAULT_SERVICE: Final = "webhookd"
LONGEST_TIMEOUT: Final = 300

_PATH: Final = "/v1/traces"
_PROTOCOL: Final = "http/protobuf"
_BY_RATIO: Final = frozenset({"traceidratio", "parentbased_traceidratio"})
_ALWAYS: Final = {
    "always_on": 1.0,
    "parentbased_always_on": 1.0,
    "always_off": 0.0,
    "parentbased_always_off": 0.0,
}
_COMPRESSIONS: Final = ("none", "gzip", "deflate")


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where spans go (*endpoint*, the whole URL), of which part of all deliveries, under a name.

    *variable* is the variable that asks for it.
    """

    variable: str
    endpoint: str
    ratio: float
    service: str


def read(environment: Mapping[str, str]) -> TraceSettings | None:
    """Return what *environment* asks for, None where nothing is traced.

    Raises a ConfigError for a value that cannot be.
    """
    given = {name: text.strip() for name, text in environment.items() if text.strip()}
    variable = TRACES_ENDPOINT if TRACES_ENDPOINT in given else ENDPOINT
    if variable not in given or _is_off(given):
        return None
    for name in _both("PROTOCOL"):
        if name in given and given[name] != _PROTOCOL:
            raise _wrong(name, f"{shown(given[name])} is not {_PROTOCOL}, which is what is spoken")
    _check_exporter(given)
    endpoint = _endpoint(variable, given[variable])
    service = given.get("OTEL_SERVICE_NAME", DEFAULT_SERVICE)
    return TraceSettings(variable, endpoint, _ratio(given), service)


def extra_missing(settings: TraceSettings) -> ConfigError:
    """Return what to say where spans are asked for, and the packages are not there."""
    return _wrong(
        settings.variable,
        "asks for traces, which need the extra `otel`: pip install 'webhookd[otel]'"
        " (or unset it, or set OTEL_SDK_DISABLED=true)",
    )


def unusable(error: Exception) -> ConfigError:
    """Return what to say where the exporter cannot be built, for *error*."""
    told = f"OpenTelemetry's exporter cannot be set up ({type(error).__name__})"
    return _wrong(ENDPOINT, f"{told}; look through the other OTEL_ variables")


def _is_off(given: Mapping[str, str]) -> bool:
    disabled = given.get("OTEL_SDK_DISABLED", "false")
    if disabled.lower() not in {"true", "false"}:
        raise _wrong("OTEL_SDK_DISABLED", f"{shown(disabled)} is not true or false")
    exporter = given.get("OTEL_TRACES_EXPORTER", "otlp")
    if exporter not in {"otlp", "none"}:
        raise _wrong("OTEL_TRACES_EXPORTER", f"{shown(exporter)} is not otlp or none")
    return disabled.lower() == "true" or exporter == "none"


def _endpoint(variable: str, text: str) -> str:
    if "@" in text or "?" in text:
        # Not shown: it may well be a password or a key.
        raise _wrong(
            variable,
            "holds a user, a password or a query; what authorizes belongs into"
            " OTEL_EXPORTER_OTLP_HEADERS",
        )
    try:
        parts = urlsplit(text)
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or "#" in text or not text.isascii() or not text.isprintable() or " " in text:
        raise _wrong(
            variable, f"{shown(text)} is not the URL of a collector, as http://localhost:4318"
        )
    return text if variable == TRACES_ENDPOINT else f"{text.removesuffix('/')}{_PATH}"


def _ratio(given: Mapping[str, str]) -> float:
    sampler = given.get(SAMPLER, "traceidratio")
    if sampler in _ALWAYS:
        return _ALWAYS[sampler]
    if sampler not in _BY_RATIO:
        known = (*sorted(_BY_RATIO), *_ALWAYS)
        told = f"{shown(sampler)} is not one of {', '.join(known)}"
        raise _wrong(SAMPLER, told + near(sampler, known))
    written = given.get(RATIO, str(DEFAULT_RATIO))
    ratio = _number(written)
    if not 0 <= ratio <= 1:
        raise _wrong(RATIO, f"{shown(written)} is not a number from 0 to 1")
    return ratio


def _check_exporter(given: Mapping[str, str]) -> None:
    """Raise for what the exporter would leave out, or replace by a default."""
    for name in _both("TIMEOUT"):
        if name in given and not 0 < _number(given[name]) <= LONGEST_TIMEOUT:
            told = f"{shown(given[name])} is not a number of seconds up to {LONGEST_TIMEOUT}"
            raise _wrong(name, told)
    for name in _both("COMPRESSION"):
        if name in given and given[name].lower() not in _COMPRESSIONS:
            told = f"{shown(given[name])} is not one of {', '.join(_COMPRESSIONS)}"
            raise _wrong(name, told)
    for name in _both("HEADERS"):
        # Not shown: they are there for keys and passwords.
        if not all("=" in part for part in given.get(name, "=").split(",") if part.strip()):
            raise _wrong(name, "holds a part that is no NAME=VALUE; several are joined by commas")
    for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
        for name in _both(what):
            if name in given and not Path(given[name]).is_file():
                raise _wrong(name, f"{shown(given[name])} is not a file")


def _number(text: str) -> float:
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def _both(ending: str) -> tuple[str, str]:
    return f"OTEL_EXPORTER_OTLP_TRACES_{ending}", f"OTEL_EXPORTER_OTLP_{ending}"


def _wrong(variable: str, told: str) -> ConfigError:
    return ConfigError([Problem(variable, 0, 0, "", told)])
