"""`inventory serve`."""

import asyncio
import logging
import sys
from contextlib import ExitStack
from pathlib import Path

import structlog

from inventory.settings import Settings


def serve(
    *,
    listen: str | None = None,
    dsn: str | None = None,
    db_schema: str | None = None,
    data_dir: Path | None = None,
    migrate: bool | None = None,
) -> None:
    """Run the server: on its own embedded PostgreSQL, or on any PostgreSQL 15 or newer with --dsn.

    Everything can also be set by environment variables (INVENTORY_LISTEN, INVENTORY_DSN …). Stop it with Ctrl-C.

    Parameters
    ----------
    listen
        HOST:PORT of the gRPC port; port 0 takes a free one. Default: 127.0.0.1:50051.
    dsn
        PostgreSQL to use, such as postgresql://user@host/database.
    db_schema
        The schema that holds everything of one retailer. Default: inventory.
    data_dir
        Where the embedded PostgreSQL lives.
    migrate
        Apply pending migrations at start. Default: yes.
    """
    given = {"listen": listen, "dsn": dsn, "db_schema": db_schema, "data_dir": data_dir, "migrate": migrate}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    _log(settings)
    from inventory.postgres.embedded import EmbeddedPostgres, default_home

    with ExitStack() as stack:
        address = settings.dsn
        if address is None:
            home = settings.data_dir or default_home()
            # From the main thread and before grpc's threads: the kernel ties PostgreSQL's life to ours.
            postgres = stack.enter_context(EmbeddedPostgres.start(home, shared_buffers_mb=settings.shared_buffers_mb))
            address = postgres.dsn
            print(f"PostgreSQL runs in {home}\n  another server joins with --dsn '{address}'", file=sys.stderr)
        _run(settings, address)


def _run(settings: Settings, dsn: str) -> None:
    # Imported late: grpc must not be loaded before PostgreSQL has been forked.
    import uvloop

    from inventory.server import serve as run

    def ready(address: str) -> None:
        print(f"Inventory serves gRPC on {address}", file=sys.stderr, flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, dsn, ready=ready))


def _log(settings: Settings) -> None:
    renderer = structlog.processors.JSONRenderer() if settings.log_json else structlog.dev.ConsoleRenderer()
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
