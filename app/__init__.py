"""How fits are served.

A request walks `routes/fit.py` from top to bottom: bytes -> schema -> FitProblem -> worker ->
FitResult -> answer -> store -> response. Handlers never compute; `workers/` does. Packages
import each other in one direction (a test sees to it).

routes       the endpoints
http         HTTP around them
reading      bytes become schemas
schemas      the contract in code
translation  schemas become problems, results become answers
workers      processes that fit
store        what was answered, and jobs
batch, jobs  many fits in one request
operation    starting, ending, metrics
background   what goes on beside requests: warming, forgetting

service      what the routes share
settings     all of them, from the environment
errors       what can go wrong, and the answers to it
logs         a JSON object a line
deadlines    how a client gets more time
catalogue    what `GET /models` says
examples     requests that run as they are
main         all of it put together
"""

VERSION = "0.1.0"  # as in pyproject.toml
