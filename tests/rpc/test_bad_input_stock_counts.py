"""What bad input of stock counts gets: a definite no with its reason, and nothing has changed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from inventory.rpc import page_token
from inventory.v1 import stock_count_service_pb2 as pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.stock_counts import cancel, counted, get, listed, opened, post, record
from tests.rpc.test_bad_input import BAD_CODES, BAD_IDS, INT64_MAX, INVALID, PRECONDITION, UNKNOWN

INT32_MAX = 2**31 - 1
ON_HAND_MAX = 10**12


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    sku: str = ""
    location: str = ""
    count_id: str = ""
    posted: str = ""
    used_id: str = ""
    head: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    def open(self, **over: Any) -> Awaitable[object]:
        return opened(self.client, **{"location": self.location, **over})

    def record(self, *lines: pb2.CountedQuantity, **over: Any) -> Awaitable[object]:
        return record(self.client, over.pop("count_id", self.count_id), *lines, **over)

    def spoilt(self, **over: Any) -> Awaitable[object]:
        """A recording whose second line is bad."""
        return self.record(counted(self.sku, 1), pb2.CountedQuantity(**{"sku": "other", "counted": 1, **over}))

    def post(self, **over: Any) -> Awaitable[object]:
        return post(self.client, over.pop("count_id", self.count_id), over.pop("expected_version", 1), **over)

    def cancel(self, **over: Any) -> Awaitable[object]:
        return cancel(self.client, over.pop("count_id", self.count_id), **over)

    def get(self, **over: Any) -> Awaitable[object]:
        return get(self.client, over.pop("count_id", self.count_id), **over)

    def list(self, **over: Any) -> Awaitable[object]:
        return listed(self.client, **over)


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.sku, made.location = await client.stocked(100)
    made.posted = (await opened(client, made.location)).count_id
    await post(client, made.posted, 0)
    made.count_id = (await opened(client, made.location)).count_id
    made.used_id = new_id()
    await record(client, made.count_id, counted(made.sku, 100), request_id=made.used_id)
    query = pb2.GetStockCountRequest(count_id=made.count_id)
    made.tokens = {
        "lines": page_token.encode(query, [made.sku, ""]),
        "counts": (await listed(client, page_size=1)).next_page_token,
    }
    assert all(made.tokens.values())
    yield made
    await client.close()


@dataclass(frozen=True)
class Bad:
    """A row: what is sent, and what it gets."""

    name: str
    send: Callable[[World], Awaitable[object]]
    code: str
    reason: str
    field: str = ""
    metadata: Callable[[World], dict[str, str]] = lambda world: {}
    resource: Callable[[World], tuple[str, str]] = lambda world: ("", "")


WRITES: dict[str, Callable[..., Awaitable[object]]] = {
    "open": lambda w, **over: w.open(**over),
    "record": lambda w, **over: w.record(counted(w.sku, 1), **over),
    "post": lambda w, **over: w.post(**over),
    "cancel": lambda w, **over: w.cancel(**over),
}
OF_A_COUNT: dict[str, Callable[..., Awaitable[object]]] = {
    **{name: call for name, call in WRITES.items() if name != "open"},
    "get": lambda w, **over: w.get(**over),
}
LONG = {"category": "ü" * 129, "reason": "x" * 513, "reference": "x" * 129}

# The lambdas of a row bind its values as defaults.
TABLE: list[Bad] = [
    *(
        Bad(f"{name}: {what}", lambda w, c=call, b=bad: c(w, request_id=b), INVALID, reason, "request_id")  # type: ignore[misc]
        for name, call in WRITES.items()
        for what, bad, reason in (
            ("no request_id", "", "REQUEST_ID_REQUIRED"),
            ("a bad request_id", "7", "REQUEST_ID_FORMAT"),
        )
    ),
    *(
        Bad(
            f"{name}: count_id {bad!r}",
            lambda w, c=call, b=bad: c(w, count_id=b),  # type: ignore[misc]
            INVALID,
            "COUNT_ID_FORMAT",
            "count_id",
        )
        for name, call in OF_A_COUNT.items()
        for bad in ("", *BAD_IDS)
    ),
    *(
        Bad(
            f"{name}: an unknown count",
            lambda w, c=call: c(w, count_id=UNKNOWN),  # type: ignore[misc]
            "NOT_FOUND",
            "COUNT_NOT_FOUND",
            metadata=lambda w: {"count_id": UNKNOWN},
            resource=lambda w: ("stock count", UNKNOWN),
        )
        for name, call in OF_A_COUNT.items()
    ),
    *(
        Bad(
            f"{name}: a count that is posted",
            lambda w, c=call: c(w, count_id=w.posted),  # type: ignore[misc]
            PRECONDITION,
            "COUNT_STATE",
            metadata=lambda w: {"count_id": w.posted, "state": "POSTED"},
        )
        for name, call in WRITES.items()
        if name != "open"
    ),
    *(
        Bad(f"open: location {name}", lambda w, b=bad: w.open(location=b), INVALID, "LOCATION_FORMAT", "location")  # type: ignore[misc]
        for name, bad in BAD_CODES.items()
    ),
    Bad(
        "open: an unknown location",
        lambda w: w.open(location="nowhere"),
        "NOT_FOUND",
        "LOCATION_NOT_FOUND",
        metadata=lambda w: {"location": "nowhere"},
        resource=lambda w: ("location", "nowhere"),
    ),
    *(
        Bad(f"open: {path} too long", lambda w, p=path, b=bad: w.open(**{p: b}), INVALID, "TEXT_FORMAT", path)  # type: ignore[misc]
        for path, bad in LONG.items()
    ),
    *(
        Bad(f"open: NUL in {path}", lambda w, p=path: w.open(**{p: "a\0b"}), INVALID, "TEXT_FORMAT", path)  # type: ignore[misc]
        for path in LONG
    ),
    Bad("record: no lines", lambda w: w.record(), INVALID, "LINES_EMPTY", "lines"),
    Bad(
        "record: too many lines",
        lambda w: w.record(*(counted(f"sku-{n}", 1) for n in range(1_001))),
        INVALID,
        "TOO_MANY_LINES",
        "lines",
        metadata=lambda w: {"max": "1000"},
    ),
    *(
        Bad(f"record: sku {name}", lambda w, b=bad: w.spoilt(sku=b), INVALID, "SKU_FORMAT", "lines[1].sku")  # type: ignore[misc]
        for name, bad in BAD_CODES.items()
    ),
    *(
        Bad(f"record: lot {name}", lambda w, b=bad: w.spoilt(lot=b), INVALID, "LOT_FORMAT", "lines[1].lot")  # type: ignore[misc]
        for name, bad in BAD_CODES.items()
        if bad
    ),
    *(
        Bad(
            f"record: {path} {bad}",
            lambda w, p=path, b=bad: w.spoilt(**{p: b}),  # type: ignore[misc]
            INVALID,
            "QUANTITY_OUT_OF_RANGE",
            f"lines[1].{path}",
            metadata=lambda w: {"min": "0", "max": str(ON_HAND_MAX)},
        )
        for path in ("counted", "expected_counted")
        for bad in (-1, -(2**63), ON_HAND_MAX + 1, INT64_MAX)
    ),
    *(
        Bad(
            f"record: at_revision {bad}",
            lambda w, b=bad: w.spoilt(at_revision=b),  # type: ignore[misc]
            INVALID,
            "REVISION_FORMAT",
            "lines[1].at_revision",
        )
        for bad in (-1, -(2**63))
    ),
    *(
        Bad(
            f"record: a revision of the {name}",
            lambda w, n=number: w.record(counted(w.sku, 1, at_revision=n(w))),  # type: ignore[misc]
            "OUT_OF_RANGE",
            "REVISION_IN_FUTURE",
            metadata=lambda w: {"head": str(w.head)},
        )
        for name, number in (("future", lambda w: w.head + 1), ("far future", lambda w: INT64_MAX))
    ),
    Bad(
        "record: a line twice",
        lambda w: w.record(counted(w.sku, 1), counted(w.sku, 2)),
        INVALID,
        "FIELD_CONFLICT",
        "lines[1].sku",
        metadata=lambda w: {"sku": w.sku},
    ),
    Bad(
        "record: an unknown sku",
        lambda w: w.record(counted("nobody", 1)),
        "NOT_FOUND",
        "SKU_NOT_FOUND",
        metadata=lambda w: {"sku": "nobody"},
        resource=lambda w: ("sku", "nobody"),
    ),
    Bad(
        "record: a lot of what has none",
        lambda w: w.record(counted(w.sku, 1, lot="L")),
        PRECONDITION,
        "LOT_CONFLICT",
        metadata=lambda w: {"sku": w.sku, "lot": "L"},
    ),
    Bad(
        "record: another number was recorded",
        lambda w: w.record(counted(w.sku, 1, expected_counted=99)),
        "ABORTED",
        "EXPECTATION_FAILED",
        metadata=lambda w: {"sku": w.sku, "current": "100", "expected": "99"},
    ),
    Bad(
        "record: a request_id that was used",
        lambda w: w.record(counted(w.sku, 1), request_id=w.used_id),
        "ALREADY_EXISTS",
        "REQUEST_ID_REUSED",
    ),
    *(
        Bad(
            f"post: version {bad}",
            lambda w, b=bad: w.post(expected_version=b),  # type: ignore[misc]
            "ABORTED",
            "EXPECTATION_FAILED",
            metadata=lambda w, b=bad: {"current": "1", "expected": str(b)},  # type: ignore[misc]
        )
        for bad in (0, -1, 2, INT32_MAX, -(2**31))
    ),
    *(
        Bad(f"{name}: page_size -1", lambda w, c=call: c(w, page_size=-1), INVALID, "PAGE_SIZE_INVALID", "page_size")  # type: ignore[misc]
        for name, call in (("get", World.get), ("list", World.list))
    ),
    *(
        Bad(
            f"{name}: {what}",
            lambda w, c=call, t=token: c(w, page_token=t(w)),  # type: ignore[misc]
            INVALID,
            "PAGE_TOKEN_INVALID",
            "page_token",
        )
        for name, call, made in (
            ("get", World.get, lambda w, body: page_token.encode(pb2.GetStockCountRequest(count_id=w.count_id), body)),
            ("list", World.list, lambda w, body: page_token.encode(pb2.ListStockCountsRequest(), body)),
        )
        for what, token in (
            ("no token", lambda w: "x"),
            ("another list's token", lambda w, n=name: w.tokens["counts" if n == "get" else "lines"]),
            ("a token of numbers", lambda w, m=made: m(w, [1, 2])),
            ("a token that is short", lambda w, m=made: m(w, [])),
            ("a token of NUL", lambda w, m=made: m(w, ["a\0", "a\0"])),
        )
    ),
    Bad(
        "get: the token of another query",
        lambda w: w.get(page_token=w.tokens["lines"], only_differences=True),
        INVALID,
        "PAGE_TOKEN_INVALID",
        "page_token",
    ),
    Bad("list: an unknown state", lambda w: w.list(state=4), INVALID, "FIELD_REQUIRED", "state"),
    Bad("list: a bad location", lambda w: w.list(location="a\n"), INVALID, "LOCATION_FORMAT", "location"),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    world.head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert bad.metadata(world).items() <= found.metadata.items(), found
    assert found.resource == bad.resource(world)
    assert found.message
    assert await db.fetchval("SELECT revision FROM feed_head") == world.head, "something moved"
    counts = await db.fetch("SELECT version, lines, state FROM stock_count ORDER BY count_id")
    assert [tuple(row) for row in counts] == [(0, 0, 2), (1, 1, 1)], "a count changed"
    assert await db.fetchval("SELECT counted FROM stock_count_line") == 100
