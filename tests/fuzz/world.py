"""A small shop on a running server, made by ordinary calls, and what good requests say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from inventory.v1 import access_pb2, access_service_pb2, core_pb2
from inventory.v1 import alarm_service_pb2 as alarm_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import reconciliation_service_pb2 as reconciliation_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_count_service_pb2 as count_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1 import transfer_service_pb2 as transfer_pb2
from tests.fuzz.methods import Known, Method, methods
from tests.rpc.client import new_id, seconds, unique

ON_HAND = 1_000_000
DAY_S = 24 * 3600
Metadata = Sequence[tuple[str, str | bytes]]


class Caller:
    """Calls any method by its name, always with the same metadata."""

    def __init__(self, address: str, metadata: Metadata = (), certificate: bytes | None = None) -> None:
        """`certificate`: the server's, in PEM. None: no TLS."""
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        if certificate is None:
            self.channel = grpc.aio.insecure_channel(address, options)
        else:
            self.channel = grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(certificate), options)
        self.metadata = metadata
        self._methods = {method.name: method for method in methods()}

    async def close(self) -> None:
        await self.channel.close()

    async def call(self, name: str, request: Message, timeout_s: float = 20.0) -> Any:
        """The answer; of a stream the first one."""
        method = self._methods[name]
        answer = await self.raw(method, request.SerializeToString(), timeout_s=timeout_s)
        return method.response_type.FromString(answer)

    async def said(self, name: str, *requests: Message) -> Any:
        """The answer to the last message of a stream, each of which has one answer."""
        method = self._methods[name]
        *before, last = (request.SerializeToString() for request in requests)
        return method.response_type.FromString(await self.raw(method, last, before=before))

    async def raw(
        self,
        method: Method,
        body: bytes,
        *,
        timeout_s: float | None = 20.0,
        metadata: Metadata | None = None,
        before: Sequence[bytes] = (),
    ) -> bytes:
        """The first answer's bytes to these bytes; of a stream that ends without one: none. `before`: what is said on
        the same stream first, and answered."""
        sent = self.metadata if metadata is None else metadata
        start: Any
        if not method.streams:
            start = self.channel.unary_unary(method.path)
            return await start(body, timeout=timeout_s, metadata=sent)  # type: ignore[no-any-return]
        if method.descriptor.client_streaming:
            start = self.channel.stream_stream(method.path)
            call = start(timeout=timeout_s, metadata=sent)
            for earlier in before:
                await call.write(earlier)
                await call.read()
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # refused meanwhile: the status says why
                await call.write(body)
                await call.done_writing()
        else:
            start = self.channel.unary_stream(method.path)
            call = start(body, timeout=timeout_s, metadata=sent)
        try:
            answer = await call.read()
        finally:
            call.cancel()
        return b"" if answer is grpc.aio.EOF else bytes(answer)


async def opened(caller: Caller) -> Known:
    """Makes the shop. Everything in it may be named by `Known.good`."""
    sku, serial_sku, here, there = unique("sku"), unique("serial"), unique("loc"), unique("loc")
    await caller.call(
        "CatalogService/ImportCatalog",
        catalog_pb2.ImportCatalogRequest(
            request_id=new_id(),
            skus=[
                catalog_pb2.Sku(sku=sku, category="fruit", unit="kg", unit_digits=3),
                catalog_pb2.Sku(sku=serial_sku, tracking=catalog_pb2.TRACKING_SERIALS),
            ],
            locations=[catalog_pb2.Location(location=place) for place in (here, there)],
        ),
    )
    for place in (here, there):
        await caller.call(
            "StockService/AdjustStock",
            stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=place, delta=ON_HAND, reason="opening"),
        )
    line = stock_pb2.ReceiptLine(sku=serial_sku, quantity=1, serials=["S-1"])
    await caller.call(
        "StockService/ReceiveStock",
        stock_pb2.ReceiveStockRequest(request_id=new_id(), location=here, lines=[line], reason="opening"),
    )
    held = await _reserved(caller, sku, here, hold_ttl=seconds(DAY_S))
    allocated = await _reserved(caller, sku, here, allocate=True)
    planned, shipped = [await _transferred(caller, sku, here, there, ship=ship) for ship in (False, True)]
    opened_count = await caller.call(
        "StockCountService/OpenStockCount",
        count_pb2.OpenStockCountRequest(request_id=new_id(), location=here, reason="yearly"),
    )
    counted = await caller.call(
        "StockCountService/RecordStockCount",
        count_pb2.RecordStockCountRequest(
            request_id=new_id(),
            count_id=opened_count.count.count_id,
            lines=[count_pb2.CountedQuantity(sku=sku, counted=ON_HAND)],
        ),
    )
    await caller.call("SubscriberService/RegisterSubscriber", subscriber_pb2.RegisterSubscriberRequest(name="follower"))
    reconciliation_id, drift = await _drifted(caller, sku, here)
    new, rotated, revoked = [await _let_in(caller) for _ in range(3)]
    on_hand = ON_HAND - 10  # ten are on their way
    return Known(
        {
            "request_id": new_id,
            "sku": sku,
            "skus": [sku],
            "location": here,
            "locations": [here],
            "from_location": here,
            "to_location": there,
            "reservation_id": held,
            "transfer_id": planned,
            "count_id": counted.count.count_id,
            "reconciliation_id": reconciliation_id,
            "alarm_id": drift,
            "stream_id": lambda: str(uuid4()),
            "channel": "default",
            "quantity": 1,
            "delta": 1,
            "counted": 1,
            "reason": "fuzz",
            "reference": "fuzz",
            "due_on": "2099-12-31",
            "validate_only": True,
        },
        {
            "Sku": {"name": "pear", "components": None, "units": None, "preorder": None},
            "Location": {"name": "shop", "point": None},
            "Channel": {"name": "shop"},
            "Cursor": {"revision": 1},
            "CreateSkuRequest": {"sku": lambda: catalog_pb2.Sku(sku=unique("sku"), name="new")},
            "CreateLocationRequest": {"location": lambda: catalog_pb2.Location(location=unique("loc"), name="new")},
            "SetStockRequest": {"on_hand": on_hand, "expected_on_hand": on_hand},
            "Access": {"scopes": [access_pb2.SCOPE_WATCH]},
            "SetAccessRequest": {"channel": new[0]},
            "CreateTokenRequest": {"channel": new[0]},
            "RotateTokenRequest": {"key_id": rotated[1]},
            "RevokeCredentialRequest": {"key_id": revoked[1]},
            "BindCertificateRequest": {"channel": new[0], "certificate": _certificate},
            "ListAuditEntriesRequest": {"request_id": None},
            "ReconcileBegin": {"kind": reconciliation_pb2.RECONCILIATION_KIND_ON_HAND},
            "ReserveRequest": {"pickup": None},
            "CheckAvailabilityRequest": {"pickup": None},
            "FulfilRequest": {"reservation_id": allocated},
            "ReceiveTransferRequest": {"transfer_id": shipped},
            "ListTransfersRequest": {"reservation_id": None},
            "OpenStockCountRequest": {"location": there},
            "PostStockCountRequest": {"expected_version": counted.count.version},
            "GetSerialRequest": {"sku": serial_sku, "serial": "S-1"},
            "ReclassifyStockRequest": {"to_disposition": core_pb2.DISPOSITION_DAMAGED},
            "RegisterSubscriberRequest": {
                "name": "follower",
                "after": None,
                "deadline": seconds(DAY_S),  # within a minute it would be lost, and a server would note it
                "lag_max": None,
            },
            "AcknowledgeRequest": {"name": "follower"},
            "RemoveSubscriberRequest": {"name": "nobody"},
            "ListSubscribersRequest": {"channel": "default"},
            "WatchRequest": {"snapshot": Empty(), "subscriber": None},
            "SetChannelSkusRequest": {"skus": channel_pb2.ChannelSku(sku=sku)},
        },
    )


async def _drifted(caller: Caller, sku: str, location: str) -> tuple[str, str]:
    """A reconciliation with a number that was never right, and the alarm that it opens, whether or not the server looks
    for others."""
    begin = reconciliation_pb2.ReconcileBegin(kind=reconciliation_pb2.RECONCILIATION_KIND_ON_HAND)
    row = reconciliation_pb2.ReconcileRow(sku=sku, location=location, quantity=ON_HAND + 1)
    found = await caller.said(
        "ReconciliationService/Reconcile",
        reconciliation_pb2.ReconcileRequest(begin=begin),
        reconciliation_pb2.ReconcileRequest(rows=reconciliation_pb2.ReconcileRows(rows=[row])),
        reconciliation_pb2.ReconcileRequest(end=reconciliation_pb2.ReconcileEnd()),
    )
    listed = await caller.call(
        "AlarmService/ListAlarms",
        alarm_pb2.ListAlarmsRequest(kind=alarm_pb2.ALARM_KIND_DRIFT, channel=found.reconciliation.channel),
    )
    return found.reconciliation.reconciliation_id, listed.alarms[0].alarm_id


async def _let_in(caller: Caller) -> tuple[str, str]:
    """A channel of its own, and the key_id of its token."""
    channel = unique("ch")
    await caller.call(
        "AccessService/SetAccess",
        access_service_pb2.SetAccessRequest(
            request_id=new_id(), channel=channel, access=access_service_pb2.Access(scopes=[access_pb2.SCOPE_WATCH])
        ),
    )
    made = await caller.call(
        "AccessService/CreateToken", access_service_pb2.CreateTokenRequest(request_id=new_id(), channel=channel)
    )
    return channel, str(made.credential.key_id)


def _certificate() -> str:
    """One that nobody has yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unique("till"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


async def _reserved(caller: Caller, sku: str, location: str, **promise: Any) -> str:
    request = reservation_pb2.ReserveRequest(
        request_id=new_id(), lines=[core_pb2.LineQuantity(sku=sku, location=location, quantity=100)], **promise
    )
    answer = await caller.call("ReservationService/Reserve", request)
    return str(answer.reservation.reservation_id)


async def _transferred(caller: Caller, sku: str, here: str, there: str, *, ship: bool) -> str:
    request = transfer_pb2.CreateTransferRequest(
        request_id=new_id(),
        from_location=here,
        to_location=there,
        lines=[transfer_pb2.TransferQuantity(sku=sku, quantity=10)],
        ship=ship,
    )
    answer = await caller.call("TransferService/CreateTransfer", request)
    return str(answer.transfer.transfer_id)
