"""The locks can be trusted: complete, free of addresses, and the server's one is a part of the whole."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT_ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", flags=re.MULTILINE)
HASH = re.compile(r"--hash=\S+")


def entries(name: str) -> dict[tuple[str, str], frozenset[str]]:
    """Package and version → the hashes it may have."""
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    return {
        (pin[1], pin[2]): frozenset(HASH.findall(block)) for block in blocks if (pin := PIN.match(block)) is not None
    }


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-server.lock"])
def test_a_lock_pins_everything_by_hash_and_names_no_address(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, flags=re.MULTILINE)
    assert all(entries(name).values())


def test_the_server_lock_is_a_part_of_the_whole_lock() -> None:
    assert entries("requirements-server.lock").items() <= entries("requirements.lock").items()


def test_every_dependency_of_the_project_is_locked_within_its_bounds() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [Requirement(text) for text in project["build-system"]["requires"] + project["project"]["dependencies"]]
    wanted_by_extras = [Requirement(text) for extra in extras.values() for text in extra]

    for name, requirements in [
        ("requirements-server.lock", wanted),
        ("requirements.lock", wanted + wanted_by_extras),
    ]:
        locked = entries(name).keys()
        for requirement in requirements:
            versions = [version for package, version in locked if package == canonicalize_name(requirement.name)]
            assert versions, f"{requirement} is not in {name}: run `make lock`"
            assert all(version in requirement.specifier for version in versions), f"{requirement}: run `make lock`"
