"""A yardstick: PostgreSQL's LISTEN and NOTIFY, spoken without a driver (its manual, "Frontend/Backend Protocol").

A follower's own cost is to be as small for the yardstick as for the product.
"""

import socket
import time
from urllib.parse import parse_qs, urlsplit

ANSWER_TIMEOUT_S = 30.0
RECEIVE_BYTES_MAX = 1 << 16
LISTEN = "LISTEN fanout"
TABLE = "CREATE TABLE notified (number bigint PRIMARY KEY, body text NOT NULL); SELECT 1;"
_PROTOCOL = 3 << 16
_READY, _ERROR, _NOTIFICATION = b"Z", b"E", b"A"
_HEAD_BYTES = 5
_PID_BYTES = 4
# The row has about as many bytes as one of the product's changes.
_PREPARED = (
    "PREPARE write_row (bigint) AS INSERT INTO notified VALUES ($1, repeat('x', 150))",
    "PREPARE ring_bell (text) AS SELECT pg_notify('fanout', $1)",
    """PREPARE write_and_ring (bigint) AS
    WITH written AS (INSERT INTO notified VALUES ($1, repeat('x', 150)) RETURNING number)
    SELECT pg_notify('fanout', number::text) FROM written""",
)


class Session:
    """One connection by unix socket, as a role that needs no password."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        host = parse_qs(parts.query)["host"][0]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_TIMEOUT_S)
        self.socket.connect(f"{host}/.s.PGSQL.5432")
        self.received_ns = 0
        self._rest = b""
        words = f"user\0{parts.username}\0database\0{parts.path[1:]}\0\0".encode()
        self.socket.sendall((len(words) + 8).to_bytes(4, "big") + _PROTOCOL.to_bytes(4, "big") + words)
        self._until_ready()

    def close(self) -> None:
        self.socket.close()

    def run(self, statements: str) -> None:
        """Runs statements in one transaction and waits until it is committed. Raises `RuntimeError`."""
        text = statements.encode() + b"\0"
        self.socket.sendall(b"Q" + (len(text) + 4).to_bytes(4, "big") + text)
        self._until_ready()

    def receive(self) -> list[tuple[bytes, bytes]]:
        """Waits for bytes; gives the whole messages in them: type and content."""
        received = self.socket.recv(RECEIVE_BYTES_MAX)
        self.received_ns = time.monotonic_ns()
        if not received:
            raise RuntimeError("PostgreSQL closed the connection")
        buffer = self._rest + received
        found = []
        while len(buffer) >= _HEAD_BYTES:
            end = 1 + int.from_bytes(buffer[1:_HEAD_BYTES], "big")
            if len(buffer) < end:
                break
            found.append((buffer[:1], buffer[_HEAD_BYTES:end]))
            buffer = buffer[end:]
        self._rest = buffer
        return found

    def notifications(self) -> list[int]:
        """Waits for bytes; gives the numbers that were notified."""
        return [int(content[_PID_BYTES:].split(b"\0")[1]) for kind, content in self.receive() if kind == _NOTIFICATION]

    def _until_ready(self) -> None:
        while True:
            for kind, content in self.receive():
                if kind == _ERROR:
                    raise RuntimeError(f"PostgreSQL: {content!r}")
                if kind == _READY:
                    return


class Notifier:
    """Writes one row and notifies its number, in one transaction; `whole` in a single statement, else as applications
    do: BEGIN, the row, the notification, COMMIT, each with a round trip of its own."""

    def __init__(self, dsn: str, *, whole: bool) -> None:
        self._session = Session(dsn)
        self._whole = whole
        for statement in _PREPARED:
            self._session.run(statement)

    def write(self, number: int) -> None:
        if self._whole:
            self._session.run(f"EXECUTE write_and_ring ({number})")
            return
        for statement in ("BEGIN", f"EXECUTE write_row ({number})", f"EXECUTE ring_bell ('{number}')", "COMMIT"):
            self._session.run(statement)

    def close(self) -> None:
        self._session.close()
