"""What is wrong with a formula, where, and what to write instead."""


class FormulaError(ValueError):
    """`message` for the client, without the formula's text; `column` counts from 1.

    `column` is None where the list of parameters is at fault rather than a place in the text;
    `entry` is then the one of it that is, from 0, unless it is the list as a whole.
    """

    def __init__(self, message: str, column: int | None = None, entry: int | None = None):
        super().__init__(message, column, entry)
        self.message = message
        self.column = column
        self.entry = entry

    def __str__(self) -> str:
        return self.message if self.column is None else f"column {self.column}: {self.message}"
