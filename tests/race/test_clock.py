"""The server's clock jumps by an hour, forth and back, while it runs: only the database's clock decides."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import libfaketime  # type: ignore[import-untyped]  # published without types
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import core_pb2, watch_service_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from tests.race.house import Client, House, outcomes, reason, until, within

LIBRARY = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
SKEW = timedelta(minutes=50)
TTL = timedelta(seconds=8)
HEARTBEAT_S = 1
LONG_WITHOUT_S = 30.0  # on a slow machine; to be wrong by the jump is an hour

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="there is no libfaketime here")


class Clock:
    """That of a server started with `environment`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.jump("+0")
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as when an administrator sets the clock
        }

    def jump(self, to: str) -> None:
        """Seconds from the true time, such as +3600."""
        new = self._file.with_suffix(".new")
        new.write_text(to)
        new.rename(self._file)


@within(180)
@pytest.mark.parametrize("to", ["+3600", "-3600"])
async def test_a_clock_that_jumps_changes_no_promise_and_no_deadline(house: House, tmp_path: Path, to: str) -> None:
    clock = Clock(tmp_path)
    server, client = await house.server(environment=clock.environment)
    await house.stock(client, {"a": 10})
    watch = client.feed.Watch(watch_service_pb2.WatchRequest(now=Empty(), heartbeat={"seconds": HEARTBEAT_S}))
    await watch.read()
    loop = asyncio.get_running_loop()

    asked_at = loop.time()
    made = await client.reserve(house.request({"a": 4}, ttl=TTL))
    clock.jump(to)
    assert await _state(client, made) == core_pb2.RESERVATION_STATE_HELD, "not a moment early"
    assert await house.available("a") == 6
    for _ in range(2):
        async with asyncio.timeout(LONG_WITHOUT_S):
            await watch.read()  # heartbeats go on
    later = await client.reserve(house.request({"a": 1}, ttl=timedelta(hours=1)))
    clock.jump("+0")
    clock.jump(to)

    lock = await house.connect()
    async with lock.transaction():
        await lock.execute("SELECT FROM level FOR UPDATE")
        began = loop.time()
        _, errors = await outcomes([client.reserve(house.request({"a": 1}), timeout_s=1)])
        assert reason(errors[0]) in ("CONTENTION", "DEADLINE", "DEADLINE_EXCEEDED")
        assert loop.time() - began < LONG_WITHOUT_S, "a deadline is a deadline"
    await lock.close()

    async def expired() -> bool:
        return await _state(client, made) == core_pb2.RESERVATION_STATE_EXPIRED

    await until(expired, TTL.total_seconds() + 30)
    assert loop.time() - asked_at >= TTL.total_seconds(), "and not a moment early"
    assert await _state(client, later) == core_pb2.RESERVATION_STATE_HELD
    watch.cancel()
    await house.prove()
    await server.stop()
    said = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", server.said[-1])
    assert said, server.said[-1]
    off = datetime.fromisoformat(said[0]).replace(tzinfo=UTC) - datetime.now(UTC)
    assert abs(off) > SKEW, "the clock did jump"


async def _state(client: Client, made: reservation_pb2.ReserveResponse) -> int:
    request = reservation_pb2.GetReservationRequest(reservation_id=made.reservation.reservation_id)
    return int((await client.reservations.GetReservation(request, timeout=30)).reservation.state)
