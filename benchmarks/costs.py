"""What a delivery costs, in processor time and in rate, beside a bare request and beside before.

Each load is run by the daemon of this checkout, and by that of another commit where one is named
(`--before`), in turn, and beside each pair as many bare requests through httpx's seam. What a
delivery costs is all that its daemon takes of the processor, in whatever thread or process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from benchmarks import cpu, filling
from benchmarks.delivering import rows_of
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios
from benchmarks.transport import IN_FLIGHT, send_all
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

RUNS = 3
DELIVERIES = 20_000
WARM_UP = 1_000
REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Load:
    """So many *webhooks* that hear of each row, over TLS or not, and what is to be reached.

    *to_before* is the part of before's CPU that a delivery may cost, *to_bare* how many times the
    CPU of a bare request, *rate* the least part of the bare transport's rate. One that is not
    *is_compared* is measured without before.
    """

    name: str
    webhooks: int = 1
    is_tls: bool = False
    to_before: float | None = None
    to_bare: float | None = None
    rate: float | None = None
    is_compared: bool = True


PLAIN = Load("one webhook, plain HTTP", to_before=0.55, to_bare=3.0, rate=0.4)
TLS = Load("one webhook, TLS 1.3", is_tls=True, to_before=0.65)
MANY = Load("1,000 webhooks, 20 deliveries each", webhooks=1_000, to_before=0.75)
TEN_TIMES = Load("10,000 webhooks, 2 deliveries each", webhooks=10_000, is_compared=False)
LOADS = (PLAIN, TLS, MANY, TEN_TIMES)


@dataclass
class Figures:
    """What each run gave: deliveries a second, and microseconds of CPU of one."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def add(self, found: tuple[float, float]) -> None:
        """Add a run."""
        self.rates.append(found[0])
        self.costs.append(found[1])


def measure(
    before: str | None = None, loads: Sequence[Load] = LOADS, deliveries: int = DELIVERIES
) -> list[Row]:
    """Measure each load several times, in turn with *before*, a commit, if there is one."""
    with _tree(before) as tree:
        return [
            row
            for load in loads
            for row in _rows(load, tree if load.is_compared else None, before, deliveries)
        ]


def measure_quickly(before: str | None = None) -> list[Row]:
    """Measure the first loads only, with fewer deliveries."""
    return measure(before, (PLAIN, TLS), DELIVERIES // 3)


def _rows(load: Load, tree: Path | None, before: str | None, deliveries: int) -> list[Row]:
    now, then, bare = Figures(), Figures(), Figures()
    for number in range(RUNS):
        bare.add(uvloop.run(_bare(deliveries)))
        # In turn, the other one first each time: what a machine does meanwhile hits both.
        turns = [(now, None)] if tree is None else [(now, None), (then, tree)]
        for figures, one in turns if number % 2 == 0 else reversed(turns):
            figures.add(run_once(load, one, deliveries))
    figures = {
        "CPU, µs": now.costs,
        "bare, µs": bare.costs,
        "deliveries/s": now.rates,
        "bare/s": bare.rates,
    }
    rows = [
        _row(f"CPU of a delivery to a bare request, {load.name}", now.costs, bare.costs,
             load.to_bare, figures, is_most=True),
        _row(f"deliveries/s to the bare transport, {load.name}", now.rates, bare.rates, load.rate,
             {}),
    ]  # fmt: skip
    if tree is not None:
        named = {f"{before}: CPU, µs": then.costs, f"{before}: deliveries/s": then.rates}
        what = f"CPU of a delivery to that of {before}, {load.name}"
        rows.append(_row(what, now.costs, then.costs, load.to_before, named, is_most=True))
    return rows


def _row(
    what: str,
    these: list[float],
    those: list[float],
    target: float | None,
    figures: dict[str, list[float]],
    *,
    is_most: bool = False,
) -> Row:
    told = "" if target is None else f"{'at most ' if is_most else ''}{target:g}"
    return Row(what, told, ratios(these, those), target, is_most=is_most, figures=figures)


def run_once(
    load: Load, tree: Path | None, deliveries: int, environment: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Return deliveries a second of the daemon in *tree*, and microseconds of CPU of one.

    *environment* is what that daemon has beside this one's.
    """
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        folder = Path(name)
        chain, request = _certificate(folder) if load.is_tls else (None, {})
        with receiver(chain=chain) as receiving, daemon(folder, environment, tree=tree) as running:
            concurrency = IN_FLIGHT if load.webhooks == 1 else 4
            one: dict[str, Any] = hook(receiving.url(), concurrency=concurrency, request=request)
            running.configure({f"webhook-{number}": one for number in range(load.webhooks)})
            running.start()
            count = 0

            def deliver(rows: int) -> None:
                nonlocal count
                running.drop(f"{count}.ndjson", rows_of(rows, count))
                count += rows
                wanted = count * load.webhooks
                until(lambda: filling.settled(running.database) >= wanted, "all", every=0.05)

            deliver(max(WARM_UP // load.webhooks, 1))
            busy, started = cpu.seconds(running.pid), time.perf_counter()
            rows = max(deliveries // load.webhooks, 1)
            deliver(rows)
            seconds = time.perf_counter() - started
            busy = cpu.seconds(running.pid) - busy
    made = rows * load.webhooks
    return made / seconds, busy / made * 1e6


async def _bare(deliveries: int) -> tuple[float, float]:
    """Return requests a second of the bare transport, and microseconds of CPU of one."""
    with receiver() as receiving:
        async with Transport() as transport:
            await send_all(transport, receiving.port, deliveries // 10)
            busy = time.process_time()
            seconds = await send_all(transport, receiving.port, deliveries)
            busy = time.process_time() - busy
    return deliveries / seconds, busy / deliveries * 1e6


def _certificate(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return a key with its certificate, and what makes a request trust it."""
    import trustme  # noqa: PLC0415 - of the tests' dependencies

    authority, chain = trustme.CA(), folder / "receiver.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return chain, {"tls": {"ca_file": str(folder / "ca.pem")}}


@contextmanager
def _tree(commit: str | None) -> Iterator[Path | None]:
    """Check *commit* out beside this checkout, for as long as the block runs."""
    if commit is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        tree = Path(name) / "before"
        git = ("git", "-C", str(REPOSITORY))
        added = subprocess.run(
            [*git, "worktree", "add", "--quiet", "--detach", str(tree), commit],
            capture_output=True,
            text=True,
            check=False,
        )
        if added.returncode:
            sys.exit(f"--before {commit}: it cannot be checked out: {added.stderr.strip()}")
        try:
            yield tree
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)
