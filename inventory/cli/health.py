"""`inventory health`."""

import os
from pathlib import Path

from inventory.cli.options import SERVER_DEFAULT, Server


def health(*, service: str = "", server: Server = SERVER_DEFAULT) -> int:
    """Ask a server whether it serves: exit code 0, or 1 with the reason on stderr.

    For the health checks of containers and load balancers; no credential is needed. Where INVENTORY_TLS_CERT names the
    server's own certificate, as in its container, nothing else has to be said about TLS.

    Example: inventory health --server 127.0.0.1:50051

    Example: inventory health --service live

    Parameters
    ----------
    service
        live: whether the process goes on, so that starting it again would not help; ready, as the default: whether
        everything works; or a service's name, such as inventory.v1.WatchService, which serves on while nothing can be
        written.
    """
    from inventory.cli.connection import assert_serving, run

    own = os.environ.get("INVENTORY_TLS_CERT")
    run(assert_serving(server, own=Path(own) if own else None, service=service))
    print("SERVING")
    return 0
