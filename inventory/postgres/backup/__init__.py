"""Back-ups: a file with all of one schema as of one revision, and the way back.

The file is a dump of PostgreSQL's own `pg_dump` between a head that says what it is and an end that proves it whole.
"""

from inventory.postgres.backup.file import BackupError, Checked, Contents, check
from inventory.postgres.backup.make import back_up
from inventory.postgres.backup.restore import restore

__all__ = ["BackupError", "Checked", "Contents", "back_up", "check", "restore"]
