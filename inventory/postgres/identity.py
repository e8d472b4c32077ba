"""The driver's UUID: equal to the standard library's and of its type, at a fifth of the cost to make, hash and send."""

from asyncpg.pgproto.pgproto import UUID

__all__ = ["UUID"]
