"""Random fits of each shape: a truth drawn over a wide range, and realistic noise.

Parameters come from the shape's twin, over many orders of magnitude and in any place. Data that do
not resolve the truth (a peak between two points, more periods than points) are left out, and so is
what even the fit from the truth cannot determine.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from fitting.data import Data, Histogram, Points
from fitting.problem import FitProblem, Knowledge
from models.model import Density, Model
from tests.models.twins import SCIPY_TWINS

SIZE = 48  # bins or points
FINE = 20
RESOLVED = 0.5  # of the range of y: error of a line through neighbouring data
FEWEST_EVENTS = 100


@dataclass(frozen=True, eq=False)
class RandomProblem:
    """Data made from a truth."""

    model: Model
    truth: tuple[float, ...]
    data: Data

    def from_truth(self) -> FitProblem:
        """Started at the truth."""
        return self._problem([Knowledge(start=value) for value in self.truth])

    def from_nothing(self) -> FitProblem:
        """Without any start."""
        return self._problem([Knowledge() for _ in self.truth])

    def _problem(self, knowledge: list[Knowledge]) -> FitProblem:
        rows = zip(self.model.declare(), self.truth, knowledge, strict=True)
        fixed = tuple(
            known if parameter.end is None else Knowledge(start=value, fixed=True)
            for parameter, value, known in rows
        )
        return FitProblem(self.model, self.data, fixed)


def draw(name: str, rng: np.random.Generator) -> RandomProblem | None:
    """A problem of this shape; None where these data would not resolve it."""
    twin = SCIPY_TWINS[name]
    model = twin.models[rng.integers(len(twin.models))]
    truth = [float(value) for value in twin.draw(rng, model)]
    low, high = span(twin, model, truth, rng)
    if not low < high:
        return None
    if isinstance(model, Density):
        truth[0] = 10 ** rng.uniform(2.5, 5)
        return histogram(model, truth, np.linspace(low, high, SIZE + 1), rng)
    return points(model, truth, np.sort(rng.uniform(low, high, SIZE)), rng)


def span(twin, model, truth, rng):
    """From 2 to 6 lengths on both sides, within the shape's domain."""
    ends = {p.end: v for p, v in zip(model.declare(), truth, strict=True) if p.end}
    if ends:
        return ends["low"], ends["high"]
    origin, length = twin.frame(*truth)
    least, most = twin.domain
    return (
        origin + length * max(least, -rng.uniform(2, 6)),
        origin + length * min(most, rng.uniform(2, 6)),
    )


def histogram(model, truth, edges, rng):
    expected = np.asarray(model.integral(jnp.asarray(edges), *truth))
    if not (np.isfinite(expected).all() and (expected >= 0).all()):
        return None
    if not expected.sum() > FEWEST_EVENTS or not is_resolved(model, truth, edges):
        return None
    counts = rng.poisson(expected).astype(float)
    return RandomProblem(model, tuple(truth), Histogram(edges, counts))


def points(model, truth, x, rng):
    y = np.asarray(model.value(jnp.asarray(x), *truth))
    if not np.isfinite(y).all() or np.ptp(y) == 0 or not is_resolved(model, truth, x):
        return None
    error = np.ptp(y) * rng.uniform(0.005, 0.05)
    noisy = y + error * rng.normal(size=SIZE)
    return RandomProblem(
        model, tuple(truth), Points(x, noisy, np.zeros(SIZE), np.full(SIZE, error))
    )


def is_resolved(model, truth, x):
    """Whether straight lines from one datum to the next follow the shape."""
    fine = np.interp(np.linspace(0, len(x) - 1, FINE * len(x)), np.arange(len(x)), x)
    exact = np.asarray(model.value(jnp.asarray(fine), *truth))
    coarse = np.interp(fine, x, np.asarray(model.value(jnp.asarray(x), *truth)))
    return bool(np.max(np.abs(exact - coarse)) < RESOLVED * np.ptp(exact))
