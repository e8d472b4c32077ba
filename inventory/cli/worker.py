"""One worker of `inventory serve --workers`: an interpreter of its own, which gRPC needs. See workers.py.

Its order comes on its input, so that no DSN stands in a command line; on its output it says once how the start went.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from pydantic import BaseModel

from inventory.cli import log
from inventory.cli.database import storage_failures
from inventory.cli.failure import Failed
from inventory.settings import Settings

PR_SET_PDEATHSIG = 1


class Order(BaseModel):
    """What the parent wants: `settings` are this worker's, the addresses are listened on by all of them."""

    number: int
    parent: int
    dsn: str
    addresses: Sequence[str]
    client_addresses: Sequence[str] = ()
    settings: Settings


class Said(BaseModel):
    """How the start went: no lines when it serves, else why it doesn't, for people."""

    failed: Sequence[str] = ()


def main() -> int:
    """The exit code."""
    order = Order.model_validate_json(sys.stdin.readline())
    _die_with(order.parent)
    log.configure(as_json=order.settings.log_json, worker=order.number)
    try:
        _serve(order)
    except Failed as failed:
        _say(Said(failed=failed.lines))
        return 1
    return 0


def _serve(order: Order) -> None:
    import asyncio

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our log
    from inventory.listening import Shared
    from inventory.loop import Loop
    from inventory.server import serve

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who stops us in order
    with storage_failures(), asyncio.Runner(loop_factory=Loop) as runner:
        try:
            runner.run(
                serve(
                    order.settings,
                    order.dsn,
                    ready=lambda address: _say(Said()),
                    shared=Shared(order.addresses, order.client_addresses),
                    stop_signals=(signal.SIGTERM,),
                )
            )
        except RuntimeError as error:  # what `serve` says it raises when it can't start
            raise Failed(str(error)) from error


def _die_with(parent: int) -> None:
    """Has the kernel end us, whatever we are at, when our parent ends without having stopped us."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("the starting process is gone")


def _say(said: Said) -> None:
    print(said.model_dump_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
