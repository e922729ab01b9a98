"""docs/robustness.md: what was measured, with what it takes to believe it."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.robustness import nist, starts
from benchmarks.robustness.peers import PEERS
from benchmarks.tables import table

TARGET = Path(__file__).resolve().parents[2] / "docs" / "robustness.md"
SHARE = 99.5  # per cent

STRATEGY = """A fit is a descent, and a descent can end too early or in the wrong place. What the
service does about it (`fitting/search/strategy.py` reads as this list):

1. **Coordinates.** Powers of x are fitted as Chebyshev polynomials and brought back exactly,
   because their coefficients are strongly correlated (`fitting/coordinates.py`). All steps are
   taken in units of each parameter's own curvature.
2. **Scale.** Without `y_err` the cost has no scale, and Minuit's EDM is absolute: the cost is
   brought to the order of the degrees of freedom first, again whenever it has fallen far below.
3. **Descent.** A few Levenberg-Marquardt steps, then Newton's method with the exact Hessian to the
   last digits. If that does not end in a certain minimum, MIGRAD with the exact gradient comes
   before it. A step that leads uphill out of a narrow valley is looked at once more with the linear
   parameters at their best: the a of a*exp(-x/t) follows from t, far from x = 0 by many orders of
   magnitude. Easy fits end here.
4. **Valleys.** A descent that did not come to rest, or rests suspiciously, goes on by
   Levenberg-Marquardt with geodesic acceleration, whose steps are bent like the valley they follow.
5. **Starts.** If it still is suspicious, it is repeated from other starting values: linear
   parameters are solved for, terms are placed one after the other in several ways. Which of two
   terms alike is which, the starts that are given say. What is multiplied with a parameter, and
   the size of y, say how large it may be; between two limits it is sought there.
6. **Verdict.** `valid` means: gradient zero to rounding, Hessian positive definite, nothing lower
   found by what was tried. Suspicious is a minimum that describes the data badly (three sigma), at
   which parameters are correlated to 0.99999 (two terms that have merged have a valid minimum), at
   which a limit stopped a parameter that bends the model, or that the data do not determine.
7. **Digits.** Where the data hardly tell parameters apart, the Hessian is not decomposed itself but
   as 2 J'J + S, from the derivatives J of the residuals: half as many digits are lost.
8. **Errors in x.** First a fit without them. Minima are compared by the full likelihood, in which
   inflating the variance costs something; by chi-square alone the runaway solutions would win."""


def write(
    certified: Sequence[nist.Row],
    random: Sequence[starts.Row],
    problems: int,
    seed: int,
    machine: dict[str, str],
) -> str:
    """The page, which is returned for the terminal, too."""
    text = "\n\n".join(
        [
            "# Is it the minimum?",
            "Written by `make robustness`.",
            STRATEGY,
            "## NIST's nonlinear problems",
            nist_text(certified),
            nist_table(certified),
            "## Without a start",
            start_text(random, problems, seed),
            start_table(random),
            "Measured on: " + "; ".join(f"{k} {v}" for k, v in machine.items()) + ".",
        ]
    )
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text + "\n")
    return text


def nist_text(rows: Sequence[nist.Row]) -> str:
    met = sum(row.met for row in rows)
    failed = [f"{r.name} from start {r.start} ({r.status})" for r in rows if not r.met]
    others = (
        f"{name} {sum(r.values[name] >= nist.GOAL for r in rows)}, with six digits "
        f"{sum(r.values[name] >= 6 for r in rows)}"
        for name in PEERS
    )
    return (
        "The 27 problems of the [Statistical Reference Datasets][strd], from both certified "
        "starts, posted to `/fit/xy-errors` as a formula without `y_err`. Correct digits of the "
        "worst parameter (11 are certified), and of the worst standard deviation by "
        "`GET /covariance?method=gauss-newton`. Residuals of Lanczos1 are 1e-13, all rounding, "
        "so its standard deviations have three digits in double precision.\n\n"
        f"**{met} of {len(rows)}** with nine digits"
        + (f"; not: {', '.join(failed)}" if failed else "")
        + ". The others, of their values with nine digits: "
        + "; ".join(others)
        + ".\n\n[strd]: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml"
    )


def nist_table(rows: Sequence[nist.Row]) -> str:
    head = ["problem", "difficulty", "start", nist.SERVICE, "its errors", *PEERS]
    return table(
        head,
        [
            [
                *(r.name, r.difficulty, str(r.start)),
                *(f"{number:.1f}" for number in (r.values[nist.SERVICE], r.errors)),
                *(f"{r.values[name]:.1f}" for name in PEERS),
            ]
            for r in rows
        ],
    )


def start_text(rows: Sequence[starts.Row], problems: int, seed: int) -> str:
    fitted, lost = sum(r.fitted for r in rows), sum(len(r.lost) for r in rows)
    share = 100 * (1 - lost / max(fitted, 1))
    below = [r.name for r in rows if len(r.lost) > (1 - SHARE / 100) * r.fitted]
    return (
        f"{problems} random problems of each shape (seed {seed}; the search was mended on those of "
        "other seeds): parameters over many orders of magnitude and in any place, Poisson counts "
        "in 48 bins (300 to 100,000 events) or 48 points with 0.5 to 5 % noise. Left out is what "
        "the data do not resolve, or what even the fit from the truth finds undetermined. *Lost* "
        "is a fit without any start that ends higher than the fit from the truth; *unsure* one at "
        "the same minimum that is not called valid.\n\n"
        f"**{fitted - lost} of {fitted}** ({share:.2f} %) end in the same minimum or a lower one; "
        + (f"below {SHARE} %: {', '.join(below)}." if below else f"no shape is below {SHARE} %.")
    )


def start_table(rows: Sequence[starts.Row]) -> str:
    head = ["shape", "fitted", "lost", "unsure", "median ms", "longest ms"]
    return table(
        head,
        [
            [
                *(r.name, str(r.fitted), str(len(r.lost)), str(r.unsure)),
                *(f"{r.median_ms:.1f}", f"{r.longest_ms:.0f}"),
            ]
            for r in rows
        ],
    )


def start_line(row: starts.Row) -> str:
    lost = f", lost {row.lost}" if row.lost else ""
    return f"{row.name}: {row.fitted} fitted{lost}, {row.unsure} unsure, {row.median_ms:.1f} ms"
