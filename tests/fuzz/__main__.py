"""Fuzzes a server: `python -m tests.fuzz --seconds 60 --seed N`. Exit code 0 when nothing is wrong, else 1, and each
finding with the input that reproduces it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path

import grpc

from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.fuzz.campaign import Campaign, Found
from tests.fuzz.house import DOORS_LOOK_S, House, opened
from tests.fuzz.methods import Known, Method, methods
from tests.fuzz.strangers import loitering
from tests.fuzz.tables import checksums
from tests.fuzz.world import Caller, Metadata
from tests.fuzz.world import opened as shop
from tests.race.processes import Process
from tests.rpc.http2 import HTTPS

DIRECTORY = Path("build/fuzz")
MIB = 1 << 20
GROWTH_MAX_BYTES = 64 * MIB
SETTLE_S = 15.0
CALLS_SETTLING = 100
STAYING = {"Health/Watch": 1_500, "Health/Check": 1_500, "reflection": 200}
"""Callers without a credential who are still there when memory is looked at."""
LOG_LINES_MAX = 400
LOG_BYTES_MAX = 200_000
CALL_S_MAX = 2.0
PROGRESS_S = 5.0
WARM_S = 3.0
DEFECT = "[error"
"""The level of a log line that says so."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long bad calls are made; default 60")
    parser.add_argument("--seed", type=int, default=None, help="of what is sent; default: another one each time")
    parser.add_argument(
        "--development", action="store_true", help="a server without credentials, where everybody may do everything"
    )
    chosen = parser.parse_args()
    seed = secrets.randbelow(2**32) if chosen.seed is None else chosen.seed
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # its warnings tell of connections that the server cut
    return asyncio.run(fuzz(chosen.seconds, seed, credentials=not chosen.development))


async def fuzz(seconds: float, seed: int, *, credentials: bool) -> int:
    """All of it: first without a credential, then with one; in development only the latter. Gives the exit code."""
    print(f"fuzz: seed {seed}, {seconds:g} s, {'with credentials' if credentials else 'development'}", flush=True)
    chance, found, began = random.Random(seed), Found(DIRECTORY), time.monotonic()
    async with opened(credentials=credentials) as house:
        wanted = methods()
        caller = Caller(house.address, house.metadata)
        known = await _opened(caller, house)
        guarded = Caller(house.guarded.address, house.metadata, house.certificate)
        await _warm((caller, guarded), known, wanted)
        await guarded.close()
        at_start = house.memory_bytes()
        progress = asyncio.create_task(_progress(house, found, at_start))
        rest_s = seconds
        if credentials:
            rest_s = seconds / 2
            await _without(house, known, wanted, chance, found, seconds / 2)

        def metadata(chance: random.Random) -> Metadata:
            return [*house.metadata, *_odd(chance)]

        await Campaign(house, known, wanted, chance, found, metadata).run(rest_s, effect_wanted=True)
        progress.cancel()
        async with AsyncExitStack() as stack:
            for server in house.servers:
                if not house.has_ended:
                    address = server.address if server is house.server else f"{HTTPS}{server.address}"
                    await stack.enter_async_context(loitering(address, STAYING))
            await _judge(house, caller, known, found, at_start)
        await caller.close()
    print(f"fuzz: {found.calls} calls: {dict(found.outcomes.most_common())}")
    print(f"fuzz: {found.strangers.total()} strangers: {dict(found.strangers)}")
    for line in found.wrong:
        print(f"fuzz: WRONG: {line}", file=sys.stderr)
    verdict = f"{len(found.wrong)} things are wrong, seed {seed}" if found.wrong else "nothing is wrong"
    print(f"fuzz: {verdict}, in {time.monotonic() - began:.0f} s")
    return 1 if found.wrong else 0


async def _opened(caller: Caller, house: House) -> Known:
    if house.token:
        await asyncio.sleep(DOORS_LOOK_S)  # until the servers have looked at their credentials
    known = await shop(caller)
    if house.token:
        known.by_name["channel"] = "fuzz"
        known.by_request["ListSubscribersRequest"]["channel"] = "fuzz"
    return known


async def _warm(callers: Sequence[Caller], known: Known, wanted: Sequence[Method]) -> None:
    """What every server does in its first seconds is no growth."""
    until = time.monotonic() + WARM_S
    while time.monotonic() < until:
        for caller, method in product(callers, wanted):
            try:
                await caller.raw(method, known.good(method.descriptor.input_type).SerializeToString())
            except grpc.aio.AioRpcError as error:  # a token is revoked only once
                if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                    raise RuntimeError(f"a good request of {method.name} is refused: {error.details()}") from error


async def _without(
    house: House, known: Known, wanted: Sequence[Method], chance: random.Random, found: Found, seconds: float
) -> None:
    before = await checksums(house.sql)

    def metadata(chance: random.Random) -> Metadata:
        return [*_wrong_credentials(chance, house.token), *_odd(chance)]

    await Campaign(house, known, wanted, chance, found, metadata).run(seconds, effect_wanted=False)
    after = await checksums(house.sql)
    changed = [name for name in before if after[name] != before[name]]
    if changed:
        found.wrong.append(f"without a credential something changed: {', '.join(changed)}")


def _wrong_credentials(chance: random.Random, token: str) -> Metadata:
    at = chance.randrange(4, len(token))
    near = token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1 :]
    return chance.choice(
        (
            [],
            [("authorization", f"Bearer {near}")],
            [("authorization", f"Bearer {token[:at]}")],
            [("authorization", f"Bearer {token} ")],
            [("authorization", f"Basic {token}")],
            [("authorization", token)],
            [("authorization", f"Bearer {token}"), ("authorization", "Bearer x")],
            [("authorization", "Bearer " + "x" * chance.randrange(8_000))],
            [("authorization", "")],
        )
    )


def _odd(chance: random.Random) -> Metadata:
    return chance.choices(
        (
            [],
            [("inventory-operator", "x" * chance.randrange(200))],
            [("inventory-operator", f"operator {chance.random()}")],
            [("inventory-channel", "no such channel " + "x" * chance.randrange(2_000))],
            [("key-bin", chance.randbytes(chance.randrange(1_000)))],
            [(f"key-{number}", "v" * 20) for number in range(chance.randrange(100))],
            [("traceparent", "00-" + "f" * chance.randrange(100))],
        ),
        (70, 5, 5, 5, 5, 5, 5),
    )[0]


async def _progress(house: House, found: Found, at_start: int) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        if house.has_ended:
            return
        grown = (house.memory_bytes() - at_start) / MIB
        print(
            f"fuzz: {found.calls} calls, {found.strangers.total()} strangers, {grown:+.0f} MiB, "
            f"{len(found.wrong)} findings",
            flush=True,
        )


async def _judge(house: House, caller: Caller, known: Known, found: Found, at_start: int) -> None:
    wrong = found.wrong
    for server in house.servers:
        if server.has_ended:
            wrong.append("a server has ended: " + " / ".join(server.said[-5:]))
            return
    asked = stock_pb2.GetStockRequest(sku=known.by_name["sku"], location=known.by_name["location"])
    guarded = Caller(house.guarded.address, house.metadata, house.certificate)
    for each in (caller, guarded):
        began = time.monotonic()
        await each.call("StockService/GetStock", asked)
        if (took_s := time.monotonic() - began) > CALL_S_MAX:
            wrong.append(f"an ordinary call takes {took_s:.1f} s at the end")
    until = time.monotonic() + SETTLE_S
    while (grown := house.memory_bytes() - at_start) > GROWTH_MAX_BYTES and time.monotonic() < until:
        for _ in range(CALLS_SETTLING):  # a server that nobody calls does not look for what it may forget
            for each in (caller, guarded):
                await each.call("StockService/GetStock", asked)
    await guarded.close()
    print(f"fuzz: memory {at_start / MIB:.0f} MiB, {grown / MIB:+.0f} MiB at the end")
    if grown > GROWTH_MAX_BYTES:
        wrong.append(f"the server has grown by {grown / MIB:.0f} MiB")
    lines = house.said()
    said = "\n".join(lines)
    print(f"fuzz: the servers' log has {len(lines)} lines, {len(said)} bytes")
    if len(lines) > LOG_LINES_MAX or len(said) > LOG_BYTES_MAX:
        wrong.append(f"the log is flooded: {len(lines)} lines, such as {lines[-1][:300]!r}")
    wrong += [f"a defect is in the log: {line[:300]}" for line in lines if DEFECT in line][:5]
    for where, text in (("log", said), ("metrics", await house.scraped())):
        if leaked := house.leaked(text):
            wrong.append(f"the {where} has {len(leaked)} of the secrets")
    verifying = await Process.run("-m", "inventory", "verify", "--dsn", house.postgres.dsn)
    if code := await verifying.ended():
        wrong.append(f"`inventory verify` ends with {code}")


if __name__ == "__main__":
    sys.exit(main())
