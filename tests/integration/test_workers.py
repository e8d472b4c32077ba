"""`inventory serve --workers`: several processes on one port, and one parent that answers for them."""

import asyncio
import json
import os
import re
import signal
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.port import CannotListen, SharedPort, addresses
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.watch_service_pb2_grpc import WatchServiceStub
from inventory_client import InventoryClient, Unauthenticated
from tests.conftest import as_server
from tests.guarded import certificate_files
from tests.race.house import House, until, within
from tests.race.processes import READY, Process, Server

HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::]"])
CONNECTIONS = 24


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with House(dsn, request.node.name) as house:
        yield house


@pytest.fixture
def home(scratch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="inventory-workers-", dir=scratch) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids(server: Process) -> dict[int, int]:
    """Per worker the newest process that has served, from a JSON log."""
    lines = [json.loads(line) for line in server.said if line.startswith("{")]
    return {line["worker"]: line["pid"] for line in lines if line["event"] == "a worker serves"}


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def until_gone(*gone: int) -> None:
    async def all_gone() -> bool:
        return not any(map(lives, gone))

    await until(all_gone)


def streams_of(port: int) -> float:
    """How many streams a worker says that it has."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return sum(map(float, re.findall(rb"^inventory_streams_open{.*} ([\d.]+)$", answer.read(), re.MULTILINE)))


@within(60)
async def test_all_workers_get_connections_and_a_killed_one_comes_back_while_the_others_serve(house: House) -> None:
    metrics = free_port()
    server, client = await house.server(
        None, "--workers", "2", "--metrics", f"127.0.0.1:{metrics}", "--log-json"
    )  # fmt: skip
    await server.until_says("with 2 workers")
    await house.stock(client, {"a": 1_000})
    others = [house.client(server.address) for _ in range(CONNECTIONS)]
    streams = [WatchServiceStub(each.channel).Watch(watch_pb2.WatchRequest(now=Empty())) for each in others]
    for stream in streams:
        await stream.read()
    shares = [await asyncio.to_thread(streams_of, metrics + worker) for worker in (0, 1)]
    assert sum(shares) == CONNECTIONS
    assert all(shares), "a worker got no connection"

    first = pids(server)
    os.kill(first[1], signal.SIGKILL)
    assert "exit code -9" in await server.until_says("is started again")
    for _ in range(CONNECTIONS):
        await house.client(server.address).reserve(house.request({"a": 1}))

    async def is_back() -> bool:
        return pids(server)[1] != first[1]

    await until(is_back)
    assert pids(server)[0] == first[0]
    again = [WatchServiceStub(house.client(server.address).channel) for _ in range(CONNECTIONS)]
    streams = [stub.Watch(watch_pb2.WatchRequest(now=Empty())) for stub in again]
    for stream in streams:
        await stream.read()
    assert await asyncio.to_thread(streams_of, metrics + 1), "the new one got no connection"
    assert await server.stop() == 0
    await until_gone(*first.values(), *pids(server).values())
    await house.prove()


@within(60)
async def test_nothing_is_left_of_a_killed_parent_and_its_place_is_free(home: Path) -> None:
    options = (
        "--workers", "2", "--data-dir", str(home), "--shared-buffers-mb", "32",
        "--listen", f"127.0.0.1:{free_port()}", "--log-json",
    )  # fmt: skip
    server = await Server.serve(*options)
    postmaster = int((home / "data" / "postmaster.pid").read_text().split()[0])
    children = [postmaster, *pids(server).values()]
    assert len(children) == 3
    assert all(map(lives, children))
    await server.kill()
    await until_gone(*children)

    again = await Server.serve(*options)
    try:
        os.killpg(again.pid, signal.SIGINT)  # as Ctrl-C in a terminal
        assert await again.ended() == 0
        await until_gone(*pids(again).values())
        assert not (home / "data" / "postmaster.pid").exists(), "PostgreSQL was not stopped in order"
    finally:
        await again.kill()


@within(60)
@pytest.mark.parametrize("first", ["1", "2"])
async def test_a_second_server_on_the_port_is_refused_whatever_it_is(house: House, first: str, tmp_path: Path) -> None:
    port = free_port()
    cert, key = map(str, certificate_files(tmp_path))
    guarded = ("--no-development", "--tls-cert", cert, "--tls-key", key)
    server = await Server.serve("--dsn", as_server(house.dsn), "--listen", f"127.0.0.1:{port}", "--workers", first)
    try:
        for host, workers in (("127.0.0.1", "1"), ("localhost", "2"), ("0.0.0.0", "1")):
            listen = f"{host}:{port}"
            second = await Process.run(
                "-m",
                "inventory",
                "serve",
                "--dsn",
                as_server(house.dsn),
                "--listen",
                listen,
                "--workers",
                workers,
                *guarded,
            )
            assert await second.ended() == 1
            assert second.said == [f"can't listen on {listen}: is another server running there?"]
    finally:
        await server.stop()


@within(60)
async def test_of_servers_that_start_on_one_port_at_the_same_moment_one_serves(house: House) -> None:
    options = (
        "-m",
        "inventory",
        "serve",
        "--dsn",
        as_server(house.dsn),
        "--listen",
        f"127.0.0.1:{free_port()}",
        "--workers",
    )
    servers = [await Process.run(*options, workers) for workers in ("2", "1", "2", "1")]

    async def three_have_ended() -> bool:
        return sum(not lives(server.pid) for server in servers) == 3

    await until(three_have_ended)
    (winner,) = (server for server in servers if lives(server.pid))
    await winner.until_says(READY)
    assert await winner.stop() == 0
    for loser in servers:
        if loser is not winner:
            assert await loser.ended() == 1
            assert "is another server running there?" in loser.said[-1]


@within(60)
async def test_a_worker_that_can_not_start_ends_the_parent_with_one_line(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = await Process.run(
            "-m", "inventory", "serve", "--dsn", as_server(house.dsn), "--listen", "127.0.0.1:0", "--workers", "2",
            "--metrics", f"127.0.0.1:{port - 1}",
        )  # fmt: skip
        assert await server.ended() == 1
    assert [line for line in server.said if "[info" not in line] == [
        f"can't serve metrics on 127.0.0.1:{port}: is another server running there?"
    ]


async def test_a_database_out_of_reach_is_one_line_without_the_password() -> None:
    server = await Process.run(
        "-m", "inventory", "serve", "--dsn", "postgresql://me:canary@127.0.0.1:1/none", "--listen", "127.0.0.1:0",
        "--workers", "2",
    )  # fmt: skip
    assert await server.ended() == 1
    (line,) = server.said
    assert line.startswith("the database can't be reached (")
    assert "canary" not in line


@within(60)
@pytest.mark.parametrize("host", ["[::1]", "0.0.0.0"])
async def test_workers_answer_on_any_kind_of_address(house: House, host: str, tmp_path: Path) -> None:
    cert, key = map(str, certificate_files(tmp_path))
    server = await Server.serve(
        "--dsn", as_server(house.dsn), "--listen", f"{host}:0", "--workers", "2", "--no-development",
        "--tls-cert", cert, "--tls-key", key,
    )  # fmt: skip
    try:
        line = await server.until_says(READY)
        assert line.startswith(f"{READY}{host}:")
        assert line.endswith(" (TLS)")
        port = server.address.rpartition(":")[2]
        for reached in [host] if host == "[::1]" else ["127.0.0.1", "[::1]"]:
            async with InventoryClient(f"{reached}:{port}", ca=tmp_path / "ca.pem") as client:
                with pytest.raises(Unauthenticated):
                    await client.who_am_i()
    finally:
        assert await server.stop() == 0


def listener(host: str, port: int, *, shares: bool) -> socket.socket:
    """A listening socket as gRPC makes it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


@HOSTS
def test_a_held_port_is_open_to_workers_and_to_nobody_else(host: str) -> None:
    with SharedPort(f"{host}:0") as held, ExitStack() as stack:
        for address in held.addresses * 2:
            stack.enter_context(listener(address.rpartition(":")[0].strip("[]"), held.number, shares=True))
        for address in held.addresses:
            with pytest.raises(OSError, match="in use"):
                listener(address.rpartition(":")[0].strip("[]"), held.number, shares=False)
        with pytest.raises(CannotListen, match="is another server running there"):
            SharedPort(f"{host}:{held.number}")
        with pytest.raises(CannotListen, match="is another server running there"):
            SharedPort(f"[::]:{held.number}")


@HOSTS
def test_connections_of_the_last_server_that_linger_keep_no_port(host: str) -> None:
    with SharedPort(f"{host}:0") as held:
        address = held.addresses[0].rpartition(":")[0].strip("[]")
        with (
            listener(address, held.number, shares=True) as server,
            socket.create_connection((address if address != "::" else "::1", held.number)) as client,
        ):
            accepted, _ = server.accept()
            accepted.close()  # the server's end closes first, and lingers
            assert client.recv(1) == b""
    with pytest.raises(OSError, match="in use"), socket.socket(addresses(f"{host}:0")[0][0].family) as plain:
        plain.bind((address, held.number))
    with SharedPort(f"{host}:{held.number}") as again:
        assert again.number == held.number


def test_a_port_claimed_by_many_at_the_same_moment_is_had_by_one() -> None:
    for _ in range(50):
        port = free_port()
        together = threading.Barrier(4)
        had: list[SharedPort] = []

        def claim(port: int = port, together: threading.Barrier = together, had: list[SharedPort] = had) -> None:
            together.wait()
            with suppress(CannotListen):
                had.append(SharedPort(f"127.0.0.1:{port}"))

        threads = [threading.Thread(target=claim) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for held in had:
            held.__exit__(None, None, None)
        assert len(had) == 1


@pytest.mark.parametrize(
    ("listen", "says"),
    [("nowhere.invalid:1", "there is no host"), ("192.0.2.1:1", "is not this machine"), ("127.0.0.1:65536", "at most")],
)
def test_an_address_that_is_none_is_said_to_be(listen: str, says: str) -> None:
    with pytest.raises(CannotListen, match=says):
        SharedPort(listen)
