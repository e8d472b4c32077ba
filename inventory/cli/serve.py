"""`inventory serve`."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import structlog
from cyclopts import Parameter

from inventory.cli import database
from inventory.cli import log as logging
from inventory.cli.failure import Failed
from inventory.cli.options import DataDir, DbSchema, Dsn, OwnerDsn, ServerRole
from inventory.settings import Settings

if TYPE_CHECKING:
    from inventory.port import SharedPort
    from inventory.postgres.embedded import EmbeddedPostgres

POSTGRES_LOOK_S = 0.5
CONNECTIONS_PER_WORKER = 16
CONNECTIONS_SPARE = 184  # for other servers that join, and for commands

log = structlog.get_logger(__name__)


def serve(
    *,
    listen: str | None = None,
    workers: int | None = None,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    server_role: ServerRole = None,
    db_schema: DbSchema = None,
    data_dir: DataDir = None,
    shared_buffers_mb: int | None = None,
    reflection: bool | None = None,
    migrate: bool | None = None,
    metrics: str | None = None,
    log_json: Annotated[bool | None, Parameter(negative="")] = None,
    log_calls: Literal["none", "defects", "writes", "all"] | None = None,
    tracing: bool | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_client_ca: Path | None = None,
    tls_client_listen: str | None = None,
    development: bool | None = None,
    alarms: bool | None = None,
) -> None:
    """Run the server: on its own embedded PostgreSQL, or on any PostgreSQL 15 or newer with --dsn.

    Every option is also an environment variable (INVENTORY_LISTEN, INVENTORY_DSN …). Stop it with Ctrl-C.

    Callers need a token (`inventory token`) or a certificate. On any address but loopback it speaks TLS only;
    `inventory certificate create` makes a first certificate, and renewed files are taken without a restart.

    Alarms are sent, signed, to the webhook INVENTORY_WEBHOOK_URL, an http or https URL. It needs a secret of at least
    16 characters, in INVENTORY_WEBHOOK_SECRET or in the file INVENTORY_WEBHOOK_SECRET_FILE. `inventory alarms --help`
    tells of its headers, what counts as delivered, and for how long it is tried.

    Example: inventory serve --data-dir ./data --listen 127.0.0.1:50051

    Example: inventory serve --development

    Example: INVENTORY_DSN=postgresql://inventory@db/inventory inventory serve --listen 0.0.0.0:50051
    --tls-cert tls/server.pem --tls-key tls/server-key.pem --log-json

    Example: inventory serve --workers 4 --metrics 127.0.0.1:9464

    Parameters
    ----------
    listen
        HOST:PORT of the gRPC port; port 0 takes a free one. Default: 127.0.0.1:50051.
    workers
        How many processes serve on the port, 1 to 64 (on Linux). One that dies is started again. Each opens up to 16
        connections to the database. Default: 1.
    shared_buffers_mb
        Memory of the embedded PostgreSQL's cache, in MiB. Default: 256.
    reflection
        Describe the API to any caller. Default: when it listens on loopback only.
    migrate
        Apply pending migrations at start. Default: yes.
    metrics
        HOST:PORT of Prometheus metrics, over HTTP. With several workers, worker n serves PORT + n, n from 0.
        Default: none.
    log_json
        Log lines as JSON.
    log_calls
        Which calls get a line in the log: defects (that failed by the server's fault, or took longer than a second; so
        many lines at most), writes (these, and all that change something), all or none. Default: defects.
    tracing
        Make traces and export them by OTLP, as the variables OTEL_… say. Default: when OTEL_EXPORTER_OTLP_ENDPOINT is
        set.
    tls_cert
        The server's certificate and those between it and its authority, a PEM file. Default: no TLS.
    tls_key
        The certificate's private key, a PEM file.
    tls_client_ca
        Who signs the certificates of clients, a PEM file. All who come to --listen must show one, unless there is
        --tls-client-listen. Default: nobody is asked for a certificate.
    tls_client_listen
        HOST:PORT of a second port, where clients show certificates; those who come to --listen have tokens.
    development
        Callers need no credential and say themselves which channel they are. On loopback only.
    alarms
        Look for what is wrong, and tell people. Of several servers on a database at least one should. Default: yes.
    """
    settings = database.settings(
        listen=listen,
        workers=workers,
        dsn=dsn,
        owner_dsn=owner_dsn,
        server_role=server_role,
        db_schema=db_schema,
        data_dir=data_dir,
        shared_buffers_mb=shared_buffers_mb,
        reflection=reflection,
        migrate=migrate,
        metrics=metrics,
        log_json=log_json,
        log_calls=log_calls,
        tracing=tracing,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        tls_client_listen=tls_client_listen,
        development=development,
        alarms=alarms,
    )
    if settings.owner_dsn is not None and settings.dsn is None:
        raise Failed("--owner-dsn (INVENTORY_OWNER_DSN) needs --dsn (INVENTORY_DSN), which the server works with")
    logging.configure(as_json=settings.log_json)
    from inventory.postgres.embedded import SERVER_ROLE, EmbeddedPostgres, default_home

    with ExitStack() as stack:
        stack.enter_context(database.storage_failures())
        _assert_guarded(settings)
        _assert_hooked(settings)
        port = client_port = None
        if settings.workers > 1:
            port = stack.enter_context(_shared_port(settings.listen))
            if settings.tls_client_listen is not None:
                client_port = stack.enter_context(_shared_port(settings.tls_client_listen))
        else:
            _assert_free(settings.listen)  # before PostgreSQL is started for nothing
            _assert_free(settings.tls_client_listen)
        _assert_free(settings.metrics)
        address = settings.dsn
        postgres = None
        if address is None:
            home = (settings.data_dir or default_home()).expanduser()
            # From the main thread and before grpc's threads: the kernel ties PostgreSQL's life to ours.
            postgres = stack.enter_context(
                EmbeddedPostgres.start(
                    home,
                    shared_buffers_mb=settings.shared_buffers_mb,
                    connections_max=CONNECTIONS_SPARE + CONNECTIONS_PER_WORKER * settings.workers,
                )
            )
            address = postgres.server_dsn
            settings = settings.model_copy(update={"owner_dsn": postgres.dsn, "server_role": SERVER_ROLE})
            joins = f"another server joins with --dsn '{address}'"
            _say(settings, f"PostgreSQL runs in {home}", joins, home=str(home), dsn=address)
        beside = None if postgres is None else _keep_alive(postgres)
        try:
            if port is None:
                _serve(settings, address, beside)
            else:
                _serve_by_workers(settings, address, port, client_port, beside)
        except RuntimeError as error:  # what both say they raise when they can't start
            raise Failed(str(error)) from error


def _serve(settings: Settings, dsn: str, beside: Coroutine[None, None, None] | None) -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our log
    # Imported late: grpc must not be loaded before PostgreSQL has been forked.
    from inventory.loop import Loop
    from inventory.server import serve as run

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(run(settings, dsn, ready=partial(_say_ready, settings), first_token=_say_token, beside=beside))


def _serve_by_workers(
    settings: Settings,
    dsn: str,
    port: "SharedPort",
    client_port: "SharedPort | None",
    beside: Coroutine[None, None, None] | None,
) -> None:
    from inventory.cli.workers import serve as run

    def ready() -> None:
        _say_ready(settings, f"{settings.listen.rpartition(':')[0]}:{port.number}")

    asyncio.run(run(settings, dsn, port, client_port, ready=ready, first_token=_say_token, beside=beside))


def _assert_guarded(settings: Settings) -> None:
    from inventory.port import CannotListen
    from inventory.tls import Unguarded, guard

    try:
        guard(settings)
    except (CannotListen, Unguarded) as error:
        raise Failed(str(error)) from error


def _assert_hooked(settings: Settings) -> None:
    if settings.webhook_url is None or not settings.alarms:
        return
    from inventory.alarms.webhook import hook_of

    try:
        hook_of(settings.webhook_url, settings.webhook_secret, settings.webhook_secret_file)
    except RuntimeError as error:
        raise Failed(str(error)) from error


def _shared_port(listen: str) -> "SharedPort":
    if sys.platform != "linux":
        raise Failed("--workers (INVENTORY_WORKERS): several workers need Linux")
    from inventory.port import CannotListen, SharedPort

    try:
        return SharedPort(listen)
    except CannotListen as error:
        raise Failed(str(error)) from error


def _assert_free(listen: str | None) -> None:
    from inventory.port import CannotListen, assert_free

    try:
        if listen is not None:
            assert_free(listen)
    except CannotListen as error:
        raise Failed(str(error)) from error


def _say_ready(settings: Settings, address: str) -> None:
    kinds = ["TLS"] * (settings.tls_cert is not None) + ["development: no credentials"] * settings.development
    kind = f" ({', '.join(kinds)})" if kinds else ""
    workers = f"with {settings.workers} workers" if settings.workers > 1 else ""
    _say(settings, f"Inventory serves gRPC on {address}{kind}", workers, address=address, workers=settings.workers)


def _say(settings: Settings, line: str, second: str = "", **fields: object) -> None:
    """On stderr: for people, or as an event of the log where that is JSON."""
    if settings.log_json:
        log.info(f"{line}, {second}" if second else line, **fields)
    else:
        print(f"{line}\n  {second}" if second else line, file=sys.stderr, flush=True)


def _say_token(token: str) -> None:
    """Never into the log."""
    print(
        f"Nobody has a credential yet. This token may do everything, and is shown this once:\n\n  {token}\n\n"
        "  Keep it, and make others with it: INVENTORY_TOKEN=… inventory token create CHANNEL --scope …\n",
        file=sys.stderr,
        flush=True,
    )


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
