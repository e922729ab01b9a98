"""Point masses smeared by a Gaussian: values and bins, whose derivatives are such sums again.

So derivatives by however many parameters are products with the same few matrices.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from models.special import normal_area, normal_density


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def smeared_moment(order: int, mass: Array, t: Array, x: Array, width: Array) -> Array:
    """Sum over k of mass_k z^order phi(z), z = (x - t_k) / width: (points,)."""
    z = (x[:, None] - t) / width
    return (z**order * normal_density(z)) @ mass


@smeared_moment.defjvp
def _smeared_moment_jvp(
    order: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    mass, t, x, width = primals
    dmass, dt, dx, dwidth = tangents

    def slope(masses: Array, times: int) -> Array:
        """With z^times times the derivative by z."""
        higher = smeared_moment(order + times + 1, masses, t, x, width)
        if order == 0:
            return -higher
        return order * smeared_moment(order + times - 1, masses, t, x, width) - higher

    moved = dx * slope(mass, 0) - slope(mass * dt, 0) - dwidth * slope(mass, 1)
    return (
        smeared_moment(order, mass, t, x, width),
        smeared_moment(order, dmass, t, x, width) + moved / width,
    )


@jax.custom_jvp
def smeared_areas(mass: Array, t: Array, edges: Array, width: Array) -> Array:
    """Sum over k of mass_k times the normal area of each bin about t_k: (bins,)."""
    z = (edges - t[:, None]) / width
    return mass @ jax.vmap(normal_area, in_axes=(0, None))(z, jnp.diff(edges) / width)


@smeared_areas.defjvp
def _smeared_areas_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """From the density at the edges: digits are lost as a bin is narrow, in derivatives alone."""
    mass, t, edges, width = primals
    dmass, dt, dedges, dwidth = tangents
    flux = (
        dedges * smeared_moment(0, mass, t, edges, width)
        - smeared_moment(0, mass * dt, t, edges, width)
        - dwidth * smeared_moment(1, mass, t, edges, width)
    )
    return (
        smeared_areas(mass, t, edges, width),
        smeared_areas(dmass, t, edges, width) + jnp.diff(flux) / width,
    )
