"""A histogram as a model: the shape of a simulation or of a control sample."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Model, Table
from models.parameter import Parameter
from models.special import NARROW, narrow_area, normal_cdf, normal_cdf_area, normal_density


@dataclass(frozen=True)
class Template(Density):
    """`amp` times a histogram of `size` bins, normalised, flat within each bin.

    Its edges and the running sum of its contents (both size + 1) are data of the kernel, so that
    another template of the same size compiles nothing. Statistical errors of the template are not
    part of the fit.
    """

    size: int = 0
    edges: Table = field(default=None, compare=False, repr=False)
    below: Table = field(default=None, compare=False, repr=False)

    formula = "amp * (content of the template's bin) / (sum of its contents) / (width of the bin)"
    reference = "R. Barlow and C. Beeston, Comput. Phys. Commun. 77 (1993) 219, without errors"

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.edges, self.below

    def with_tables(self, tables: Iterator[Table]) -> Model:
        return replace(self, edges=next(tables), below=next(tables))

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        return *super().cuts(*params), self.edges

    def pdf(self, x: Array, *params: Array) -> Array:
        upper = jnp.clip(jnp.searchsorted(self.edges, x, side="right"), 1, self.size)
        width = self.edges[upper] - self.edges[upper - 1]
        inside = (x >= self.edges[0]) & (x <= self.edges[self.size]) & (width > 0)
        content = self.below[upper] - self.below[upper - 1]
        return jnp.where(inside, content / jnp.where(inside, width, 1.0), 0.0) / self.below[-1]

    def probability(self, edges: Array, *params: Array) -> Array:
        return jnp.diff(jnp.interp(edges, self.edges, self.below)) / self.below[-1]

    def smeared_pdf(self, x: Array, *params: Array) -> Array:
        """Of this convolved with a Gaussian, whose standard deviation is the last parameter."""
        *ends, resolution = params
        places, heights = self._steps(ends)
        # the heights add up to 0: from the nearer end on, so that nothing cancels in the tails
        side = jnp.where(x < self._middle(places), 1.0, -1.0)
        z = side[..., None] * (x[..., None] - places) / resolution
        return side * jnp.sum(heights * normal_cdf(z), axis=-1)

    def smeared_probability(self, edges: Array, *params: Array) -> Array:
        """Of each bin, of this convolved with a Gaussian; loses digits once that is much wider."""
        *ends, resolution = params
        places, heights = self._steps(ends)
        left = edges < self._middle(places)
        side = jnp.where(left, 1.0, -1.0)
        z = side[:, None] * (edges[:, None] - places) / resolution
        beyond = resolution * side * jnp.sum(heights * normal_cdf_area(z), axis=-1)
        one_sided = jnp.where(left[1:], jnp.diff(beyond), -jnp.diff(beyond))
        exact = jnp.where(left[:-1] & ~left[1:], 1 - beyond[1:] - beyond[:-1], one_sided)
        density = side * jnp.sum(heights * normal_cdf(z), axis=-1)
        slope = jnp.sum(heights * normal_density(z), axis=-1) / resolution
        width = jnp.diff(edges)
        narrow = narrow_area(width, density, slope)
        return jnp.where(width < NARROW * resolution, narrow, exact)

    def _steps(self, ends: Sequence[Array]) -> tuple[Array, Array]:
        """Where the density, on the range if it is normalised there, jumps; and by how much."""
        width = jnp.diff(self.edges)
        some = width > 0
        content = jnp.diff(self.below) / self.below[-1]
        density = jnp.where(some, content / jnp.where(some, width, 1.0), 0.0)
        heights = jnp.diff(density, prepend=0.0, append=0.0)
        if not ends:
            return self.edges, heights
        low, high = ends
        return jnp.clip(self.edges, low, high), heights / self._total(low, high, [])

    def _middle(self, places: Array) -> Array:
        return stop_gradient((places[0] + places[-1]) / 2)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
