"""Requests made from an OpenAPI description, well meant and hostile, and what may answer them."""

from __future__ import annotations

import json
import socket
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from webhookd.admin.description import description

DESCRIPTION = description()
PATIENCE = 10.0
UNREAD = 64 * 1024
"""Bytes that a server may leave unread."""
EVENTS = "text/event-stream"
OPERATIONS = [
    (path, method.upper()) for path, item in DESCRIPTION["paths"].items() for method in item
]
HUGE = [10**30, -1, 0, 1e400, -1e308, float("nan"), 2**63, int("9" * 4000)]
TEXTS = ["", "\x00", "a\x00b", "\ud800", "\u202e", "%00", "' OR 1=1 --", "x" * 5000, "../..", "é"]
UNKNOWN = [
    *(b"/", b"*", b"//", b"/v1", b"/v1/", b"/v1/status/", b"/v1/nothing", b"/v1/%00", b"/%ff%fe"),
    *(b"/v1/../healthz", b"http://evil.example/v1/status", b"/v1/webhooks//pause"),
]
DEEP = [b"[" * 100_000, b'{"a":' * 50_000, b"[" * 900 + b"]" * 900, b'{"where":["' + b"[" * 9000]


@dataclass(frozen=True)
class Asked:
    """One request, as it goes on the wire. `template` is the path in the description, if any."""

    template: str | None
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    is_chunked: bool = False
    broken_chunk: bytes = b""
    cut_at: float | None = None
    """The part of the request that is sent before the end."""

    def __repr__(self) -> str:
        """Show what a person needs who repeats it."""
        more = f" cut at {self.cut_at}" if self.cut_at is not None else ""
        return f"<{self.wire()[:600]!r}{more}>"

    @property
    def is_whole(self) -> bool:
        """Return whether it goes on the wire to its end."""
        return self.cut_at is None

    def wire(self) -> bytes:
        """Return its bytes."""
        lines = [b"%s %s HTTP/1.1" % (self.method.encode("latin-1"), self.target)]
        lines += [b"%s: %s" % pair for pair in self.headers]
        content = self.body
        if self.is_chunked:
            lines.append(b"transfer-encoding: chunked")
            content = b"%x\r\n%s\r\n" % (len(content), content) if content else b""
            content += self.broken_chunk or b"0\r\n\r\n"
        elif content:
            lines.append(b"content-length: %d" % len(content))
        whole = b"\r\n".join([*lines, b"", content])
        return whole if self.cut_at is None else whole[: int(len(whole) * self.cut_at)]


@dataclass(frozen=True)
class Answered:
    """What came back; *content* is the first line of a stream."""

    status: int
    kind: str
    content: bytes


def ask(connect, asked: Asked) -> Answered | None:
    """Send *asked* on a new connection; None where it ended without an answer."""
    with closing(connect()) as connection:
        connection.settimeout(PATIENCE)
        # A server may answer and close before it has read everything.
        with suppress(ConnectionError):
            connection.sendall(asked.wire())
            if not asked.is_whole:
                connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection, method=asked.method)
        try:
            response.begin()
            kind = response.headers.get_content_type()
            is_stream = kind in {"application/x-ndjson", EVENTS}
            content = response.readline() if is_stream else response.read()
        except (HTTPException, ConnectionError):
            return None
        finally:
            response.close()
        return Answered(response.status, kind, content)


def problems(asked: Asked, answered: Answered | None) -> list[str]:
    """Return what is wrong with an answer; nothing where it is as described."""
    if answered is None:
        # A server that answers before it has read all resets what it did not read, and that may
        # overtake the answer.
        return ["no answer"] if asked.is_whole and len(asked.body) < UNREAD else []
    described = _described(asked).get(str(answered.status))
    if answered.status == 503 and asked.template == "/v1/events":
        # Who left may be watched for a moment still.
        return []
    if described is None or answered.status >= 500:
        return [f"{answered.status} is a fault, or not documented"]
    if asked.method == "HEAD":
        return [f"a body: {answered.content!r}"] if answered.content else []
    if answered.kind == EVENTS:
        return [] if answered.content == b": here\n" else ["it does not begin"]
    schema = described["content"].get(answered.kind, {}).get("schema")
    return [f"{answered.kind} is not documented"] if schema is None else _amiss(answered, schema)


def _amiss(answered: Answered, schema: dict[str, Any]) -> list[str]:
    """Return what is wrong with an answer's body."""
    try:
        value = json.loads(answered.content, parse_constant=_refuse)
    except ValueError as error:
        return [f"not JSON: {error}"]
    # What it refers to lies in the description.
    whole = schema | {"components": DESCRIPTION["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    return errors + [f"{name} is not documented" for name in _undocumented(value, schema)]


def _described(asked: Asked) -> dict[str, Any]:
    item = DESCRIPTION["paths"].get(asked.template, {})
    method = "get" if asked.method == "HEAD" else asked.method.lower()
    if method in item and method.upper() == asked.method.replace("HEAD", "GET"):
        return item[method]["responses"]
    shared = DESCRIPTION["components"]["responses"]
    refusals = dict.fromkeys(("400", "401", "421"), shared["NotFound"])
    if item:
        return refusals | {"405": shared["MethodNotAllowed"]}
    return refusals | {"404": shared["NotFound"]}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _undocumented(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return keys that an answer has and its schema does not name."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return min((_undocumented(value, one) for one in schema["anyOf"]), key=len)
    if isinstance(value, list):
        return [name for one in value for name in _undocumented(one, schema.get("items", {}))]
    known = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return []
    inside = (_undocumented(one, known[name]) for name, one in value.items() if name in known)
    return sorted(value.keys() - known.keys()) + [name for names in inside for name in names]


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that *schema* takes."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.isoformat() + "Z")
    low, high = schema.get("minimum"), schema.get("maximum")
    kinds = {
        "boolean": st.booleans,
        "integer": lambda: st.integers(low, high),
        "number": lambda: st.floats(low, high),
        "string": lambda: st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        "array": lambda: st.lists(
            values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3
        ),
    }
    return kinds[schema["type"]]()


anything = st.recursive(
    st.none() | st.booleans() | st.sampled_from(HUGE) | st.sampled_from(TEXTS) | st.integers(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=5,
)


def requests(known: dict[str, list[str]], headers: dict[bytes, bytes]) -> st.SearchStrategy[Asked]:
    """Return requests of every operation; *known* gives the words for the paths that exist.

    *headers* are those with which everything is allowed.
    """
    fine = tuple((headers | {b"connection": b"close"}).items())
    meant = st.sampled_from(OPERATIONS).flatmap(lambda one: _meant(*one, known, fine))
    return st.one_of(meant, meant.flatmap(_spoilt), meant.flatmap(_spoilt).flatmap(_spoilt))


@st.composite
def _meant(draw, path, method, known, headers) -> Asked:
    """Draw a request that the description allows, its values sometimes not."""
    operation = DESCRIPTION["paths"][path][method.lower()]
    odd = draw(st.integers(0, 3)) == 0
    template, target, query = path, path, []
    for parameter in operation.get("parameters", ()):
        name, where = parameter["name"], parameter["in"]
        value = values(parameter["schema"])
        if odd:
            value |= st.sampled_from([*map(str, HUGE), *TEXTS])
        if where == "path":
            value = draw(st.sampled_from(known[name]) | value.filter(bool))
            target = target.replace("{" + name + "}", _quoted(value))
            # An encoded slash is one: the path has another part.
            template = None if "/" in str(value) else template
        elif draw(st.integers(0, 2)) == 0:
            value = draw(st.sampled_from(known[name]) | value if name in known else value)
            query.append(f"{name}={_quoted(value)}")
    body = b""
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]["schema"]
        fields = {name: values(one) for name, one in content["properties"].items()}
        for name in known.keys() & fields.keys():
            fields[name] |= st.sampled_from(known[name])
        if odd:
            fields = {name: one | anything for name, one in fields.items()}
        given = draw(st.fixed_dictionaries({}, optional=fields))
        body = json.dumps(given).encode()
        headers = (*headers, (b"content-type", b"application/json"))
    whole = target + ("?" + "&".join(query) if query else "")
    return Asked(template, method, whole.encode(), headers, body)


def _quoted(value: Any) -> str:
    return quote(str(value).encode(errors="surrogatepass"), safe="")


def _spoilt(asked: Asked) -> st.SearchStrategy[Asked]:
    """Return *asked* with one thing about it wrong."""
    return st.one_of(
        _headers_spoilt(asked),
        _body_spoilt(asked),
        _target_spoilt(asked),
        st.floats(0, 0.999).map(lambda part: replace(asked, cut_at=part)),
    )


def _headers_spoilt(asked: Asked) -> st.SearchStrategy[Asked]:
    kept = st.sampled_from(asked.headers)
    bad = st.sampled_from([b"", b"evil.example", b"Bearer x", b"Bearer \xff\xfe", b"Basic eDp4"])
    named = st.sampled_from(
        [b"host", b"authorization", b"content-type", b"content-length", b"expect", b"upgrade"]
    )

    def without(name: bytes) -> tuple[tuple[bytes, bytes], ...]:
        return tuple(pair for pair in asked.headers if pair[0] != name)

    return st.one_of(
        kept.map(lambda pair: replace(asked, headers=without(pair[0]))),
        kept.map(lambda pair: replace(asked, headers=(*asked.headers, pair))),
        st.tuples(named, bad).map(lambda pair: replace(asked, headers=(*asked.headers, pair))),
        st.tuples(named, bad).map(lambda pair: replace(asked, headers=(pair, *asked.headers))),
        st.tuples(named, bad).map(
            lambda pair: replace(asked, headers=(*without(pair[0]), pair)),
        ),
        st.integers(1, 30_000).map(
            lambda size: replace(asked, headers=(*asked.headers, (b"x-long", b"x" * size)))
        ),
    )


def _body_spoilt(asked: Asked) -> st.SearchStrategy[Asked]:
    contents = st.one_of(
        anything.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(st.sampled_from(["ids", "where", "state", "x"]), anything).map(
            lambda value: json.dumps(value).encode()
        ),
        st.binary(max_size=50),
        st.sampled_from(DEEP),
        st.integers(250_000, 400_000).map(lambda size: b'{"reason":"' + b"x" * size),
        st.just(b'{"reason":"\xff\xfe"}'),
    )
    chunk = st.sampled_from(
        [b"zz\r\n", b"-1\r\n\r\n", b"5\r\nabcdefgh\r\n", b"f" * 21 + b"\r\n", b"0\r\n\x00:\r\n\r\n"]
    )
    return st.one_of(
        contents.map(lambda body: replace(asked, body=body)),
        contents.map(lambda body: replace(asked, body=body, is_chunked=True)),
        chunk.map(lambda broken: replace(asked, is_chunked=True, broken_chunk=broken)),
    )


def _target_spoilt(asked: Asked) -> st.SearchStrategy[Asked]:
    methods = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "get"])
    unknown = st.sampled_from(UNKNOWN)
    query = st.sampled_from([b"limit=1&limit=2", b"x=1", b"%zz=%zz", b"webhook=%ff", b"=", b"&&"])
    joined = b"&" if b"?" in asked.target else b"?"
    return st.one_of(
        methods.map(lambda method: replace(asked, method=method)),
        unknown.map(lambda target: replace(asked, template=None, target=target)),
        query.map(lambda more: replace(asked, target=asked.target + joined + more)),
    )
