"""What to write in place of a character that no formula has, though some look as if they had."""

import re
import unicodedata

MINUS = "write an ordinary minus sign, -"
PRODUCT = "write * for a product"
QUOTIENT = "write / for a quotient"
DEGREES = "write *pi/180 for degrees"
EQUALS = "write the expression alone, without an equals sign; conditions compare by <, <=, >, >="
PARENTHESES = "write round parentheses"
ONE_LINE = "write the formula on one line"
QUOTES = "write names without quotes, as in a or a1"
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
    "<sub>": "write a subscript as a part of the name, as in a0 or a_x",
    "<fraction>": "write fractions out, as in (1/2) or 2.5",
}


def remedy(character: str) -> str:
    """What to do about it."""
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
