"""Options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

CONNECTION = Group("Connection", sort_key=1)


@Parameter(name="*", group=CONNECTION)
@dataclass(frozen=True, kw_only=True)
class Server:
    """Which server, and what it is shown. The token itself is no option: others would see it in a list of processes."""

    address: Annotated[str, Parameter(name="--server", env_var="INVENTORY_SERVER", help="HOST:PORT of the server.")] = (
        "127.0.0.1:50051"
    )
    token_file: Annotated[
        Path | None,
        Parameter(
            env_var="INVENTORY_TOKEN_FILE",
            help="The file that holds the token. Default: INVENTORY_TOKEN.",
        ),
    ] = None
    tls_ca: Annotated[
        Path | None,
        Parameter(env_var="INVENTORY_TLS_CA", help="Who signs the server's certificate, a PEM file: speak TLS."),
    ] = None
    tls: Annotated[
        bool,
        Parameter(env_var="INVENTORY_TLS", negative="", show_default=False, help="TLS with well-known authorities."),
    ] = False
    tls_client_cert: Annotated[
        Path | None, Parameter(env_var="INVENTORY_TLS_CLIENT_CERT", help="A certificate to show, a PEM file.")
    ] = None
    tls_client_key: Annotated[
        Path | None, Parameter(env_var="INVENTORY_TLS_CLIENT_KEY", help="Its private key, a PEM file.")
    ] = None
    operator: Annotated[
        str | None,
        Parameter(env_var="INVENTORY_OPERATOR", help="Who asks, for the record. Default: your login name."),
    ] = None


ChannelCode = Annotated[
    str,
    Parameter(
        env_var="INVENTORY_CHANNEL",
        show_default=False,
        help="The channel that asks, as the ledger shall name it. Default: the one the token or certificate is of.",
    ),
]
Dsn = Annotated[
    str | None,
    Parameter(help="The PostgreSQL to use, such as postgresql://user@host/database. (env: INVENTORY_DSN)"),
]
OwnerDsn = Annotated[
    str | None,
    Parameter(
        help="The same database as the role that owns its tables, when servers work as another one."
        " (env: INVENTORY_OWNER_DSN)"
    ),
]
ServerRole = Annotated[
    str | None,
    Parameter(
        help="The role that servers work as: it is granted what it needs. Default: with --owner-dsn, the user of"
        " --dsn. (env: INVENTORY_SERVER_ROLE)"
    ),
]
DataDir = Annotated[
    Path | None,
    Parameter(
        help="The data directory of the embedded PostgreSQL; also while a server runs on it. (env: INVENTORY_DATA_DIR)"
    ),
]
DbSchema = Annotated[
    str | None,
    Parameter(help="The schema that holds everything of one retailer. (env: INVENTORY_DB_SCHEMA)"),
]
Json = Annotated[bool, Parameter(negative="", help="Print JSON for programs.")]

SERVER_DEFAULT = Server()
CHANNEL_DEFAULT = ""
