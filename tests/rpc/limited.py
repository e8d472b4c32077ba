"""A house of which a channel may know a part. All that it may not know has CANARY in its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from inventory.domain.access import Scope
from inventory.v1 import (
    access_pb2,
    availability_service_pb2,
    catalog_service_pb2,
    channel_service_pb2,
    reservation_service_pb2,
    stock_count_service_pb2,
    stock_service_pb2,
    subscriber_service_pb2,
    transfer_service_pb2,
    watch_service_pb2,
)
from tests.rpc.client import Client, new_id
from tests.rpc.doors import EVERYDAY, Doors
from tests.rpc.stock_counts import counted, opened, record

CANARY = b"CANARY"
SERVICES = [
    service
    for module in (
        availability_service_pb2,
        catalog_service_pb2,
        channel_service_pb2,
        reservation_service_pb2,
        stock_count_service_pb2,
        stock_service_pb2,
        subscriber_service_pb2,
        transfer_service_pb2,
        watch_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]
METHODS = {f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods}
FOOD, TOOLS = "food/fresh", "tools"


def scope_of(method: str) -> Scope:
    return Scope(METHODS[method].GetOptions().Extensions[access_pb2.scope])


def message(method: str, template: Mapping[str, Any], names: Mapping[str, str]) -> bytes:
    """The bytes of a method's request: `{name}` in a text stands for one of `names`."""
    request: Message = GetMessageClass(METHODS[method].input_type)()
    if "request_id" in METHODS[method].input_type.fields_by_name:
        template = {"request_id": "{request_id}", **template}
    ParseDict(_filled(template, {"request_id": new_id(), **names}), request)
    return request.SerializeToString()


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, Mapping):
        return {key: _filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, names) for each in value]
    return value


@dataclass
class Limited:
    """`client` may know the places here and there and what is food; `reporter` the same, with what takes the scope
    report. `names`: what requests may say, the same for all; `hidden`: what is there and unknown to them; `unknown`:
    what isn't there, in as many bytes."""

    doors: Doors
    client: Client
    reporter: Client
    names: dict[str, str]
    hidden: dict[str, str]
    unknown: dict[str, str]

    @property
    def admin(self) -> Client:
        return self.doors.admin


async def limited_house(doors: Doors) -> Limited:
    admin = doors.admin
    for place in ("here", "there", "CANARY-far", "CANARY-away"):
        await admin.location(place)
    await _make(
        admin, "apple", FOOD, barcodes=["4006381333931"], units=[catalog_service_pb2.Unit(unit="box", quantity=6)]
    )
    await _make(admin, "milk", FOOD, tracking=catalog_service_pb2.TRACKING_LOTS)
    await _make(admin, "phone", "food", tracking=catalog_service_pb2.TRACKING_SERIALS)
    boxes = [catalog_service_pb2.Unit(unit="box", quantity=6)]
    await _make(admin, "CANARY-saw", TOOLS, barcodes=["5901234123457"], units=boxes)
    await _make(admin, "CANARY-nearly", "food2")
    await _make(admin, "CANARY-glue", TOOLS, tracking=catalog_service_pb2.TRACKING_LOTS)
    await _make(admin, "CANARY-drill", "", tracking=catalog_service_pb2.TRACKING_SERIALS)
    for sku in ("apple", "CANARY-saw", "CANARY-nearly"):
        for place in ("here", "there", "CANARY-far", "CANARY-away"):
            await admin.adjust(sku, place, 50, reference="" if sku == "apple" else "CANARY-ref")
    line = stock_service_pb2.ReceiptLine
    await admin.receive(
        "here", line(sku="milk", quantity=5, lot="lot-1"), line(sku="CANARY-glue", quantity=5, lot="CANARY-lot")
    )
    await admin.receive("CANARY-far", line(sku="milk", quantity=5, lot="CANARY-lot"), reference="CANARY-ref")
    await admin.receive(
        "here",
        line(sku="phone", quantity=1, serials=["S1"]),
        line(sku="CANARY-drill", quantity=1, serials=["CANARY-S"]),
    )
    await admin.receive("CANARY-far", line(sku="phone", quantity=1, serials=["CANARY-S"]))
    for serial, origin, target in (("CANARY-M", "here", "CANARY-far"), ("S2", "CANARY-far", "here")):
        await admin.receive(origin, line(sku="phone", quantity=1, serials=[serial]))
        await admin.adjust("phone", origin, -1, serials=[serial])
        await admin.receive(target, line(sku="phone", quantity=1, serials=[serial]))
    await admin.expect("apple", "CANARY-far", 5, "2030-01-01", reference="CANARY-ref")
    await admin.expect("CANARY-saw", "here", 5, "2030-01-01", reference="CANARY-ref")

    await doors.limit("till", *EVERYDAY, locations=["here", "there"], categories=["food"])
    await doors.limit("office", *EVERYDAY, Scope.REPORT, locations=["here", "there"], categories=["food"])
    await doors.limit("canary-shop", *EVERYDAY)
    client, reporter = [doors.client(await doors.token(channel)) for channel in ("till", "office")]
    other = doors.client(await doors.token("canary-shop"))
    for channel, places in (("till", ["here", "CANARY-far"]), ("canary-shop", ["here"])):
        settings = channel_service_pb2.Channel(channel=channel, name=channel, locations=places)
        await admin.channels.SetChannel(channel_service_pb2.SetChannelRequest(request_id=new_id(), channel=settings))
    await other.subscribers.RegisterSubscriber(subscriber_service_pb2.RegisterSubscriberRequest(name="CANARY-sub"))
    await client.subscribers.RegisterSubscriber(subscriber_service_pb2.RegisterSubscriberRequest(name="mine"))
    theirs = (await other.reserve(("apple", "here", 1), owner="cart-1")).reservation.reservation_id
    own = (await client.reserve(("apple", "here", 3))).reservation.reservation_id

    hidden_transfers = [
        await _transfer(admin, "CANARY-far", "CANARY-away", "apple", reference="CANARY-ref"),
        await _transfer(admin, "here", "CANARY-far", "apple"),
        await _transfer(admin, "CANARY-far", "here", "apple"),
        await _transfer(admin, "here", "there", "CANARY-saw", reference="CANARY-ref"),
    ]
    transfer = await _transfer(admin, "here", "there", "apple")
    far = await opened(admin, "CANARY-far", reference="CANARY-ref", category="food")
    await record(admin, far.count_id, counted("apple", 3))
    everything = await opened(admin, "here", reference="CANARY-ref")
    await record(admin, everything.count_id, counted("apple", 3), counted("CANARY-saw", 3))
    count = await opened(admin, "here", category="food")
    await record(admin, count.count_id, counted("apple", 40))
    names = {"reservation": own, "transfer": transfer, "count": count.count_id}
    hidden = {
        "sku": "CANARY-saw",
        "lots_sku": "CANARY-glue",
        "serials_sku": "CANARY-drill",
        "location": "CANARY-far",
        "lot": "CANARY-lot",
        "serial": "CANARY-S",
        "gone_serial": "CANARY-M",
        "barcode": "5901234123457",
        "category": TOOLS,
        "channel": "canary-shop",
        "other_reservation": theirs,
        **{f"transfer_{number}": each for number, each in enumerate(hidden_transfers)},
        "count_far": far.count_id,
        "count_everything": everything.count_id,
    }
    unknown = {
        name: str(uuid4()) if len(value) == 36 else value.replace("CANARY", "NOBODY").replace("canary", "nobody")
        for name, value in hidden.items()
    } | {"barcode": "4012345678901", "category": "spoon"}
    return Limited(doors, client, reporter, names, hidden, unknown)


async def _make(admin: Client, sku: str, category: str, **fields: Any) -> None:
    await admin.sku(sku, category=category, **fields)


async def _transfer(admin: Client, origin: str, target: str, sku: str, **fields: Any) -> str:
    lines = [transfer_service_pb2.TransferQuantity(sku=sku, quantity=2)]
    request = transfer_service_pb2.CreateTransferRequest(
        request_id=new_id(), from_location=origin, to_location=target, lines=lines, **fields
    )
    return (await admin.transfers.CreateTransfer(request)).transfer.transfer_id
