"""`webhookd demo`: the main job in a temporary folder, with the real daemon.

Four receivers on loopback (one fails first), the daemon as a process of its own, two snapshots
dropped into its directory, and a CRM that it polls. On a terminal it serves the web console, too,
and goes on until Ctrl-C, for ten minutes at the most.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop
from rich.text import Text

from webhookd import clock
from webhookd.cli import delivery_text, demo_console
from webhookd.cli.demo_crm import DemoCrm
from webhookd.cli.demo_texts import COLUMNS, CONFIG, FIRST, NEXT, SECOND, YOURS
from webhookd.cli.receiver import GOOD, Answering, Receipt, application, plain, receiving
from webhookd.cli.receiver_output import verdict
from webhookd.cli.receiver_secrets import Known
from webhookd.cli.terminal import console
from webhookd.cli.until_stopped import until_told_to_stop
from webhookd.errors import WebhookdError, printable
from webhookd.model import DeliveryFilter, DeliveryState, Secret
from webhookd.operations.deliveries import delivery_views
from webhookd.rules.redaction import Redactor
from webhookd.rules.verification import Verified
from webhookd.storage.database.database import open_for_reading
from webhookd.storage.deliveries import query
from webhookd.telemetry import console_lines
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from webhookd.cli.receiver import Answer, Arrival
    from webhookd.storage.deliveries.query import ListedDelivery

LONGEST_MINUTES = 10
STEP_SECONDS = 30.0
STATE = ".webhookd"


class DemoError(WebhookdError):
    """The demo's daemon did not do what it should."""


def demo(
    with_console: Annotated[
        bool, typer.Option("--console", help="Serve the web console, as on a terminal.")
    ] = False,
) -> None:
    """Show the main job at work, in a temporary folder.

    It starts receivers and the daemon, and drops records in.
    """
    uvloop.run(_show(with_console=with_console))


async def _show(*, with_console: bool) -> None:
    """Run the demo until it is over or Ctrl-C."""
    story = asyncio.create_task(_tell(with_console=with_console))
    stop = asyncio.create_task(until_told_to_stop())
    await asyncio.wait((story, stop), return_when=asyncio.FIRST_COMPLETED)
    for task in (story, stop):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await story
    with suppress(asyncio.CancelledError):
        await stop
    _say("the daemon has stopped; its folder is removed")
    console.print(NEXT.format(command=_command()), highlight=False)


async def _tell(*, with_console: bool) -> None:
    client, partner = secrets.token_hex(16), f"whsec_{_key()}"
    receipts: list[Receipt] = []
    # Somebody looks at it, and may look at the pages as well.
    is_watched = with_console or console.is_terminal

    def received(receipt: Receipt) -> None:
        receipts.append(receipt)
        console.print(_line(receipt, known))

    failing = Answering(503, times=1)
    signing = (Secret(client), Secret(partner))
    known = Known(signing, Redactor(signing))

    async def answer(arrival: Arrival) -> Answer:
        return plain(failing.status() if arrival.path == "/billing" else 200)

    app = application(secrets=signing, answer=answer, received=received)
    with tempfile.TemporaryDirectory(prefix="webhookd-demo-") as name:
        folder = Path(name)
        crm = DemoCrm(token := secrets.token_hex(16))
        async with receiving(app, 0) as port, receiving(crm, 0) as crm_port:
            (folder / "config.yaml").write_text(CONFIG.format(port=port, crm_port=crm_port))
            environment = {
                "DEMO_CLIENT_SECRET": client,
                "DEMO_PARTNER_SECRET": partner,
                "DEMO_CRM_TOKEN": token,
            }
            _say(f"receivers listen on http://127.0.0.1:{port}; the daemon's folder is {folder}")
            console.print(Text(COLUMNS, "dim"))
            daemon = _Daemon(folder, environment)
            console_process: asyncio.subprocess.Process | None = None
            try:
                await daemon.start()
                if is_watched:
                    console_process = await demo_console.start(folder / STATE)
                await _play(folder, crm, receipts)
                if is_watched:
                    await _go_on(folder)
            finally:
                if console_process is not None:
                    await demo_console.end(console_process)
                await daemon.stop()


async def _play(folder: Path, crm: DemoCrm, receipts: list[Receipt]) -> None:
    _say("contacts-1.csv is dropped, a list of all contacts: one of three is a customer")
    _drop(folder, "contacts-1.csv", FIRST)
    await _until(lambda: len(receipts) >= 5)  # noqa: PLR2004 - three mirrored, one told twice
    _say("contacts-2.csv is dropped: Ada is a customer with another score, Edsger has vanished")
    _drop(folder, "contacts-2.csv", SECOND)
    await _until(lambda: len(receipts) >= 9)  # noqa: PLR2004 - two mirrored, Ada told twice
    _say("a deal is made in the CRM, which is asked for changes twice a second; then it grows")
    crm.save("7", dealname="Analytical engine", amount="1700")
    await _until(lambda: len(receipts) >= 10)  # noqa: PLR2004 - one more
    crm.save("7", amount="2500.50")
    await _until(lambda: len(receipts) >= 11)  # noqa: PLR2004 - and one more
    await _settled(folder)


async def _go_on(folder: Path) -> None:
    """Leave the folder, and the console, to those who watch."""
    _say(f"the daemon goes on for {LONGEST_MINUTES} minutes; Ctrl-C ends the demo")
    console.print(YOURS.format(folder=folder, command=_command()), highlight=False)
    await asyncio.sleep(LONGEST_MINUTES * 60)


class _Daemon:
    """The real daemon, as a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("WEBHOOKD_")
        }
        # A session of its own: Ctrl-C reaches the demo, which then stops the daemon in order.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "webhookd", "run", "--log-format", "json"),
            *("--config", str(self._folder / "config.yaml")),
            # Where commands that are called in the folder look for a daemon.
            *("--state-directory", str(self._folder / STATE)),
            *("--admin-address", f"unix:{self._folder / STATE / 'admin.sock'}"),
            env=inherited | self._environment,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        lines = self._lines()
        async for event in lines:
            if event.get("event") == "daemon.ready":
                break
        else:
            raise DemoError("the daemon did not start")
        self._reading = asyncio.create_task(self._report(lines))

    async def stop(self) -> None:
        """Stop it as systemd would and wait for its end."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        if self._reading is not None:
            await self._reading
        await self._process.wait()

    async def _lines(self) -> AsyncIterator[dict[str, object]]:
        if self._process.stderr is None:
            raise DemoError("the daemon has no log")
        async for line in self._process.stderr:
            try:
                yield json.loads(line)
            except ValueError:
                console.print(Text(printable(line.decode(errors="replace").rstrip("\n")), "red"))

    async def _report(self, lines: AsyncIterator[dict[str, object]]) -> None:
        async for event in lines:
            if event.get("level") in ("warning", "error", "critical"):
                width = console.width if console.is_terminal else None
                for line in console_lines.lines(dict(event), width):
                    console.print(Text(line, "yellow"))


def _drop(folder: Path, name: str, content: str) -> None:
    """Drop a file as every producer should: written aside, then renamed."""
    written = folder / "crm" / "tmp" / name
    written.write_text(content)
    written.rename(folder / "crm" / "new" / name)


async def _until(has_come: Callable[[], bool]) -> None:
    end = clock.monotonic() + STEP_SECONDS
    while not has_come():
        if clock.monotonic() > end:
            raise DemoError("it takes longer than it should; the demo gives up")
        await asyncio.sleep(0.05)


async def _settled(folder: Path) -> None:
    """Wait until every delivery is settled, and show them all."""
    database = open_for_reading(f"sqlite:///{folder / STATE / 'webhookd.db'}")

    def found() -> list[ListedDelivery]:
        everything = DeliveryFilter()
        return list(query.deliveries(database, everything, limit=50, now=clock.now()))

    try:
        await _until(lambda: all(one.state is DeliveryState.DELIVERED for one in found()))
        _say("webhookd deliveries list:")
        listed = [json.loads(written(delivery_views.listed_delivery(one))) for one in found()]
        delivery_text.print_list(listed, clock.now())
    finally:
        database.close()


def _line(receipt: Receipt, known: Known) -> Text:
    arrival, status = receipt.arrival, receipt.answer.status
    headers = dict(arrival.headers)
    line = Text(f"{arrival.at:%H:%M:%S} {arrival.method:<4} {arrival.path:<10} ")
    line.append(f"{status} ", "green" if status in GOOD else "yellow")
    line.append(f"{_record_of(arrival):<21} ")
    line.append(f"…{headers.get('webhook-id', '')[-6:]} ", "dim")
    match arrival.verification:
        case Verified(scheme=scheme):
            return line.append(scheme.value, "green")
        case other:
            return line.append_text(verdict(other, known, arrival))


def _record_of(arrival: Arrival) -> str:
    if not arrival.body:
        return printable(arrival.url.partition("?")[2].split("&")[1])
    body = json.loads(arrival.body)
    if "eventType" in body:
        return printable(f"{body['eventType']} {body['objectId']}")
    return printable(str(body.get("email", "")))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def _command() -> str:
    """Return what this command is called by: its name, or its path where the shell knows none."""
    own = Path(sys.executable).with_name("webhookd")
    found = shutil.which("webhookd")
    return "webhookd" if found and Path(found).resolve() == own.resolve() else str(own)


def _say(text: str) -> None:
    console.print(Text(f"\n{text}", "bold"))
