"""What every read does first."""

from inventory.domain.refusal import Reason, Refusal
from inventory.postgres.reads import Reader
from inventory.rpc import parse


async def check_revision(reader: Reader, min_revision: int) -> None:
    """Reads go to the primary, where everything answered is visible: so it is there, or hasn't happened yet.
    Raises REVISION_IN_FUTURE, REVISION_FORMAT."""
    if not parse.min_revision(min_revision):
        return
    head = await reader.head()
    if min_revision > head.revision:
        raise revision_in_future(min_revision, head.revision)


def revision_in_future(revision: int, head: int) -> Refusal:
    return Refusal(
        Reason.REVISION_IN_FUTURE,
        f"revision {revision} has not happened yet; the last one is {head}",
        metadata={"head": str(head), "revision": str(revision)},
    )
