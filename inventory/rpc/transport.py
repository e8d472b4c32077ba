"""What one connection may ask of a server, before any call of it is ours to judge.

Each limit was met for real with the gRPC core that is locked (tests/rpc/test_transport_limits.py): what is said here is
what it does.
"""

import resource

from inventory.rpc.method import BULK_BYTES_MAX, METADATA_BYTES_MAX
from inventory.rpc.streams import STREAM_AGE_JITTER, STREAM_AGE_MAX_S

CONNECTIONS_MAX = 10_000
"""Connections of one process; one more is closed before anything is read from it."""
FILES_SPARE = 256
"""Of the process's open files, those that are not for callers: database, log, listening sockets."""
STREAMS_PER_CONNECTION_MAX = 1_000
"""Calls and streams of one connection at a time. Whoever opens more, or resets them faster than they are cleared away
(rapid reset), gets RST_STREAM ENHANCE_YOUR_CALM for each; gRPC's own clients wait instead."""
CONNECTION_AGE_MAX_MS = 30 * 60_000
"""After it, give or take a tenth, the client is told to open another connection (GOAWAY), so that load spreads over
replicas that came later. Calls under way go on."""
CONNECTION_GRACE_MS = 40 * 60_000
"""So long after that whatever is still open is cut. Our own streams end themselves before, with a hint to resume."""
CONNECTION_IDLE_MAX_MS = 5 * 60_000
"""A connection without a call for so long is closed; headers that never end are no call."""
CALLS_OPEN_MAX = 20_000
"""Calls and streams open at one server, those that need no credential included."""
HANDSHAKE_MAX_MS = 5_000
"""From the connection to the client's HTTP/2 settings, TLS included; gRPC's own limit is 120 s."""
KEEPALIVE_MS = 30_000
"""A client that says nothing for so long is pinged."""
KEEPALIVE_TIMEOUT_MS = 10_000
"""And lost when it has not answered for so long."""
PING_INTERVAL_MIN_MS = 10_000
"""A client that pings more often gets a strike."""
PING_STRIKES_MAX = 2
"""One more, and it is disconnected: GOAWAY ENHANCE_YOUR_CALM too_many_pings. Its next call forgives all."""

assert CONNECTION_GRACE_MS > STREAM_AGE_MAX_S * 1000 * (1 + STREAM_AGE_JITTER), "a stream ends itself before it is cut"


def options(shares_port: bool) -> list[tuple[str, int]]:
    """What grpc.aio.server is given."""
    return [
        ("grpc.so_reuseport", int(shares_port)),
        ("grpc.max_receive_message_length", BULK_BYTES_MAX),
        ("grpc.max_send_message_length", -1),
        # From clients that have not acknowledged it the core takes 16 MiB, whatever absolute_max_metadata_size or
        # hpack_table_size.decoder say (seen), and `Router` refuses them.
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.max_allowed_incoming_connections", connections_max()),
        ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),
        ("grpc.max_connection_age_ms", CONNECTION_AGE_MAX_MS),
        ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
        ("grpc.max_connection_idle_ms", CONNECTION_IDLE_MAX_MS),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MAX_MS),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),  # without it a lost peer was kept for 60 s more (seen)
        ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MIN_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_INTERVAL_MIN_MS),
        ("grpc.http2.max_ping_strikes", PING_STRIKES_MAX),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def connections_max() -> int:
    """As many as the process may have files open for, after it has taken what the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - FILES_SPARE, 1)
    return CONNECTIONS_MAX
