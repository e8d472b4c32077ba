"""`inventory serve`."""

import asyncio
import logging
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import structlog
from cyclopts import Parameter

from inventory.cli import database
from inventory.cli.failure import Failed
from inventory.cli.options import DataDir, DbSchema, Dsn
from inventory.settings import Settings

if TYPE_CHECKING:
    from inventory.postgres.embedded import EmbeddedPostgres

POSTGRES_LOOK_S = 0.5

log = structlog.get_logger(__name__)


def serve(
    *,
    listen: str | None = None,
    dsn: Dsn = None,
    db_schema: DbSchema = None,
    data_dir: DataDir = None,
    shared_buffers_mb: int | None = None,
    reflection: bool | None = None,
    migrate: bool | None = None,
    log_json: Annotated[bool | None, Parameter(negative="")] = None,
) -> None:
    """Run the server: on its own embedded PostgreSQL, or on any PostgreSQL 15 or newer with --dsn.

    Every option is also an environment variable (INVENTORY_LISTEN, INVENTORY_DSN …). Stop it with Ctrl-C.

    Example: inventory serve --data-dir ./data --listen 127.0.0.1:50051

    Example: INVENTORY_DSN=postgresql://inventory@db/inventory inventory serve --listen 0.0.0.0:50051 --log-json

    Parameters
    ----------
    listen
        HOST:PORT of the gRPC port; port 0 takes a free one. Default: 127.0.0.1:50051.
    shared_buffers_mb
        Memory of the embedded PostgreSQL's cache, in MiB. Default: 256.
    reflection
        Describe the API to any caller. Default: when it listens on loopback only.
    migrate
        Apply pending migrations at start. Default: yes.
    log_json
        Log lines as JSON.
    """
    settings = database.settings(
        listen=listen,
        dsn=dsn,
        db_schema=db_schema,
        data_dir=data_dir,
        shared_buffers_mb=shared_buffers_mb,
        reflection=reflection,
        migrate=migrate,
        log_json=log_json,
    )
    _log(settings)
    from inventory.postgres.embedded import EmbeddedPostgres, default_home

    with ExitStack() as stack:
        stack.enter_context(database.storage_failures())
        address = settings.dsn
        postgres = None
        if address is None:
            home = (settings.data_dir or default_home()).expanduser()
            # From the main thread and before grpc's threads: the kernel ties PostgreSQL's life to ours.
            postgres = stack.enter_context(EmbeddedPostgres.start(home, shared_buffers_mb=settings.shared_buffers_mb))
            address = postgres.dsn
            print(f"PostgreSQL runs in {home}\n  another server joins with --dsn '{address}'", file=sys.stderr)
        _run(settings, address, postgres)


def _run(settings: Settings, dsn: str, postgres: "EmbeddedPostgres | None") -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our log
    # Imported late: grpc must not be loaded before PostgreSQL has been forked.
    import uvloop

    from inventory.server import serve as run

    def ready(address: str) -> None:
        print(f"Inventory serves gRPC on {address}", file=sys.stderr, flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(run(settings, dsn, ready=ready, beside=None if postgres is None else _keep_alive(postgres)))
        except RuntimeError as error:  # what `run` says it raises when it can't start
            raise Failed(str(error)) from error


async def _keep_alive(postgres: "EmbeddedPostgres") -> None:
    """Starts an embedded PostgreSQL that was killed again; the lane and the feed find it by themselves. It blocks the
    loop meanwhile: there is nothing to serve without it."""
    from inventory.postgres.embedded import EmbeddedPostgresError

    while True:
        await asyncio.sleep(POSTGRES_LOOK_S)
        if not postgres.alive:
            log.error("PostgreSQL has ended by itself and is started again", home=str(postgres.home))
            try:
                postgres.restart()
            except EmbeddedPostgresError as error:
                log.error("PostgreSQL does not start", error=str(error))


def _log(settings: Settings) -> None:
    logging.getLogger("asyncpg").setLevel(
        logging.CRITICAL
    )  # what it warns of is said once, here, without its traceback
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info if settings.log_json else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
