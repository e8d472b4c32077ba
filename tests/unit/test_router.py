"""What a server keeps of its callers is bounded, whatever they say of themselves."""

from typing import Any, NamedTuple, cast

import grpc

from inventory.domain.access import FULL_ACCESS
from inventory.domain.credential import CredentialKind
from inventory.postgres.access import InForce
from inventory.rpc.call_log import CallLog, LogCalls
from inventory.rpc.doors import Doors
from inventory.rpc.meter import Meter
from inventory.rpc.router import KEPT_CHARS_MAX, READY_MAX, Router, Service
from inventory.rpc.streams import Streams
from inventory.v1 import stock_service_pb2 as stock_pb2

SERVICE = stock_pb2.DESCRIPTOR.services_by_name["StockService"]
PATH = f"/{SERVICE.full_name}/GetStock"


class Details(NamedTuple):
    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


def _handler() -> Any:
    return grpc.unary_unary_rpc_method_handler(lambda raw, context: raw)


def _meter() -> Meter:
    return Meter(CallLog(LogCalls.NONE))


def made(router: Router, *metadata: tuple[str, str]) -> object:
    return router.service(cast("Any", Details(PATH, metadata)))


async def test_a_caller_with_a_name_without_end_is_not_kept() -> None:
    callers: list[object] = []

    def method(caller: object) -> Any:
        callers.append(caller)
        return _handler()

    nobody = cast("Any", None)
    router = Router([Service(SERVICE, {"GetStock": method})], nobody, Streams(), None, _meter())
    for key in ("inventory-channel", "inventory-operator", "authorization"):
        short = (key, "x" * 20)
        assert made(router, short) is made(router, short), "the second call costs nothing"
    kept = len(callers)
    for key in ("inventory-channel", "authorization"):
        long = (key, "x" * (KEPT_CHARS_MAX + 1))
        assert made(router, long) is not made(router, long)
    assert len(callers) == kept + 4
    assert len(set(map(id, callers))) == len(callers), "each is made anew"


async def test_a_key_id_opens_nothing_although_its_certificate_was_here() -> None:
    nobody = cast("Any", None)
    doors = Doors(nobody)
    known = InForce(b"digest", "k7f3k7f3k7f3", CredentialKind.CERTIFICATE, None, 1, "till", FULL_ACCESS)
    doors._put([known], 0.0)
    callers: list[object] = []

    def method(caller: object) -> Any:
        callers.append(caller)
        return _handler()

    router = Router([Service(SERVICE, {"GetStock": method})], nobody, Streams(), doors, _meter())
    by_certificate = router._ready_for(known, PATH, None, "")
    assert len(callers) == 1
    assert router._ready_for(known, PATH, None, "") is by_certificate
    for authorization in (known.key_id, f"Bearer {known.key_id}"):
        assert made(router, ("authorization", authorization)) is not by_certificate
    assert len(callers) == 1, "nobody else came in"


async def test_what_is_kept_of_certificates_is_bounded_too() -> None:
    nobody = cast("Any", None)
    doors = Doors(nobody)
    known = InForce(b"digest", "k7f3k7f3k7f3", CredentialKind.CERTIFICATE, None, 1, "till", FULL_ACCESS)
    doors._put([known], 0.0)
    router = Router([Service(SERVICE, {"GetStock": lambda caller: _handler()})], nobody, Streams(), doors, _meter())
    first = router._ready_for(known, PATH, None, "0")
    for number in range(1, READY_MAX + 1):
        router._ready_for(known, PATH, None, str(number))
    assert router._ready_for(known, PATH, None, "0") is not first, "it was forgotten"
