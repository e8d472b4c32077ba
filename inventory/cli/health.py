"""`inventory health`."""

import os
from pathlib import Path

from inventory.cli.options import SERVER_DEFAULT, Server


def health(*, server: Server = SERVER_DEFAULT) -> int:
    """Ask a server whether it serves: exit code 0, or 1 with the reason on stderr.

    For the health checks of containers and load balancers; no credential is needed. Where INVENTORY_TLS_CERT names the
    server's own certificate, as in its container, nothing else has to be said about TLS.

    Example: inventory health --server 127.0.0.1:50051
    """
    from inventory.cli.connection import assert_serving, run

    own = os.environ.get("INVENTORY_TLS_CERT")
    run(assert_serving(server, own=Path(own) if own else None))
    print("SERVING")
    return 0
