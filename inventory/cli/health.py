"""`inventory health`."""

from inventory.cli.options import SERVER_DEFAULT, ServerAddress


def health(*, server: ServerAddress = SERVER_DEFAULT) -> int:
    """Ask a server whether it serves: exit code 0, or 1 with the reason on stderr.

    For the health checks of containers and load balancers.

    Example: inventory health --server 127.0.0.1:50051
    """
    from inventory.cli.connection import assert_serving, run

    run(assert_serving(server))
    print("SERVING")
    return 0
