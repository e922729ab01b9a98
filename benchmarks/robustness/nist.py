"""NIST's 27 nonlinear problems from both starts, by the service over HTTP and by its peers."""

from dataclasses import dataclass

import httpx
import numpy as np

from benchmarks.robustness.peers import PEERS, found_by
from tests.oracles import covariance, fit
from tests.oracles.nist_nonlinear import FORMULAS, Problem, digits, problem

SERVICE = "fit-service"
GOAL = 9.0
#: The sum of Lanczos1's squares, 1.4e-25, has three digits in double precision.
ERROR_GOALS = {"Lanczos1": 2.5}


@dataclass(frozen=True)
class Row:
    """One problem from one start: digits of the worst parameter, by each contestant."""

    name: str
    difficulty: str
    start: int
    values: dict[str, float]
    errors: float
    status: str

    @property
    def met(self) -> bool:
        """Nine digits in every parameter and in every standard deviation, and said to be valid."""
        wanted = ERROR_GOALS.get(self.name, GOAL)
        return self.status == "converged" and self.values[SERVICE] >= GOAL and self.errors >= wanted


def rows(client: httpx.Client) -> list[Row]:
    """All of them, the easy ones first."""
    order = ["lower", "average", "higher"]
    problems = sorted(map(problem, FORMULAS), key=lambda p: order.index(p.difficulty))
    return [row(client, p, start) for p in problems for start in (1, 2)]


def row(client: httpx.Client, asked: Problem, start: int) -> Row:
    """Everyone on one problem from one start."""
    answer = fit(client, "xy-errors", asked.body(start))
    values = [answer["values"][n] for n in asked.names]
    found = {SERVICE: digits(np.array(values, float), asked.values)}
    deviations = 0.0
    if answer["valid"]:
        errors = covariance(client, answer, method="gauss-newton")["errors"]
        deviations = digits(np.array([errors[n] for n in asked.names], float), asked.errors)
    for name, peer in PEERS.items():
        found[name] = digits(found_by(peer, asked, asked.starts[start - 1]), asked.values)
    return Row(asked.name, asked.difficulty, start, found, deviations, answer["status"])
