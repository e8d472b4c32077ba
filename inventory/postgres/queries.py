"""The named queries of `queries/*.sql`.

A query begins with `-- name: lock_levels`, goes on with comment lines that describe it, then its SQL up to
the next name. The model is the loader of procrastinate.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

DIRECTORY = Path(__file__).with_suffix("")

_LOCKING, _READING = "find_and_lock_wide", "find_wide"
_NAME = re.compile(r"^-- name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)


class QueryFileError(ValueError):
    """A query file breaks the rules above; the message names the file and the query."""


def load(directory: Path = DIRECTORY) -> Mapping[str, str]:
    """SQL by name, without the description. Names are unique over all files."""
    queries: dict[str, str] = {}
    for path in sorted(directory.glob("*.sql")):
        preamble, *parts = _NAME.split(path.read_text("utf-8"))
        if any(line and not line.startswith("--") for line in map(str.strip, preamble.splitlines())):
            raise QueryFileError(f"{path.name}: SQL before the first name")
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            where = f"{path.name}: query {name!r}"
            if not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise QueryFileError(f"{where}: a name is lower case letters, digits and underscores")
            if name in queries:
                raise QueryFileError(f"{where}: the name is taken")
            queries[name] = _sql(text, where)
    if _LOCKING in queries:  # one text for both, so that what is only shown is decided as what is written
        queries[_READING] = queries[_LOCKING].replace("FOR UPDATE", "")
    return MappingProxyType(queries)


def _sql(text: str, where: str) -> str:
    lines = text.strip().splitlines()
    described = 0
    while described < len(lines) and lines[described].startswith("--"):
        described += 1
    if not any(line.strip("- ") for line in lines[:described]):
        raise QueryFileError(f"{where}: no description")
    sql = "\n".join(lines[described:]).strip().removesuffix(";")
    if not sql:
        raise QueryFileError(f"{where}: no SQL")
    return sql
