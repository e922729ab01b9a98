"""Prints models/shapes/landau_table.py: `python tests/models/landau_table.py > the file`.

The density is computed with mpmath: by an integral over the real axis on the right (Landau's own),
and on the left by one through the saddle point of the inverse Laplace transform.
"""

import mpmath

ORDER = 26
#: Pieces end at these, of Landau's variable.
LEFT, RIGHT = -2, 4

HEAD = '''\
"""Chebyshev coefficients for models/shapes/landau.py, made by tests/models/landau_table.py."""

LEFT, RIGHT = {left}, {right}  # of Landau's variable x, where the pieces end
FARTHEST = {farthest}  # 1 / w at RIGHT, w + log(w) being Landau's variable
'''


def density_right(w):
    """Landau's density times w^2, at w + log(w)."""
    if mpmath.isinf(w):
        return mpmath.mpf(1)

    def integrand(r):
        return r * mpmath.exp(-r - r * mpmath.log(r) / w) * mpmath.sinc(mpmath.pi * r / w)

    return mpmath.quad(integrand, [0, 0.25, 1, 2, 4, 8, 16, 32, 64, 128])


def density_left(s):
    """Landau's density times exp(s) sqrt(2 pi / s), at -1 - log(s)."""
    if mpmath.isinf(s):
        return mpmath.mpf(1)
    root = mpmath.sqrt(s)

    def integrand(t):
        z = mpmath.mpc(1, t / root)
        return mpmath.re(mpmath.exp(s * (z * (mpmath.log(z) - 1) + 1)))

    return mpmath.quad(integrand, [0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128]) * mpmath.sqrt(
        2 / mpmath.pi
    )


def log_density(x):
    """Logarithm of Landau's density at x."""
    if x > 0:
        w = mpmath.lambertw(mpmath.exp(x)).real
        return mpmath.log(density_right(w)) - 2 * mpmath.log(w)
    s = mpmath.exp(-1 - x)
    return mpmath.log(density_left(s) * mpmath.sqrt(s / (2 * mpmath.pi))) - s


def chebyshev(f, low, high):
    """Coefficients, the first halved, of f on [low, high]."""
    count = 2 * ORDER
    angles = [mpmath.pi * (k + mpmath.mpf(1) / 2) / count for k in range(count)]
    values = [f((low + high + (high - low) * mpmath.cos(a)) / 2) for a in angles]
    rows = [
        sum(v * mpmath.cos(j * a) for v, a in zip(values, angles, strict=True)) * 2 / count
        for j in range(ORDER)
    ]
    return [rows[0] / 2, *rows[1:]]


def table():
    """The three pieces: (name, comment, coefficients)."""
    farthest = 1 / mpmath.lambertw(mpmath.exp(RIGHT)).real
    nearest = mpmath.exp(1 + LEFT)
    yield (
        "LOWER",
        "log of density * exp(s) * sqrt(2 pi / s), in 1 / s = exp(1 + x) from 0 to exp(1 + LEFT)",
        chebyshev(lambda v: mpmath.log(density_left(1 / v)), 0, nearest),
    )
    yield "MIDDLE", "log of density, in x from LEFT to RIGHT", chebyshev(log_density, LEFT, RIGHT)
    yield (
        "UPPER",
        "log of density * w^2, in 1 / w from 0 to FARTHEST",
        chebyshev(lambda e: mpmath.log(density_right(1 / e)), 0, farthest),
    )


def main():
    mpmath.mp.dps = 30
    farthest = 1 / mpmath.lambertw(mpmath.exp(RIGHT)).real
    print(HEAD.format(left=f"{LEFT:.1f}", right=f"{RIGHT:.1f}", farthest=repr(float(farthest))))
    for name, comment, coefficients in table():
        print(f"#: {comment}.\n{name} = (")
        for coefficient in coefficients:
            print(f"    {float(coefficient)!r},")
        print(")")


if __name__ == "__main__":
    main()
