"""The shapes that clients may name: one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from models.model import Model
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial

SHAPES: Mapping[str, type[Model]] = MappingProxyType(
    {
        "exponential": Exponential,
        "gaussian": Gaussian,
        "polynomial": Polynomial,
    }
)
