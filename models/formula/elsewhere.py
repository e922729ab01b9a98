"""What to write for a function that other languages have, and formulas have not, or not so called.

A suggestion that is other mathematics would be followed, and give a wrong answer that converges.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from models.formula.functions import FUNCTIONS
from models.model import Density, Model
from models.nearest import nearest
from models.registry import ALIASES

#: How alike a name must be to one that is known: below this they mostly mean different things.
ALIKE = 0.8

#: What other languages call them.
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "amax": "max",
        "amin": "min",
        "arccos": "acos",
        "arccosh": "acosh",
        "arcosh": "acosh",
        "arcsin": "asin",
        "arcsinh": "asinh",
        "arctan": "atan",
        "arctan2": "atan2",
        "arctanh": "atanh",
        "arctg": "atan",
        "arsinh": "asinh",
        "artanh": "atanh",
        "cosine": "cos",
        "fabs": "abs",
        "fmax": "max",
        "fmin": "min",
        "gammaln": "lgamma",
        "ifelse": "where",
        "iif": "where",
        "lg": "log10",
        "ln": "log",
        "loggamma": "lgamma",
        "maximum": "max",
        "minimum": "min",
        "power": "pow",
        "tg": "tan",
    }
)

#: What is written as a condition, of b against x.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "heaviside": "where(x < b, 0, 1)",
        "sgn": "where(x < b, -1, 1)",
        "sign": "where(x < b, -1, 1)",
        "signum": "where(x < b, -1, 1)",
        "step": "where(x < b, 0, 1)",
        "theta": "where(x < b, 0, 1)",
    }
)

#: What is written out, of an argument x.
EXPRESSIONS: Mapping[str, str] = MappingProxyType(
    {
        "acosd": "acos(x)*180/pi",
        "acot": "atan(1/x)",
        "acoth": "atanh(1/x)",
        "acsc": "asin(1/x)",
        "acsch": "asinh(1/x)",
        "arccot": "atan(1/x)",
        "asec": "acos(1/x)",
        "asech": "acosh(1/x)",
        "asind": "asin(x)*180/pi",
        "atand": "atan(x)*180/pi",
        "cosd": "cos(x*pi/180)",
        "cosec": "1/sin(x)",
        "cot": "1/tan(x)",
        "coth": "1/tanh(x)",
        "csc": "1/sin(x)",
        "csch": "1/sinh(x)",
        "ctg": "1/tan(x)",
        "cube": "x^3",
        "deg2rad": "x*pi/180",
        "degrees": "x*180/pi",
        "erfcx": "exp(x^2)*erfc(x)",
        "exp10": "10^x",
        "exp2": "2^x",
        "expit": "1/(1 + exp(-x))",
        "factorial": "exp(lgamma(x + 1))",
        "logit": "log(x/(1 - x))",
        "rad2deg": "x*180/pi",
        "radians": "x*pi/180",
        "reciprocal": "1/x",
        "sec": "1/cos(x)",
        "sech": "1/cosh(x)",
        "sigmoid": "1/(1 + exp(-x))",
        "sinc": "sin(x)/x, or sin(pi*x)/(pi*x) as in signal processing",
        "sind": "sin(x*pi/180)",
        "sqr": "x^2, or sqrt(x) for the root",
        "square": "x^2",
        "tand": "tan(x*pi/180)",
        "tgamma": "exp(lgamma(x))",
    }
)

#: What nothing here is, though names are alike.
NOTHING_LIKE = frozenset(
    {"digamma", "erfi", "exp1", "expi", "expn", "isqrt", "polygamma", "rgamma", "si", "xlog1py"}
)

#: The end of what has a function without parentheses: exp x, sin^2(x).
BARE = re.compile(r"([A-Za-z_]\w*)\s*(?:(?:\^|\*\*)\s*(\d{1,3})\s*)?$")


def bare_call(before: str) -> str:
    """What to write if this much of a formula ends with a function without its argument."""
    found = BARE.search(before)
    name = ELSEWHERE.get(found[1].lower(), found[1]) if found else ""
    if found is None or name not in FUNCTIONS:
        return ""
    return f"write {name}(...)" + (f"^{found[2]}" if found[2] else "")


def instead_of(name: str, shapes: Mapping[str, type[Model]], *, one_argument: bool = False) -> str:
    """What to write in place of a function that there is not.

    What has one argument in parentheses, and is like no function, may be a product.
    """
    lower = name.lower()
    if lower == "log":  # to base 10 in spreadsheets, where all is written in capitals
        return "write log for the natural logarithm, log10 for that to base 10"
    if lower in ELSEWHERE:
        return f"it is called {ELSEWHERE[lower]} here"
    if lower in CONDITIONS:
        return f"write a condition, as in {CONDITIONS[lower]}"
    if lower in EXPRESSIONS:
        return f"write {EXPRESSIONS[lower]}"
    known = [*FUNCTIONS, "where", *shapes]
    # sin2 is a square to some, and log3 has its own base
    is_other = lower not in known and lower.rstrip("0123456789") in known
    close = None if is_other else nearest(lower, known, ALIKE)
    usual = ALIASES.get(lower, "")
    if usual in shapes and issubclass(shapes[usual], Density):
        close = close or usual
    if close and lower not in NOTHING_LIKE:
        return f"did you mean {close}?"
    is_name = one_argument and not is_other and lower not in NOTHING_LIKE
    product = f"for a product write {name}*(...); " if is_name else ""
    return f"{product}there are {', '.join([*FUNCTIONS, 'where'])}, and the shapes of GET /models"
