"""PostgreSQL 15 or newer: what older ones don't know is not asked of them, and the oldest of this machine is served."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from asyncpg import ServerVersion

from inventory.postgres.audit import verify
from inventory.postgres.backup import back_up, check, restore
from inventory.postgres.connection import Database, has_transaction_timeout, why_too_old
from inventory.postgres.embedded import SERVER_ROLE, BinariesNotFound, EmbeddedPostgres, binaries
from inventory.postgres.verify import CHECKS, snapshot
from tests.rpc.client import Client
from tests.rpc.conftest import serving

MAJORS = range(binaries.VERSION_MIN, 30)


@pytest.fixture
def oldest(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """The oldest of this machine that we take. Where the wheel is the only one, it is that."""
    with TemporaryDirectory(prefix="inventory-oldest-", dir=scratch) as directory:
        home = Path(directory)
        found = next(filter(None, (programs_of(home, major) for major in MAJORS)))
        monkeypatch.setattr(binaries, "candidates", lambda: iter([(found.source, found.directory)]))
        monkeypatch.setenv("PATH", f"{found.directory}{os.pathsep}{os.environ['PATH']}")
        with EmbeddedPostgres.start(home, shared_buffers_mb=16) as server:
            yield server


def programs_of(home: Path, major: int) -> binaries.Binaries | None:
    with suppress(BinariesNotFound):
        return binaries.find(home, binaries.SystemUser.current(), major)
    return None


async def wrong_in(database: Database) -> list[str]:
    """What the proofs of the audit trail and of the books say."""
    said = [line async for found in verify(database) for line in found.wrong]
    async with snapshot(database) as state:
        return said + [each.query for each in CHECKS if (await state.run(each)).broken]


async def test_the_oldest_postgresql_of_this_machine_is_served(oldest: EmbeddedPostgres, tmp_path: Path) -> None:
    database = Database(oldest.dsn)
    async with serving(oldest.dsn) as server:
        client = Client(server.address)
        sku, place = await client.stocked(3)
        await client.commit(await client.hold((sku, place, 2)))
        await client.close()
    assert await wrong_in(database) == []
    file = tmp_path / "kept.inventory"
    kept = await back_up(database, file)
    await restore(database, check(file), replace=kept.revision, server_role=SERVER_ROLE)
    assert await wrong_in(database) == []


@pytest.mark.parametrize(("major", "known"), [(15, False), (16, False), (17, True), (18, True)])
def test_a_limit_on_whole_transactions_is_asked_only_of_a_server_that_has_it(major: int, known: bool) -> None:
    assert has_transaction_timeout(major) is known


def test_a_postgresql_older_than_15_is_refused_by_its_version() -> None:
    assert why_too_old(ServerVersion(14, 0, 23, "final", 0)) == "PostgreSQL 15 or newer is needed, and this is 14"
    assert why_too_old(ServerVersion(15, 0, 0, "final", 0)) is None
