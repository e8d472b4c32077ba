"""Our own PostgreSQL in a directory of ours: it ends when we end, and starts again after any kill -9."""

from inventory.postgres.embedded.binaries import BinariesNotFound, EmbeddedPostgresError
from inventory.postgres.embedded.home import DataDirectoryInUse, DataDirectoryUnusable, default_home
from inventory.postgres.embedded.server import SERVER_ROLE, EmbeddedPostgres, running

__all__ = [
    "SERVER_ROLE",
    "BinariesNotFound",
    "DataDirectoryInUse",
    "DataDirectoryUnusable",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "default_home",
    "running",
]
