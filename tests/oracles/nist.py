"""NIST Statistical Reference Datasets, linear regression: data and certified values.

Source: https://www.itl.nist.gov/div898/strd/lls/lls.shtml (Norris, Pontius, Wampler1 to Wampler5).
The tables were checked with exact rational arithmetic: data as below give the certified values as
below to every certified digit. Certified standard deviations scale with the residual one.
"""

import numpy as np

NORRIS_Y = """0.1 338.8 118.1 888.0 9.2 228.1 668.5 998.5 449.1 778.9 559.2 0.3 0.1 778.1 668.8
339.3 448.9 10.8 557.7 228.3 998.0 888.8 119.6 0.3 0.6 557.6 339.3 888.0 998.5 778.9 10.2 117.6
228.9 668.4 449.2 0.2"""
NORRIS_X = """0.2 337.4 118.2 884.6 10.1 226.5 666.3 996.3 448.6 777.0 558.2 0.4 0.6 775.5 666.9
338.0 447.5 11.6 556.0 228.1 995.8 887.6 120.2 0.3 0.3 556.8 339.1 887.2 999.0 779.0 11.1 118.3
229.2 669.1 448.9 0.5"""
PONTIUS_Y = """.11019 .21956 .32949 .43899 .54803 .65694 .76562 .87487 .98292 1.09146 1.20001
1.30822 1.41599 1.52399 1.63194 1.73947 1.84646 1.95392 2.06128 2.16844 .11052 .22018 .32939
.43886 .54798 .65739 .76596 .87474 .98300 1.09150 1.20004 1.30818 1.41613 1.52408 1.63159
1.73965 1.84696 1.95445 2.06177 2.16829"""
WAMPLER_DELTA = """759 -2048 2048 -2048 2523 -2048 2048 -2048 1838 -2048 2048 -2048 1838 -2048
2048 -2048 2523 -2048 2048 -2048 759"""


def _numbers(text):
    return np.array(text.split(), dtype=float)


_X = np.arange(21.0)
_ONES = sum(_X**k for k in range(6))
_DELTA = _numbers(WAMPLER_DELTA)
_SD3 = np.array(
    [
        2152.32624678170,
        2363.55173469681,
        779.343524331583,
        101.475507550350,
        5.64566512170752,
        0.112324854679312,
    ]
)

#: name: (degree, x, y, certified coefficients from c0 up, certified standard deviations)
LINEAR = {
    "Norris": (
        1,
        _numbers(NORRIS_X),
        _numbers(NORRIS_Y),
        [-0.262323073774029, 1.00211681802045],
        [0.232818234301152, 0.429796848199937e-03],
    ),
    "Pontius": (
        2,
        np.tile(150000.0 * np.arange(1, 21), 2),
        _numbers(PONTIUS_Y),
        [0.673565789473684e-03, 0.732059160401003e-06, -0.316081871345029e-14],
        [0.107938612033077e-03, 0.157817399981659e-09, 0.486652849992036e-16],
    ),
    "Wampler1": (5, _X, _ONES, [1.0] * 6, [0.0] * 6),
    "Wampler2": (
        5,
        _X,
        sum((_X / 10) ** k for k in range(6)),
        [1, 0.1, 0.01, 0.001, 0.0001, 0.00001],
        [0.0] * 6,
    ),
    "Wampler3": (5, _X, _ONES + _DELTA, [1.0] * 6, _SD3),
    "Wampler4": (5, _X, _ONES + 100 * _DELTA, [1.0] * 6, 100 * _SD3),
    "Wampler5": (5, _X, _ONES + 10000 * _DELTA, [1.0] * 6, 10000 * _SD3),
}
