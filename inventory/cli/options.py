"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

ServerAddress = Annotated[str, Parameter(env_var="INVENTORY_SERVER", help="HOST:PORT of the server.")]
ChannelCode = Annotated[
    str,
    Parameter(env_var="INVENTORY_CHANNEL", help="The channel that asks, as the ledger shall name it."),
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

SERVER_DEFAULT = "127.0.0.1:50051"
CHANNEL_DEFAULT = "default"
