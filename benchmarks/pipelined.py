"""How many more reservations a second than unary echo calls, for those who pipeline?

`BatchReserve` and `ReserveStream` with 500 one-line requests a message, over 500 SKUs, against the echo server's
unary Reserve with 64 in flight. The ratio is that of the slower of the two. Their client is grpc's own: it costs
little per reservation.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from statistics import quantiles

import grpc

from benchmarks.measure import Accounts, Options, Round, Side, conclude, in_turn, reserving
from benchmarks.servers import Server, Site
from benchmarks.workload import Orders, stock_up
from inventory.v1 import reservation_service_pb2 as pb2

SKUS = 500
REQUESTS_PER_MESSAGE = 500
CALLERS = 2
MESSAGES_IN_FLIGHT = 2
"""Of each caller."""
CALL_TIMEOUT_S = 60
SERVICE = "/inventory.v1.ReservationService/"

Caller = Callable[[grpc.Channel, Iterator[bytes]], list[float]]
"""Sends messages until there are no more; gives how long each took."""


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product, echo = site.product(), site.echo()
        stock_up(product, SKUS)
        orders = Orders(SKUS)
        found = in_turn(
            {
                "BatchReserve": _pipelining(site, product, orders, _batches),
                "ReserveStream": _pipelining(site, product, orders, _stream),
                "echo": reserving(site, echo, orders),
            },
            options,
            "reservations",
        )
        for name in ("BatchReserve", "ReserveStream"):
            print(f"{name} ÷ echo: {found[name].rate / found['echo'].rate:.3f}")
    slower = min(found["BatchReserve"].rate, found["ReserveStream"].rate)
    conclude("pipelined", slower / found["echo"].rate)


def _pipelining(site: Site, server: Server, orders: Orders, caller: Caller) -> Side:
    def run(seconds: float) -> Round:
        with ThreadPoolExecutor(CALLERS) as pool, Accounts(site, server) as accounts:
            started = time.perf_counter()
            calls = [pool.submit(_call, caller, server.address, orders, started + seconds) for _ in range(CALLERS)]
            times_s = [each for call in calls for each in call.result()]
            ended = time.perf_counter()
        work = len(times_s) * REQUESTS_PER_MESSAGE
        server.reservations += work
        server.lines += work
        cuts = quantiles(times_s, n=100)
        return accounts.round(work, ended - started, cuts[49], cuts[98])

    return run


def _call(caller: Caller, address: str, orders: Orders, deadline: float) -> list[float]:
    # Without a pool of its own a second channel to the same address shares the first one's connection.
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        return caller(channel, _messages(orders, deadline))


def _messages(orders: Orders, deadline: float) -> Iterator[bytes]:
    """Serialised BatchReserveRequests, which on the wire are ReserveStreamRequests too."""
    requests = orders.messages()
    while time.perf_counter() < deadline:
        yield b"".join(_as_field_1(request) for request in islice(requests, REQUESTS_PER_MESSAGE))


def _as_field_1(message: bytes) -> bytes:
    size = len(message)
    assert size < 1 << 14
    length = bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))
    return b"\x0a" + length + message


def _batches(channel: grpc.Channel, messages: Iterator[bytes]) -> list[float]:
    call: grpc.UnaryUnaryMultiCallable[bytes, pb2.BatchReserveResponse] = channel.unary_unary(
        f"{SERVICE}BatchReserve", response_deserializer=pb2.BatchReserveResponse.FromString
    )
    times_s: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                message = next(messages, None)
            if message is None:
                return
            started = time.perf_counter()
            answer = call(message, timeout=CALL_TIMEOUT_S)
            times_s.append(time.perf_counter() - started)
            _check(answer)

    with ThreadPoolExecutor(MESSAGES_IN_FLIGHT) as pool:
        for done in [pool.submit(work) for _ in range(MESSAGES_IN_FLIGHT)]:
            done.result()
    return times_s


def _stream(channel: grpc.Channel, messages: Iterator[bytes]) -> list[float]:
    call: grpc.StreamStreamMultiCallable[bytes, pb2.ReserveStreamResponse] = channel.stream_stream(
        f"{SERVICE}ReserveStream", response_deserializer=pb2.ReserveStreamResponse.FromString
    )
    places = threading.Semaphore(MESSAGES_IN_FLIGHT)
    sent: list[float] = []
    times_s: list[float] = []
    answered = 0

    def paced() -> Iterator[bytes]:
        for message in messages:
            if not places.acquire(timeout=CALL_TIMEOUT_S):  # the call has ended in an error
                return
            sent.append(time.perf_counter())
            yield message

    for answer in call(paced(), timeout=CALL_TIMEOUT_S):
        _check(answer)
        # Answers may be cut in other places than the questions were: every full message's worth is one answered.
        answered += len(answer.results)
        while answered >= REQUESTS_PER_MESSAGE:
            answered -= REQUESTS_PER_MESSAGE
            times_s.append(time.perf_counter() - sent[len(times_s)])
            places.release()
    return times_s


def _check(answer: pb2.BatchReserveResponse | pb2.ReserveStreamResponse) -> None:
    for result in answer.results:
        if not result.HasField("response"):
            raise RuntimeError(f"a reservation was refused: {result.error.message}")


if __name__ == "__main__":
    main()
