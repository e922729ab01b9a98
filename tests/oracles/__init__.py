"""What the oracle tests ask of an answer: post a fit, and hold it against a twin's minimum.

`fit` posts and reads strictly (NaN or Infinity in the reply is a failure); `assert_agrees` compares
in units of the parameter's own error, the only scale on which "close" means something in a fit.
The twins themselves are in `reference`.
"""

import json

import numpy as np

#: A polished minimum is known to about 1e-9 errors in double precision; one that MIGRAD leaves at
#: its default EDM is off by 1e-3 to 1e-2 errors. 1e-7 tells the two apart with room on both sides.
VALUE_TOLERANCE = 1e-7
#: The exact Hessian moves in proportion to the point, so it is held to the same level, in units of
#: sqrt(C_ii C_jj). Finite differences would be off by 1e-4 and more.
COVARIANCE_TOLERANCE = 1e-7


def _refuse(constant):
    raise AssertionError(f"the reply contains {constant}")


def read(response):
    """JSON of a 200, refusing NaN and Infinity."""
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_constant=_refuse)


def fit(client, kind, body):
    """Answer of POST /fit/<kind>, `kind` being histogram or xy-errors; arrays become lists."""
    return read(client.post(f"/fit/{kind}", content=json.dumps(body, default=np.ndarray.tolist)))


def covariance(client, answer, **query):
    """Answer of GET /covariance for a fit that was made before."""
    return read(client.get("/covariance", params={"fit_id": answer["fit_id"], **query}))


def assert_matrix(block, expected, rel):
    """A covariance object of an answer against a matrix, in units of the expected errors."""
    scale = np.sqrt(np.diag(expected))
    difference = (np.array(block["matrix"]) - expected) / np.outer(scale, scale)
    assert np.max(np.abs(difference)) < rel, f"{block['matrix']} is not {expected}"


def assert_values(answer, twin, tolerance=VALUE_TOLERANCE):
    """Values within `tolerance` of a twin's error; exactly where fixed or at a limit."""
    assert list(answer["values"]) == list(twin.values)
    for name, expected in twin.values.items():
        allowed = tolerance * (twin.errors[name] or 1e-3) + 4e-16 * abs(expected)
        assert abs(answer["values"][name] - expected) <= allowed, (name, answer["values"], twin)


def assert_agrees(answer, twin, tolerance=VALUE_TOLERANCE, rel=COVARIANCE_TOLERANCE, fval=True):
    """A valid answer with the twin's values, errors, covariance and minimum."""
    assert answer["valid"] is True, (answer["status"], answer["message"])
    assert answer["status"] == "converged"
    assert_values(answer, twin, tolerance)
    for name, expected in twin.errors.items():
        if expected is None:
            assert answer["errors"][name] is None, name
        else:
            assert abs(answer["errors"][name] / expected - 1) < rel, (name, answer["errors"], twin)
    assert answer["covariance"]["parameters"] == twin.free
    assert answer["covariance"]["positive_definite"] is True
    assert_matrix(answer["covariance"], twin.covariance, rel)
    if fval:  # summed in another order: a few hundred roundings of a number near fval
        assert abs(answer["fval"] - twin.fval) < 1e-11 * abs(twin.fval) + 1e-10


def agrees_with_iminuit(answer, m):
    """The looser check, against an independent program that stops at an EDM."""
    for name in answer["covariance"]["parameters"]:
        distance = abs(answer["values"][name] - m.values[name])
        assert distance < 1e-3 * m.errors[name], name  # an EDM of 2e-7 is 5e-4 errors
        assert abs(answer["errors"][name] / m.errors[name] - 1) < 5e-3, name  # finite differences
    assert abs(answer["fval"] - m.fval) < 1e-8 * m.fval + 1e-6
