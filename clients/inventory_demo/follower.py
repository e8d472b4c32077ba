"""A process that only watches: it knows nothing but the stream, and rebuilds the stock from it."""

import asyncio
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc
from google.protobuf import empty_pb2

from inventory.v1 import watch_service_pb2 as pb2
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.mirror import Mirror

REPORT_PERIOD_S = 0.25
CONNECT_TIMEOUT_S = 30.0
RESUMES_MAX = 20
RESUME_PAUSE_S = 0.5
ALL_KINDS = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_SKU, pb2.CHANGE_KIND_LOCATION, pb2.CHANGE_KIND_SUBSCRIBER)
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
_METHOD = f"/{pb2.DESCRIPTOR.services_by_name['WatchService'].full_name}/Watch"


@dataclass(frozen=True, slots=True)
class Watch:
    """What to follow, from now on."""

    address: str
    location_prefix: str


@dataclass(frozen=True, slots=True)
class Followed:
    """How far it is, and what is promised there."""

    revision: int
    movements: int
    held: int
    allocated: int


@dataclass(frozen=True, slots=True)
class WatchEnded:
    mirror: Mirror
    start: int
    resumed: int
    cpu_s: float


def follow(orders: Connection) -> None:
    """The process's entry: takes a `Watch`, says `Ready` when it follows, and ends when told anything."""
    run_until_orphaned(orders, _follow(orders))


async def _follow(orders: Connection) -> None:
    watch: Watch = orders.recv()
    mirror = Mirror(-1, watch.location_prefix)
    reporting = asyncio.create_task(_report(orders, mirror))
    stream = _Stream(watch.address, mirror)
    following = asyncio.create_task(stream.follow())
    try:
        begun = asyncio.create_task(stream.begun.wait())
        await asyncio.wait({following, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if not following.done():
            orders.send(Ready())
            stop = asyncio.get_running_loop().run_in_executor(None, orders.recv)
            await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():  # it never ends by itself
            orders.send(Trouble(f"the stream of changes broke: {following.exception()}"))
            return
    finally:
        reporting.cancel()
        following.cancel()
    orders.send(WatchEnded(mirror, stream.start, stream.resumed, time.process_time()))


class _Stream:
    def __init__(self, address: str, mirror: Mirror) -> None:
        self._address = address
        self._mirror = mirror
        self.start = -1
        self.resumed = 0
        self.begun = asyncio.Event()

    async def follow(self) -> None:
        """Resumes after what it has when the server goes away. Raises AioRpcError when that does not help."""
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        async with grpc.aio.insecure_channel(self._address, options=options) as connection:
            await asyncio.wait_for(connection.channel_ready(), CONNECT_TIMEOUT_S)
            while True:
                request = pb2.WatchRequest(kinds=ALL_KINDS)
                request.heartbeat.seconds = 1
                if self.begun.is_set():
                    request.after.epoch = self._mirror.epoch
                    request.after.revision = self._mirror.revision
                else:
                    request.now.CopyFrom(empty_pb2.Empty())
                call = connection.unary_stream(
                    _METHOD,
                    request_serializer=pb2.WatchRequest.SerializeToString,
                    response_deserializer=pb2.WatchResponse.FromString,
                )(request, metadata=(("inventory-channel", "watcher"),))
                try:
                    async for message in call:
                        if not self.begun.is_set():
                            self.start = self._mirror.revision = message.bookmark.revision
                            self.begun.set()
                        self._mirror.take(message)
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE or self.resumed == RESUMES_MAX:
                        raise
                self.resumed += 1
                await asyncio.sleep(RESUME_PAUSE_S)


async def _report(orders: Connection, mirror: Mirror) -> None:
    while True:
        orders.send(Followed(mirror.revision, mirror.movements, mirror.held, mirror.allocated))
        await asyncio.sleep(REPORT_PERIOD_S)
