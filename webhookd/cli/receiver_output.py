"""What `webhookd listen` prints, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from webhookd.cli.receiver import Answering, Receipt, application, receiving
from webhookd.cli.terminal import console
from webhookd.cli.until_stopped import until_told_to_stop
from webhookd.config import loading
from webhookd.config.settings.process_settings import Settings
from webhookd.errors import WebhookdError, printable
from webhookd.model import Secret
from webhookd.rules import literal_secrets
from webhookd.rules.redaction import Redactor
from webhookd.rules.verification import Unverified, Verified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from webhookd.definitions import Hmac
    from webhookd.rules.verification import Verification

SHOWN_BODY = 2000
EVERY_REQUEST = 1 << 60


class MissingSecretError(WebhookdError):
    """The variable that should hold the secret to verify with is not there."""


@dataclass(frozen=True, slots=True)
class Known:
    """The secrets to verify signatures with, and all that must not be shown."""

    signing: tuple[Secret, ...]
    secrets: tuple[Secret, ...]
    forms: tuple[Hmac, ...] = ()


def known(variable: str | None, config: Path | None, environment: Mapping[str, str]) -> Known:
    """Return the secrets of the variable and of the configuration."""
    signing: list[Secret] = []
    forms: list[Hmac] = []
    others: tuple[Secret, ...] = ()
    if variable is not None:
        if not environment.get(variable):
            raise MissingSecretError(f"the environment variable {variable} is not set or empty")
        signing.append(Secret(environment[variable]))
    path = Settings.from_environment(environment, config=config).config
    if path is not None:
        definitions = loading.load(path, environment=environment).definitions
        others = definitions.secrets
        for webhook in definitions.webhooks.values():
            for signature in webhook.request.signatures:
                signing += (signature.client_secret, *signature.previous_client_secrets)
                if signature.hmac is not None:
                    forms.append(signature.hmac)
        others = definitions.secrets
    return Known(tuple(dict.fromkeys(signing)), (*signing, *others), tuple(dict.fromkeys(forms)))


async def listen(port: int, fail: int | None, times: int | None, known: Known) -> None:
    """Receive until SIGINT or SIGTERM."""
    answer = Answering() if fail is None else Answering(fail, times or EVERY_REQUEST)
    redactor = Redactor(known.secrets)

    def status(_path: str) -> int:
        return answer.status()

    def show(receipt: Receipt) -> None:
        console.print(whole(receipt, redactor.text))

    app = application(secrets=known.signing, forms=known.forms, answer=status, received=show)
    async with receiving(app, port) as bound:
        console.print(f"listening on http://127.0.0.1:{bound}/ (Ctrl-C ends it)")
        if not known.signing:
            console.print("no secret given: signatures are shown and not verified")
        await until_told_to_stop()


def whole(receipt: Receipt, redact: Callable[[str], str]) -> Text:
    """Return a request as it came, its credentials masked."""
    shown = Text()
    url = printable(redact(literal_secrets.shown_url(receipt.url)))
    shown.append(f"{receipt.at:%H:%M:%S}  {receipt.method} {url}\n", "bold")
    for name, value in receipt.headers:
        shown.append(f"          {printable(name)}: {printable(redact(_masked(name, value)))}\n")
    if receipt.body:
        body = receipt.body.decode(errors="replace")
        rest = "" if len(body) <= SHOWN_BODY else f" … ({len(body):,} characters)"
        # Shortened last: half a secret would be found by nobody.
        shown.append(f"          {printable(redact(body)[:SHOWN_BODY])}{rest}\n")
    shown.append("          ")
    shown.append_text(verdict(receipt.verification))
    shown.append(f", answered {receipt.answered}")
    return shown


def verdict(verification: Verification | None) -> Text:
    """Return in words whether a signature verified."""
    match verification:
        case None:
            return Text("signature not checked", "dim")
        case Verified(scheme=scheme):
            return Text(f"signature verified ({scheme.value})", "green")
        case Unverified(why=why):
            return Text(f"signature NOT verified: {printable(why)}", "bold red")


def _masked(name: str, value: str) -> str:
    """Return a header's value, masked where the header says who sends it."""
    if name.lower() not in ("authorization", "proxy-authorization"):
        return literal_secrets.shown_header(name, value)
    scheme, _, credentials = value.partition(" ")
    return f"{scheme} ***" if credentials else "***"
