"""The shapes that clients may name: one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from models.exponential import Exponential
from models.gaussian import Gaussian
from models.model import Model
from models.polynomial import Polynomial

SHAPES: Mapping[str, type[Model]] = MappingProxyType(
    {
        "exponential": Exponential,
        "gaussian": Gaussian,
        "polynomial": Polynomial,
    }
)
