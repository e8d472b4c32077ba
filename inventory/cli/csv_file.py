"""CSV files: read strictly and in bounded memory, written so that they can be read back.

The format is RFC 4180 in UTF-8 with a comma; a BOM is accepted. The csv module silently merges rows after an unclosed
quote unless it is strict, and knows no limit for a row: both are seen to here.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from inventory.cli.failure import Failed, printable
from inventory.domain.refusal import Reason, Refusal

LINE_BYTES_MAX = 1 << 20
ROW_BYTES_MAX = 4 << 20
COMPLAINTS_MAX = 20
SHOWN_CHARS_MAX = 40
_RISKY = ("=", "+", "-", "@", "\t", " ")


class Complaint(NamedTuple):
    """What is wrong with a row. Rows are counted as a spreadsheet does: the header is row 1. `column` may be ''."""

    row: int
    column: str
    reason: str
    text: str

    def __str__(self) -> str:
        column = f", column {printable(self.column)}" if self.column else ""
        place = "the header" if self.row == 1 else f"row {self.row}"
        return f"{place}{column}: {self.reason} {printable(self.text)}"


class CsvRefused(Exception):
    """The file can't be read on from here."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint


class Columns(NamedTuple):
    """The columns a kind of file has, in the order in which a row's fields are handed on."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


class CsvFile:
    """A file that is read more than once and must stay the same meanwhile. Use it as a context manager."""

    def __init__(self, path: Path, columns: Columns) -> None:
        """Raises `Failed` when there is no such regular file."""
        self.path = path
        self._columns = columns
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise Failed(f"{path} can't be read: {error.strerror}") from error
        if not self._file.seekable():
            self._file.close()
            raise Failed(f"{path} is read twice, so it must be a file, not a pipe")
        self._identity = self._state()
        self.size_bytes = self._identity[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def digest(self) -> str:
        """What stands for the content."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()  # type: ignore[arg-type]  # the stub wants a raw file

    def assert_unchanged(self) -> None:
        """Raises `Failed` when somebody wrote to the file since it was opened."""
        if self._state() != self._identity:
            raise Failed(f"{self.path} was changed while it was being read; run the command again")

    def rows(self, on_bytes: Callable[[int], None] = lambda count: None) -> Iterator[tuple[int, list[str]]]:
        """Each row's number and all its fields, ragged or not, after the header was checked.

        `on_bytes` hears now and then how far it has come. Raises `CsvRefused`.
        """
        self._file.seek(0)
        place = _Place()
        reader = csv.reader(_lines(self._file, place, on_bytes), strict=True)
        row = 0
        try:
            for fields in reader:
                row += 1
                place.row_bytes, place.row_line = 0, place.line + 1
                yield row, fields
        except csv.Error as error:
            raise CsvRefused(
                Complaint(row + 1, "", Reason.CSV_SYNTAX, f"{error} (it begins in line {place.row_line})")
            ) from None
        except _Unreadable as error:
            raise CsvRefused(Complaint(row + 1, "", Reason.CSV_SYNTAX, f"{error} (line {place.line})")) from None

    def fields(
        self, complain: Callable[[Complaint], None], on_bytes: Callable[[int], None] = lambda count: None
    ) -> Iterator[tuple[int, Sequence[str]]]:
        """Each row's number and its fields in the order of the columns, '' for a column that the file hasn't.

        Ragged rows are complained of and left out. Raises `CsvRefused`.
        """
        rows = self.rows(on_bytes)
        _, header = next(rows, (0, []))
        pick = self._pick(header)
        width = len(header)
        for row, fields in rows:
            if len(fields) == width:
                fields.append("")
                yield row, pick(fields)
            else:
                empty = " (an empty line)" if not fields else ""
                text = f"the row has {len(fields)} fields, the header {width}{empty}"
                complain(Complaint(row, "", Reason.CSV_SYNTAX, text))

    def header(self) -> list[str]:
        """The columns that the file has. Raises `CsvRefused`."""
        _, header = next(self.rows(), (0, []))
        self._pick(header)
        return header

    def _pick(self, header: list[str]) -> Callable[[list[str]], Sequence[str]]:
        known = self._columns.all
        if len(header) == 1 and ";" in header[0]:
            raise _bad_header("", "the columns are separated by semicolons: save the file with commas")
        for position, column in enumerate(header):
            if column not in known:
                raise _bad_header(column, f"no such column; there are {', '.join(known)}")
            if column in header[:position]:
                raise _bad_header(column, "the column stands twice")
        for column in self._columns.required:
            if column not in header:
                raise _bad_header(column, "the column is missing" if header else "the file is empty")
        absent = len(header)
        return itemgetter(*(header.index(column) if column in header else absent for column in known))

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns


class Findings:
    """The complaints about a file: the first ones, and how many."""

    def __init__(self) -> None:
        self.first: list[Complaint] = []
        self.count = 0

    def add(self, complaint: Complaint) -> None:
        self.count += 1
        if len(self.first) < COMPLAINTS_MAX:
            self.first.append(complaint)

    def add_refusal(self, row: int, refusal: Refusal) -> None:
        self.add(Complaint(row, refusal.field, refusal.reason, refusal.message))

    def lines(self) -> list[str]:
        more = [f"  … and {self.count - len(self.first):,} more"] if self.count > len(self.first) else []
        return [f"  {complaint}" for complaint in self.first] + more


def integer(text: str, column: str) -> int:
    """A whole number: ASCII digits, perhaps after a minus, and nothing else. Raises NOT_AN_INTEGER."""
    digits = text.removeprefix("-")
    # int() takes 1_000, ' 5 ', +5 and full-width digits, and needs a second for many thousand digits.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        raise Refusal(Reason.NOT_AN_INTEGER, f"{shown(text)} is not a whole number", field=column)
    return int(text)


def shown(text: str) -> str:
    """Text in quotes, cut to what fits a line."""
    return repr(text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…")


def line(fields: Iterable[str]) -> str:
    """One row as text. What a spreadsheet could take for a formula is quoted: it stays what it is."""
    return ",".join([_quoted(field) for field in fields]) + "\n"


def _quoted(field: str) -> str:
    if field.startswith(_RISKY) or '"' in field or not field.isprintable() or "," in field or field[-1:] == " ":
        return '"' + field.replace('"', '""') + '"'
    return field


class _Unreadable(Exception):
    """Bytes that are no text of a CSV file."""


class _Place:
    """How far the reading has come."""

    line = 0
    row_line = 1
    row_bytes = 0


def _lines(file: BinaryIO, place: _Place, on_bytes: Callable[[int], None]) -> Iterator[str]:
    done = 0
    for raw in iter(partial(file.readline, LINE_BYTES_MAX + 1), b""):
        place.line += 1
        place.row_bytes += len(raw)
        if len(raw) > LINE_BYTES_MAX or place.row_bytes > ROW_BYTES_MAX:
            raise _Unreadable(f"a line has at most {LINE_BYTES_MAX} bytes, a row {ROW_BYTES_MAX}")
        if b"\0" in raw:
            raise _Unreadable("the line has a NUL byte: save the file as text, in UTF-8")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise _Unreadable("the line is not UTF-8: save the file as UTF-8") from None
        if place.line == 1:
            text = text.removeprefix("\ufeff")
        done += len(raw)
        if place.line % 10_000 == 0:
            on_bytes(done)
        yield text
    on_bytes(done)


def _bad_header(column: str, text: str) -> CsvRefused:
    return CsvRefused(Complaint(1, column[:SHOWN_CHARS_MAX], Reason.CSV_HEADER, text))
