"""How fits are served: schemas, routes, workers, store, settings, errors.

A request walks `routes/fit.py` from top to bottom: bytes -> schema -> FitProblem -> worker ->
FitResult -> answer -> store -> response. Handlers never compute; `workers/` does.
"""

VERSION = "0.1.0"  # as in pyproject.toml
