"""NDJSON as it comes in: slices of whole lines, of which only one is in memory at a time."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from app.errors import InvalidRequest, NotJson, Problem, TooLarge
from app.jobs.chunk import STARTS, Fields
from app.reading.crowded import count_names, too_many
from app.reading.names import refuse_twice
from app.reading.validation import found_at, sent_path
from app.reading.wording import describe
from app.schemas.base import Number, Row
from app.schemas.jobs import Line
from app.schemas.kinds import Kind
from fitting.entries import MOST_REPORTED
from fitting.errors import Path
from fitting.padding import Floats

SLICE_BYTES = 2**19

NUMBERS: TypeAdapter[list[list[float]]] = TypeAdapter(list[Row[Number]])

Numbered = tuple[int, bytes]  # a line and its number, from 1


async def slices(
    stream: AsyncIterator[bytes], longest: int, hold: Callable[[int], None]
) -> AsyncIterator[list[Numbered]]:
    """Lines that are not blank, some at a time; `hold` is told how many bytes are in memory."""
    number = 0
    async for text in whole_lines(stream, longest, hold):
        lines = text.split(b"\n")
        yield [(number + i, line) for i, line in enumerate(lines, 1) if line.strip()]
        number += len(lines)
        # text ends in a newline, or the stream has ended
        number -= not lines[-1]


async def whole_lines(
    stream: AsyncIterator[bytes], longest: int, hold: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """The stream cut after newlines; TooLarge for a line that does not end."""
    pieces: list[bytes] = []
    size = unended = 0
    async for piece in stream:
        pieces.append(piece)
        size += len(piece)
        end = piece.rfind(b"\n") + 1
        unended = len(piece) - end if end else unended + len(piece)
        if unended > longest:
            raise too_long(longest)
        hold(size)
        if size >= SLICE_BYTES and size > unended:
            text = b"".join(pieces)
            yield text[: size - unended]
            pieces, size = [text[size - unended :]], unended
    if size:
        yield b"".join(pieces)


def why(number: int, error: ValueError) -> str:
    """What is said of a line that is no JSON."""
    return f"line {number} is not valid JSON: {str(error).partition(' at line ')[0]}"


def too_long(longest: int) -> TooLarge:
    """What is said of such a line."""
    return TooLarge(f"A line is longer than {longest} bytes (max_line_bytes, GET /limits).")


@dataclass
class RowReader:
    """Turns lines into fields; the first row says which fields all have, and how many numbers."""

    kind: Kind
    longest: int
    most_names: int = sys.maxsize  # of a line
    names: frozenset[str] | None = None  # of fields, where rows are objects
    width: int = 0
    rows: int = 0

    def read(self, lines: Sequence[Numbered]) -> Fields:
        """The rows in these lines; a Problem tells which row is wrong, and its line."""
        if any(len(line) > self.longest for _, line in lines):
            raise too_long(self.longest)
        for i, (_, line) in enumerate(lines):
            if (count := count_names(line, self.most_names)) > self.most_names:
                raise self._wrong([(i, (), too_many(count, self.most_names))], lines)
        first = not self.rows
        brace = lines[0][1].lstrip().startswith(b"{")
        as_objects = brace if first else self.names is not None
        self._refuse_other_form(lines, b"{}" if as_objects else b"[]")
        found = self._validated(lines, self.kind.lines if as_objects else NUMBERS)
        if as_objects:
            fields = self._of_objects(found, lines, first=first)
        else:
            fields = {self.kind.data: self._matrix(self.kind.data, found, lines, first=first)}
        self.rows += len(lines)
        return fields

    def _refuse_other_form(self, lines: Sequence[Numbered], ends: bytes) -> None:
        """Each line is one value: joined, two halves of one could pass for a whole."""
        start, stop = ends[:1], ends[1:]
        for i, (_, line) in enumerate(lines):
            text = line.strip()
            if not (text.startswith(start) and text.endswith(stop)):
                self._refuse_no_json(lines, i, i + 1)
                what = "an object" if start == b"{" else "an array of numbers"
                raise self._wrong([(i, (), f"must be {what}, as the first row is")], lines)
            if start == b"[" and text.find(b"[", 1) > 0:
                self._refuse_no_json(lines, i, i + 1)
                raise self._wrong([(i, (), "must be one array of numbers")], lines)

    def _validated(self, lines: Sequence[Numbered], adapter: TypeAdapter[Any]) -> Any:
        """All lines in one go, which is many times faster than one by one."""
        joined = b"[" + b",".join(line for _, line in lines) + b"]"
        try:
            found = adapter.validate_json(joined)
        except ValidationError as error:
            self._refuse_no_json(lines, 0, len(lines))
            errors = error.errors(include_url=False, include_input=False)[:MOST_REPORTED]
            if not errors[0]["loc"]:
                self._refuse_deep(lines)
            sent = {row: from_json(lines[row][1]) for row in {int(e["loc"][0]) for e in errors}}
            field = (self.kind.data,) if adapter is NUMBERS else ()  # that the row is of
            wrong: list[tuple[int, Path, str]] = []
            for e in errors:
                row = int(e["loc"][0])
                path = sent_path(e["loc"][1:], sent[row])
                value, e = found_at(sent[row], path), {**e, "loc": field + e["loc"]}
                wrong.append((row, path, describe(e, value, self.kind.line)))
            raise self._wrong(wrong, lines) from None
        if len(found) != len(lines):
            self._refuse_no_json(lines, 0, len(lines))
        return found

    def _refuse_no_json(self, lines: Sequence[Numbered], first: int, stop: int) -> None:
        """NotJson for the first line that is none."""
        for i in range(first, stop):
            number, line = lines[i]
            try:
                from_json(line)
            except ValueError as error:
                path = ("rows", self.rows + i)
                said = why(number, error)
                raise NotJson(f"{said}. Send one row a line.", [(path, said)]) from None

    def _refuse_deep(self, lines: Sequence[Numbered]) -> None:
        """InvalidRequest for the first line that is JSON alone, but too deep within the others."""
        for i, (_, line) in enumerate(lines):
            try:
                from_json(b"[" + line + b"]")
            except ValueError:
                raise self._wrong([(i, (), "is nested too deeply")], lines) from None

    def _of_objects(self, found: Any, lines: Sequence[Numbered], *, first: bool) -> Fields:
        """Columns of what the objects have."""
        self._refuse_twice(found, lines)
        rows = [dict(flat(line)) for line in found]
        if self.names is None:
            self.names = frozenset(rows[0])
        wrong = [
            (i, (), f"must have the same fields as the first row: {', '.join(sorted(self.names))}")
            for i, row in enumerate(rows)
            if row.keys() != self.names
        ]
        if wrong:
            raise self._wrong(wrong, lines)
        fields: dict[str, Floats] = {}
        # the data first: they say how many numbers the others need
        for name in sorted(self.names, key=lambda name: name != self.kind.data):
            column = [row[name] for row in rows]
            if name.startswith(STARTS):
                fields[name] = np.array(column, dtype=np.float64)
            else:
                own = first and name == self.kind.data
                fields[name] = self._matrix(name, column, lines, first=own)
        return fields

    def _refuse_twice(self, found: Sequence[Line], lines: Sequence[Numbered]) -> None:
        """In a line only names have quotes: by them it is known whether all were taken."""
        for i, (row, (_, line)) in enumerate(zip(found, lines, strict=True)):
            if line.count(b'"') != 2 * (len(row.model_fields_set) + len(row.starts)):
                try:
                    refuse_twice(line)
                except InvalidRequest as twice:
                    raise self._wrong([(i, *error) for error in twice.errors], lines) from None

    def _matrix(
        self, name: str, column: list[Any], lines: Sequence[Numbered], *, first: bool
    ) -> Floats:
        """A row for each line; of a single number it is one for all that the line has."""
        if first:
            self.width = len(column[0])
        rows = [row if isinstance(row, list) else [row] * self.width for row in column]
        path: Path = () if self.names is None else (name,)
        wrong = [
            (i, path, f"{len(row)} numbers; the first row has {self.width}")
            for i, row in enumerate(rows)
            if len(row) != self.width
        ]
        if wrong:
            raise self._wrong(wrong, lines)
        return np.array(rows, dtype=np.float64)

    def _wrong(self, wrong: Sequence[tuple[int, Path, str]], lines: Sequence[Numbered]) -> Problem:
        return InvalidRequest(
            [
                (("rows", self.rows + i, *path), f"line {lines[i][0]}: {message}")
                for i, path, message in wrong[:MOST_REPORTED]
            ]
        )


def flat(line: Line) -> Iterator[tuple[str, Any]]:
    """The fields that a line has; starts by the names of their parameters."""
    for name in line.model_fields_set:
        value = getattr(line, name)
        if isinstance(value, Mapping):
            yield from ((f"{STARTS}{parameter}", start) for parameter, start in value.items())
        elif value is not None:
            yield name, value
