"""What the console costs beside its pages: drafts, and deliveries while many look.

    python -m benchmarks.console_load [--runs COUNT]

A draft is looked at thirty times beside a daemon with 1,000 webhooks in force and 5,000 changes of
the object in its journal: at most 250 ms. Then deliveries end to end, with nobody at the console
and with ten viewers in turn: five whose overview follows the daemon every five seconds, and five
at Live; at least 95 % of the rate with none. The daemon's CPU a delivery is told beside the rate,
which is what a busy machine leaves comparable. Between the two, the memory over a day of Live
(`console_day`).
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import console_day, cpu
from benchmarks.delivering import drop_and_wait
from benchmarks.processes import daemon, hook, receiver, until
from tests.console.stage import ConsoleProcess
from tests.daemon import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from benchmarks.processes import DaemonProcess

WEBHOOKS: Final = 1_000
CHANGES: Final = 5_000
KEPT: Final = 1_000
ASKED: Final = 30
DELIVERIES: Final = 20_000
RUNS: Final = 3
FOLLOWING, LIVE = 5, 5
EVERY: Final = 5.0
NEVER: Final = {"property": "email", "operator": "EQ", "value": "nobody"}
JSON: Final = {"sec-fetch-site": "same-origin"}


def main() -> None:
    """Measure all three, and print what came of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        print(_drafts(Path(name)))
    for line in console_day.day():
        print(line)
    rates: dict[int, list[float]] = {0: [], FOLLOWING + LIVE: []}
    spent: dict[int, list[float]] = {0: [], FOLLOWING + LIVE: []}
    for _ in range(runs):
        for viewers in (0, FOLLOWING + LIVE):
            rate, microseconds = _delivered(viewers)
            rates[viewers].append(rate)
            spent[viewers].append(microseconds)
    ratio = [one / other for one, other in zip(rates[FOLLOWING + LIVE], rates[0], strict=True)]
    print(
        f"deliveries a second with ten viewers, to none: {statistics.median(ratio):.2f}"
        f" (at least 0.95), each run {', '.join(f'{one:.2f}' for one in ratio)};"
        f" {_middle(rates[0]):,.0f} and {_middle(rates[FOLLOWING + LIVE]):,.0f} a second;"
        f" CPU of the daemon a delivery {_middle(spent[0]):.0f} and"
        f" {_middle(spent[FOLLOWING + LIVE]):.0f} µs"
    )


def _drafts(folder: Path) -> str:
    """Return how long it takes to look at a draft."""
    with daemon(folder) as running:
        never = hook("http://127.0.0.1:1/x", trigger={"when": [NEVER]})
        running.configure({f"webhook-{number:04}": never for number in range(WEBHOOKS)})
        running.start()
        text = "".join(
            f'{{"id": {number}, "email": "p{number}@example.com", "amount": {number}}}\n'
            for number in range(KEPT)
        )
        running.drop("1.ndjson", text)
        until(lambda: _journal(running) >= KEPT, "changes")
        running.stop()
        _journal(running, copies=CHANGES // KEPT - 1)
        running.start()
        with _console(running, folder) as (console, client):
            until(
                lambda: f"of the last {CHANGES:,} changes" in _looked(client, ""),
                "all changes",
                every=1,
            )
            processes = console.process.pid, running.pid
            before = list(map(cpu.seconds, processes))
            took = []
            for number in range(ASKED):
                begun = time.perf_counter()
                text = _looked(client, str(number))
                took.append((time.perf_counter() - begun) * 1000)
            spent = [
                (cpu.seconds(one) - first) * 1000 / ASKED
                for one, first in zip(processes, before, strict=True)
            ]
    assert f"of the last {CHANGES:,} changes" in text  # noqa: S101 - a benchmark's own check
    return (
        f"a draft, {CHANGES:,} changes and {WEBHOOKS:,} webhooks in force:"
        f" {statistics.quantiles(took, n=20)[-1]:.0f} ms at the 95th percentile (at most 250),"
        f" {_middle(took):.0f} in the middle; CPU of the console {spent[0]:.0f} ms, of the daemon"
        f" {spent[1]:.0f} ms"
    )


def _journal(running: DaemonProcess, copies: int = 0) -> int:
    """Return how many changes the journal has, with so many *copies* of them more.

    It keeps no more than a thousand of a minute.
    """
    with closing(sqlite3.connect(running.database)) as connection:
        told = connection.execute("SELECT name FROM pragma_table_info('changes')")
        columns = ", ".join(name for (name,) in told if name != "number")
        everything = connection.execute(f"SELECT {columns} FROM changes").fetchall()  # noqa: S608 - constant
        marks = ", ".join("?" * (columns.count(",") + 1))
        for _ in range(copies):
            insert = f"INSERT INTO changes ({columns}) VALUES ({marks})"  # noqa: S608 - constant
            connection.executemany(insert, everything)
        connection.commit()
        return len(everything)


def _looked(client: httpx.Client, description: str) -> str:
    """Return what Compose says of a draft, as its page asks at each pause."""
    token = client.headers["x-form-token"]
    fields = {
        "form_token": token,
        "name": "draft",
        "records": "export contacts",
        "method": "POST",
        "changes": ["created", "updated"],
        "url": "https://receiver.example/hook",
        "when_property": "amount",
        "when_operator": "GT",
        "when_text": "100",
        "description": description,
    }
    answer = client.post("/compose?fragment=1", data=fields, headers=JSON)
    answer.raise_for_status()
    return re.sub(r"<[^>]*>", "", answer.text)


def _delivered(viewers: int) -> tuple[float, float]:
    """Return deliveries a second, and the daemon's CPU for each in µs, while so many look."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webhookd-bench-")))
        receiving = stack.enter_context(receiver())
        running = stack.enter_context(daemon(folder))
        running.configure({"mirror": hook(receiving.url())})
        running.start()
        if viewers:
            _, client = stack.enter_context(_console(running, folder))
            stack.enter_context(_watched(client))
        drop_and_wait(running, DELIVERIES // 10)
        before = cpu.seconds(running.pid)
        seconds = drop_and_wait(running, DELIVERIES, first=DELIVERIES)
        spent = (cpu.seconds(running.pid) - before) / DELIVERIES * 1e6
        return DELIVERIES / seconds, spent


@contextmanager
def _watched(client: httpx.Client) -> Iterator[None]:
    """Have ten viewers look while the block runs."""
    over = threading.Event()

    def follow(number: int) -> None:
        over.wait(number * EVERY / FOLLOWING)
        while not over.is_set():
            client.get("/?fragment=1")
            over.wait(EVERY)

    def watch(_: int) -> None:
        with client.stream("GET", "/events", timeout=None) as stream:
            for _ in stream.iter_lines():
                if over.is_set():
                    return

    wanted = [*((follow, n) for n in range(FOLLOWING)), *((watch, n) for n in range(LIVE))]
    threads = [threading.Thread(target=look, args=(n,), daemon=True) for look, n in wanted]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def _console(running: DaemonProcess, folder: Path) -> Iterator[tuple[ConsoleProcess, httpx.Client]]:
    """Give a console of the daemon and a client that came in."""
    (socket,) = folder.rglob("admin.sock")
    assert running.pid  # noqa: S101 - it has been started
    console = ConsoleProcess(folder, f"unix:{socket}", command_line=INTERPRETER)
    try:
        with console.viewer() as client:
            page = client.get("/").text
            (token,) = re.findall(r'form_token" value="([^"]*)', page)[:1]
            client.headers["x-form-token"] = token
            yield console, client
    finally:
        console.stop()


def _middle(values: list[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
