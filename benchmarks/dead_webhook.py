"""A webhook whose receiver never answers, beside a healthy one: what it takes from its rate."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.filling import fill, make_lanes
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios

DELIVERIES = 15_000
RUNS = 3
DUE_IN = 3.0


def measure() -> list[Row]:
    """Measure the healthy one alone and beside the dead one in turn, several times."""
    alone, beside, attempts = [], [], []
    for _ in range(RUNS):
        rate, _ = _rate(with_dead=False)
        alone.append(rate)
        rate, dead = _rate(with_dead=True)
        beside.append(rate)
        attempts.append(dead)
    return [
        Row(
            "a dead webhook beside a healthy one: what the healthy one keeps of its rate",
            "90 %",
            [100 * ratio for ratio in ratios(beside, alone)],
            90,
            unit=" %",
            digits=0,
            figures={"alone/s": alone, "beside/s": beside, "dead attempts": attempts},
        )
    ]


def _rate(*, with_dead: bool) -> tuple[float, float]:
    """Return the healthy webhook's rate, and how many attempts the dead one made."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name)) as running,
    ):
        dead = hook(receiving.url("silent"), delivery={"timeout": "1s"})
        webhooks = {"healthy": hook(receiving.url("healthy"))}
        running.configure(webhooks | ({"dead": dead} if with_dead else {}))
        make_lanes(running)
        for webhook in ("healthy", "dead") if with_dead else ("healthy",):
            fill(running.database, webhook, DELIVERIES, due_in=DUE_IN)
        running.start()
        until(lambda: _healthy_done(running.metrics()), "all delivered", every=0.2)
        running.stop()
        receiving.stop()
    times = [arrival.at for arrival in receiving.arrivals if arrival.path == "/healthy"]
    return len(times) / (times[-1] - times[0]), len(receiving.arrivals) - len(times)


def _healthy_done(metrics: dict[str, float]) -> bool:
    name = 'webhookd_attempts_total{outcome="delivered",reason="2xx",webhook="healthy"}'
    return metrics.get(name, 0) >= DELIVERIES
