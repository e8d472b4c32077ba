"""A bounded time of bad calls, with what they found."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from tests.fuzz.house import House
from tests.fuzz.methods import Known, Method
from tests.fuzz.mutation import Mutations
from tests.fuzz.strangers import STRANGERS
from tests.fuzz.world import Caller, Metadata
from tests.rpc.client import of_error
from tests.rpc.http2 import HTTPS

FINDINGS_MAX = 50
DEFECTS = ("INTERNAL", "UNKNOWN")
CLIENTS_OWN = "Internal error from Core"
"""What grpc.aio's client makes of a stream that is refused while it writes; the server's own status is lost to it."""
CALL_TIMEOUT_S = 15.0
CALLERS = 4
CANCELLED_ONE_IN = 20
SHORT_ONE_IN = 20
STRANGE_PAUSE_S = 0.05


@dataclass
class Found:
    """What is wrong, each kind once: `inputs` reproduce it."""

    directory: Path
    wrong: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    _kinds: set[tuple[str, str]] = field(default_factory=set)

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    def defect(self, method: Method, what: str, body: bytes, metadata: Metadata) -> None:
        """Saves the first input of each kind."""
        if (method.name, what) in self._kinds or len(self._kinds) >= FINDINGS_MAX:
            return
        self._kinds.add((method.name, what))
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"{len(self._kinds)}-{method.name.replace('/', '-')}.bin"
        path.write_bytes(body)
        odd = [(key, value) for key, value in metadata if key != "authorization"]
        self.wrong.append(f"{method.name}: {what}; the request is in {path}" + (f", with {odd}" if odd else ""))


class Campaign:
    """`callers`: what they send as metadata, some of them odd."""

    def __init__(
        self,
        house: House,
        known: Known,
        methods: Sequence[Method],
        chance: random.Random,
        found: Found,
        metadata: Callable[[random.Random], Metadata],
    ) -> None:
        self._house = house
        self._methods = methods
        self._chance = chance
        self._found = found
        self._metadata = metadata
        self._mutations = Mutations(chance, known, methods)

    async def run(self, seconds: float, *, effect_wanted: bool) -> None:
        """Calls and strangers at once. Without `effect_wanted` an answer that isn't a refusal is a finding."""
        until = time.monotonic() + seconds
        house = self._house
        callers = [Caller(house.address), Caller(house.guarded.address, certificate=house.certificate)]
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(CALLERS):
                    group.create_task(self._call(callers[number % len(callers)], until, effect_wanted))
                group.create_task(self._strange(until))
        finally:
            for caller in callers:
                await caller.close()

    async def _strange(self, until: float) -> None:
        names = list(STRANGERS)
        guarded = self._house.guarded.address
        addresses = (self._house.address, f"{HTTPS}{guarded}", guarded)
        turn = self._chance.randrange(len(names))
        while time.monotonic() < until:
            name = names[turn % len(names)]
            turn += 1
            address = self._chance.choices(addresses, (70, 20, 10))[0]
            going = asyncio.ensure_future(STRANGERS[name](address, self._chance))
            await asyncio.wait((going,), timeout=max(until - time.monotonic(), 0.0))
            if not going.done():
                going.cancel()
                await asyncio.wait((going,))
                return
            if isinstance(going.exception(), OSError) and self._house.has_ended:  # and the verdict says so
                return
            going.result()
            self._found.strangers[name] += 1
            await asyncio.sleep(STRANGE_PAUSE_S)

    async def _call(self, caller: Caller, until: float, effect_wanted: bool) -> None:
        chance = self._chance
        while time.monotonic() < until and not self._house.has_ended:
            method = chance.choice(self._methods)
            body, metadata = self._mutations.next(method), self._metadata(chance)
            timeout_s = chance.choice((0.0, 0.001, 0.01)) if chance.randrange(SHORT_ONE_IN) == 0 else CALL_TIMEOUT_S
            sending = asyncio.ensure_future(caller.raw(method, body, timeout_s=timeout_s, metadata=metadata))
            if chance.randrange(CANCELLED_ONE_IN) == 0:
                await asyncio.wait((sending,), timeout=chance.random() * 0.02)
                sending.cancel()
            await asyncio.wait((sending,))
            if sending.cancelled():
                self._found.outcomes["cancelled"] += 1
                continue
            self._judge(method, body, metadata, sending, effect_wanted)

    def _judge(
        self, method: Method, body: bytes, metadata: Metadata, call: asyncio.Future[bytes], effect_wanted: bool
    ) -> None:
        found, error = self._found, call.exception()
        if error is None:
            found.outcomes["OK"] += 1
            if not effect_wanted:
                found.defect(method, "answered without a credential", body, metadata)
            if leaked := self._house.leaked(call.result().decode("latin-1")):
                found.defect(method, f"its answer carries {len(leaked)} secrets", body, metadata)
            return
        if not isinstance(error, grpc.aio.AioRpcError):
            found.outcomes[type(error).__name__] += 1
            return
        if method.descriptor.client_streaming and error.details() == CLIENTS_OWN:
            found.outcomes["refused while it was writing"] += 1
            return
        refused = of_error(error)
        found.outcomes[refused.code] += 1
        if refused.code in DEFECTS:
            found.defect(method, f"{refused.code} {refused.reason} {refused.message}", body, metadata)
        if self._house.leaked(f"{refused.message}{refused.metadata}{refused.fields}"):
            found.defect(method, "its refusal carries a secret", body, metadata)
