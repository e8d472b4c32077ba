"""`inventory health`."""

from inventory.cli.options import SERVER_DEFAULT, ServerAddress


def health(*, server: ServerAddress = SERVER_DEFAULT) -> int:
    """Ask a server whether it serves: exit code 0, or 1 with the reason on stderr.

    For the health checks of containers and load balancers.

    Example: inventory health --server 127.0.0.1:50051
    """
    from inventory.cli.connection import run

    run(_check(server))
    print("SERVING")
    return 0


async def _check(address: str) -> None:
    from inventory.cli.connection import connect

    async with connect(address) as server:
        await server.assert_serving()
