"""The client and the mirror for code without an event loop: Flask, Django, scripts.

No second implementation: one daemon thread runs one loop with the asynchronous client, and every call waits for it.
Safe from any number of threads. A process that forks afterwards has no such thread: make the client in the worker
(gunicorn: `post_fork`, or at first use), never before the fork; using it there anyway raises `RuntimeError`. gRPC
itself does not survive a fork either.
"""

import re
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import grpc

from inventory_client.background import Background
from inventory_client.calls import TIMEOUT_S, OnRetry
from inventory_client.client import HEARTBEAT, InventoryClient, WatchMode
from inventory_client.credentials import Pem, Token
from inventory_client.events import Connection
from inventory_client.levels import Level
from inventory_client.mirror import OnChange, StockMirror
from inventory_client.mirroring import READY_S, WAIT_S, Mirror
from inventory_client.reconciliations import ReconciliationKind, Reconciling
from inventory_client.sync_streams import Closing, SyncReconciling, SyncWatch
from inventory_client.watch import OnConnection, Watch

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
AnyMirror = TypeVar("AnyMirror", bound=Mirror)
Function = TypeVar("Function", bound=Callable[..., Any])
_ASYNCHRONOUS = re.compile(r"\b(?:await |async |a(?=next\())")


def _waits(
    method: Callable[Concatenate[InventoryClient, Parameters], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate["SyncInventoryClient", Parameters], Result]:
    """The method, waited for."""

    @wraps(method)
    def call(self: "SyncInventoryClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self.run(method(self.asynchronous, *args, **kwargs))

    return _described(call)


def _iterates(
    method: Callable[Concatenate[InventoryClient, Parameters], AsyncIterator[Result]],
) -> Callable[Concatenate["SyncInventoryClient", Parameters], Iterator[Result]]:
    """The method, whose rows are waited for one by one."""

    @wraps(method)
    def call(self: "SyncInventoryClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Iterator[Result]:
        return self.each(method(self.asynchronous, *args, **kwargs))

    return _described(call)


def _watches(
    method: Callable[Concatenate[InventoryClient, Parameters], Watch],
) -> Callable[Concatenate["SyncInventoryClient", Parameters], SyncWatch]:
    """The method, whose events are waited for one by one."""

    @wraps(method)
    def call(self: "SyncInventoryClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> SyncWatch:
        async def begin() -> Watch:
            return method(self.asynchronous, *args, **kwargs)

        return SyncWatch(self, self.run(begin()))

    return _described(call)


def _reconciles(
    method: Callable[Concatenate[InventoryClient, Parameters], Reconciling],
) -> Callable[Concatenate["SyncInventoryClient", Parameters], SyncReconciling]:
    """The method, whose answers are waited for."""

    @wraps(method)
    def call(self: "SyncInventoryClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> SyncReconciling:
        return SyncReconciling(self, method(self.asynchronous, *args, **kwargs))

    return _described(call)


def _described(call: Function) -> Function:
    """Its documentation is the asynchronous method's; the examples are as one writes them here."""
    call.__qualname__ = f"SyncInventoryClient.{call.__name__}"
    call.__doc__ = _ASYNCHRONOUS.sub("", call.__doc__ or "")
    return call


class SyncInventoryClient(Closing):
    """As `InventoryClient`, method by method, without `await`.

    Example:
        with SyncInventoryClient("127.0.0.1:50051", channel="shop") as client:
            held = client.reserve([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15))
            for level in client.list_stock(locations=["shop-7"]):
                print(level.sku, level.quantities.available)
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
        """As `InventoryClient`. Ready at once; `with` or `close` ends its thread, and so does the interpreter's end.
        `on_retry`, and a `token` that is called, are called in that thread, and must not call the client."""
        self.asynchronous = InventoryClient(
            endpoints,
            channel,
            token=token,
            operator=operator,
            ca=ca,
            certificate=certificate,
            tls=tls,
            token_in_clear=token_in_clear,
            timeout_s=timeout_s,
            credentials=credentials,
            on_retry=on_retry,
        )
        self._background = Background()
        self._stopping = weakref.finalize(self, _stop, self._background, self.asynchronous)
        self.run(self.asynchronous.__aenter__())

    def close(self) -> None:
        """Ends its streams, connections and thread. Calls after it raise `RuntimeError`."""
        self._stopping()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine of this package in the client's loop and waits for it."""
        return self._background.run(work)

    def each(self, rows: AsyncIterator[Result]) -> Iterator[Result]:
        """Iterates in the client's loop, and waits for the rows as they are asked for."""
        return self._background.each(rows)

    get_stock = _waits(InventoryClient.get_stock)
    batch_get_stock = _waits(InventoryClient.batch_get_stock)
    list_stock = _iterates(InventoryClient.list_stock)
    adjust_stock = _waits(InventoryClient.adjust_stock)
    set_stock = _waits(InventoryClient.set_stock)
    set_thresholds = _waits(InventoryClient.set_thresholds)
    batch_adjust_stock = _waits(InventoryClient.batch_adjust_stock)
    receive_stock = _waits(InventoryClient.receive_stock)
    reclassify_stock = _waits(InventoryClient.reclassify_stock)
    set_incoming = _waits(InventoryClient.set_incoming)
    list_lots = _waits(InventoryClient.list_lots)
    get_serial = _waits(InventoryClient.get_serial)
    list_movements = _iterates(InventoryClient.list_movements)
    open_stock_count = _waits(InventoryClient.open_stock_count)
    record_stock_count = _waits(InventoryClient.record_stock_count)
    post_stock_count = _waits(InventoryClient.post_stock_count)
    cancel_stock_count = _waits(InventoryClient.cancel_stock_count)
    get_stock_count = _waits(InventoryClient.get_stock_count)
    list_stock_counts = _iterates(InventoryClient.list_stock_counts)
    reserve = _waits(InventoryClient.reserve)
    batch_reserve = _waits(InventoryClient.batch_reserve)
    commit = _waits(InventoryClient.commit)
    extend = _waits(InventoryClient.extend)
    release = _waits(InventoryClient.release)
    fulfil = _waits(InventoryClient.fulfil)
    reallocate = _waits(InventoryClient.reallocate)
    get_availability = _waits(InventoryClient.get_availability)
    check_availability = _waits(InventoryClient.check_availability)
    explain_availability = _waits(InventoryClient.explain_availability)
    get_reservation = _waits(InventoryClient.get_reservation)
    list_reservations = _iterates(InventoryClient.list_reservations)
    create_transfer = _waits(InventoryClient.create_transfer)
    ship_transfer = _waits(InventoryClient.ship_transfer)
    receive_transfer = _waits(InventoryClient.receive_transfer)
    cancel_transfer = _waits(InventoryClient.cancel_transfer)
    get_transfer = _waits(InventoryClient.get_transfer)
    list_transfers = _iterates(InventoryClient.list_transfers)
    create_sku = _waits(InventoryClient.create_sku)
    update_sku = _waits(InventoryClient.update_sku)
    get_sku = _waits(InventoryClient.get_sku)
    list_skus = _iterates(InventoryClient.list_skus)
    create_location = _waits(InventoryClient.create_location)
    update_location = _waits(InventoryClient.update_location)
    get_location = _waits(InventoryClient.get_location)
    list_locations = _iterates(InventoryClient.list_locations)
    import_catalog = _waits(InventoryClient.import_catalog)
    set_channel = _waits(InventoryClient.set_channel)
    get_channel = _waits(InventoryClient.get_channel)
    list_channels = _iterates(InventoryClient.list_channels)
    set_channel_skus = _waits(InventoryClient.set_channel_skus)
    list_channel_skus = _iterates(InventoryClient.list_channel_skus)
    who_am_i = _waits(InventoryClient.who_am_i)
    set_access = _waits(InventoryClient.set_access)
    list_access = _iterates(InventoryClient.list_access)
    create_token = _waits(InventoryClient.create_token)
    rotate_token = _waits(InventoryClient.rotate_token)
    bind_certificate = _waits(InventoryClient.bind_certificate)
    revoke_credential = _waits(InventoryClient.revoke_credential)
    list_credentials = _iterates(InventoryClient.list_credentials)
    list_audit_entries = _iterates(InventoryClient.list_audit_entries)
    register_subscriber = _waits(InventoryClient.register_subscriber)
    acknowledge = _waits(InventoryClient.acknowledge)
    list_subscribers = _waits(InventoryClient.list_subscribers)
    remove_subscriber = _waits(InventoryClient.remove_subscriber)
    list_alarms = _iterates(InventoryClient.list_alarms)
    acknowledge_alarm = _waits(InventoryClient.acknowledge_alarm)
    list_deliveries = _iterates(InventoryClient.list_deliveries)
    request_bookmark = _waits(InventoryClient.request_bookmark)
    get_reconciliation = _waits(InventoryClient.get_reconciliation)
    list_reconciled = _iterates(InventoryClient.list_reconciled)
    list_reconciliations = _iterates(InventoryClient.list_reconciliations)
    reconcile = _reconciles(InventoryClient.reconcile)
    figures = _waits(InventoryClient.figures)
    watch = _watches(InventoryClient.watch)


class SyncMirror(Closing, Generic[AnyMirror]):
    """What mirrors have in common: how far they have come, and how fresh that is."""

    def __init__(self, client: SyncInventoryClient, mirror: AnyMirror) -> None:
        """Begins at once and returns when the first snapshot is there."""
        self._client = client
        self.asynchronous = mirror
        client.run(mirror.start())

    def close(self) -> None:
        self._client.run(self.asynchronous.aclose())

    @property
    def revision(self) -> int:
        return self.asynchronous.revision

    @property
    def live(self) -> bool:
        return self.asynchronous.live

    @property
    def staleness_s(self) -> float:
        return self.asynchronous.staleness_s

    @property
    def connection(self) -> Connection | None:
        return self.asynchronous.connection

    def on_connection(self, callback: OnConnection) -> Callable[[], None]:
        """As `Mirror.on_connection`, in the client's thread; the callback must not call the client."""
        return self.asynchronous.on_connection(callback)

    def wait_until(self, revision: int, timeout_s: float = WAIT_S) -> None:
        self._client.run(self.asynchronous.wait_until(revision, timeout_s))


class SyncStockMirror(SyncMirror[StockMirror]):
    """As `StockMirror`, kept fresh by the client's thread. Reads don't wait for it. Callbacks run in that thread, and
    must not call the client.

    Example:
        with SyncStockMirror(client, locations=["shop-7"]) as mirror:
            print(mirror.available("A-1", "shop-7"))
    """

    def __init__(
        self,
        client: SyncInventoryClient,
        *,
        locations: Iterable[str] = (),
        skus: Iterable[str] = (),
        categories: Iterable[str] = (),
        mode: WatchMode | None = None,
        heartbeat: timedelta = HEARTBEAT,
        ready_s: float | None = READY_S,
    ) -> None:
        """Begins at once and returns when the first snapshot is there. Raises as `StockMirror`."""
        mirror = StockMirror(
            client.asynchronous,
            locations=locations,
            skus=skus,
            categories=categories,
            mode=mode,
            heartbeat=heartbeat,
            ready_s=ready_s,
        )
        super().__init__(client, mirror)

    def available(self, sku: str, location: str) -> int:
        return self.asynchronous.available(sku, location)

    def level(self, sku: str, location: str) -> Level | None:
        return self.asynchronous.level(sku, location)

    def get(self, sku: str) -> dict[str, Level]:
        return self.asynchronous.get(sku)

    def __len__(self) -> int:
        return len(self.asynchronous)

    def __iter__(self) -> Iterator[tuple[str, str, Level]]:
        return iter(self.asynchronous)

    def on_change(self, callback: OnChange) -> Callable[[], None]:
        return self.asynchronous.on_change(callback)

    def reconcile(
        self, kind: ReconciliationKind | str = ReconciliationKind.AVAILABLE, *, reference: str = ""
    ) -> SyncReconciling:
        return SyncReconciling(self._client, self.asynchronous.reconcile(kind, reference=reference))


def _stop(background: Background, client: InventoryClient) -> None:
    background.stop(client.__aexit__(None, None, None))
