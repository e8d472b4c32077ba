"""The event loop of a server: uvloop, with gRPC's bell emptied at each look.

grpc.aio's poller thread writes a byte for each event to a socket, and its reader takes one byte a turn of the loop,
though it handles all events that are there. Under load the socket fills at some 280 bytes, the poller stands still
until a byte is taken, and a turn handles one event.
Source: grpc, `src/python/grpcio/grpc/_cython/_cygrpc/aio/completion_queue.pyx.pxi`, `PollerCompletionQueue`.
"""

import array
import fcntl
import os
import termios
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop

READER = "PollerCompletionQueue._handle_events"


class Loop(uvloop.Loop):
    """Made by `asyncio.Runner(loop_factory=Loop)`."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        if isinstance(callback, partial) and READER in repr(callback.func):
            callback = _emptying(fd.fileno(), callback)
        super().add_reader(fd, callback, *args)


def _emptying(fd: int, handle_events: Callable[..., Any]) -> Callable[..., Any]:
    """Leaves the one byte that the reader itself takes. A byte is written after its event can be found: so no event is
    left behind with the bytes."""
    there = array.array("i", [0])

    def handle_all(*args: Any) -> None:
        fcntl.ioctl(fd, termios.FIONREAD, there)
        if there[0] > 1:
            os.read(fd, there[0] - 1)
        handle_events(*args)

    return handle_all
