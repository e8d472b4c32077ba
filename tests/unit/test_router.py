"""What a server keeps of its callers is bounded, whatever they say of themselves."""

from typing import Any, NamedTuple, cast

from inventory.rpc.router import KEPT_CHARS_MAX, Router, Service
from inventory.rpc.streams import Streams
from inventory.v1 import stock_service_pb2 as stock_pb2

SERVICE = stock_pb2.DESCRIPTOR.services_by_name["StockService"]
PATH = f"/{SERVICE.full_name}/GetStock"


class Details(NamedTuple):
    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


def made(router: Router, *metadata: tuple[str, str]) -> object:
    return router.service(cast("Any", Details(PATH, metadata)))


async def test_a_caller_with_a_name_without_end_is_not_kept() -> None:
    callers: list[object] = []

    def method(caller: object) -> Any:
        callers.append(caller)
        return object()

    nobody = cast("Any", None)
    router = Router([Service(SERVICE, {"GetStock": method})], nobody, Streams(), None)
    for key in ("inventory-channel", "inventory-operator", "authorization"):
        short = (key, "x" * 20)
        assert made(router, short) is made(router, short), "the second call costs nothing"
    kept = len(callers)
    for key in ("inventory-channel", "authorization"):
        long = (key, "x" * (KEPT_CHARS_MAX + 1))
        assert made(router, long) is not made(router, long)
    assert len(callers) == kept + 4
    assert len(set(map(id, callers))) == len(callers), "each is made anew"
