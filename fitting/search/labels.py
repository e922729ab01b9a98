"""Which of several terms alike is which: a sum is the same with two of them exchanged.

Estimates from the data come in an order of their own; the client's starting values say in which
they are meant.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable

import numpy as np

from fitting.padding import Floats
from fitting.problem import FitProblem, starts_of

Term = list[int]  # the places of what it shares with no other


def as_given(params: Floats, problem: FitProblem) -> Floats:
    """`params` (parameters,) with terms alike exchanged so as to lie nearest to the starts."""
    starts = starts_of(problem.knowledge)
    named = params.copy()
    for terms in _alike(problem):
        named[terms] = params[terms][_assigned(params[terms], starts[terms])]
    return named


def _alike(problem: FitProblem) -> list[list[Term]]:
    """Groups of equal terms of which the same is known, but for the starts of what is free."""
    uses = Counter(place for _, places in problem.model.parts for place in places)
    groups = defaultdict[Hashable, list[Term]](list)
    for part, places in problem.model.parts:
        if part.tables:  # equal to others of its size, whatever is in them
            continue
        own = [place for place in places if uses[place] == 1]
        shared = [None if uses[place] == 1 else place for place in places]
        known = [problem.knowledge[place] for place in own]
        said = [(k.limits, k.constraint, k.fixed, k.start if k.fixed else None) for k in known]
        groups[part, tuple(shared), tuple(said)].append(own)
    return [terms for terms in groups.values() if len(terms) > 1 and terms[0]]


def _assigned(params: Floats, starts: Floats) -> list[int]:
    """For each term (rows) of the starts the one of the params, which are together nearest.

    Distances are relative to those between the starts; what is not given for all says nothing.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and seldom needed

    apart = np.ptp(starts, axis=0)
    tells = apart > 0  # not NaN
    off = np.abs(params[None] - starts[:, None])[:, :, tells] / apart[tells]
    return [int(i) for i in linear_sum_assignment(off.sum(axis=2))[1]]
