"""The environment becomes one frozen object. Every setting is `INVENTORY_…` in the environment."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

WORKERS_MAX = 64


class Settings(BaseSettings):
    """How a server runs. Without a DSN it starts its own PostgreSQL in `data_dir`."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", frozen=True, env_parse_none_str="")

    listen: Annotated[str, Field(pattern=r"^.+:\d{1,5}$")] = "127.0.0.1:50051"
    """HOST:PORT of the gRPC port; port 0 takes a free one."""
    workers: Annotated[int, Field(ge=1, le=WORKERS_MAX)] = 1
    """How many processes serve on the port."""
    metrics: Annotated[str, Field(pattern=r"^.+:\d{1,5}$")] | None = None
    """HOST:PORT of the Prometheus text; worker n, counted from 0, has PORT + n. Unset: none."""
    alarms: bool = True
    """Whether this server looks for what is wrong, and tells people. Of those on one database at least one should."""
    development: bool = False
    """Callers need no credential and name their channel themselves; only on loopback."""
    tls_cert: Path | None = None
    """The server's certificate chain, PEM. Unset: no TLS, which is only possible on loopback."""
    tls_key: Path | None = None
    """Its private key, PEM."""
    tls_client_ca: Path | None = None
    """Who signs the certificates that clients show, PEM: all who come to `listen` must, unless there is
    `tls_client_listen`. Unset: nobody is asked for one."""
    tls_client_listen: Annotated[str, Field(pattern=r"^.+:\d{1,5}$")] | None = None
    """HOST:PORT of a second port, where clients show certificates; then nobody is asked for one on `listen`."""
    dsn: Annotated[str | None, Field(repr=False)] = None
    """A PostgreSQL 15 or newer. Unset: an embedded server of our own."""
    owner_dsn: Annotated[str | None, Field(repr=False)] = None
    """The same database as the role that owns its tables: for migrations. Unset: `dsn` is that role too."""
    server_role: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The role that servers work as: migrations grant what it needs. Unset: with an `owner_dsn`, the user of `dsn`."""
    # The names of schemas that PostgreSQL itself uses are refused by the migration's own check.
    db_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,47}$")] = "inventory"
    """The schema that holds everything of one retailer."""
    data_dir: Path | None = None
    """Where the embedded PostgreSQL lives. Unset: the platform's place for state."""
    shared_buffers_mb: Annotated[int, Field(ge=16, le=65_536)] = 256
    """Memory of the embedded PostgreSQL's cache, in MiB."""
    reflection: bool | None = None
    """Whether the server describes its API to any caller. Unset: on loopback only."""
    migrate: bool = True
    """Whether pending migrations are applied at start."""
    feed_hours: Annotated[float, Field(gt=0, le=24 * 366)] | None = 168.0
    """Changes older than this can no longer be resumed from. Unset by an empty text: no such limit."""
    feed_changes: Annotated[int, Field(ge=1)] | None = 10_000_000
    """Only so many newest changes can be resumed from. Unset by an empty text: no such limit."""
    webhook_url: Annotated[str | None, Field(repr=False)] = None
    """Where alarms are sent, http or https. Unset: nowhere. Never logged."""
    webhook_secret: Annotated[str | None, Field(repr=False)] = None
    """What is sent there is signed with it, at least 16 characters. Never logged."""
    webhook_secret_file: Path | None = None
    """A file that has the secret, instead."""
    log_json: bool = False
    """Log lines as JSON."""
    log_calls: Literal["none", "defects", "writes", "all"] = "defects"
    """Which calls are logged: defects are those that failed by the server's fault or took longer than a second."""
    tracing: bool | None = None
    """Whether traces are made and exported by OTLP. Unset: when OTEL_EXPORTER_OTLP_ENDPOINT is set."""

    @property
    def feed_age(self) -> timedelta | None:
        return None if self.feed_hours is None else timedelta(hours=self.feed_hours)

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it, for certain."""
        return all(_is_loopback(listen) for listen in (self.listen, self.tls_client_listen) if listen is not None)

    @property
    def reflects(self) -> bool:
        return self.loopback if self.reflection is None else self.reflection


def _is_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
