"""What the server's processes log, and how: lines on stderr, for people or as JSON."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from inventory.cli.failure import printable


def configure(*, as_json: bool, **always: object) -> None:
    """Sets logging up for this process; `always` stands in each of its lines."""
    # What asyncpg warns of is said once, by us, without its traceback.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info if as_json else structlog.processors.StackInfoRenderer(),
            *(() if as_json else (one_line,)),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(**always)


def one_line(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Text from outside can neither begin a line of its own nor steer a terminal. JSON escapes it by itself."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = printable(value)
        elif name != "exc_info" and not isinstance(value, (bool, int, float, type(None))):
            event[name] = printable(str(value))
    return event
