"""Secrets that stand literally in URLs and headers: which they are, and what is shown of them.

Many services give out webhook URLs that let whoever knows one post there. Whatever is shown or
kept has such URLs only up to the second segment of their path, and such values as `***`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from webhookd.model import SHORTEST_SOUGHT, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HIDDEN = "***"

_SEGMENTS_SHOWN = 2
_HOSTS: tuple[tuple[re.Pattern[str], str, int], ...] = tuple(
    (re.compile(host, re.IGNORECASE), beginning, shown)
    for host, beginning, shown in (
        (r"hooks\.slack(-gov)?\.com", "/", _SEGMENTS_SHOWN),
        (r"(.+\.)?webhook\.office(365)?\.com", "/", _SEGMENTS_SHOWN),
        (r"outlook\.office(365)?\.com", "/webhook", _SEGMENTS_SHOWN),
        (r"(.+\.)?discord(app)?\.com", "/api/", _SEGMENTS_SHOWN),
        (r"(.+\.)?(logic\.azure|powerplatform)\.com", "/", _SEGMENTS_SHOWN),
        (r"chat\.googleapis\.com", "/", _SEGMENTS_SHOWN),
        (r"hooks\.(zapier|airtable)\.com", "/", _SEGMENTS_SHOWN),
        (r"maker\.ifttt\.com", "/", _SEGMENTS_SHOWN),
        (r"open\.(feishu\.cn|larksuite\.com)", "/", _SEGMENTS_SHOWN),
        # Here the secret is an earlier segment of the path.
        (r"events\.pagerduty\.com", "/integration/", 1),
        (r"hook(\..+)?\.(make|integromat)\.com", "/", 0),
        (r"api\.telegram\.org", "/", 0),
    )
)
_SIGNED_HOST = re.compile(r"(.+\.)?(logic\.azure|powerplatform)\.com", re.IGNORECASE)
_FUNCTION_HOST = re.compile(r".+\.azurewebsites\.net", re.IGNORECASE)

_URL = re.compile(
    r"(?P<origin>[A-Za-z][A-Za-z0-9+.-]*://(?P<host>\[[^\]]*\]|[^/?#:]*)(:[^/?#]*)?)"
    r"(?P<path>[^?#]*)(?P<rest>.*)",
    re.DOTALL,
)
_SECRET_NAME = re.compile(
    r"auth(?!or(?!iz))|token|secret|passw|passphrase|pwd|credential|cookie|jwt|bearer"
    r"|(api|access|subscription|function|private|admin|master|license|app)s?[-_]?key"
    r"|(^|[-_])key$",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(
    r"(idempotency|partition|routing|sort|ordering|message|record|cache)[-_]?key$", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"(bearer|basic|token|apikey)\s+\S{8,}|(sk|rk)_(live|test)_.+|gh[opsu]_.+|github_pat_.+"
    r"|glpat-.+|xox[abeprs]-.+|pat-(na|eu)[0-9]-.+|eyJ[\w-]{8,}\..+|AKIA[0-9A-Z]{16}",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[A-Za-z]+\s+")

_SHORTEST_SEGMENT = 16
"""Segments and values that are shorter may be words or dates, which other texts hold as well."""
_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """A configuration that may be shown.

    *digests* are of the values that are not shown whole, by webhook and dotted name of the setting:
    two configurations can be compared by them.
    """

    document: dict[str, Any]
    digests: dict[str, dict[str, str]]


def is_secret_name(name: str) -> bool:
    """Return whether a header, or a parameter, of this name is likely to carry a secret."""
    return _SECRET_NAME.search(name) is not None and not _HARMLESS_NAME.search(name)


def is_secret_header(name: str, value: str) -> bool:
    """Return whether a header of this name, or with this value, says who sends it."""
    return is_secret_name(name) or _SECRET_VALUE.fullmatch(value.strip()) is not None


def holds_secret(name: str, value: str) -> bool:
    """Return whether a header's *value* is likely to hold a secret, and not its scheme alone."""
    return is_secret_header(name, value) and bool(_SCHEME.sub("", value, count=1).strip())


def shown_header(name: str, value: str) -> str:
    """Return a header's value as it may be shown."""
    return HIDDEN if is_secret_header(name, value) else value


def shown_url(url: str | Secret) -> str:
    """Return *url* as it may be shown: of one that is a secret, scheme, host and port."""
    if isinstance(url, Secret):
        found = _URL.fullmatch(url.reveal())
        return f"{found['origin']}/{HIDDEN}" if found else HIDDEN
    found = _URL.fullmatch(url)
    if not found:
        return url
    origin, path, rest = found["origin"], found["path"], found["rest"]
    count = _segments_shown(found["host"], path, rest)
    if count is None:
        return origin + path + _shown_query(found["host"], rest)
    segments = path.split("/")[1:]
    if len(segments) <= count:
        return origin + path + ("?" + HIDDEN if len(rest) > 1 else rest)
    shown = "".join(f"/{segment}" for segment in segments[:count])
    if not (rest or any(segments[count:])):
        return url
    return f"{origin}{shown}/{HIDDEN}"


def secrets_of_url(url: str | Secret) -> Iterator[str]:
    """Yield what `shown_url` hides of *url*, as one text and in parts, where a text can hide it."""
    if isinstance(url, Secret):
        yield from _parts_of_secret(url.reveal())
        return
    found = _URL.fullmatch(url)
    if not found or shown_url(url) == url:
        return
    count = _segments_shown(found["host"], found["path"], found["rest"])
    if count is None:
        for name, value in _pairs(found["rest"]):
            if _is_secret_parameter(found["host"], name):
                yield from (value, unquote_plus(value))
        return
    segments = found["path"].split("/")[1 + count :]
    whole = "/".join(segments) + found["rest"]
    if len(whole) >= _SHORTEST_SEGMENT:
        yield whole
    values = [*segments, *(value for _, value in _pairs(found["rest"]))]
    for value in values:
        if len(value) >= _SHORTEST_SEGMENT:
            yield from (value, unquote_plus(value))


def _parts_of_secret(url: str) -> Iterator[str]:
    """Yield the path with the query, and each part of them that is long enough to be no word."""
    found = _URL.fullmatch(url)
    if not found:
        return
    path, rest = found["path"].removeprefix("/"), found["rest"].partition("#")[0]
    if path + rest.removeprefix("?"):
        yield path + rest
    for value in (*path.split("/"), *(value for _, value in _pairs(rest))):
        if len(value) >= SHORTEST_SOUGHT:
            yield from (value, unquote_plus(value))


def secrets_of_header(name: str, value: str) -> Iterator[str]:
    """Yield what `shown_header` hides, with its scheme and without."""
    if is_secret_header(name, value):
        yield from (value, _SCHEME.sub("", value, count=1))


def shown_document(document: Mapping[str, Any]) -> Shown:
    """Return a configuration's effective document as it may be shown."""
    shown: dict[str, Any] = dict(document)
    digests: dict[str, dict[str, str]] = {}
    if "webhooks" in document:
        shown["webhooks"] = {
            name: _shown_webhook(name, webhook, digests)
            for name, webhook in document["webhooks"].items()
        }
    return Shown(shown, digests)


def _shown_webhook(
    name: str, webhook: Mapping[str, Any], digests: dict[str, dict[str, str]]
) -> Mapping[str, Any]:
    request = webhook.get("request", {})
    url, headers = request.get("url", ""), request.get("headers") or {}
    client = request.get("authentication") or {}
    token_url, parameters = client.get("token_url", ""), client.get("parameters") or {}
    # A reference to a secret is shown as it is.
    shown = shown_url(url) if isinstance(url, str) else url
    seen = {
        "request.url": (url, shown),
        "request.authentication.token_url": (token_url, shown_url(token_url)),
    }
    for place, pairs in (("headers", headers), ("authentication.parameters", parameters)):
        seen |= {
            f"request.{place}.{name}": (value, shown_header(name, value))
            for name, value in pairs.items()
        }
    hidden = {
        setting: _digest(name, setting, value)
        for setting, (value, shown) in seen.items()
        if shown != value
    }
    if not hidden:
        return webhook
    digests[name] = hidden
    told = request | {"url": shown} | _shown_pairs("headers", headers)
    if token_url:
        of_client = {"token_url": shown_url(token_url)} | _shown_pairs("parameters", parameters)
        told |= {"authentication": client | of_client}
    return {**webhook, "request": told}


def _shown_pairs(key: str, pairs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return (
        {key: {name: shown_header(name, value) for name, value in pairs.items()}} if pairs else {}
    )


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:_DIGEST]


def _segments_shown(host: str, path: str, rest: str) -> int | None:
    """Return how many segments of a URL's path are shown; None where all of them are."""
    if _SIGNED_HOST.fullmatch(host) and not any(name == "sig" for name, _ in _pairs(rest)):
        return None
    found = (
        shown
        for pattern, beginning, shown in _HOSTS
        if pattern.fullmatch(host.removesuffix(".")) and path.lower().startswith(beginning)
    )
    return next(found, None)


def _shown_query(host: str, rest: str) -> str:
    if not rest.startswith("?"):
        return rest
    return "?" + "&".join(_shown_pair(host, pair) for pair in rest[1:].split("&"))


def _shown_pair(host: str, pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and value and _is_secret_parameter(host, name) else pair


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a query, as written."""
    for pair in rest.removeprefix("?").split("&") if rest.startswith("?") else ():
        name, _, value = pair.partition("=")
        yield name, value


def _is_secret_parameter(host: str, name: str) -> bool:
    named = unquote_plus(name).lower()
    if named in {"sig", "signature"} or (named == "code" and _FUNCTION_HOST.fullmatch(host)):
        return True
    return is_secret_name(named)
