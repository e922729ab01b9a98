"""What the parser takes and what it refuses, and at which column it says so."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.formula.elsewhere import CONDITIONS, ELSEWHERE
from models.formula.errors import FormulaError
from models.formula.functions import FUNCTIONS
from models.formula.names import check_predictor
from models.formula.parse import Limits, parse
from models.registry import SHAPES

TAKEN = {
    "a*exp(-x/tau) + c": ("a", "tau", "c"),
    "n*gaussian(x, mu, sigma)": ("n", "mu", "sigma"),
    "x*b + a": ("b", "a"),
    "a^2*x": ("a",),
    "  a\t* x ": ("a",),
    "exp(-lambda*x)": ("lambda",),
    "a*pi": ("a",),
    "a + b*x + c*x^2 + d*x^3 + e*x^4": ("a", "b", "c", "d", "e"),
    "gamma*x + beta": ("gamma", "beta"),  # shapes, too, but usual for parameters
    "E*x + y_inf": ("E", "y_inf"),
    "where(x < a, 1, 0)": ("a",),
    "where((x >= a), b, -b)": ("a", "b"),
    "--+-a": ("a",),
    "min(a, x, 3)": ("a",),
    ".5*a + 5.*x + 1e3 + 1.5E-3": ("a",),
    "_a1*x": ("_a1",),
    "((((a))))": ("a",),
    "polynomial(x, a, b)": ("a", "b"),
}

#: text: column, and a word of the message
REFUSED = {
    "": (1, "empty"),
    " \t ": (1, "empty"),
    "x": (1, "no parameter"),
    "3": (1, "no parameter"),
    "a +": (4, "missing at the end"),
    "a + * b": (5, "value is missing"),
    "a b": (3, "operator is missing"),
    "2x": (2, "write *"),
    "a(x)": (1, "no such function; for a product write a*(...); there are abs, "),
    "a(x, b)": (1, "no such function; there are abs, "),
    "a + x(1 - x)": (5, "write * for a product, x*(...)"),
    "a*x + a(x)": (7, "not a function"),
    "(a)(x)": (4, "operator is missing"),
    "exp(a)(x)": (7, "operator is missing"),
    "a*(b": (3, "never closed"),
    "a*b)": (4, "never opened"),
    "()": (1, "nothing between"),
    "a + exp()": (8, "nothing between"),
    "exp(, a)": (5, "value is missing"),
    "exp(a,)": (7, "value is missing"),
    "exp(a, b)": (1, "takes 1 argument; 2 given"),
    "a, b": (2, "comma"),
    "a*0,5": (4, "decimal point"),
    "expp(a)": (1, "did you mean exp?"),
    "gauss(x, a, b)": (1, "did you mean gaussian?"),
    "ln(a)": (1, "called log"),
    "a*LN(x)": (3, "called log"),
    "a*Exp(x)": (3, "did you mean exp?"),
    "a*LOG(x)": (3, "log10 for that to base 10"),
    "a*lg(x)": (3, "called log10"),
    "a*normal(x, m, s)": (3, "did you mean gaussian?"),
    "a*cot(x)": (3, "write 1/tan(x)"),
    "a*sqr(x)": (3, "write x^2, or sqrt(x)"),
    "a*radians(x)": (3, "write x*pi/180"),
    "a*theta(x - b)": (3, "where(x < b, 0, 1)"),
    "a*erfi(x)": (3, "there are abs, acos, "),  # not erf, which is alike
    "a*six(x)": (3, "there are abs, acos, "),
    "a*heaviside(x - b)": (3, "where(x < b, 0, 1)"),
    "np.exp(a)": (3, "not np.exp"),
    "gaussian(x, a)": (1, "gaussian(x, mu, sigma)"),
    "atan2(a)": (1, "takes 2 arguments; 1 given"),
    "min(a)": (1, "at least 2"),
    "exp*x": (1, "is a function"),
    "a*where": (3, "is a function"),
    "gaussian + exponential": (1, "is a shape: write gaussian(x, mu, sigma); gaussian may"),
    "a + linear": (5, "write linear(x, slope, intercept)"),
    "a*sin2(x)": (3, "there are abs"),
    "a*si(x)": (3, "there are abs"),
    "sin(2*PI*x) + a": (7, 'write pi for the constant; PI may be a parameter if "parameters"'),
    "a*Pi": (3, "write pi"),
    "where(x < Inf, a, 1)": (11, "finite numbers only"),
    "a + NaN": (5, "finite numbers only"),
    "a*e^x": (3, "Euler"),
    "a*e**x": (3, "Euler"),
    "a < b": (1, "only in the first place"),
    "a*(x < b)": (4, "only in the first place"),
    "where(a, b, c)": (7, "is a comparison"),
    "where(x < a, b)": (1, "takes 3 arguments"),
    "where(a < x < b, 1, 2)": (7, "one comparison"),
    "where(x == a, 1, 2)": (9, "equals sign"),
    "y = a*x": (3, "alone"),
    "a/0": (1, "divides by zero"),
    "a/(1 - 1)": (1, "divides by zero"),
    "a + 1/0": (5, "divides by zero"),
    "a + log(-1)": (5, "no value"),
    "a + (-8)^0.5": (5, "no value"),
    "a + exp(1000)": (5, "too large"),
    "a*9**9**9": (3, "too large"),
    "a*9^9^9^9": (5, "too large"),
    "a + 1e999": (5, "too large"),
    "a + 1e-999": (5, "too small"),
    "a*" + "7" * 50: (3, "at most 40"),
    "a*" + "7" * 1900: (3, "at most 40"),
    "1_000*a": (2, "without _"),
    "a*010*x": (3, "write 10"),
    "a*x^00": (5, "write 0"),
    "a + 007.5e1": (5, "write 7.5e1"),
    "1j*a": (2, "operator is missing"),
    "0x10*a": (2, "operator is missing"),
    "a" * 51: (1, "at most 50"),
    "x.__class__": (2, "no meaning"),
    "x.5*a": (2, "operator is missing"),
    "__import__('os')": (12, "no meaning"),
    "f'{x}'": (2, "no meaning"),
    "a*'x'": (3, "no meaning"),
    'x"': (2, "no meaning"),
    "lambda: 0": (7, "no meaning"),
    "lambda x: x": (9, "no meaning"),
    "x if x else x": (3, "conditions are written where(x < a, ..., ...)"),
    "not a": (1, "reserved"),
    "where(x < a and x > b, 1, 0)": (13, "write where(x < a, where(x < b, ...), ...) for two"),
    "a*in": (3, "reserved; take another name"),
    "True*a": (1, "reserved"),
    "None": (1, "reserved"),
    "await a": (1, "reserved"),
    "[x for x in x]": (1, "round parentheses"),
    "a[0]": (2, "write a0 for a[0]"),
    "{a}": (1, "round parentheses"),
    "(a := 3)": (4, "no meaning"),
    "exp(x=a)": (6, "no meaning"),
    "exp(*a)": (5, "value is missing"),
    "exp(**a)": (5, "value is missing"),
    "a; b": (2, "no meaning"),
    "a # b": (3, "no meaning"),
    "a\\b": (2, "no meaning"),
    "a\nb": (2, "one line"),
    "a\0": (2, "no meaning"),
    "a//b": (3, "value is missing"),
    "a % b": (3, "remainder"),
    "a @ b": (3, "no meaning"),
    "|a|": (1, "abs"),
    "a!": (2, "factorial"),
    "μ*x": (1, "Greek"),
    "ａ*x": (1, "ASCII"),  # normalises to a
    "a*ｅｘｐ(x)": (3, "ASCII"),
    "a − b": (3, "minus sign"),
    "a·x": (2, "write *"),
    "a*x²": (4, "x^2"),
    "a*x⁻¹": (4, "x^(-1)"),
    "sin(2*π*x) + a": (7, "write pi for"),
    "a*λ": (3, "write lambda for"),
    "a*Γ": (3, "write Gamma for"),
    "a*ά": (3, "write alpha for"),
    "a*ϑ": (3, "write theta for"),
    "a*\u2126": (3, "write Omega for"),  # the sign of ohms
    "a*\u00b5": (3, "write mu for"),  # the sign of micro
    "ϖ*x": (1, "varpi"),
    "a*√x": (3, "sqrt(...)"),
    "a*sin(x°)": (8, "*pi/180"),
    "½*a": (1, "(1/2)"),
    "a₀*x": (2, "a0"),
    "a*x ≤ b": (5, "<="),
    "a＊x": (2, "write it in ASCII"),
    "a（x)": (2, "write it in ASCII"),
    "é*x": (1, "write it in ASCII"),
    "“a“*x": (1, "without quotes"),
    "a’*x": (2, "without quotes"),
    "a′*x": (2, "without quotes"),
    "a\u00a0x": (2, "no ordinary blank"),
    "a\u200bx": (2, "cannot be seen; take it out"),
    "a\u202e*x": (2, "cannot be seen; take it out"),
    "\ufeffa*x": (1, "cannot be seen; take it out"),
    "a\u2062x": (2, "write *"),
    "a*١": (3, "ASCII"),  # an Arabic 1, which Python's int() reads
    "(" * 900 + "a" + ")" * 900: (51, "nested deeper"),
    "(" * 10_000: (2001, "at most 2000"),
    "exp(" * 2000: (2001, "at most 2000"),
    "exp(" * 490 + "a": (201, "nested deeper"),
    "-" * 5000 + "a": (2001, "at most 2000"),
    "-" * 1500 + "a": (51, "signs"),
    "a**" * 600 + "a": (148, "nested deeper"),
    "a^-" * 600 + "a": (76, "nested deeper"),
    "a+" * 900 + "a": (1, "at most 300"),
    "+".join(f"a{i}" for i in range(401)): (None, "at most 400"),
}


def message_of(text, **options):
    with pytest.raises(FormulaError) as refusal:
        parse(text, SHAPES, **options)
    return refusal.value


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text):
    assert parse(text, SHAPES).names == TAKEN[text]


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: repr(t[:20]))
def test_refused(text):
    column, word = REFUSED[text]
    error = message_of(text)
    assert error.column == column, error
    assert word in error.message


def test_columns_are_those_of_the_text_whatever_its_powers_and_blanks():
    assert message_of("a^2  ^ 3 + foo(x)").column == 12
    assert message_of("\t a**2 + 1/0").column == 10


@pytest.mark.parametrize(
    ("text", "parameters", "entry", "word"),
    [
        ("a*x", ["a", "b"], 1, "b does not occur"),
        ("a*x", ["a", "a"], 1, "a repeats"),
        ("a*x", ["x", "a"], 0, "x is the predictor"),
        ("a*x", ["a", "1b"], 1, "no name"),
        ("a*x", ["a", "é"], 1, "no name"),
        ("a*x", ["a", "a.b"], 1, "no name"),
        ("a*x", ["a", "if"], 1, "reserved"),
        ("a*x", ["a", "b" * 51], 1, "at most 50"),
        ("a*x", ["a"] * 2000, None, "at most 400"),
        ("3*x", [], None, "no parameter"),
    ],
)
def test_refused_declarations(text, parameters, entry, word):
    error = message_of(text, parameters=parameters)
    assert error.entry == entry
    assert word in error.message


def test_an_undeclared_name_is_an_error_and_gets_a_suggestion():
    error = message_of("ampl*exp(-x/taus)", parameters=["ampl", "tau"])
    assert "does not occur" in error.message
    error = message_of("tau*x + taus", parameters=["tau"])
    assert error.column == 9
    assert "did you mean tau?" in error.message


def test_a_declaration_gives_the_order_and_overrides_constants_and_functions():
    assert parse("a*x + b", SHAPES, ["b", "a"]).names == ("b", "a")
    assert parse("pi*x", SHAPES, ["pi"]).names == ("pi",)
    assert parse("e^(x/t)", SHAPES, ["e", "t"]).names == ("e", "t")
    assert parse("min + (max - min)*x", SHAPES, ["min", "max"]).names == ("min", "max")
    assert parse("max*max(x, 1)", SHAPES, ["max"]).names == ("max",)
    assert parse("PI*x + gaussian", SHAPES, ["PI", "gaussian"]).names == ("PI", "gaussian")
    assert parse("quadratic*x^2 + linear*x + uniform", SHAPES).names[1:] == ("linear", "uniform")


#: text, columns: predictors and parameters, both in order of appearance
COLUMNS = {
    ("b1 - b2*x1*exp(-b3*x2)", ("x2", "x1")): (("x1", "x2"), ("b1", "b2", "b3")),
    ("a*t", ("t",)): (("t",), ("a",)),
    ("a*t", ("t", "u")): (("t",), ("a",)),
    ("a*b", ("t",)): ((), ("a", "b")),
    ("gaussian*a + t", ("gaussian", "t")): (("gaussian", "t"), ("a",)),
    ("a*gaussian(x2, m, s)", ("x1", "x2")): (("x2",), ("a", "m", "s")),
    ("a*e^x", ("e", "x")): (("e", "x"), ("a",)),
    ("where(u < v, a, b)", ("v", "u")): (("u", "v"), ("a", "b")),
    ("lambda*a", ("lambda",)): (("lambda",), ("a",)),
}


@pytest.mark.parametrize(("text", "columns"), COLUMNS)
def test_columns_are_predictors_instead_of_x(text, columns):
    parsed = parse(text, SHAPES, columns=columns)
    assert (parsed.predictors, parsed.names) == COLUMNS[text, columns]
    assert len(parsed.tree.inputs) == len(parsed.predictors)


@pytest.mark.parametrize(
    ("text", "parameters", "word"),
    [
        ("a*t + u", ["a", "t"], "t is a predictor"),
        ("a*t + u*x", ["a"], "not declared"),
        ("t(a) + t*u", None, "not a function"),
        ("t*u", None, "no parameter"),
        ("t*u", ["t"], "is a predictor"),
    ],
)
def test_refused_with_columns(text, parameters, word):
    error = message_of(text, parameters=parameters, columns=("t", "u"))
    assert word in error.message


@pytest.mark.parametrize("name", ["x", "t", "x1", "_a", "lambda", "gaussian", "e", "k" * 50])
def test_names_of_predictors(name):
    check_predictor(name)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "no name"),
        ("1a", "no name"),
        ("a b", "no name"),
        ("a.b", "no name"),
        ("\u00e9", "no name"),
        ("k" * 51, "at most 50"),
        ("if", "reserved"),
        ("None", "reserved"),
        ("exp", "function"),
        ("max", "function"),
        ("where", "function"),
        ("pi", "constant"),
    ],
)
def test_what_is_no_name_of_a_predictor(name, word):
    with pytest.raises(FormulaError) as refusal:
        check_predictor(name)
    assert word in refusal.value.message


def test_limits_can_be_set():
    assert message_of("a*x", limits=Limits(length=2)).column == 3
    assert "at most 2" in message_of("a*x", limits=Limits(nodes=2)).message
    assert "at most 1" in message_of("a*x + b", limits=Limits(parameters=1)).message
    assert message_of("exp(exp(exp(a)))", limits=Limits(depth=2)).column == 9


def test_as_many_parameters_may_be_declared_as_there_may_be():
    names = [f"p{i}" for i in range(1200)]
    limits = Limits(length=20_000, nodes=5000, parameters=1200)
    assert parse("+".join(names), SHAPES, names, limits).names == tuple(names)
    fewer = Limits(length=20_000, nodes=5000, parameters=1199)
    assert "at most 1199" in message_of("+".join(names), parameters=names, limits=fewer).message


def test_constants_count_once_they_are_folded():
    assert parse("a*(" + "+".join(["1"] * 400) + ")", SHAPES).tree.size == 3


def test_no_message_repeats_the_text():
    for text in REFUSED:
        if len(text) > 60:
            assert text[:60] not in message_of(text).message


@pytest.mark.parametrize("name", CONDITIONS)
def test_what_is_written_as_a_condition_can_be_written_so(name):
    assert parse(f"a*{CONDITIONS[name]}", SHAPES).names == ("a", "b")


def test_no_shape_has_the_name_of_a_function():
    assert not SHAPES.keys() & {*FUNCTIONS, "where", "x", "pi"}
    assert set(ELSEWHERE.values()) <= {*FUNCTIONS, "where"}


ALPHABET = "ax1(),+-*/^.<>=e_ \"'[]{}:;@%&|~!#\\\n\0μ²"
PIECES = ["a", "b", "x", "1", "2.5", "1e9", "exp(", "where(", "gaussian(", "(", ")", ",", "+", "-"]
PIECES += ["*", "/", "**", "^", "<", ">=", " ", "lambda", "if", "pi", "log", "min(", "9**9", "__"]


def refused_at(text):
    try:
        parse(text, SHAPES)
    except FormulaError as error:
        return error.column
    return None


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=300),
        st.text(ALPHABET, max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=400).map("".join),
        st.binary(max_size=300).map(lambda b: b.decode("latin-1")),
    )
)
def test_whatever_comes_in_is_parsed_or_refused_and_soon(text):
    spent = []
    for _ in range(3):  # another process may have had the processor
        start = time.perf_counter()
        column = refused_at(text)
        assert column is None or 1 <= column <= len(text) + 1
        spent.append(time.perf_counter() - start)
        if spent[-1] < 0.05:
            break
    assert min(spent) < 0.05


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=200).map("".join))
def test_a_few_copies_of_anything_are_no_bomb(piece):
    for text in (piece * 5, f"a*({piece})", f"exp({piece}, {piece})"):
        start = time.process_time()
        refused_at(text)
        assert time.process_time() - start < 0.5
