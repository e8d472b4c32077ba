"""What a server does in the background ends when it is told to, also in the midst of a COMMIT."""

import asyncio

import asyncpg

from inventory.alarms.proving import Proving
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from tests.race.house import until

LOCK = 4711
END_S = 30.0
HANGS = f"""
CREATE FUNCTION inventory.hang() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL lock_timeout = 0;
    PERFORM pg_advisory_xact_lock({LOCK});
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hangs AFTER UPDATE ON inventory.alarm_cursor
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION inventory.hang();
"""
IN_COMMIT = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'advisory'
"""


async def test_a_look_that_is_cancelled_while_it_commits_is_not_taken_for_one_that_failed(dsn: str) -> None:
    behind: asyncpg.Connection = await asyncpg.connect(dsn)
    await behind.execute(HANGS)
    await behind.execute(f"SELECT pg_advisory_lock({LOCK})")
    reader = await Reader.open(Database(dsn))
    task = asyncio.create_task(Proving(Database(dsn), reader).run())
    try:
        await until(lambda: behind.fetch(IN_COMMIT))
        task.cancel()
        await asyncio.wait((task,), timeout=END_S)
        assert task.cancelled()
    finally:
        task.cancel()
        await behind.close()
        await reader.close()
