"""What bad input to ChannelService gets, in one table: a definite no with its reason, and nothing changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from inventory.rpc import page_token
from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.test_bad_input import BAD_CODES, BAD_IDS, INT64_MAX, INVALID, _string_field

BAD_CHANNELS = ("", "WEB", "web ", " web", "web\n", "a\0b", "x" * 33, "café", "a/b")
BAD_POLICIES = {
    "no policy": (core_pb2.OversellPolicy(), "FIELD_REQUIRED", "policy"),
    "deny = false": (core_pb2.OversellPolicy(deny=False), "FIELD_REQUIRED", "deny"),
    "allow = false": (core_pb2.OversellPolicy(allow=False), "FIELD_REQUIRED", "allow"),
    **{
        f"a limit of {limit}": (core_pb2.OversellPolicy(limit=limit), "QUANTITY_OUT_OF_RANGE", "limit")
        for limit in (0, -1, 1_000_000_001, INT64_MAX, -(2**63))
    },
}
BAD_VIEWS = [
    *((f"a {name} of {number}", {name: number}, "QUANTITY_OUT_OF_RANGE", name)
      for name in ("buffer", "cap") for number in (-1, 1_000_000_001, INT64_MAX, -(2**63))),
    *((f"a share of {number}", {"share_bp": number}, "QUANTITY_OUT_OF_RANGE", "share_bp")
      for number in (-1, 10_001, 2**31 - 1, -(2**31))),
    *((f"oversell with {name}", {"oversell": policy}, reason, f"oversell.{path}")
      for name, (policy, reason, path) in BAD_POLICIES.items()),
]  # fmt: skip


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    sku: str
    location: str
    used_id: str
    tokens: dict[str, str]

    def set(self, *, request_id: str | None = None, **over: Any) -> Awaitable[object]:
        good = {"channel": "known", "locations": [self.location], "name": "other"}
        identity = new_id() if request_id is None else request_id
        request = pb2.SetChannelRequest(request_id=identity, channel=pb2.Channel(**{**good, **over}))
        return self.client.channels.SetChannel(request)

    def row(self, **over: Any) -> pb2.ChannelSku:
        return pb2.ChannelSku(**{"sku": self.sku, "view": pb2.ChannelView(cap=7), **over})

    def skus(self, *rows: pb2.ChannelSku, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "channel": "known", "skus": rows or [self.row()]}
        return self.client.channels.SetChannelSkus(pb2.SetChannelSkusRequest(**{**good, **over}))

    def get(self, channel: str) -> Awaitable[object]:
        return self.client.channels.GetChannel(pb2.GetChannelRequest(channel=channel))

    def list(self, **over: Any) -> Awaitable[object]:
        return self.client.channels.ListChannels(pb2.ListChannelsRequest(**over))

    def list_skus(self, **over: Any) -> Awaitable[object]:
        return self.client.channels.ListChannelSkus(pb2.ListChannelSkusRequest(**{"channel": "known", **over}))

    def raw(self, method: str, body: bytes) -> Awaitable[object]:
        return self.client.raw(f"ChannelService/{method}", body)


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client, await client.sku(), await client.location(), new_id(), {})
    await made.set(request_id=made.used_id)
    await made.skus(made.row(), made.row(sku=await client.sku()))
    for name, answer in (("channels", await made.list(page_size=1)), ("skus", await made.list_skus(page_size=1))):
        assert isinstance(answer, (pb2.ListChannelsResponse, pb2.ListChannelSkusResponse))
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
    resource: tuple[str, str] = ("", "")


def _forged(kind: Any, *position: object) -> str:
    return page_token.encode(kind(), list(position))


# A default binds the row's value, which mypy can't see in a lambda.
# mypy: disable-error-code="misc"
TABLE = [
    *(
        Bad(f"{name} to {method}", lambda w, m=method, b=body: w.raw(m, b), INVALID, "MALFORMED_REQUEST")
        for method in ("SetChannel", "GetChannel", "ListChannels", "SetChannelSkus", "ListChannelSkus")
        for name, body in {"garbage": b"\xff\xff\xff\xff", "no UTF-8": _string_field(1, b"\xc0\xaf")}.items()
        if not (name == "no UTF-8" and method == "ListChannels")
    ),
    *(
        Bad(f"{method} without a request_id", send, INVALID, "REQUEST_ID_REQUIRED", "request_id")
        for method, send in (("set", lambda w: w.set(request_id="")), ("skus", lambda w: w.skus(request_id="")))
    ),
    *(
        Bad(f"request_id {bad!r}", lambda w, b=bad: w.set(request_id=b), INVALID, "REQUEST_ID_FORMAT", "request_id")
        for bad in BAD_IDS
    ),
    *(
        Bad(f"request_id {bad!r} of SKUs", lambda w, b=bad: w.skus(request_id=b), INVALID, "REQUEST_ID_FORMAT",
            "request_id")
        for bad in BAD_IDS
    ),
    Bad("a request_id used for other content", lambda w: w.set(request_id=w.used_id, name="third"), "ALREADY_EXISTS",
        "REQUEST_ID_REUSED"),
    Bad("no channel at all", lambda w: w.client.channels.SetChannel(pb2.SetChannelRequest(request_id=new_id())),
        INVALID, "FIELD_REQUIRED", "channel"),
    *(
        Bad(f"channel {bad!r}: {method}", lambda w, s=send, b=bad: s(w, b), INVALID, "CHANNEL_FORMAT", path)
        for bad in BAD_CHANNELS
        for method, send, path in (
            ("SetChannel", lambda w, b: w.set(channel=b), "channel.channel"),
            ("GetChannel", lambda w, b: w.get(b), "channel"),
            ("SetChannelSkus", lambda w, b: w.skus(channel=b), "channel"),
            ("ListChannelSkus", lambda w, b: w.list_skus(channel=b), "channel"),
        )
        if bad or method != "GetChannel"
    ),
    *(
        Bad(f"an unknown channel: {method}", send, "NOT_FOUND", "CHANNEL_NOT_FOUND", resource=("channel", "nobody"))
        for method, send in (
            ("GetChannel", lambda w: w.get("nobody")),
            ("SetChannelSkus", lambda w: w.skus(channel="nobody")),
            ("ListChannelSkus", lambda w: w.list_skus(channel="nobody")),
        )
    ),
    *(
        Bad(f"a name {name}", lambda w, t=text: w.set(name=t), INVALID, "TEXT_FORMAT", "channel.name")
        for name, text in {"with NUL": "a\0b", "of 513 bytes": "x" * 513, "of 257 letters of 2": "ü" * 257}.items()
    ),
    *(
        Bad(f"kind {bad}", lambda w, b=bad: w.set(kind=b), INVALID, "FIELD_REQUIRED", "channel.kind")
        for bad in (5, 99, -1, 2**31 - 1)
    ),
    *(
        Bad(f"a location {name}", lambda w, b=bad: w.set(locations=[w.location, b]), INVALID, "LOCATION_FORMAT",
            "channel.locations[1]")
        for name, bad in BAD_CODES.items()
    ),
    Bad("a location twice", lambda w: w.set(locations=[w.location, w.location]), INVALID, "FIELD_CONFLICT",
        "channel.locations[1]"),
    Bad("1,001 locations", lambda w: w.set(locations=[f"L{n}" for n in range(1_001)]), INVALID, "TOO_MANY_LINES",
        "channel.locations"),
    Bad("an unknown location", lambda w: w.set(locations=[w.location, "nowhere"]), "NOT_FOUND", "LOCATION_NOT_FOUND",
        resource=("location", "nowhere")),
    *(
        Bad(f"min_life_days {bad}", lambda w, b=bad: w.set(min_life_days=b), INVALID, "QUANTITY_OUT_OF_RANGE",
            "channel.min_life_days")
        for bad in (-1, 3_651, 2**31 - 1, -(2**31))
    ),
    *(
        Bad(name, lambda w, v=view: w.set(view=pb2.ChannelView(**v)), INVALID, reason, f"channel.view.{path}")
        for name, view, reason, path in BAD_VIEWS
    ),
    *(
        Bad(f"{name} for a SKU", lambda w, v=view: w.skus(w.row(), w.row(view=pb2.ChannelView(**v))), INVALID, reason,
            f"skus[1].view.{path}")
        for name, view, reason, path in BAD_VIEWS
    ),
    Bad("no rows", lambda w: w.client.channels.SetChannelSkus(
        pb2.SetChannelSkusRequest(request_id=new_id(), channel="known")), INVALID, "LINES_EMPTY", "skus"),
    Bad("10,001 rows", lambda w: w.skus(*[w.row()] * 10_001), INVALID, "TOO_MANY_LINES", "skus"),
    *(
        Bad(f"a SKU {name}", lambda w, b=bad: w.skus(w.row(), w.row(sku=b)), INVALID, "SKU_FORMAT", "skus[1].sku")
        for name, bad in BAD_CODES.items()
    ),
    Bad("an unknown SKU", lambda w: w.skus(w.row(view=pb2.ChannelView(cap=1)), w.row(sku="none")), "NOT_FOUND",
        "SKU_NOT_FOUND", resource=("sku", "none")),
    Bad("a SKU twice", lambda w: w.skus(w.row(view=pb2.ChannelView(cap=1)), w.row(view=pb2.ChannelView(cap=2))),
        "ALREADY_EXISTS", "CODE_TAKEN"),
    *(
        Bad(f"error_policy {bad}", lambda w, b=bad: w.skus(error_policy=b), INVALID, "FIELD_REQUIRED", "error_policy")
        for bad in (3, 99, -1)
    ),
    *(
        Bad(f"page_size {bad}: {method}", lambda w, s=send, b=bad: s(w, page_size=b), INVALID, "PAGE_SIZE_INVALID",
            "page_size")
        for bad in (-1, -(2**31))
        for method, send in (("ListChannels", World.list), ("ListChannelSkus", World.list_skus))
    ),
    *(
        Bad(f"{name}: {method}", lambda w, s=send, t=token: s(w, page_token=t(w)), INVALID, "PAGE_TOKEN_INVALID",
            "page_token")
        for method, send, kind, other in (
            ("ListChannels", World.list, pb2.ListChannelsRequest, "skus"),
            ("ListChannelSkus", World.list_skus, pb2.ListChannelSkusRequest, "channels"),
        )
        for name, token in {
            "a token that is none": lambda w: "next",
            "a token of 2,000 letters": lambda w: "A" * 2_000,
            "another list's token": lambda w, o=other: w.tokens[o],
            "a forged number": lambda w, k=kind: _forged(k, 7),
            "a forged NUL": lambda w, k=kind: _forged(k, "a\0b"),
            "a forged pair": lambda w, k=kind: _forged(k, "a", "b"),
        }.items()
    ),
    Bad("another channel's token", lambda w: w.list_skus(channel="default", page_token=w.tokens["skus"]), INVALID,
        "PAGE_TOKEN_INVALID", "page_token"),
]  # fmt: skip


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    state = (
        "SELECT (SELECT revision FROM feed_head), (SELECT count(*) FROM channel), (SELECT sum(cap) FROM channel_sku)"
    )
    before = await db.fetchrow(state)
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert found.resource == bad.resource
    assert found.message
    assert await db.fetchrow(state) == before, "something changed"
