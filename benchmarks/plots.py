"""Curves drawn as pictures. matplotlib is wanted here only: `pip install --group bench`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import matplotlib as mpl

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.curves import Curve


def draw(curve: Curve, path: Path) -> None:
    """Draw the medians, with the spread of the runs, into *path*."""
    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the back end was chosen

    places = range(len(curve.points))
    rates = list(curve.points.values())
    medians = [statistics.median(runs) for runs in rates]
    least = [middle - min(runs) for middle, runs in zip(medians, rates, strict=True)]
    most = [max(runs) - middle for middle, runs in zip(medians, rates, strict=True)]
    figure, axes = plt.subplots(figsize=(6, 3), dpi=90)
    axes.errorbar(places, medians, yerr=(least, most), marker="o", capsize=3)
    axes.set_xticks(places, [f"{at:,}" for at in curve.points])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(curve.along)
    axes.set_ylabel("deliveries/s")
    axes.set_title(curve.title, fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
