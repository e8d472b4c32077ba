"""The yardstick: a bare grpc.aio server on uvloop that answers Reserve with what was asked, the ordinary way.

The same messages as the product's, parsed and serialised by the generated servicer; the answer has the same fields.
"""

import asyncio

import grpc
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.v1 import core_pb2 as core
from inventory.v1 import reservation_service_pb2 as pb2
from inventory.v1 import reservation_service_pb2_grpc as service

_NOW = Timestamp(seconds=1_800_000_000, nanos=123_456_000)


class Echo(service.ReservationServiceServicer):
    async def Reserve(  # noqa: N802 - named by the protocol
        self,
        request: pb2.ReserveRequest,
        context: grpc.aio.ServicerContext[pb2.ReserveRequest, pb2.ReserveResponse],
    ) -> pb2.ReserveResponse:
        line = request.lines[0]
        return pb2.ReserveResponse(
            revision=1_000_000,
            reservation=core.Reservation(
                reservation_id=request.request_id,
                channel="default",
                state=core.RESERVATION_STATE_HELD,
                expires_at=_NOW,
                created_at=_NOW,
                lines=[
                    core.ReservationLine(
                        sku=line.sku, location=line.location, requested=line.quantity, held=line.quantity
                    )
                ],
            ),
        )


async def main() -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    service.add_ReservationServiceServicer_to_server(Echo(), server)  # type: ignore[abstract]  # the rest is UNIMPLEMENTED
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"echo serves gRPC on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
