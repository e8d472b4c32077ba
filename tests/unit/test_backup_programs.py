"""No password stands among the arguments of a program, where everybody on the machine can read it."""

import pytest

from inventory.postgres.backup.programs import _place


@pytest.mark.parametrize(
    ("dsn", "place", "password"),
    [
        ("postgresql://u:pa%40ss@db:5432/x", "postgresql://u@db:5432/x", "pa@ss"),
        ("postgres://u:p@db/x?sslmode=require", "postgresql://u@db/x?sslmode=require", "p"),
        ("postgresql://u@db/x?password=p%26q&sslmode=require", "postgresql://u@db/x?sslmode=require", "p&q"),
        ("postgresql://u@db/x", "postgresql://u@db/x", None),
        ("postgresql://db/x", "postgresql://db/x", None),
        ("postgresql://u@/x?host=/run/a b&port=1", "postgresql://u@/x?host=%2Frun%2Fa%20b&port=1", None),
        ("postgresql://u:p@one:1,two:2/x", "postgresql://u@one:1,two:2/x", "p"),
        ("postgresql://u%40corp:p@db/x", "postgresql://u%40corp@db/x", "p"),
    ],
)
def test_a_password_goes_by_the_environment(dsn: str, place: str, password: str | None) -> None:
    assert _place(dsn) == (place, {} if password is None else {"PGPASSWORD": password})
