"""What `GET /models` says of each shape, and an example request that recovers it."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from app.schemas.answers import ShapeAnswer, ShapeParameter
from app.schemas.models import SPECS
from fitting.kernels.compiling import hastily
from fitting.padding import Floats
from models.model import Model
from models.registry import SHAPES

BINS = 50


def catalogue() -> dict[str, ShapeAnswer]:
    """All of them, by name; evaluating every shape takes seconds (`operation.prepared`)."""
    return {name: entry(name) for name in SHAPES}


def entry(name: str) -> ShapeAnswer:
    """Everything about one shape; its formula, limits and options stand in its class."""
    shape = SHAPES[name]()
    schema = SPECS[name].model_json_schema()
    options = {k: v for k, v in schema["properties"].items() if k != "name"}
    return ShapeAnswer(
        name=name,
        description=(type(shape).__doc__ or "").splitlines()[0],
        formula=shape.formula,
        reference=shape.reference,
        parameters=[
            ShapeParameter(
                name=p.name,
                limits={
                    "histogram": p.limits(counting=True),
                    "xy-errors": p.limits(counting=False),
                },
                linear=p.linear,
            )
            for p in shape.parameters
        ],
        options=options,
        examples={
            "POST /fit/histogram": example_histogram(name),
            "POST /fit/xy-errors": example_points(name),
        },
    )


def example_histogram(name: str, bins: int = BINS) -> dict[str, Any]:
    """What the shape expects, to whole counts."""
    shape = SHAPES[name]()
    edges = jnp.linspace(*shape.example.x_range, bins + 1)
    expected = np.asarray(hastily(shape.integral)(edges, *example_values(shape)))
    data = {"edges": rounded(edges), "counts": expected.round().tolist()}
    return {"histogram": data, "model": name}


def example_points(name: str, points: int = BINS // 2) -> dict[str, Any]:
    """The shape itself, with errors of a tenth of a step in x and a hundredth of its range."""
    shape = SHAPES[name]()
    x = jnp.linspace(*shape.example.x_range, points)
    y = np.asarray(hastily(shape.value)(x, *example_values(shape)))
    return {
        "x": rounded(x),
        "y": rounded(y),
        "x_err": float(f"{0.1 * (x[1] - x[0]):.3g}"),
        "y_err": float(f"{0.01 * (np.ptp(y) or 1.0):.3g}"),
        "model": name,
    }


def rounded(values: Array | Floats) -> list[float]:
    """To seven digits of the largest: an example is to be read."""
    step = 10.0 ** (math.floor(math.log10(float(np.abs(values).max()) or 1.0)) - 7)
    return [float(f"{round(v / step) * step:.8g}") for v in np.asarray(values).tolist()]


def example_values(shape: Model) -> tuple[Array, ...]:
    """The shape's own example parameters as arrays."""
    return tuple(jnp.asarray(value) for value in shape.example.values)
