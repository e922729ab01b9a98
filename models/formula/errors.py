"""What is wrong with a formula, where, and what to write instead."""


class FormulaError(ValueError):
    """`message` for the client, without the formula's text; `column` counts from 1.

    `column` is None where the list of parameters is at fault rather than a place in the text.
    """

    def __init__(self, message: str, column: int | None = None):
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return self.message if self.column is None else f"column {self.column}: {self.message}"
