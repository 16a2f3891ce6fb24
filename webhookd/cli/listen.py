"""`webhookd listen`: a receiver to try things with, or to look at what a desk is sent."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated

import typer
import uvloop

from webhookd.cli import receiver_answers, receiver_output, receiver_secrets
from webhookd.cli.desk import Desk
from webhookd.cli.receiver import Answer, Answering, plain
from webhookd.cli.receiver_answers import Answers
from webhookd.cli.settings import ConfigOption, EnvFileOption
from webhookd.cli.typed_text import length

EVERY_REQUEST = 1 << 60
LONGEST_DELAY = timedelta(hours=1)


def listen(
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = 8000,
    forward_to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Pass each request on to this URL and give its answer back, like"
            " http://localhost:3000/hook; without a path, that of the request is kept.",
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS[:BODY]", help="Answer so: 204, or 418:teapot.", show_default="200"
        ),
    ] = None,
    fail: Annotated[
        int | None,
        typer.Option(min=300, max=599, metavar="STATUS", help="Answer with this status."),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option(
            metavar="COUNT",
            min=1,
            help="With --fail: only the first so many requests.",
            show_default="all",
        ),
    ] = None,
    delay: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Wait before each answer: 500ms, 2s, 1m."),
    ] = None,
    secret_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The environment variable with the secret to verify with."
        ),
    ] = None,
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON: an object a line for each request.")
    ] = False,
) -> None:
    """Receive requests on loopback; print, verify, pass on each.

    Signatures are verified with the secret in the variable that --secret-env names, and with
    those of the apps in the configuration, when there is one. Its secrets are shown as ***.
    With --forward-to a request is passed on with its method, body and headers; a signature that
    covers the URL is made anew for the other one. Where the desk does not answer, it is 502.
    """
    if times is not None and fail is None:
        raise typer.BadParameter("it goes with --fail", param_hint="--times")
    if forward_to is not None and answer is not None:
        raise typer.BadParameter("with --forward-to, the desk answers", param_hint="--answer")
    if fail is not None and times is None and (forward_to is not None or answer is not None):
        raise typer.BadParameter("say to how many with --times", param_hint="--fail")
    given = plain(200) if answer is None else _answer(answer)
    waits = None if delay is None else length(delay, "--delay", at_most=LONGEST_DELAY)
    known = receiver_secrets.known(secret_env, config, os.environ)
    failing = Answering() if fail is None else Answering(fail, times or EVERY_REQUEST)

    async def run() -> None:
        desk = None if forward_to is None else Desk(forward_to, known.egress)
        answers = Answers(failing, given, known=known, delay=waits, desk=desk)
        await receiver_output.listen(port, answers, known, desk=desk, as_json=as_json)

    uvloop.run(run())


def _answer(text: str) -> Answer:
    try:
        return receiver_answers.told(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--answer") from None
