"""The tables of results/tutorial.md, readable in a terminal as well."""

import statistics
from collections.abc import Sequence

from benchmarks import bare, covariance, service
from benchmarks.measure import Computed, Measured, Results
from benchmarks.tutorial import ERRORS, MINIMUM, NAMES

# what the reference numbers are good for, in standard deviations and in per cent
VALUE_DIGITS, ERROR_DIGITS = 5e-7, 1e-4


def markdown(
    fits: Results, matrices: Results, goals: Sequence[Sequence[str]], machine: dict[str, str]
) -> str:
    """All tables."""
    http = fits[service.OVER_HTTP]
    sections = [
        "# The tutorial's fit, by the tutorial and by the service",
        "Written by `make bench`. All rows of a table took turns in one run, in an order that "
        "changed from round to round; times are medians (quartiles) in milliseconds. The first "
        "run of a turn, which finds caches cold and processes asleep, is told apart.",
        "## Goals",
        table(["", "found", "goal", ""], goals),
        "## The fit",
        "1000 bins, three parameters, from (1.5 Σn, 1, 2). *Off* is the distance to the exact "
        "minimum in standard deviations, and of the errors to the exact ones in per cent; the "
        "worst of the three parameters. The tutorial times a second fit, whose seed is the "
        "covariance of the first and costs calls; *fresh* rows forget it, as a first fit.",
        table(
            ["", "ms", "", "first of a turn", "runs", "values off", "errors off", "spent"],
            [timing(m, fastest(fits)) + accuracy(m.computed) for m in fits.values()],
        ),
        "What was computed:",
        table(
            ["", *NAMES, *(f"σ({name})" for name in NAMES)],
            [computed(m) for m in fits.values() if m.computed.values],
        ),
        "## The time around the fit",
        "Medians over the requests of `POST /fit/histogram` "
        f"({http.median:.2f} ms), each as its own `Server-Timing` tells it.",
        table(
            ["", "ms"],
            [
                [what, f"{ms:.3f}"]
                for what, ms in service.breakdown(
                    http, fits[service.NOTHING_FREE], fits[service.FLOOR], fits[bare.NAME]
                ).items()
            ],
        ),
        "## The covariance matrix",
        "At mu = 0.1, away from the minimum. *Printed* is the tutorial's own figure, from its "
        "machine.",
        table(
            ["", "ms", "printed", "runs", *(f"σ({name})" for name in NAMES), ""],
            [matrix_row(m) for m in matrices.values()],
        ),
        f"Of `GET /covariance`, the evaluation itself took "
        f"{matrices[covariance.OVER_HTTP].part('covariance'):.3f} ms.",
        "## The machine",
        table(["", ""], [[name, value] for name, value in machine.items()]),
    ]
    return "\n\n".join(sections) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up in a terminal as well."""
    widths = [max(3, *(len(row[i]) for row in [head, *rows])) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def fastest(results: Results) -> float:
    """The shortest median among those that fitted."""
    return min(m.median for m in results.values() if m.group != "floor")


def timing(measured: Measured, best: float) -> list[str]:
    low, median, high = measured.quartiles
    relative = "" if measured.group == "floor" else f"{median / best:.1f}x"
    spread = f"{median:.2f} ({low:.2f} to {high:.2f})"
    first = f"{statistics.median(measured.first):.2f}"
    return [measured.name, spread, relative, first, str(len(measured.times))]


def accuracy(found: Computed) -> list[str]:
    """How far values and errors are from the exact ones, and what it took."""
    if not found.values:
        return ["", "", found.notes]
    values = max(abs(found.values[k] - MINIMUM[k]) / ERRORS[k] for k in NAMES)
    errors = max(100 * abs((found.errors[k] or 0.0) / ERRORS[k] - 1) for k in NAMES)
    return [
        f"< {VALUE_DIGITS:g} σ" if values < VALUE_DIGITS else f"{values:.0e} σ",
        f"< {ERROR_DIGITS:g} %" if errors < ERROR_DIGITS else f"{errors:.2g} %",
        found.notes,
    ]


def computed(measured: Measured) -> list[str]:
    values, errors = measured.computed.values, measured.computed.errors
    return [
        measured.name,
        *(f"{values[name]:.9g}" for name in NAMES),
        *(f"{errors[name]:.6g}" for name in NAMES),
    ]


def matrix_row(measured: Measured) -> list[str]:
    low, median, high = measured.quartiles
    printed = covariance.PRINTED.get(measured.name)
    return [
        measured.name,
        f"{median:.3g} ({low:.3g} to {high:.3g})",
        "" if printed is None else f"{printed:g}",
        str(len(measured.times)),
        *(f"{measured.computed.errors[name]:.9g}" for name in NAMES),
        measured.computed.notes,
    ]
