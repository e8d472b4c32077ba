from pathlib import Path

import pytest

from inventory.postgres import queries
from inventory.postgres.queries import QueryFileError


def load(directory: Path, **files: str) -> dict[str, str]:
    for name, text in files.items():
        (directory / f"{name}.sql").write_text(text)
    return dict(queries.load(directory))


def test_a_query_is_its_sql_without_name_description_and_semicolon(tmp_path: Path) -> None:
    text = """\
-- What this file is about is not a query.

-- name: lock_levels
-- Locks what a batch needs.
-- $1 the levels.
SELECT 1  -- why one
-- and a comment inside
FROM level;

-- name: forget
-- Forgets.
DELETE FROM request
"""
    assert load(tmp_path, stock=text) == {
        "lock_levels": "SELECT 1  -- why one\n-- and a comment inside\nFROM level",
        "forget": "DELETE FROM request",
    }


def test_queries_of_all_files_are_one_mapping_that_cannot_be_written(tmp_path: Path) -> None:
    found = load(tmp_path, a="-- name: a\n-- A.\nSELECT 1", b="-- name: b\n-- B.\nSELECT 2")
    assert found == {"a": "SELECT 1", "b": "SELECT 2"}
    with pytest.raises(TypeError):
        queries.load(tmp_path)["a"] = "SELECT 3"  # type: ignore[index]  # that is what is tested


def test_the_house_s_own_queries_load() -> None:
    assert all(sql and not sql.startswith("--") for sql in queries.load().values())


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            {"a": "-- name: x\n-- X.\nSELECT 1\n-- name: x\n-- X.\nSELECT 2"},
            "a.sql: query 'x': the name is taken",
        ),
        (
            {"a": "-- name: x\n-- X.\nSELECT 1", "b": "-- name: x\n-- X.\nSELECT 2"},
            "b.sql: query 'x': the name is",
        ),
        ({"a": "-- name: x\nSELECT 1"}, "query 'x': no description"),
        ({"a": "-- name: x\n--\n-- ---\nSELECT 1"}, "query 'x': no description"),
        ({"a": "-- name: x\nSELECT 1 -- late"}, "query 'x': no description"),
        ({"a": "-- name: x\n-- X.\n"}, "query 'x': no SQL"),
        ({"a": "-- name: x\n-- X.\n;"}, "query 'x': no SQL"),
        ({"a": "-- name: x\n-- X.\n-- name: y\n-- Y.\nSELECT 1"}, "query 'x': no SQL"),
        ({"a": "-- name: Lock-Levels\n-- X.\nSELECT 1"}, "a name is lower case"),
        ({"a": "-- name:\n-- X.\nSELECT 1"}, "a name is lower case"),
        ({"a": "SELECT 0;\n-- name: x\n-- X.\nSELECT 1"}, "a.sql: SQL before the first name"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(QueryFileError, match=complaint):
        load(tmp_path, **files)
