"""What a log line costs: by itself, and in deliveries a second of the whole daemon.

By itself: `delivery.attempted` as JSON into a file, so many times in a loop, with a configuration
of one secret and of a thousand, against the same call where successes are not logged. In the
whole: what `benchmarks.delivering` measures end to end, in turn with every delivered attempt
logged to a file and with `WEBHOOKD_LOG_SUCCESSES=none`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

from benchmarks.delivering import end_to_end
from tests.making import a_delivery, a_settlement
from webhookd import telemetry
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.telemetry import log_lines, logs, metric_counts
from webhookd.telemetry.events import DeliveryAttempted
from webhookd.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 20_000
RUNS = 5
PAIRS = 3


def main() -> None:
    """Measure both, and print them."""
    print(f"µs a line, {LINES:,} lines, median of {RUNS}")
    for count in (1, 1_000):
        secrets = [Secret(f"a-secret-of-some-length-{number:06}") for number in range(count)]
        logged, not_logged = _line(Redactor(secrets).text)
        print(f"{count:>5} secrets: {logged:>6.1f} logged, {not_logged:>6.1f} not logged")
    pairs = [(end_to_end({"WEBHOOKD_LOG_SUCCESSES": "none"}), end_to_end({})) for _ in range(PAIRS)]
    for name, rates in zip(("none", "all"), zip(*pairs, strict=True), strict=True):
        print(f"LOG_SUCCESSES={name:<5}{statistics.median(rates):>8,.0f} deliveries/s")
    ratios = [logged / not_logged for not_logged, logged in pairs]
    print(f"all / none: {statistics.median(ratios):.2f} (median of {PAIRS} pairs)")


def _line(redact: Callable[[str], str]) -> tuple[float, float]:
    """Return the µs of an attempt that is logged, and of one that is not."""
    settlements = [a_settlement(a_delivery(record_id=str(number))) for number in range(LINES)]
    logged, not_logged = [], []
    with tempfile.TemporaryFile("w") as file, redirect_stderr(file):
        logs.configure("json", "INFO")
        logs.redact_with(redact)
        telemetry.use_reporter(Reporter(metric_counts.count, log_lines.write))
        for _ in range(RUNS):
            for one_in, found in ((1, logged), (0, not_logged)):
                logs.sample_successes(one_in)
                started = time.perf_counter()
                for settlement in settlements:
                    telemetry.report(DeliveryAttempted(settlement))
                found.append((time.perf_counter() - started) / LINES * 1e6)
    return statistics.median(logged), statistics.median(not_logged)


if __name__ == "__main__":
    main()
