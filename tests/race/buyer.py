"""A client process. Arguments: servers' addresses. The one line of input is an order as JSON: a list of
calls [server, request_id, [[sku, location, quantity], ...]]. All run at once; their reasons ("" for success) are the
one line of output."""

import asyncio
import json
import sys

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from inventory.v1 import core_pb2, reservation_service_pb2, reservation_service_pb2_grpc

TIMEOUT_S = 30


async def main(addresses: list[str]) -> None:
    channels = [grpc.aio.insecure_channel(address) for address in addresses]
    for channel in channels:
        await channel.channel_ready()
    stubs = [reservation_service_pb2_grpc.ReservationServiceStub(channel) for channel in channels]

    async def buy(server: int, request_id: str, lines: list[tuple[str, str, int]]) -> str:
        request = reservation_service_pb2.ReserveRequest(
            request_id=request_id,
            allocate=True,
            reference=request_id,
            lines=[core_pb2.LineQuantity(sku=sku, location=location, quantity=n) for sku, location, n in lines],
        )
        try:
            await stubs[server].Reserve(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return reason(error)
        return ""

    print('"ready"', flush=True)
    if order := await asyncio.to_thread(sys.stdin.readline):
        answers = await asyncio.gather(*(buy(*call) for call in json.loads(order)))
        print(json.dumps(answers), flush=True)
    for channel in channels:
        await channel.close()


def reason(error: grpc.aio.AioRpcError) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            info = ErrorInfo()
            if Status.FromString(value).details[0].Unpack(info):
                return str(info.reason)
    return error.code().name


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
