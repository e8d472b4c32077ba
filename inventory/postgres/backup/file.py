"""The file of a back-up.

A line `inventory backup 1`; a line of JSON, the `Contents`; the dump, in `pg_dump`'s custom format; and a last line
with the SHA-256 of all before it. So a file that was cut off, damaged, or made by something else is known before it is
used.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

FIRST_LINE = b"inventory backup 1\n"
CONTENTS_BYTES_MAX = 1 << 20
LAST_LINE_BEGINS = b"\ninventory backup end "
LAST_LINE_BYTES = len(LAST_LINE_BEGINS) + 64 + 1
CHUNK_BYTES = 1 << 18

OnBytes = Callable[[int], None]
"""Hears how many bytes are done, again and again."""


class BackupError(Exception):
    """It can't be made, or not be restored; the message says why. Nothing was changed unless it says so."""


@dataclass(frozen=True)
class Contents:
    """What a back-up holds: the schema as of `revision` of `epoch`. `postgres` is the major version it is from;
    `migrations` are names and checksums of what made its tables, `rows` how many each table has."""

    made_at: str
    inventory: str
    postgres: int
    schema: str
    epoch: str
    revision: int
    migrations: Sequence[tuple[str, str]]
    rows: Mapping[str, int]


class Checked(NamedTuple):
    """A whole file. The dump is `size_bytes` from `begins_at` on."""

    path: Path
    contents: Contents
    begins_at: int
    size_bytes: int

    def dump(self) -> Iterator[bytes]:
        """Its bytes, in pieces."""
        left = self.size_bytes
        with self.path.open("rb") as file:
            file.seek(self.begins_at)
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


@contextmanager
def writing(path: Path, contents: Contents) -> Iterator[Callable[[bytes], None]]:
    """Takes the dump's bytes. The file appears under its name when all of it is on the disk, for its owner's eyes only;
    when the block fails there is none. Raises `BackupError` when there is one already, and `OSError`."""
    if path.exists():
        raise BackupError(f"{path} is there already: a back-up overwrites nothing")
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by us alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            digest = hashlib.sha256()

            def write(part: bytes) -> None:
                digest.update(part)
                file.write(part)

            write(FIRST_LINE + json.dumps(asdict(contents)).encode() + b"\n")
            yield write
            file.write(LAST_LINE_BEGINS + digest.hexdigest().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def check(path: Path, on_bytes: OnBytes = lambda done: None) -> Checked:
    """Reads all of it. Raises `BackupError` when it is no back-up, or not a whole one."""
    try:
        with path.open("rb") as file:
            return _checked(path, file, on_bytes)
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}") from error


def _checked(path: Path, file: IO[bytes], on_bytes: OnBytes) -> Checked:
    if file.readline(len(FIRST_LINE)) != FIRST_LINE:
        raise BackupError(f"{path} is not a back-up made by `inventory backup`")
    said = file.readline(CONTENTS_BYTES_MAX)
    begins_at = file.tell()
    size_bytes = os.fstat(file.fileno()).st_size - LAST_LINE_BYTES - begins_at
    if size_bytes < 0:
        raise BackupError(f"{path} is cut off: it ends before its dump does")
    file.seek(0)
    digest = hashlib.sha256()
    left = begins_at + size_bytes
    while left and (chunk := file.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        left -= len(chunk)
        on_bytes(file.tell())
    last = file.read()
    if not last.startswith(LAST_LINE_BEGINS):
        raise BackupError(f"{path} is cut off: its last line is missing")
    if last != LAST_LINE_BEGINS + digest.hexdigest().encode() + b"\n":
        raise BackupError(f"{path} is damaged: its checksum is not that of its content")
    try:
        found = json.loads(said)
        found["migrations"] = [(name, checksum) for name, checksum in found["migrations"]]
        return Checked(path, Contents(**found), begins_at, size_bytes)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} was made by another version: what it says of itself can't be read") from error
