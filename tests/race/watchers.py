"""A client process that follows and does not read. Arguments: a server's address; how many streams, each on a
connection of its own and a hundred a channel; and SKUs, all but one of which each stream follows, so that few of them
are told the same. It says "ready" once each stream has begun, and ends with its input."""

import asyncio
import sys

import grpc
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import watch_service_pb2, watch_service_pb2_grpc

CHANNEL_KEY = "inventory-channel"
STREAMS_PER_CHANNEL_MAX = 100
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


async def main(address: str, count: int, skus: list[str]) -> None:
    channels = [grpc.aio.insecure_channel(address, OWN_CONNECTION) for _ in range(count)]
    calls = [
        watch_service_pb2_grpc.WatchServiceStub(channel).Watch(
            watch_service_pb2.WatchRequest(now=Empty(), skus=set(skus) - {skus[number % len(skus)]}),
            metadata=((CHANNEL_KEY, f"watchers-{number // STREAMS_PER_CHANNEL_MAX}"),),
        )
        for number, channel in enumerate(channels)
    ]
    for call in calls:
        begun = await call.read()
        assert isinstance(begun, watch_service_pb2.WatchResponse), await call.details()
    print('"ready"', flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
