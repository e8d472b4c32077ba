"""The composition root: start → run → stop, top-down."""

import asyncio
import gc
import signal
from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc
import structlog

from inventory import __version__
from inventory.alarms.certificate import own_certificate
from inventory.alarms.edge import Edge
from inventory.alarms.looking import Looking
from inventory.alarms.proving import Proving
from inventory.alarms.said import say
from inventory.alarms.webhook import Webhook, hook_of
from inventory.domain.alarm import Drift
from inventory.domain.reconciliation import Reconciliation
from inventory.engine.expiry import sweep
from inventory.engine.failures import described
from inventory.engine.lane import Lane
from inventory.feed.forgetting import Forgetting
from inventory.feed.hub import Feed
from inventory.feed.keeping import Keeping
from inventory.figures.giving_back import GivingBack
from inventory.health import Health
from inventory.listening import Shared, listen
from inventory.metrics import serve_metrics
from inventory.postgres.access import first_admin
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database, Writer
from inventory.postgres.errors import StorageError
from inventory.postgres.preparation import prepare
from inventory.postgres.reads import Reader
from inventory.rpc import (
    access,
    alarm,
    audit,
    availability,
    catalog,
    channel,
    operations,
    reconciliation,
    reservation,
    stock,
    stock_count,
    subscriber,
    transfer,
    transport,
    watch,
)
from inventory.rpc.amounts import Amounts
from inventory.rpc.call_log import CallLog, LogCalls
from inventory.rpc.change_encoder import ChangeEncoder
from inventory.rpc.doors import Doors
from inventory.rpc.errors import encode_refusal
from inventory.rpc.health import SERVICE_NAME as HEALTH_NAME
from inventory.rpc.health import HealthService
from inventory.rpc.meter import Meter
from inventory.rpc.reflection import ReflectionService
from inventory.rpc.router import Router, Service
from inventory.rpc.streams import Streams
from inventory.rpc.writes import Writes
from inventory.settings import Settings
from inventory.tls import guard
from inventory.tracing import Tracing, is_wanted

REFUSING_S = 0.2
CALLS_GRACE_S = 5.0
STREAMS_GRACE_S = 1.0
LAST_WORDS_S = 1.0  # for statuses on their way; it ends at once unless somebody does not read, or watches our health
LANE_GRACE_S = 1.5
CANCEL_S = 0.5
RESTART_PAUSE_S = 1.0
GC_YOUNG_OBJECTS = 50_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOT_SHARED = Shared()

# They only read, and can while nothing can be written.
READING = tuple(service.SERVICE.full_name for service in (watch, availability, operations))

log = structlog.get_logger(__name__)
FirstToken = Callable[[str], None]
Work = Callable[[], Coroutine[None, None, None]]
"""What goes on beside the calls, for ever."""


async def serve(
    settings: Settings,
    dsn: str,
    *,
    ready: Callable[[str], None] = lambda address: None,
    first_token: FirstToken | None = None,
    beside: Coroutine[None, None, None] | None = None,
    shared: Shared = NOT_SHARED,
    stop_signals: Collection[signal.Signals] = STOP_SIGNALS,
) -> None:
    """Serves until a stop signal. `ready` is told the address once calls are answered; `first_token` a token that may
    do everything, when nobody has one; `beside` runs beside it; `shared` are the addresses that other workers listen on
    too, instead of those of the settings.

    Raises `RuntimeError` when it may not be reached so (see `inventory.tls`), the port is taken, the database isn't
    durable, migrations are pending and not to be applied, or traces are asked for that can't be made, and a
    `StorageError` when the database can't be reached.
    """
    stop = asyncio.Event()
    for number in stop_signals:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        if beside is not None:
            stack.push_async_callback(_cancel, asyncio.create_task(beside, name="beside"))
        starting = asyncio.create_task(start(settings, dsn, stack, shared, first_token))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():  # it waits for another's migration, or for a database
            await _cancel(starting)
            return
        _spare_the_collector()
        address = starting.result()
        ready(address)
        await stopped
        log.info("stopping")


async def start(
    settings: Settings,
    dsn: str,
    stack: AsyncExitStack,
    shared: Shared = NOT_SHARED,
    first_token: FirstToken | None = None,
) -> str:
    """Starts everything; leaving the stack stops it in order. Returns the address it listens on."""
    certificate = guard(settings)
    database = Database(dsn, settings.db_schema)
    await prepare(
        database,
        apply=settings.migrate,
        owner_dsn=settings.owner_dsn,
        server_role=settings.server_role,
        alone=settings.dsn is None,
    )
    reader = await Reader.open(database)
    stack.push_async_callback(reader.close)

    tracing = await _tracing(settings, stack)
    feed = Feed(database, reader, ChangeEncoder())
    writer = Writer(database, tracing)
    lane = Lane(writer, encode_refusal, feed.take, tracing)
    lane_task = asyncio.create_task(lane.run())

    async def finish_lane() -> None:
        lane.stop()
        await asyncio.wait((lane_task,), timeout=LANE_GRACE_S)
        await _cancel(lane_task)  # only a database that hangs keeps it so long

    stack.push_async_callback(finish_lane)
    keeping = Keeping(database, reader, settings.feed_age, settings.feed_changes)
    doors = None if settings.development else await _doors(database, reader, first_token)
    streams, edge = Streams(), Edge()
    meter = Meter(CallLog(LogCalls(settings.log_calls)), tracing, edge.finished)
    sources = operations.Sources(reader, feed, lane, streams, meter, lambda: keeping.subscribers, doors)
    works: dict[str, Work] = {
        "sampler": sources.sampler.run,
        "sweep": partial(sweep, lane, reader),
        "feed": partial(feed.run, lambda: lane.busy, lambda: writer.pid),
        "keeping": keeping.run,
        "forgetting": Forgetting(reader).run,
        "giving back": GivingBack(lambda: lane.busy or streams.calls).run,
        **({} if doors is None else {"doors": doors.run}),
    }
    stack.push_async_callback(_cancel, *(asyncio.create_task(_keep_on(name, works[name]), name=name) for name in works))

    writes, amounts = Writes(lane, tracing), Amounts(reader)
    if settings.metrics is not None:
        stack.push_async_callback(asyncio.to_thread, serve_metrics(settings.metrics, sources, settings.tls_cert))
    server = grpc.aio.server(
        options=transport.options(bool(shared.addresses)), maximum_concurrent_rpcs=transport.CALLS_OPEN_MAX
    )
    services = [
        Service(stock.SERVICE, stock.StockService(writes, reader, amounts).methods()),
        Service(reservation.SERVICE, reservation.ReservationService(writes, reader, streams, amounts).methods()),
        Service(transfer.SERVICE, transfer.TransferService(writes, reader).methods()),
        Service(catalog.SERVICE, catalog.CatalogService(writes, reader).methods()),
        Service(stock_count.SERVICE, stock_count.StockCountService(writes, reader).methods()),
        Service(channel.SERVICE, channel.ChannelService(writes, reader).methods()),
        Service(watch.SERVICE, watch.WatchService(feed, reader, streams).methods()),
        Service(availability.SERVICE, availability.AvailabilityService(reader, amounts).methods()),
        Service(alarm.SERVICE, alarm.AlarmService(writes, reader).methods()),
        Service(subscriber.SERVICE, subscriber.SubscriberService(reader).methods()),
        Service(operations.SERVICE, operations.OperationsService(sources).methods()),
        Service(access.SERVICE, access.AccessService(database, reader, doors).methods()),
        Service(audit.SERVICE, audit.AuditService(reader).methods()),
        Service(
            reconciliation.SERVICE,
            reconciliation.ReconciliationService(reader, streams, partial(_reconciled, database, reader)).methods(),
        ),
    ]
    names = [service.name for service in services]
    healthy = await _tell_health(Health(database, lane, names, READING), sources, stack)
    free = {**healthy.methods()}
    if settings.reflects:
        free |= ReflectionService((*names, HEALTH_NAME)).methods()
    server.add_generic_rpc_handlers((Router(services, reader, streams, doors, meter, free),))

    port = listen(server, settings, certificate, shared)
    _see(stack, settings, database, reader, streams, edge, sources, keeping, _address(settings, port))
    await server.start()

    async def end_calls() -> None:
        healthy.stop()
        lane.stop()
        feed.stop()
        streams.stop()
        meter.stopping = True
        await asyncio.sleep(REFUSING_S)  # who calls now is told why; gRPC's own stop would only say CANCELLED
        await streams.drained(CALLS_GRACE_S, STREAMS_GRACE_S)
        await server.stop(LAST_WORDS_S)  # and then cuts off whoever is left

    stack.push_async_callback(end_calls)
    return _address(settings, port)


async def _doors(database: Database, reader: Reader, first_token: FirstToken | None) -> Doors:
    """Those of all who may come in; when there is nobody, `first_token` is told of one who may do everything."""
    if first_token is not None and (token := await first_admin(database)):
        first_token(token)
    doors = Doors(reader)
    await doors.look()
    return doors


def _see(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    reader: Reader,
    streams: Streams,
    edge: Edge,
    sources: operations.Sources,
    keeping: Keeping,
    address: str,
) -> None:
    """Looks for what is wrong, and tells people of it."""
    if not settings.alarms:
        return
    hook = hook_of(settings.webhook_url, settings.webhook_secret, settings.webhook_secret_file)
    alarms = Looking(
        database,
        reader,
        edge,
        address=address,
        version=__version__,
        streaming=lambda: {channel for _, channel in streams.count()},
        subscribers=keeping.lately,
        own=partial(own_certificate, settings.tls_cert, address),
    )
    stack.push_async_callback(alarms.leave)
    seeing: dict[str, Work] = {"alarms": alarms.run, "proving": Proving(database, reader, sources.checks.add).run}
    if hook is not None:
        seeing["webhook"] = Webhook(database, reader, hook).run
    stack.push_async_callback(
        _cancel, *(asyncio.create_task(_keep_on(name, seeing[name]), name=name) for name in seeing)
    )


def _address(settings: Settings, port: int) -> str:
    """Where we listen."""
    return f"{settings.listen.rpartition(':')[0]}:{port}"


async def _reconciled(database: Database, reader: Reader, found: Reconciliation) -> None:
    """Opens the alarm of a channel whose numbers are wrong, or closes it."""
    drift = Drift(found.channel, found.kind.name.lower(), found.counts.alarming, str(found.reconciliation_id))
    try:
        say(await tell_drift(reader, database, drift))
    except StorageError as error:  # the reconciliation is stored, and is to be answered
        log.warning("an alarm of a reconciliation could not be told", why=type(error).__name__)


async def _tracing(settings: Settings, stack: AsyncExitStack) -> Tracing | None:
    if not is_wanted(settings.tracing):
        return None
    tracing = Tracing()
    stack.push_async_callback(asyncio.to_thread, tracing.close)
    return tracing


async def _tell_health(doctor: Health, sources: operations.Sources, stack: AsyncExitStack) -> HealthService:
    healthy = HealthService()

    async def tell(service: str, serves: bool) -> None:
        healthy.tell(service, serves=serves)

    await doctor.begin(tell)
    sources.unwell = lambda: doctor.unwell
    looking = asyncio.create_task(_keep_on("health", doctor.run), name="health")
    stack.push_async_callback(_cancel, looking)
    return healthy


def _spare_the_collector() -> None:
    """A batch makes thousands of tuples that live for milliseconds: looking through them again and again is wasted.
    What the start has made stays for good and is looked at no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_OBJECTS, 20, 50)


async def _keep_on(name: str, work: Work) -> None:
    """Starts again what a defect has ended: without it holds would expire late, or followers starve, unnoticed."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - logged, and tried again
            log.error("a background task failed and is started again", task=name, error=described(error))
        await asyncio.sleep(RESTART_PAUSE_S)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Waits only a moment: a database that hangs keeps a task from giving its connection back."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CANCEL_S)
