"""Which machines a DSN leads to."""

import pytest

from inventory.postgres.hosts import each_host


@pytest.mark.parametrize(
    ("dsn", "alone"),
    [
        (
            "postgresql://u:p%2Cx@a:1,b:2/shop?sslmode=verify-full&target_session_attrs=read-write",
            [
                "postgresql://u:p%2Cx@a:1/shop?sslmode=verify-full&target_session_attrs=read-write",
                "postgresql://u:p%2Cx@b:2/shop?sslmode=verify-full&target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql://u@/shop?host=/a,/b&port=1,2&target_session_attrs=primary",
            [
                "postgresql://u@/shop?host=%2Fa&port=1&target_session_attrs=primary",
                "postgresql://u@/shop?host=%2Fb&port=2&target_session_attrs=primary",
            ],
        ),
        (
            "postgresql://u@/shop?host=a,b&target_session_attrs=primary",
            [
                "postgresql://u@/shop?host=a&target_session_attrs=primary",
                "postgresql://u@/shop?host=b&target_session_attrs=primary",
            ],
        ),
        (
            "postgresql://u@[::1]:5,h/shop?target_session_attrs=read-write",
            [
                "postgresql://u@[::1]:5/shop?target_session_attrs=read-write",
                "postgresql://u@h/shop?target_session_attrs=read-write",
            ],
        ),
    ],
)
def test_each_machine_stands_alone_with_all_else_as_it_was(dsn: str, alone: list[str]) -> None:
    assert each_host(dsn) == alone


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u@a,b/shop",
        "postgresql://u@a/shop?target_session_attrs=read-write",
        "postgresql://u@/shop?host=a,b&port=1,2,3&target_session_attrs=read-write",
        "postgresql:///shop",
    ],
)
def test_one_machine_or_whichever_comes_first_is_left_to_the_driver(dsn: str) -> None:
    assert each_host(dsn) == [dsn]
