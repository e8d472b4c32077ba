"""Subscribers by the thousand in one process of their own: the product's, etcd's watchers, PostgreSQL's listeners.

The process waits on all its sockets at once, notes when what came and checks that nothing is missing. `Followers` is
the handle that a benchmark has of it.
"""

import multiprocessing
import select
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Protocol, Self, TypeVar

from benchmarks import etcd
from benchmarks.notify import LISTEN, Session
from benchmarks.streams import Connection
from inventory.v1 import core_pb2 as core
from inventory.v1 import watch_service_pb2 as pb2

WATCH = "/inventory.v1.WatchService/Watch"
STREAMS_PER_CHANNEL = 100
"""As many as a channel may have, so each hundred has a channel and a connection of its own."""
ARRIVE_TIMEOUT_S = 60.0
POLL_S = 0.2
DECODED_MAX = 10_000
_BOOKMARK_TAG = 0x0A
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Watching:
    """Streams of the product, one for each serialised WatchRequest.

    `timed` notes when each change came. `verbatim`: all requests are the same, and so must be the bytes of all changes;
    only the first stream's are looked into.
    """

    address: str
    requests: Sequence[bytes]
    timed: bool = True
    verbatim: bool = False


@dataclass(frozen=True)
class WatchingEtcd:
    address: str
    count: int


@dataclass(frozen=True)
class Listening:
    dsn: str
    count: int


Opening = Watching | WatchingEtcd | Listening


@dataclass(frozen=True)
class Awaiting:
    """Asks what was seen once each follower has come to its revision."""

    revisions: Sequence[int]


@dataclass
class Seen:
    """What one follower got: how many changes, the sum of their revisions, the last one, and when each came."""

    changes: int = 0
    total: int = 0
    last: int = 0
    messages: int = 0
    body_bytes: int = 0
    checksum: int = 0
    arrivals: list[tuple[int, int]] = field(default_factory=list)
    """Revision, and when it came by the monotonic clock in nanoseconds."""


@dataclass(frozen=True)
class Report:
    seen: list[Seen]
    cpu_s: float
    """Of the followers' process since they were opened."""


class Followers:
    """The process, for the length of a `with` block. It starts on the cores of the caller's thread."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(far_end,), daemon=True)
        self._process.start()
        far_end.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(ARRIVE_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def open(self, opening: Opening) -> None:
        """Closes what is open, opens these, and returns when all of them follow."""
        self._ask(opening)

    def close(self) -> None:
        """Closes what is open."""
        self._ask(None)

    def await_revisions(self, revisions: Sequence[int]) -> Report:
        """What each follower has seen since it was opened, once it has come to its revision. Raises `RuntimeError`."""
        report = self._ask(Awaiting(revisions))
        assert isinstance(report, Report)
        return report

    def _ask(self, order: Opening | Awaiting | None) -> Report | None:
        self._pipe.send(order)
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(f"the followers failed: {answer}")
        assert answer is None or isinstance(answer, Report)
        return answer


class _Source(Protocol):
    """A socket with followers behind it."""

    def fileno(self) -> int: ...

    def receive(self) -> None:
        """Reads what is there."""

    def close(self) -> None: ...


class _Streams:
    """A connection with streams. Its followers are ready when each has had a message."""

    def __init__(
        self,
        connection: Connection,
        requests: Sequence[bytes],
        followers: Sequence[Seen],
        take: Callable[[Seen, bytes, int], None],
        *,
        more: bool,
    ) -> None:
        self._connection = connection
        self._take = take
        self._by_stream = {
            connection.open(request, more=more): follower for request, follower in zip(requests, followers, strict=True)
        }
        while not all(follower.messages for follower in followers):
            self.receive()

    def fileno(self) -> int:
        return self._connection.socket.fileno()

    def receive(self) -> None:
        connection = self._connection
        for stream, message in connection.receive():
            if message is None:
                raise RuntimeError(f"a stream was ended by the server; its trailers: {connection.trailers!r}")
            follower = self._by_stream[stream]
            follower.messages += 1
            self._take(follower, message, connection.received_ns)

    def close(self) -> None:
        self._connection.close()


class _Listener:
    def __init__(self, dsn: str, follower: Seen) -> None:
        self._session = Session(dsn)
        self._session.run(LISTEN)
        self._follower = follower

    def fileno(self) -> int:
        return self._session.socket.fileno()

    def receive(self) -> None:
        numbers = self._session.notifications()
        self._follower.messages += 1
        _note(self._follower, tuple(numbers), self._session.received_ns)

    def close(self) -> None:
        self._session.close()


def _note(follower: Seen, revisions: tuple[int, ...], now_ns: int | None) -> None:
    for revision in revisions:
        follower.changes += 1
        follower.total += revision
        follower.last = max(follower.last, revision)
        if now_ns is not None:
            follower.arrivals.append((revision, now_ns))


class _Decoded:
    """Looks into a message once, however many followers it comes to."""

    def __init__(self, decode: Callable[[bytes], tuple[int, ...]], *, timed: bool) -> None:
        self._decode = decode
        self._timed = timed
        self._known: dict[bytes, tuple[int, ...]] = {}

    def __call__(self, follower: Seen, message: bytes, now_ns: int) -> None:
        revisions = self._known.get(message)
        if revisions is None:
            if len(self._known) >= DECODED_MAX:
                self._known.clear()
            revisions = self._known[message] = self._decode(message)
        _note(follower, revisions, now_ns if self._timed else None)


def _changed(message: bytes) -> tuple[int, ...]:
    response = pb2.WatchResponse.FromString(message)
    return (
        *(change.revision for change in response.changes if not change.fragment),
        *(movement.revision for movement in response.latest),
    )


def _compare(follower: Seen, message: bytes) -> None:
    """Sums up the bytes after the bookmark, which say the same in whatever messages they come."""
    body = 0
    if message[0] == _BOOKMARK_TAG:
        body = 2 + message[1]
        follower.last = core.Cursor.FromString(message[2:body]).revision
    follower.body_bytes += len(message) - body
    follower.checksum = zlib.crc32(memoryview(message)[body:], follower.checksum)


def _opened(opening: Opening) -> tuple[list[_Source], list[Seen]]:
    followers: list[Seen]
    match opening:
        case Listening(dsn, count):
            followers = [Seen() for _ in range(count)]
            return [_Listener(dsn, follower) for follower in followers], followers
        case WatchingEtcd(address, count):
            followers = [Seen() for _ in range(count)]
            decoded = _Decoded(etcd.watched, timed=True)
            return [
                _Streams(Connection(address, etcd.WATCH), [etcd.watch_request()] * len(some), some, decoded, more=True)
                for some in _by_channel(followers)
            ], followers
        case Watching(address, requests, timed, verbatim):
            followers = [Seen() for _ in requests]
            decoded = _Decoded(_changed, timed=timed)

            def compared(follower: Seen, message: bytes, now_ns: int) -> None:
                if follower is followers[0]:
                    decoded(follower, message, now_ns)
                _compare(follower, message)

            sources: list[_Source] = []
            for number, (some, asked) in enumerate(zip(_by_channel(followers), _by_channel(requests), strict=True)):
                connection = Connection(address, WATCH, [("inventory-channel", f"followers-{number}")])
                sources.append(_Streams(connection, asked, some, compared if verbatim else decoded, more=False))
            return sources, followers


def _by_channel(all_of_them: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for first in range(0, len(all_of_them), STREAMS_PER_CHANNEL):
        yield all_of_them[first : first + STREAMS_PER_CHANNEL]


class _Worker:
    """What the process does, until the pipe is closed."""

    def __init__(self, pipe: "Pipe[Report | str | None, Opening | Awaiting | None]") -> None:
        self._pipe = pipe
        self._sources: dict[int, _Source] = {}
        self._followers: list[Seen] = []
        self._awaited: Sequence[int] | None = None
        self._deadline = 0.0
        self._reported_s = 0.0

    def run(self) -> None:
        with select.epoll() as epoll:
            epoll.register(self._pipe.fileno(), select.EPOLLIN)
            while True:
                events = epoll.poll(POLL_S)
                for descriptor, _ in events:
                    if source := self._sources.get(descriptor):
                        source.receive()
                if any(descriptor == self._pipe.fileno() for descriptor, _ in events):
                    self._obey(self._pipe.recv(), epoll)
                if self._awaited is not None:
                    self._report(self._awaited)

    def _obey(self, order: Opening | Awaiting | None, epoll: select.epoll) -> None:
        if isinstance(order, Awaiting):
            self._awaited, self._deadline = order.revisions, time.monotonic() + ARRIVE_TIMEOUT_S
            return
        for source in self._sources.values():
            source.close()
        opened, self._followers = ([], []) if order is None else _opened(order)
        self._sources = {source.fileno(): source for source in opened}
        for descriptor in self._sources:
            epoll.register(descriptor, select.EPOLLIN)
        self._reported_s = time.process_time()
        self._pipe.send(None)

    def _report(self, awaited: Sequence[int]) -> None:
        behind = sum(seen.last < least for seen, least in zip(self._followers, awaited, strict=True))
        if not behind:
            self._pipe.send(Report(self._followers, time.process_time() - self._reported_s))
            self._awaited = None
        elif time.monotonic() > self._deadline:
            raise RuntimeError(f"{behind} of {len(awaited)} followers miss changes")


def _serve(pipe: "Pipe[Report | str | None, Opening | Awaiting | None]") -> None:
    """The process."""
    try:
        _Worker(pipe).run()
    except EOFError:  # the benchmark has ended
        pass
    except Exception as error:  # noqa: BLE001 - told to the benchmark, which ends
        pipe.send(f"{type(error).__name__}: {error}")
