"""NIST Statistical Reference Datasets, nonlinear regression: 27 problems, two starts each.

Source: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml; the files in `tests/data/nist` are
NIST's own, certified to 11 digits. Certified standard deviations are those of Gauss and Newton,
`s * sqrt(diag(inv(J'J)))`, with s^2 the residual sum of squares over the degrees of freedom.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "nist"

#: The models as their files give them, b1 first.
FORMULAS = {
    "Bennett5": "b1*(b2 + x)**(-1/b3)",
    "BoxBOD": "b1*(1 - exp(-b2*x))",
    "Chwirut1": "exp(-b1*x)/(b2 + b3*x)",
    "Chwirut2": "exp(-b1*x)/(b2 + b3*x)",
    "DanWood": "b1*x**b2",
    "ENSO": "b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4)"
    " + b6*sin(2*pi*x/b4) + b8*cos(2*pi*x/b7) + b9*sin(2*pi*x/b7)",
    "Eckerle4": "(b1/b2)*exp(-0.5*((x - b3)/b2)**2)",
    "Gauss1": "b1*exp(-b2*x) + b3*exp(-(x - b4)**2/b5**2) + b6*exp(-(x - b7)**2/b8**2)",
    "Gauss2": "b1*exp(-b2*x) + b3*exp(-(x - b4)**2/b5**2) + b6*exp(-(x - b7)**2/b8**2)",
    "Gauss3": "b1*exp(-b2*x) + b3*exp(-(x - b4)**2/b5**2) + b6*exp(-(x - b7)**2/b8**2)",
    "Hahn1": "(b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3)",
    "Kirby2": "(b1 + b2*x + b3*x**2)/(1 + b4*x + b5*x**2)",
    "Lanczos1": "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
    "Lanczos2": "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
    "Lanczos3": "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
    "MGH09": "b1*(x**2 + b2*x)/(x**2 + b3*x + b4)",
    "MGH10": "b1*exp(b2/(x + b3))",
    "MGH17": "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
    "Misra1a": "b1*(1 - exp(-b2*x))",
    "Misra1b": "b1*(1 - (1 + b2*x/2)**(-2))",
    "Misra1c": "b1*(1 - (1 + 2*b2*x)**(-0.5))",
    "Misra1d": "b1*b2*x/(1 + b2*x)",
    "Nelson": "b1 - b2*x1*exp(-b3*x2)",
    "Rat42": "b1/(1 + exp(b2 - b3*x))",
    "Rat43": "b1/(1 + exp(b2 - b3*x))**(1/b4)",
    "Roszman1": "b1 - b2*x - atan(b3/(x - b4))/pi",
    "Thurber": "(b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3)",
}


@dataclass(frozen=True, eq=False)
class Problem:
    """One data set; `x` is an array, or of Nelson's two predictors a mapping of arrays."""

    name: str
    difficulty: str
    formula: str
    x: np.ndarray | dict[str, np.ndarray]
    y: np.ndarray
    starts: tuple[np.ndarray, np.ndarray]
    values: np.ndarray
    errors: np.ndarray
    squares: float

    @property
    def names(self) -> list[str]:
        return [f"b{i + 1}" for i in range(len(self.values))]

    def body(self, start: int | None) -> dict[str, object]:
        """The request: from start 1, start 2, or without a start."""
        given = {} if start is None else dict(zip(self.names, self.starts[start - 1], strict=True))
        return {
            "x": self.x,
            "y": self.y,
            "model": {"formula": self.formula, "parameters": self.names},
            "parameters": given,
        }


@cache
def problem(name: str) -> Problem:
    """Read from its file."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    table = [line for line in lines if re.match(r"\s*b\d+ =", line)]
    rows = np.array([line.partition("=")[2].split() for line in table], dtype=float)
    (squares,) = (line for line in lines if line.startswith("Residual Sum of Squares"))
    (level,) = (line for line in lines if "Level of Difficulty" in line)
    heads = [i for i, line in enumerate(lines) if re.match(r"Data:\s+y\s+x", line)]
    columns = np.array([line.split() for line in lines[heads[0] + 1 :] if line.split()], float).T
    y, *x = columns
    nelson = name == "Nelson"
    return Problem(
        name=name,
        difficulty=level.split()[0].lower(),
        formula=FORMULAS[name],
        x={"x1": x[0], "x2": x[1]} if nelson else x[0],
        y=np.log(y) if nelson else y,  # NIST's model is of log(y)
        starts=(rows[:, 0], rows[:, 1]),
        values=rows[:, 2],
        errors=rows[:, 3],
        squares=float(squares.partition(":")[2]),
    )


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    """Correct digits of the worst, the log relative error, at most 11: so many are certified."""
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = np.max(np.abs(np.asarray(found, float) - certified) / np.abs(certified))
    return (
        float(np.clip(-np.log10(worst), 0, 11))
        if np.isfinite(worst) and worst
        else 11.0 * (worst == 0)
    )
