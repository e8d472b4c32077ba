"""The client: every call of the service, and the feed."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import IntEnum
from types import TracebackType
from typing import Self
from weakref import WeakSet

import grpc

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.access import AccessCalls
from inventory_client.acknowledger import Acknowledger
from inventory_client.alarms import AlarmCalls
from inventory_client.arguments import codes, duration
from inventory_client.availability import AvailabilityCalls
from inventory_client.calls import TIMEOUT_S, OnRetry
from inventory_client.catalog import CatalogCalls
from inventory_client.channels import ChannelCalls
from inventory_client.credentials import Pem, Token, introduction, wire_credentials
from inventory_client.cursor import REVISION_MAX, Cursor, CursorStore
from inventory_client.endpoints import Endpoints, addresses
from inventory_client.joiner import CHANGE_BYTES_MAX
from inventory_client.operations import OperationsCalls
from inventory_client.reconciliations import ReconciliationCalls
from inventory_client.reservations import ReservationCalls
from inventory_client.stock import StockCalls
from inventory_client.stock_counts import StockCountCalls
from inventory_client.subscribers import SubscriberCalls
from inventory_client.tracing import Tracing
from inventory_client.transfers import TransferCalls
from inventory_client.watch import OnConnection, Start, Watch

HEARTBEAT = timedelta(seconds=5)
STARTS = ("snapshot", "now", "acknowledged")


class WatchMode(IntEnum):
    """What a watch delivers of the changes; the numbers are the API's."""

    EVERY_CHANGE = pb2.WATCH_MODE_EVERY_CHANGE
    """Every change, in order: for whoever keeps books."""
    LATEST = pb2.WATCH_MODE_LATEST
    """The newest row of each level that changed: for whoever wants to be right and is slow. Stock only."""


class InventoryClient(
    AccessCalls,
    AlarmCalls,
    StockCalls,
    StockCountCalls,
    ReservationCalls,
    TransferCalls,
    AvailabilityCalls,
    CatalogCalls,
    ChannelCalls,
    SubscriberCalls,
    ReconciliationCalls,
    OperationsCalls,
):
    """A client of one or several servers on the same database, used within `async with`, from one event loop.

    Every write gets a request_id once per call, and is sent again under it, with growing, jittered pauses, while it is
    not known whether it happened or the service is too busy; so it has one effect at most. All tries together last at
    most `timeout_s`. One server is used while it is well; the calls and streams of a server that stops move on.

    In a program that uses OpenTelemetry each call is a span, which the server's spans go on from.

    Calls raise `Refused` (a definite no: nothing happened), `OutcomeUnknown` (a write that may have happened: send it
    again with its request_id), or `Unavailable`; no gRPC error.

    Example:
        async with InventoryClient("127.0.0.1:50051", channel="shop") as client:
            held = await client.reserve([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15))
            await client.commit(held.reservation.reservation_id, reference="order 4711")
    """

    def __init__(
        self,
        endpoints: str | Sequence[str],
        channel: str = "",
        *,
        token: Token = "",
        operator: str = "",
        ca: Pem | None = None,
        certificate: tuple[Pem, Pem] | None = None,
        tls: bool = False,
        token_in_clear: bool = False,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        """`endpoints`: one HOST:PORT, or several; a client begins with a random one. `channel`: who sells, 1 to 32 of
        a-z, 0-9, - and _; '': the one that the token or the certificate is of. `token`: the channel's, or what gives
        it (`TokenFile`), asked for every call. `operator`: who at the channel, up to 64 characters of ASCII.

        `ca`: who signs the servers' certificates, and `certificate`: the channel's own and its key: PEM files, or what
        is in them. `tls`: TLS with the well-known authorities; `ca` or `certificate` say it too. Without any of them
        it speaks in the clear, and sends a token to this machine only, unless `token_in_clear`. `credentials`: your
        own, instead of these. `on_retry` is told of every call that is made again: for logs and counters.

        Raises `ValueError`, and `OSError` for a file that can't be read.
        """
        super().__init__(introduction(channel, token, operator), timeout_s, on_retry)
        self._addresses = addresses(endpoints)
        self._credentials = wire_credentials(
            self._addresses,
            credentials,
            tls=tls,
            ca=ca,
            certificate=certificate,
            token=token,
            token_in_clear=token_in_clear,
        )
        self._watches: WeakSet[Watch] = WeakSet()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The servers it may ask, HOST:PORT each."""
        return self._addresses

    async def __aenter__(self) -> Self:
        self._endpoints = Endpoints(self._addresses, self._credentials)
        self._tracing = Tracing.of_program()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watch in list(self._watches):
            await watch.aclose()
        if self._endpoints is not None:
            endpoints, self._endpoints = self._endpoints, None
            await endpoints.close()

    def watch(
        self,
        start: Start = "snapshot",
        *,
        store: CursorStore | None = None,
        locations: Iterable[str] = (),
        skus: Iterable[str] = (),
        categories: Iterable[str] = (),
        kinds: Iterable[pb2.ChangeKind] = (),
        movement_kinds: Iterable[core_pb2.MovementKind] = (),
        mode: WatchMode = WatchMode.EVERY_CHANGE,
        heartbeat: timedelta = HEARTBEAT,
        subscriber: str = "",
        on_connection: OnConnection | None = None,
        change_bytes_max: int = CHANGE_BYTES_MAX,
    ) -> Watch:
        """Follows the feed, whatever happens to servers and connections; see `inventory_client.events`.

        `start`: "snapshot" (what there is, then what changes), "now", "acknowledged" (where `subscriber` was), or a
        `Cursor` you have kept. `store` keeps the cursor for you: what it has goes before `start`. Filters: up to 1,000
        codes each, none: all. `kinds`: none: stock. `movement_kinds`: not in the latest mode. `heartbeat`: a bookmark
        at least so often; after three without any message it connects anew. `subscriber`: a registered one, for which
        processed bookmarks are acknowledged about every second. `on_connection` is told of every change of the
        connection. `change_bytes_max`: how large one command's changes may be.

        Raises `TypeError` or `ValueError` for arguments it does not take.

        Example:
            async with client.watch(store=FileCursorStore("erp.cursor"), locations=["shop-7"]) as events:
                async for event in events:
                    match event:
                        case Restarted():
                            books.clear()
                        case SnapshotPiece(levels=levels):
                            books.extend(levels)
                        case Changes(changes=changes):
                            books.extend(changes)
        """
        _check(start, store, subscriber, mode)
        request = pb2.WatchRequest(
            locations=codes(locations, "locations"),
            skus=codes(skus, "skus"),
            categories=codes(categories, "categories"),
            kinds=kinds,
            movement_kinds=movement_kinds,
            mode=pb2.WatchMode.Name(mode),
            heartbeat=duration(heartbeat),
            subscriber=subscriber,
        )

        async def acknowledge(cursor: Cursor, timeout_s: float) -> object:
            return await self.acknowledge(subscriber, cursor, timeout_s=timeout_s)

        watch = Watch(
            self._opened(),
            self._introduce,
            request,
            start,
            heartbeat_s=heartbeat.total_seconds(),
            store=store,
            acknowledger=Acknowledger(acknowledge) if subscriber else None,
            on_connection=on_connection,
            change_bytes_max=change_bytes_max,
        )
        self._watches.add(watch)
        return watch


def _check(start: object, store: object, subscriber: str, mode: object) -> None:
    if not isinstance(start, Cursor) and start not in STARTS:
        hint = "; for the newest row of each level say mode=WatchMode.LATEST" if start == "latest" else ""
        raise ValueError(f"a watch starts with {', '.join(map(repr, STARTS))} or a Cursor, not {start!r:.200}{hint}")
    if isinstance(start, Cursor) and start.revision > REVISION_MAX:
        raise ValueError(f"a revision is at most {REVISION_MAX}, not {start.revision}")
    if start == "acknowledged" and not subscriber:
        raise ValueError('a watch from "acknowledged" needs subscriber=: whose acknowledged cursor')
    if store is not None and not (hasattr(store, "load") and hasattr(store, "save")):
        raise TypeError(f'store is a CursorStore, such as FileCursorStore("erp.cursor"), not {store!r:.200}')
    if mode not in WatchMode.__members__.values():
        raise ValueError(f"mode is WatchMode.EVERY_CHANGE or WatchMode.LATEST, not {mode!r:.200}")
