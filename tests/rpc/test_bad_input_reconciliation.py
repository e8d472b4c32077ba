"""What bad input to ReconciliationService gets, in one table: a definite no with its reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from inventory.rpc import page_token
from inventory.v1 import core_pb2
from inventory.v1 import reconciliation_service_pb2 as pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.reconciling import ATS, AVAILABLE, ON_HAND, begin, end, reconcile, rows, say
from tests.rpc.test_bad_input import BAD_CODES, INT64_MAX, INVALID

BAD_IDS = ("", "7", "not-a-uuid", "0198f000-0000-7000-8000-00000000000", "{0198f000-0000-7000-8000-000000000000}")


@dataclass
class World:
    """What the table speaks of."""

    client: Client
    sku: str
    location: str
    reconciliation_id: str
    tokens: dict[str, str]

    def level(self, sku: str | None = None, location: str | None = None, quantity: int = 1) -> tuple[str, str, int]:
        return (
            self.sku if sku is None else sku,
            self.location if location is None else location,
            quantity,
        )

    def levels(self, *told: tuple[str, str, int]) -> Awaitable[object]:
        """After a good row in the same message."""
        return reconcile(self.client, ON_HAND, [self.level(), *told])

    def shown(self, *told: tuple[str, str, int]) -> Awaitable[object]:
        return reconcile(self.client, ATS, told)

    def begun(self, kind: Any, **fields: Any) -> Awaitable[object]:
        return say(self.client, begin(kind, **fields), end())

    def said(self, *messages: pb2.ReconcileRequest) -> Awaitable[object]:
        return say(self.client, *messages)

    def seen(self, **fields: Any) -> Awaitable[object]:
        return reconcile(self.client, ON_HAND, [self.level()], seen=core_pb2.Cursor(**fields))

    def get(self, **over: Any) -> Awaitable[object]:
        good = {"reconciliation_id": self.reconciliation_id}
        return self.client.reconciliations.GetReconciliation(pb2.GetReconciliationRequest(**{**good, **over}))

    def list(self, **over: Any) -> Awaitable[object]:
        return self.client.reconciliations.ListReconciliations(pb2.ListReconciliationsRequest(**over))

    def revised(self, kind: Any, revision: int) -> Awaitable[object]:
        place = "" if kind == ATS else self.location
        row = pb2.ReconcileRow(sku=self.sku, location=place, quantity=1, revision=revision)
        return self.said(begin(kind), pb2.ReconcileRequest(rows=pb2.ReconcileRows(rows=[row])), end())


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    sku, location = await client.stocked(3)
    found = await reconcile(client, ON_HAND, [(sku, location, 1), (sku, location, 2)])
    await reconcile(client, ON_HAND, [(sku, location, 1)])
    made = World(client, sku, location, found.last.reconciliation_id, {})
    for name, answer in (("get", await made.get(page_size=1)), ("list", await made.list(page_size=1))):
        assert isinstance(answer, (pb2.GetReconciliationResponse, pb2.ListReconciliationsResponse))
        made.tokens[name] = answer.next_page_token
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


# A default binds the row's value, which mypy can't see in a lambda.
# mypy: disable-error-code="misc"
TABLE = [
    Bad("rows first", lambda w: w.said(rows(w.level())), INVALID, "FIELD_REQUIRED", "begin"),
    Bad("the end first", lambda w: w.said(end()), INVALID, "FIELD_REQUIRED", "begin"),
    Bad("nothing first", lambda w: w.said(pb2.ReconcileRequest()), INVALID, "FIELD_REQUIRED", "part"),
    Bad("nothing later", lambda w: w.said(begin(ON_HAND), pb2.ReconcileRequest()), INVALID, "FIELD_REQUIRED", "part"),
    Bad("begun twice", lambda w: w.said(begin(ON_HAND), begin(ON_HAND)), INVALID, "FIELD_CONFLICT", "begin"),
    *(
        Bad(f"kind {bad}", lambda w, b=bad: w.begun(b), INVALID, "FIELD_REQUIRED", "begin.kind")
        for bad in (0, 4, -1, 2**31 - 1)
    ),
    *(
        Bad(f"a reference {name}", lambda w, t=text: w.begun(ATS, reference=t), INVALID, "TEXT_FORMAT",
            "begin.reference")
        for name, text in {"with NUL": "a\0b", "of 129 bytes": "x" * 129}.items()
    ),
    *(
        Bad(f"a place {name}", lambda w, b=bad: w.begun(AVAILABLE, locations=[w.location, b]), INVALID,
            "LOCATION_FORMAT", "begin.locations[1]")
        for name, bad in BAD_CODES.items()
    ),
    Bad("1,001 places", lambda w: w.begun(ON_HAND, locations=["L"] * 1_001), INVALID, "TOO_MANY_LINES",
        "begin.locations"),
    Bad("an unknown place", lambda w: w.begun(ON_HAND, locations=["nowhere"]), "NOT_FOUND", "LOCATION_NOT_FOUND"),
    Bad("places of a view", lambda w: w.begun(ATS, locations=[w.location]), INVALID, "FIELD_CONFLICT",
        "begin.locations"),
    Bad("no rows", lambda w: w.said(begin(ON_HAND), rows()), INVALID, "LINES_EMPTY", "rows.rows"),
    Bad("1,001 rows", lambda w: w.said(begin(ON_HAND), rows(*[w.level()] * 1_001)), INVALID, "TOO_MANY_LINES",
        "rows.rows"),
    *(
        Bad(f"a SKU {name}", lambda w, b=bad: w.levels(w.level(sku=b)), INVALID, "SKU_FORMAT", "rows.rows[1].sku")
        for name, bad in BAD_CODES.items()
    ),
    *(
        Bad(f"a location {name}", lambda w, b=bad: w.levels(w.level(location=b)), INVALID, "LOCATION_FORMAT",
            "rows.rows[1].location")
        for name, bad in BAD_CODES.items()
    ),
    Bad("a location of a view", lambda w: w.shown(w.level()), INVALID, "FIELD_CONFLICT", "rows.rows[0].location"),
    *(
        Bad(f"a quantity of {bad}", lambda w, b=bad: w.levels(w.level(quantity=b)), INVALID, "QUANTITY_OUT_OF_RANGE",
            "rows.rows[1].quantity")
        for bad in (10**12 + 1, -(10**12) - 1, INT64_MAX, -(2**63))
    ),
    Bad("a revision below 0", lambda w: w.revised(ON_HAND, -1), INVALID, "REVISION_FORMAT", "rows.rows[0].revision"),
    Bad("a revision of a view", lambda w: w.revised(ATS, 1), INVALID, "FIELD_CONFLICT", "rows.rows[0].revision"),
    Bad("a revision of the future", lambda w: w.revised(ON_HAND, INT64_MAX), "OUT_OF_RANGE", "REVISION_IN_FUTURE"),
    Bad("a cursor below 0", lambda w: w.seen(revision=-1), INVALID, "REVISION_FORMAT", "rows.cursor.revision"),
    Bad("an epoch that is none", lambda w: w.seen(epoch="x"), INVALID, "REVISION_FORMAT", "rows.cursor.epoch"),
    Bad("another epoch", lambda w: w.seen(epoch=new_id()), "FAILED_PRECONDITION", "EPOCH_CHANGED"),
    Bad("a cursor of the future", lambda w: w.seen(revision=INT64_MAX), "OUT_OF_RANGE", "REVISION_IN_FUTURE"),
    *(
        Bad(f"id {bad!r}", lambda w, b=bad: w.get(reconciliation_id=b), INVALID, "RECONCILIATION_ID_FORMAT",
            "reconciliation_id")
        for bad in BAD_IDS
    ),
    Bad("an unknown id", lambda w: w.get(reconciliation_id=new_id()), "NOT_FOUND", "RECONCILIATION_NOT_FOUND"),
    Bad("an id of an unknown channel", lambda w: w.get(channel="nobody"), "NOT_FOUND", "RECONCILIATION_NOT_FOUND"),
    Bad("an unknown channel", lambda w: w.list(channel="nobody"), "NOT_FOUND", "CHANNEL_NOT_FOUND"),
    *(
        Bad(f"channel {bad!r}: {send.__name__}", lambda w, s=send, b=bad: s(w, channel=b), INVALID, "CHANNEL_FORMAT",
            "channel")
        for send in (World.get, World.list)
        for bad in ("WEB", "web ", "a\0b", "x" * 33)
    ),
    Bad("an answer that is none", lambda w: w.get(answer=9), INVALID, "FIELD_REQUIRED", "answer"),
    Bad("a kind that is none", lambda w: w.list(kind=9), INVALID, "FIELD_REQUIRED", "kind"),
    *(
        Bad(f"page_size -1: {send.__name__}", lambda w, s=send: s(w, page_size=-1), INVALID, "PAGE_SIZE_INVALID",
            "page_size")
        for send in (World.get, World.list)
    ),
    *(
        Bad(f"{name}: {send.__name__}", lambda w, s=send, t=token: s(w, page_token=t(w)), INVALID,
            "PAGE_TOKEN_INVALID", "page_token")
        for send, kind, other in (
            (World.get, pb2.GetReconciliationRequest, "list"),
            (World.list, pb2.ListReconciliationsRequest, "get"),
        )
        for name, token in {
            "no token": lambda w: "next",
            "another list's token": lambda w, o=other: w.tokens[o],
            "a forged token": lambda w, k=kind: page_token.encode(k(), ["x", "y"]),
        }.items()
    ),
]  # fmt: skip


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused(bad: Bad, world: World) -> None:
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert found.message


async def test_bytes_that_are_no_message_are_refused(world: World) -> None:
    call: Any = world.client.channel.stream_stream("/inventory.v1.ReconciliationService/Reconcile")()
    await call.write(b"\xff\xff\xff\xff")
    assert (await refusal(call.read())).what == (INVALID, "MALFORMED_REQUEST")
