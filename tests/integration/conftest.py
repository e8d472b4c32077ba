"""No command outlives its test."""

from collections.abc import Iterator

import pytest

from tests.integration.command import Command


@pytest.fixture(autouse=True)
def commands_end() -> Iterator[None]:
    """Kills what a failed test has left: the loop would wait for its pipes."""
    yield
    Command.end_all()
