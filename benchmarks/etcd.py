"""A yardstick: etcd's watch (Debian's etcd-server), spoken in the few bytes that it takes.

Field numbers are those of etcd's api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
"""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import serving
from benchmarks.streams import Connection

PUT = "/etcdserverpb.KV/Put"
WATCH = "/etcdserverpb.Watch/Watch"
_KEY = b"fanout"
_BODY = b"x" * 150  # about what one of the product's changes has
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def program() -> str | None:
    return shutil.which("etcd")


@contextmanager
def running(etcd: str, directory: Path, cores: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Runs etcd, alone in its cluster and with fsync, as it comes; gives its process id and its address."""
    clients, peers = (f"http://127.0.0.1:{port}" for port in _free_ports(2))
    command = [etcd, f"--data-dir={directory / 'etcd'}"]
    command += [f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"]
    command += [f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"]
    command += [f"--initial-cluster=default={peers}"]
    with serving(command, cores, directory / "etcd.log", r"serving insecure client requests on (\S+:\d+)") as served:
        yield served


def watch_request() -> bytes:
    """WatchRequest { create_request = 1 { key = 1 } }"""
    return _field(1, _field(1, _KEY))


def watched(response: bytes) -> tuple[int, ...]:
    """WatchResponse { repeated events = 11 { kv = 2 { mod_revision = 3 } } }"""
    revisions = []
    for number, event in fields(response):
        if number == 11:
            kv = dict(fields(_as_bytes(event)))[2]
            revision = dict(fields(_as_bytes(kv)))[3]
            assert isinstance(revision, int)
            revisions.append(revision)
    return tuple(revisions)


class Putter:
    """Puts one key, again and again."""

    def __init__(self, address: str) -> None:
        self._connection = Connection(address, PUT)
        self._body = _field(1, _KEY) + _field(2, _BODY)  # PutRequest { key = 1, value = 2 }

    def write(self) -> bytes:
        """Gives the answer."""
        return self._connection.call(self._body)

    @staticmethod
    def revision(answer: bytes) -> int:
        """PutResponse { header = 1 { revision = 3 } }"""
        header = dict(fields(answer))[1]
        revision = dict(fields(_as_bytes(header)))[3]
        assert isinstance(revision, int)
        return revision

    def close(self) -> None:
        self._connection.close()


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """A protobuf message's fields (protobuf.dev, "Encoding"); groups don't occur, fixed numbers are given as bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}[kind]
        yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 1 << 14
    size = len(content)
    length = bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))
    return bytes((number << 3 | _BYTES,)) + length + content


def _as_bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
