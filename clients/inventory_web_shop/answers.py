"""How errors look to a front end: one JSON shape, and the HTTP code that fits."""

import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inventory_client import (
    InsufficientStock,
    InvalidRequest,
    InventoryError,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from inventory_web_shop.checks import TooLarge, Wrong

RETRY_AFTER_S = 1


class Stale(Exception):
    """What the mirror says is too old to be given out. `why` its connection is lost; '' when that isn't known."""

    def __init__(self, staleness_s: float, why: str) -> None:
        super().__init__()
        self.staleness_s = staleness_s
        self.why = why


class NoSuchHold(Exception):
    """The cart holds nothing, or no longer."""


def error(code: int, reason: str, message: str, retry_after_s: float | None = None, **more: Any) -> Response:
    """`{"error": {"reason": …, "message": …, …}}`."""
    headers = None if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
    return JSONResponse({"error": {"reason": reason, "message": message, **more}}, code, headers)


async def of_wrong(_: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, Wrong)
    code = 413 if isinstance(wrong, TooLarge) else 400
    return error(code, "INVALID_REQUEST", str(wrong), field=wrong.field)


async def of_stale(_: Request, stale: Exception) -> Response:
    assert isinstance(stale, Stale)
    age = stale.staleness_s
    message = "the stock is not known well enough now" + (f": {stale.why}" if stale.why else "")
    return error(503, "STALE", message, RETRY_AFTER_S, staleness_s=round(age, 3) if math.isfinite(age) else None)


async def of_no_such_hold(_: Request, gone: Exception) -> Response:
    return error(409, "NOTHING_HELD", str(gone))


async def of_http(_: Request, found: Exception) -> Response:
    assert isinstance(found, HTTPException)
    return error(found.status_code, "HTTP", found.detail)


async def of_gone(_: Request, __: Exception) -> Response:
    """The front end went away in the middle of its request: nobody hears this."""
    return Response(status_code=400)


async def of_defect(_: Request, __: Exception) -> Response:
    """Ours: the log has it, the front end does not."""
    return error(500, "INTERNAL", "a defect of the shop")


async def of_service(_: Request, found: Exception) -> Response:
    """What the service refused, or could not answer."""
    assert isinstance(found, InventoryError)
    match found:
        case InsufficientStock():
            lines = [
                {"sku": each.sku, "requested": each.requested, "available": each.available} for each in found.shortages
            ]
            return error(409, found.reason, found.message, lines=lines)
        case OutcomeUnknown():
            return error(503, "OUTCOME_UNKNOWN", "it may have happened: send it again as it is", RETRY_AFTER_S)
        case Unavailable() | Overloaded():
            return error(503, found.reason or found.code, found.message, found.retry_after_s or RETRY_AFTER_S)
        case NotFound():
            return error(404, found.reason, found.message)
        case InvalidRequest():
            return error(400, found.reason, found.message)
        case Unauthenticated() | PermissionDenied():  # the shop's own credential, not what it was asked
            return error(502, found.reason, found.message)
        case _:
            return error(409, found.reason, found.message)
