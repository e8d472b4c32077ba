"""What does a followed channel view cost? One-line Reserves over 20 shops while what a marketplace may sell is
followed, of those while the stock of the same shops is. Few SKUs: what a view reads of one first is soon read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks.measure import Options, Round, Side, conclude, in_turn, reserving
from benchmarks.servers import Server, Site
from benchmarks.workload import CALL_TIMEOUT_S, Orders, shop, stock_up
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import channel_service_pb2_grpc as channel_grpc
from inventory.v1 import watch_service_pb2 as watch
from inventory.v1 import watch_service_pb2_grpc as watch_grpc

SKUS = 50
SHOPS = 20
CHANNEL = "market"


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product = site.product()
        stock_up(product, SKUS, shops=SHOPS, everywhere=True)
        _settings(product)
        selling = reserving(site, product, Orders(SKUS, shops=SHOPS))
        found = in_turn(
            {
                "a channel's view is followed": _followed(product, watch.CHANGE_KIND_AVAILABILITY, selling),
                "the same stock is followed": _followed(product, watch.CHANGE_KIND_STOCK, selling),
            },
            options,
            "calls",
        )
    conclude("view", found["a channel's view is followed"].rate / found["the same stock is followed"].rate)


def _settings(server: Server) -> None:
    view = channel_pb2.ChannelView(buffer=2, share_bp=5_000)
    with grpc.insecure_channel(server.address) as connection:
        channel_grpc.ChannelServiceStub(connection).SetChannel(
            channel_pb2.SetChannelRequest(
                request_id=str(uuid4()),
                channel=channel_pb2.Channel(channel=CHANNEL, kind=channel_pb2.CHANNEL_KIND_MARKETPLACE, view=view),
            ),
            timeout=CALL_TIMEOUT_S,
        )


def _followed(server: Server, kind: watch.ChangeKind, side: Side) -> Side:
    def run(seconds: float) -> Round:
        with _follower(server, kind):
            return side(seconds)

    return run


@contextmanager
def _follower(server: Server, kind: watch.ChangeKind) -> Iterator[None]:
    """Reads what comes, for the length of the block; begun when the first bookmark is there."""
    request = watch.WatchRequest(now=Empty(), kinds=[kind])
    if kind == watch.CHANGE_KIND_STOCK:
        request.locations.extend(shop(each, SHOPS) for each in range(SHOPS))
    begun = threading.Event()

    def read() -> None:
        try:
            for _ in stream:
                begun.set()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise

    with grpc.insecure_channel(server.address) as connection:
        stream = watch_grpc.WatchServiceStub(connection).Watch(request, metadata=(("inventory-channel", CHANNEL),))
        reader = threading.Thread(target=read)
        reader.start()
        begun.wait(CALL_TIMEOUT_S)
        try:
            yield
        finally:
            stream.cancel()
            reader.join()


if __name__ == "__main__":
    main()
