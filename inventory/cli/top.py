"""`inventory top`."""

import asyncio
import json as encoder
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter, validators
from google.protobuf.json_format import MessageToDict
from rich.live import Live

from inventory.cli.figures_shown import Page
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import operations_service_pb2 as pb2

LOOK_TIMEOUT_S = 3.0
KEYS_END = b"qQ\x03\x04"

Show = Callable[[pb2.Figures], None]
Lose = Callable[[str], None]


def top(
    *,
    every: Annotated[float, Parameter(validator=validators.Number(gte=0.2, lte=60))] = 1.0,
    once: Annotated[bool, Parameter(negative="")] = False,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show how a server does, live: calls and their latencies, the write path, connections, streams, subscribers and
    open alarms. A server that is lost is asked again until it answers. q or Ctrl-C ends it.

    Rates and quantiles are of the last ten seconds or so.

    Example: inventory top --server 127.0.0.1:50051

    Example: inventory top --once --json

    Parameters
    ----------
    every
        Seconds between two looks.
    once
        Show it once and end; a server that does not answer is an error.
    json
        Print JSON for programs: a line a look, or with --once one document.
    """
    from inventory.cli.connection import run

    page, console = Page(server.address), out()
    if once:
        figures = run(_look_once(server))
        if json:
            print(encoder.dumps(_document(figures), ensure_ascii=False, indent=2))
        else:
            page.show(figures)
            console.print(page)
        return 0
    try:
        if json or not console.is_terminal:
            run(_follow(server, every, _print_json if json else _printing(page), _say_lost))
        else:
            with Live(page, console=console, auto_refresh=False, screen=True) as live:

                def show(figures: pb2.Figures) -> None:
                    page.show(figures)
                    live.refresh()

                def lose(why: str) -> None:
                    page.lose(why)
                    live.refresh()

                run(_follow(server, every, show, lose))
    except KeyboardInterrupt:
        pass
    return 0


async def _look_once(server: Server) -> pb2.Figures:
    from inventory.cli.connection import connect

    async with connect(server, patience_s=LOOK_TIMEOUT_S, on_retry=lambda *_: None, must_serve=False) as client:
        return await client.figures()


async def _follow(server: Server, every_s: float, show: Show, lose: Lose) -> None:
    """Looks for ever, or until q is pressed."""
    from inventory.cli.connection import connect
    from inventory_client import InventoryError

    async with connect(server, patience_s=LOOK_TIMEOUT_S, on_retry=lambda *_: None, must_serve=False) as client:
        with _end_pressed() as ended:
            pressed = asyncio.create_task(ended.wait())
            while not ended.is_set():
                try:
                    show(await client.figures())
                except InventoryError as error:
                    if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                        raise
                    lose(error.reason or error.code)
                # Not `asyncio.timeout`, which takes a Ctrl-C of a moment before it began for its own end.
                await asyncio.wait((pressed,), timeout=every_s)


@contextmanager
def _end_pressed() -> Iterator[asyncio.Event]:
    """Is set when somebody presses q; the terminal gives keys as they are pressed for the length of the block."""
    ended = asyncio.Event()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield ended
        return
    import termios
    import tty

    keyboard, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(keyboard)

    def read() -> None:
        pressed = os.read(keyboard, 16)
        if not pressed or any(key in KEYS_END for key in pressed):
            ended.set()

    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, read)
    try:
        yield ended
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _print_json(figures: pb2.Figures) -> None:
    print(encoder.dumps(_document(figures), ensure_ascii=False), flush=True)


def _printing(page: Page) -> Show:
    def show(figures: pb2.Figures) -> None:
        page.show(figures)
        out().print(page)
        print(end="", flush=True)

    return show


def _say_lost(why: str) -> None:
    print(f"the server is lost ({why}): trying again", file=sys.stderr, flush=True)


def _document(figures: pb2.Figures) -> dict[str, object]:
    return MessageToDict(figures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
