"""The driver's UUID: equal to the standard library's and of its type, but made, hashed and sent in C."""

from asyncpg.pgproto.pgproto import UUID

__all__ = ["UUID"]
