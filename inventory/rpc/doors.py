"""Who may come in: every credential in force, in memory, so that a flood of wrong ones costs no database.

Any server may change them; each looks every second whether somebody did.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from inventory.domain.access import CALLS_MAX, FULL_ACCESS, STREAMS_MAX, Access
from inventory.domain.audit import Author
from inventory.domain.credential import CredentialKind
from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import AccessChanged, EngineError
from inventory.postgres import access
from inventory.postgres.access import InForce, Version
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader

LOOK_S = 1.0
NOTE_S = 10.0
LAST_WORDS_S = 0.4
"""For how long a stop tries to tell who was refused since the last note: less than it waits for its tasks."""
REFUSED_KINDS_MAX = 100
"""Kinds of refused callers told apart between two notes in the audit trail."""
BEARER = "bearer "
OF_CREDENTIALS = frozenset({Reason.CREDENTIALS_MISSING, Reason.CREDENTIALS_INVALID, Reason.SCOPE_REQUIRED})
OF_ACCESS = OF_CREDENTIALS | {
    Reason.RATE_LIMITED,
    Reason.CALL_LIMIT,
    Reason.STREAM_LIMIT,
    Reason.SUBSCRIBER_LIMIT,
    Reason.CREDENTIAL_LIMIT,
    Reason.CREDENTIAL_NOT_FOUND,
    Reason.LAST_ADMIN,
    Reason.CHANNEL_NOT_FOUND,
}
"""Why callers are turned away, or may not have what they ask for of the doors: failed attempts that have no entry of
their own in the audit trail."""

log = structlog.get_logger(__name__)


class RateLimited(EngineError):
    """The channel calls more often than it may."""

    reason = Reason.RATE_LIMITED
    message = "the channel calls more often than it may"
    retry_after_s: float | None = 1.0

    def __init__(self, retry_after_s: float) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class TooManyCalls(EngineError):
    """The channel has as many calls under way as it may."""

    reason = Reason.CALL_LIMIT
    message = "the channel has as many calls under way as it may"
    retry_after_s: float | None = 0.1


def not_in_force(reason: Reason) -> Refusal:
    """The same text whatever is wrong with a credential."""
    return Refusal(reason, "the call needs a credential that is in force")


class Gate:
    """What a channel's limits allow at this server: a token bucket for how often, a count for how many at once. A call
    counts from its headers on, as `expect`ed, and from its message on as one that has `enter`ed."""

    def __init__(self, limits: Access, now: Callable[[], float]) -> None:
        self._now = now
        self.calls = 0
        self.refused = 0
        self._expected: set[asyncio.Task[Any] | None] = set()
        self._tokens = 0.0
        self._filled_at = now()
        self.limit(limits)
        self._tokens = self._burst

    def limit(self, limits: Access) -> None:
        """From now on."""
        self._calls_max = limits.calls_max or CALLS_MAX
        self._rate = float(limits.requests_per_s or 0)
        self._burst = float(limits.requests_burst or max(self._rate, 1.0))
        self._tokens = min(self._tokens, self._burst)
        self.streams_max = limits.streams_max or STREAMS_MAX

    def expect(self) -> bool:
        """Whether there is room for this task's call, whose message has not come."""
        if self.calls + len(self._expected) >= self._calls_max:
            self._expected = {task for task in self._expected if task is not None and not task.done()}
            if self.calls + len(self._expected) >= self._calls_max:
                self.refused += 1
                return False
        self._expected.add(asyncio.current_task())
        return True

    def arrived(self) -> None:
        """The message of this task's call has come."""
        self._expected.discard(asyncio.current_task())

    def enter(self) -> None:
        """Each is followed by one `leave`, unless it raises `RateLimited` or `TooManyCalls`."""
        if self.calls >= self._calls_max:
            self.refused += 1
            raise TooManyCalls
        if self._rate:
            self.charge()
        self.calls += 1

    def charge(self) -> None:
        """One more of what is counted by the second. Raises `RateLimited`."""
        if not self._rate:
            return
        now = self._now()
        tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if tokens < 1.0:
            self._tokens = tokens
            self.refused += 1
            raise RateLimited((1.0 - tokens) / self._rate)
        self._tokens = tokens - 1.0

    def charge_rest(self, requests: int) -> None:
        """Of a batch whose first request was charged: it is let through however large it is, and those after it wait
        for longer."""
        if self._rate:
            self._tokens -= max(requests - 1, 0)

    def leave(self) -> None:
        self.calls -= 1


class OpenGate(Gate):
    """Of development: without limits but that of streams."""

    def __init__(self) -> None:
        super().__init__(FULL_ACCESS, lambda: 0.0)

    def expect(self) -> bool:
        return True

    def enter(self) -> None:
        self.calls += 1


class _Refused(NamedTuple):
    """A kind of caller that was refused."""

    code: int
    channel_id: int
    key_id: str
    host: str
    reason: Reason
    what: str


class Doors:
    """The credentials in force as of the last look."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._version = Version(-1, 0)
        self._by_digest: dict[bytes, InForce] = {}
        self._read_at = self._loop.time()
        self._gates: dict[int, Gate] = {}
        self._used: set[str] = set()
        self._refused: Counter[_Refused] = Counter()
        self.refused: Counter[Reason] = Counter()
        """How many calls were refused here for their credentials, by reason."""
        self.on_change: list[Callable[[], None]] = []
        """Told after every look that found something else."""

    @property
    def in_force(self) -> list[InForce]:
        return list(self._by_digest.values())

    def by_token(self, authorization: str) -> InForce | None:
        """Of the metadata `authorization`. What stands in memory is looked up by its hash, which nobody can steer: how
        long that takes tells nothing of a secret."""
        if authorization[: len(BEARER)].lower() != BEARER:
            return None
        token = authorization[len(BEARER) :]
        found = self._by_digest.get(hashlib.sha256(token.encode("utf-8", "replace")).digest())
        if found is None or found.kind is not CredentialKind.TOKEN:
            return None
        self._used.add(found.key_id)
        return found

    def by_certificate(self, digest: bytes) -> InForce | None:
        """`digest`: the SHA-256 of the certificate's DER."""
        found = self._by_digest.get(digest)
        if found is None or found.kind is not CredentialKind.CERTIFICATE:
            return None
        self._used.add(found.key_id)
        return found

    def current(self, known: InForce) -> InForce | None:
        """The same credential as of the last look; None: it is no longer in force."""
        return self._by_digest.get(known.digest)

    def why_out(self, known: InForce) -> EngineError | Refusal | None:
        """Why a caller that was let in by this may go on no longer; None: it may."""
        now = self.current(known)
        if now is known:
            return None
        if now is None:
            return not_in_force(Reason.CREDENTIALS_INVALID)
        return None if now.access == known.access else AccessChanged()

    def expires_in_s(self) -> list[tuple[InForce, float]]:
        """How many seconds each credential that ends has left, by the loop's clock."""
        age_s = self._loop.time() - self._read_at
        rows = self._by_digest.values()
        return [(row, row.expires_in.total_seconds() - age_s) for row in rows if row.expires_in is not None]

    def gate(self, known: InForce) -> Gate:
        """The one of its channel."""
        gate = self._gates.get(known.channel_id)
        if gate is None:
            gate = self._gates[known.channel_id] = Gate(known.access, self._loop.time)
        return gate

    @property
    def gates(self) -> dict[int, Gate]:
        """By channel number."""
        return self._gates

    def note_refused(self, reason: Reason, code: int, peer: str, known: InForce | None, what: str) -> None:
        """Told to the audit trail, like with like. `what`: the method, empty for who isn't known."""
        if reason in OF_CREDENTIALS:
            self.refused[reason] += 1
        host = peer.rpartition(":")[0]
        kind = _Refused(code, known.channel_id if known else 0, known.key_id if known else "", host, reason, what)
        self._count(kind, 1)

    def _count(self, kind: _Refused, times: int) -> None:
        if kind not in self._refused and len(self._refused) >= REFUSED_KINDS_MAX:
            kind = _Refused(kind.code, 0, "", "", kind.reason, "")
        self._refused[kind] += times

    async def run(self) -> None:
        """For ever; cancel it to end it: it tells what was not told yet, for a moment."""
        try:
            await self._go_on()
        except asyncio.CancelledError:
            with suppress(StorageError, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await self.note()
            raise

    async def _go_on(self) -> None:
        note_at = self._loop.time() + NOTE_S
        waits = False
        while True:
            try:
                await self.look()
                if self._loop.time() >= note_at:
                    note_at = self._loop.time() + NOTE_S
                    await self.note()
                waits = False
            except StorageError as error:
                self._drop_expired()
                if not waits:
                    waits = True
                    log.warning("credentials can't be looked at: those known go on", why=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Reads all again if anything has changed. Raises a `StorageError`."""
        found = await access.version(self._reader)
        if found == self._version:
            return
        rows = await access.in_force(self._reader)
        self._version = found
        for row in rows:
            if row.channel_id in self._gates:
                self._gates[row.channel_id].limit(row.access)
        self._put(rows, self._loop.time())

    def _put(self, rows: Iterable[InForce], read_at: float) -> None:
        self._read_at = read_at
        self._by_digest = {row.digest: row for row in rows}
        for tell in self.on_change:
            tell()

    def _drop_expired(self) -> None:
        """Without the database: what has run out since the last look, by the loop's clock."""
        age = timedelta(seconds=self._loop.time() - self._read_at)
        kept = [row for row in self._by_digest.values() if row.expires_in is None or row.expires_in > age]
        if len(kept) < len(self._by_digest):
            self._put(kept, self._read_at)

    async def note(self) -> None:
        """Which credentials were used, and who was refused: what can't be told now is told with the next. Raises a
        `StorageError`."""
        used, self._used = self._used, set()
        refused, self._refused = self._refused, Counter()
        try:
            if used:
                await access.note_used(self._reader, list(used))
            if refused:
                await self._tell_refused(refused)
        except (StorageError, asyncio.CancelledError):
            self._used |= used
            for kind, times in refused.items():
                self._count(kind, times)
            raise

    async def _tell_refused(self, refused: Mapping[_Refused, int]) -> None:
        async with self._reader.change() as change:
            for kind, times in refused.items():
                change.note(
                    kind.what or "Authenticate",
                    kind.channel_id,
                    Author(kind.key_id, "", kind.host),
                    {"reason": kind.reason, "times": times},
                    code=kind.code,
                )
