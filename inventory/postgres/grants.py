"""What a server's role may: everything it needs, and nothing that could rewrite what has happened.

The owner of the tables makes and changes them; servers work as another role, which owns nothing. So nobody who speaks
through a server, by whatever hole in it, can alter the ledger or the audit trail.
"""

from typing import NamedTuple

import asyncpg

from inventory.postgres import queries


class Rights(NamedTuple):
    """Of a role, for people, such as `INSERT on inventory.movement`: what it should have and hasn't, and what it can do
    to what is append-only."""

    lacking: list[str]
    beyond: list[str]


async def grant(connection: asyncpg.Connection, schema: str, role: str) -> list[str]:
    """Gives `role` what it needs in `schema` and takes what it may not have, as the owner of the tables; again: no
    effect. Gives the statements. A role that is the owner, or may act as it, is left alone."""
    if await connection.fetchval("SELECT pg_has_role($1::name, current_user, 'MEMBER')", role):
        return []
    sql = queries.load()
    due = [
        row["statement"]
        for name in ("rights", "default_rights")
        for row in await connection.fetch(sql[name], schema, role)
    ]
    statements = [statement for statement in due if statement is not None]
    if statements:
        await connection.execute(";\n".join(statements))
    return statements


async def look(connection: asyncpg.Connection, schema: str) -> Rights:
    """The rights of the connection's own role."""
    role = await connection.fetchval("SELECT current_user")
    lacking, beyond = [], []
    for row in await connection.fetch(queries.load()["rights"], schema, role):
        right = f"{row['right_named']} on {row['name']}"
        if row["wanted"] and not row["has"]:
            lacking.append(right)
        if row["append_only"] and not row["wanted"] and (row["has"] or row["is_member"]):
            beyond.append(right)
    return Rights(lacking, beyond)


async def exists(connection: asyncpg.Connection, role: str) -> bool:
    """Whether there is such a role."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role))
