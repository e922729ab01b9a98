"""The bar chart: one bar a contestant, as in the tutorial, on a logarithmic scale."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.measure import Measured

COLOURS = {"tutorial": "#8aa1b8", "service": "#d9622b"}


def draw(shown: Sequence[Measured], machine: dict[str, str], path: Path) -> None:
    """Medians as bars, quartiles as whiskers, factors to the fastest beside them."""
    mpl.use("Agg")
    best = min(m.median for m in shown)
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for y, measured in enumerate(shown):
        low, median, high = measured.quartiles
        axes.barh(y, median, color=COLOURS[measured.group], height=0.7)
        axes.plot([low, high], [y, y], color="black", linewidth=1)
        label = f"{median:.2f} ms   {median / best:.1f}x"
        axes.text(high * 1.06, y, label, va="center", fontsize=10)
    axes.set_yticks(range(len(shown)), [m.name for m in shown])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(best / 3, 4 * max(m.median for m in shown))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_xlabel("median execution time / ms (logarithmic); lines: quartiles")
    axes.set_title("One fit: 1000 bins, 3 parameters; the service's with exact covariance")
    finish(figure, machine, path)


def draw_load(
    found: Mapping[int, tuple[float, float, float, float]], machine: dict[str, str], path: Path
) -> None:
    """Throughput, and latency in percentiles, against the number of clients."""
    mpl.use("Agg")
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    clients = list(found)
    left.plot(clients, [row[0] for row in found.values()], "o-", color=COLOURS["service"])
    left.set_ylabel("fits a second")
    left.set_ylim(0, None)
    for column, (name, style) in enumerate((("50 %", "-"), ("95 %", "--"), ("99 %", ":")), 1):
        times = [row[column] for row in found.values()]
        right.plot(clients, times, style, color=COLOURS["service"], label=name)
    right.set_yscale("log")
    right.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    right.set_ylabel("latency / ms (logarithmic)")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes.set_xlabel("clients, each with one request at a time")
    finish(figure, machine, path)


def finish(figure: Figure, machine: dict[str, str], path: Path) -> None:
    """Without frames, with the machine; written to the file."""
    for axes in figure.axes:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    note = f"{machine['CPU']}, {machine['cores']} cores; {machine['date']}"
    last = figure.axes[-1]
    last.text(1, 0.02, note, transform=last.transAxes, ha="right", fontsize=7, color="grey")
    figure.savefig(path, dpi=130)
