"""What `webhookd listen` prints, and when it ends."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from webhookd.cli.desk import NoAnswer
from webhookd.cli.output import print_json
from webhookd.cli.receiver import GOOD, Arrival, Receipt, application, receiving
from webhookd.cli.terminal import console
from webhookd.cli.until_stopped import until_told_to_stop
from webhookd.errors import printable
from webhookd.rules import literal_secrets
from webhookd.rules.verification import Unsigned, Unverified, Verified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.cli.desk import Desk
    from webhookd.cli.receiver import Answer, Headers
    from webhookd.cli.receiver_answers import Answers
    from webhookd.cli.receiver_secrets import Known
    from webhookd.rules.redaction import Redactor
    from webhookd.rules.verification import Verification

SHOWN_BODY = 2000
SHOWN_ANSWER = 500
_INDENT = " " * 10


async def listen(
    port: int, answers: Answers, known: Known, *, desk: Desk | None, as_json: bool
) -> None:
    """Receive until SIGINT or SIGTERM; in JSON, what is no request is told on stderr."""

    def show(receipt: Receipt) -> None:
        if as_json:
            print_json(as_object(receipt, known))
        else:
            console.print(whole(receipt, known))

    def say(text: str) -> None:
        typer.echo(text, err=as_json)

    app = application(
        secrets=known.signing, forms=known.forms, answer=answers.answer, received=show
    )
    async with AsyncExitStack() as stack:
        bound = await stack.enter_async_context(receiving(app, port))
        # Before the server's end, which waits for what is under way.
        stack.push_async_callback(answers.close)
        say(f"listening on http://127.0.0.1:{bound}/ (Ctrl-C ends it)")
        if desk is not None:
            say(f"passing on to {printable(desk.url)}")
        if known.unused:
            say(printable(known.unused))
        if not known.signing:
            say("no secret given: signatures are shown and not verified")
        await until_told_to_stop()


def whole(receipt: Receipt, known: Known) -> Text:
    """Return a request as it came and what it was answered, credentials masked."""
    arrival, answer, redactor = receipt.arrival, receipt.answer, known.redactor
    shown = Text()
    shown.append(f"{arrival.at:%H:%M:%S}  {arrival.method} {_url(arrival.url, redactor)}\n", "bold")
    for name, value in _headers(arrival.headers, redactor):
        shown.append(f"{_INDENT}{printable(name)}: {printable(value)}\n")
    if arrival.body:
        shown.append(f"{_INDENT}{_body(arrival.body, redactor, SHOWN_BODY)}\n")
    shown.append(_INDENT)
    shown.append_text(verdict(arrival.verification, known, arrival))
    if answer.passed_on is None:
        shown.append(f", answered {answer.status}")
        return shown
    for line in _passed_on(answer, redactor):
        shown.append(f"\n{_INDENT}").append_text(line)
    return shown


def _passed_on(answer: Answer, redactor: Redactor) -> Iterator[Text]:
    """Yield what came of a request that was passed on, a line each."""
    passed, signed = answer.passed_on, answer.signed
    if passed is None or signed is None:
        return
    for scheme in signed.anew:
        yield Text(f"signed anew for the URL that it is passed on to ({scheme.value})", "dim")
    for scheme in signed.broken:
        yield Text(_broken(scheme.value), "yellow")
    line = Text(f"-> {_url(passed.url, redactor)}  ")
    if isinstance(passed.answer, NoAnswer):
        told = f"no answer ({printable(passed.answer.why)}), answered {answer.status}"
        yield line.append(told, "bold red")
        return
    style = "green" if answer.status in GOOD else "yellow"
    yield line.append(f"answered {named_status(answer.status)}", style).append(
        f" in {shown_seconds(passed.seconds)}"
    )
    for name, value in _headers(answer.headers, redactor):
        yield Text(f"   {printable(name)}: {printable(value)}", "dim")
    if answer.body:
        yield Text(f"   {_body(answer.body, redactor, SHOWN_ANSWER)}")


def _broken(scheme: str) -> str:
    return (
        f"its signature ({scheme}) covers the URL and is not valid for the one it is passed on to:"
        " none of the secrets made it, so it is passed on as it came; give the secret with"
        " --secret-env or --config"
    )


def verdict(verification: Verification, known: Known, arrival: Arrival) -> Text:
    """Return in words whether a signature verified."""
    match verification:
        case Verified(scheme=scheme):
            return Text(f"signature verified ({scheme.value})", "green")
        case Unsigned():
            if known.is_signed(arrival.method, arrival.path):
                told = "NOT signed, while every webhook of this path signs"
                return Text(f"signature NOT verified: it is {told}", "bold red")
            return Text("not signed", "dim")
        case Unverified(why=why):
            if not known.signing:
                return Text("signature not checked", "dim")
            return Text(f"signature NOT verified: {printable(why)}", "bold red")


def as_object(receipt: Receipt, known: Known) -> dict[str, Any]:
    """Return a request and its answer as programs read them, credentials masked."""
    arrival, answer, redactor = receipt.arrival, receipt.answer, known.redactor
    found: dict[str, Any] = {
        "at": arrival.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": arrival.method,
        "url": redactor.text(literal_secrets.shown_url(arrival.url)),
        "headers": _by_name(arrival.headers, redactor),
        **_bytes("body", arrival.body, redactor),
        "signature": _signature(arrival.verification, known),
        "answered": answer.status,
    }
    passed, signed = answer.passed_on, answer.signed
    if passed is None or signed is None:
        return found
    told: dict[str, Any] = {
        "url": redactor.text(literal_secrets.shown_url(passed.url)),
        "headers": _by_name(passed.headers, redactor),
        "signed_anew": [scheme.value for scheme in signed.anew],
        "signature_broken": [scheme.value for scheme in signed.broken],
        "seconds": round(passed.seconds, 3),
        "error": None,
    }
    if isinstance(passed.answer, NoAnswer):
        told["error"] = redactor.text(passed.answer.why)
    else:
        told |= {"status": answer.status, "answer_headers": _by_name(answer.headers, redactor)}
        told |= _bytes("answer", answer.body, redactor)
    return found | {"passed_on": told}


def _signature(verification: Verification, known: Known) -> dict[str, Any]:
    match verification:
        case Verified(scheme=scheme):
            return {"verified": True, "scheme": scheme.value, "why": None}
        case Unsigned():
            return {"verified": None, "scheme": None, "why": "not signed"}
        case Unverified(why=why, scheme=scheme):
            name = None if scheme is None else scheme.value
            if not known.signing:
                return {"verified": None, "scheme": name, "why": "no secret given"}
            return {"verified": False, "scheme": name, "why": why}


def _bytes(name: str, content: bytes, redactor: Redactor) -> dict[str, str]:
    """Return a body as text, or in base64 under another name where it is none."""
    try:
        return {name: redactor.text(content.decode())}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}


def _by_name(headers: Headers, redactor: Redactor) -> dict[str, str]:
    """Return headers by lower-case name, those of one name joined as HTTP joins them."""
    found: dict[str, str] = {}
    for name, value in _headers(headers, redactor):
        known = found.get(name.lower())
        found[name.lower()] = value if known is None else f"{known}, {value}"
    return found


def _headers(headers: Headers, redactor: Redactor) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        yield name, redactor.text(masked(name, value))


def _url(url: str, redactor: Redactor) -> str:
    return printable(redactor.text(literal_secrets.shown_url(url)))


def _body(content: bytes, redactor: Redactor, most: int) -> str:
    body = content.decode(errors="replace")
    rest = "" if len(body) <= most else f" … ({len(body):,} characters)"
    # Shortened last: half a secret would be found by nobody.
    return f"{printable(redactor.text(body)[:most])}{rest}"


def named_status(status: int) -> str:
    """Return a status with its phrase."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def shown_seconds(seconds: float) -> str:
    """Return how long something took, in words."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def masked(name: str, value: str) -> str:
    """Return a header's value, masked where the header says who sends it."""
    if name.lower() not in ("authorization", "proxy-authorization"):
        return literal_secrets.shown_header(name, value)
    scheme, _, credentials = value.partition(" ")
    return f"{scheme} ***" if credentials else "***"
