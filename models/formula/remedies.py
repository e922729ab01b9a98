"""What to write in place of what no formula has: single characters, and notations of others."""

import re
import unicodedata

MINUS = "write an ordinary minus sign, -"
PRODUCT = "write * for a product"
QUOTIENT = "write / for a quotient"
DEGREES = "write *pi/180 for degrees"
COMPARE = "conditions compare by <, <=, >, >="
CONDITION = "conditions are written where(x < a, ..., ...)"
EQUALS = f"write the expression alone, without an equals sign; {COMPARE}"
PARENTHESES = "write round parentheses"
ONE_LINE = "write the formula on one line"
QUOTES = "write names without quotes, as in a or a1"
SUBSCRIPT = "write a subscript as a part of the name, as in a0 or a_x"
QUOTES_NAMED = re.compile("QUOTATION MARK|APOSTROPHE|PRIME")

REMEDIES = {
    "=": EQUALS,
    ".": "a point belongs in a number; write exp(x), not np.exp(x)",
    "[": PARENTHESES,
    "]": PARENTHESES,
    "{": PARENTHESES,
    "}": PARENTHESES,
    "|": "write abs(...) for an absolute value",
    "!": "there is no factorial; write exp(lgamma(n + 1))",
    "%": "there is no remainder or percentage; write / 100",
    "&": "write where(x < a, where(x < b, ...), ...) for two conditions",
    "?": CONDITION,
    "\n": ONE_LINE,
    "\r": ONE_LINE,
    "−": MINUS,
    "–": MINUS,
    "—": MINUS,
    "‐": MINUS,
    "‑": MINUS,
    "×": PRODUCT,
    "·": PRODUCT,
    "⋅": PRODUCT,
    "∙": PRODUCT,
    "∗": PRODUCT,
    "\u2062": PRODUCT,  # which cannot be seen
    "÷": QUOTIENT,
    "∕": QUOTIENT,
    "⁄": QUOTIENT,
    "≤": "write <=",
    "≥": "write >=",
    "≠": EQUALS,
    "√": "write sqrt(...)",
    "∛": "write cbrt(...)",
    "°": DEGREES,
    "º": DEGREES,
    "ϖ": "write varpi",  # not the constant
}

#: By how Unicode composes them of others.
COMPOSED = {
    "<super>": "write powers with ^, as in x^2 or x^(-1)",
    "<sub>": SUBSCRIPT,
    "<fraction>": "write fractions out, as in (1/2) or 2.5",
}

#: What ROOT, C and LaTeX write with these characters; the first that is found tells.
NOTATIONS = tuple(
    (re.compile(pattern), found)
    for pattern, found in (
        (r"([A-Za-z_]\w{0,49})\[(\d{1,3})\]", r"parameters are names; write \1\2 for \1[\2]"),
        (r"\[(\d{1,3})\]", r"parameters are names; write p\1 for [\1]"),
        (r"!=", COMPARE),
        (r"_\{", SUBSCRIPT),
        (r"\\(?:cdot|times|[,;: ])", PRODUCT),
        (r"\\[dt]?frac", "write (a)/(b) for a fraction"),
        (r"\\(?:left|right)", "take left and right out, with their backslashes"),
        (r"\\leq?(?![A-Za-z])", "write <="),
        (r"\\geq?(?![A-Za-z])", "write >="),
        (r"\\([A-Za-z]{1,20})", r"write \1, without the backslash"),
    )
)


def remedy(text: str, place: int) -> str:
    """What to do about the character that stands there."""
    for pattern, found in NOTATIONS:
        for match in pattern.finditer(text):
            if match.start() <= place < match.end():
                return f"this has no meaning here: {match.expand(found)}"
    return of_character(text[place])


def of_character(character: str) -> str:
    """What to do about it, wherever it stands."""
    tag = unicodedata.decomposition(character).partition(" ")[0]
    # what is composed means something else than its parts; what is only drawn otherwise does not
    plain = character if tag in COMPOSED else unicodedata.normalize("NFKC", character)[0]
    name = unicodedata.name(plain, "")
    found = (
        REMEDIES.get(character)
        or REMEDIES.get(plain)
        or COMPOSED.get(tag)
        or (QUOTES if QUOTES_NAMED.search(name) else None)
    )
    if found:
        return f"this has no meaning here: {found}"
    if character.isascii():
        return "this character has no meaning in a formula; take it out"
    if unicodedata.category(character) == "Zs":
        return "this is no ordinary blank; write one"
    if unicodedata.category(character)[0] in "CZ":
        return "this character cannot be seen; take it out"
    is_greek = name.startswith("GREEK ") and " LETTER " in name
    written = f"write {latin(name)} for the Greek letter" if is_greek else "write it in ASCII"
    return f"only ASCII letters, digits, _ and operators; {written}"


def latin(name: str) -> str:
    """What a Greek letter of this name in Unicode is called in a formula."""
    letter = name.partition(" WITH ")[0].rpartition(" ")[2].replace("LAMDA", "LAMBDA")
    return letter.capitalize() if " CAPITAL " in name else letter.lower()
