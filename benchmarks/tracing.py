"""What traces cost: the same load with one delivery in a hundred traced, and with none, in turn."""

from __future__ import annotations

from benchmarks.costs import PLAIN, Figures, run_once
from benchmarks.processes import receiver
from benchmarks.rows import Row, ratios

RUNS = 5
DELIVERIES = 20_000
MOST = 1.03
"""What a delivery may take of the processor, to one that is not traced."""

RATIO = "0.01"


def measure() -> list[Row]:
    """Measure pairs, the other one first each time."""
    off, on = Figures(), Figures()
    with receiver() as collecting:
        traced = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collecting.url("").rstrip("/"),
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": RATIO,
        }
        for number in range(RUNS):
            turns = [(off, None), (on, traced)]
            for figures, environment in turns if number % 2 == 0 else reversed(turns):
                figures.add(run_once(PLAIN, None, DELIVERIES, environment))
    figures = {
        "CPU with traces, µs": on.costs,
        "without, µs": off.costs,
        "deliveries/s with": on.rates,
        "without": off.rates,
    }
    what = f"CPU of a delivery, {RATIO} of them traced, to one without traces"
    rates = f"deliveries/s, {RATIO} of them traced, to without traces"
    return [
        Row(what, f"at most {MOST:g}", ratios(on.costs, off.costs), MOST, True, figures=figures),
        Row(rates, "0.97", ratios(on.rates, off.rates), 2 - MOST, figures={}),
    ]
