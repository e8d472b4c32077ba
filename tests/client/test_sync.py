"""The synchronous façade: the same client, for threads and plain scripts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from inventory_client import Changes, InsufficientStock, NotFound, SnapshotComplete, Unavailable
from inventory_client.sync import SyncInventoryClient, SyncStockMirror
from tests.client.conftest import House, stocked
from tests.rpc.client import PATIENCE_S

CLIENTS = Path(__file__).parents[2] / "clients"
Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """The server runs in this loop, so whoever waits for it must not."""
    return await asyncio.wait_for(asyncio.to_thread(work), PATIENCE_S * 2)


async def test_two_threads_share_one_client(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 1_000)

    def work() -> int:
        with SyncInventoryClient(replica.address, "shop") as client:
            made: list[str] = []

            def buy() -> None:
                answers = (client.reserve([(sku, place, 1)], owner="buyer") for _ in range(50))
                made.extend(answer.reservation.reservation_id for answer in answers)

            threads = [threading.Thread(target=buy) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(set(made)) == 100
            assert {found.reservation_id for found in client.list_reservations(owner="buyer")} == set(made)
            with pytest.raises(InsufficientStock):
                client.reserve([(sku, place, 901)])
            with pytest.raises(NotFound):
                client.get_sku("none")
            return client.get_stock(sku, place).quantities.allocated

    assert await in_thread(work) == 100


async def test_a_mirror_and_a_watch_without_a_loop(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 10)

    def work() -> None:
        with SyncInventoryClient(replica.address, "shop") as client, SyncStockMirror(client) as mirror:
            assert mirror.available(sku, place) == 10
            with client.watch() as watch:
                for event in watch:
                    if isinstance(event, SnapshotComplete):
                        break
                made = client.reserve([(sku, place, 4)], ttl=timedelta(minutes=1))
                changes = next(event for event in watch if isinstance(event, Changes))
                assert [change.revision for change in changes.changes] == [made.revision]
            mirror.wait_until(made.revision)
            level = mirror.level(sku, place)
            assert level is not None
            assert (level.held, level.available, level.revision) == (4, 6, made.revision)
            assert [(sku, place, level)] == list(mirror)
            assert mirror.revision >= made.revision

    await in_thread(work)


async def test_a_closed_client_says_so(house: House) -> None:
    replica = await house.replica()

    def work() -> None:
        client = SyncInventoryClient(replica.address)
        client.close()
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.get_sku("none")

    await in_thread(work)
    assert not [thread for thread in threading.enumerate() if thread.name == "inventory-client"]


async def test_closing_a_client_ends_the_calls_that_other_threads_wait_for() -> None:
    def work() -> list[str]:
        retrying, ended = threading.Event(), list[str]()
        client = SyncInventoryClient("127.0.0.1:1", timeout_s=PATIENCE_S)
        client.asynchronous._on_retry = lambda *_: retrying.set()

        def call() -> None:
            try:
                client.get_sku("none")
            except RuntimeError as closed:
                ended.append(str(closed))

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        assert retrying.wait(PATIENCE_S)
        client.close()
        thread.join(PATIENCE_S)
        return ended

    assert await in_thread(work) == ["the client was closed meanwhile"]


async def test_a_plain_script_reserves_and_reads_its_mirror(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 10)
    script = f"""
        from inventory_client.sync import SyncInventoryClient, SyncStockMirror

        client = SyncInventoryClient({replica.address!r}, channel="shop")
        mirror = SyncStockMirror(client, locations=[{place!r}])
        made = client.reserve([({sku!r}, {place!r}, 3)])
        mirror.wait_until(made.revision)
        print(mirror.available({sku!r}, {place!r}))
    """
    assert await run(script) == (0, "7\n", "")


async def test_a_client_made_before_a_fork_says_so_after_it(house: House) -> None:
    replica = await house.replica()
    script = f"""
        import os
        from inventory_client.sync import SyncInventoryClient

        client = SyncInventoryClient({replica.address!r})
        child = os.fork()
        if not child:
            try:
                client.get_sku("none")
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    """
    code, out, _ = await run(script)
    assert code == 0
    assert "before the process forked" in out


async def run(script: str) -> tuple[int, str, str]:
    """Exit code, standard output and error of a program that may import only the clients and `inventory.v1`."""
    path = os.pathsep.join((str(CLIENTS), str(CLIENTS.parent)))

    def work() -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "PYTHONPATH": path},
        )
        return done.returncode, done.stdout, done.stderr

    return await in_thread(work)


def test_it_tells_of_calls_that_are_made_again() -> None:
    told: list[str] = []
    with (
        SyncInventoryClient(
            "127.0.0.1:1", timeout_s=0.5, on_retry=lambda failure, pause_s: told.append(str(failure))
        ) as client,
        pytest.raises(Unavailable),
    ):
        client.get_sku("A-1")
    assert set(told) == {"UNAVAILABLE: no server answers at 127.0.0.1:1"}
