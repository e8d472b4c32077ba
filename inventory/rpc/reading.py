"""What every read does first."""

from uuid import UUID

from inventory.domain.refusal import Reason, Refusal, revision_in_future
from inventory.postgres.reads import Head, Reader
from inventory.rpc import parse
from inventory.v1 import core_pb2


async def check_revision(reader: Reader, min_revision: int) -> None:
    """Reads go to the primary, where everything answered is visible: so it is there, or hasn't happened yet.
    Raises REVISION_IN_FUTURE, REVISION_FORMAT."""
    if not parse.min_revision(min_revision):
        return
    head = await reader.head()
    if min_revision > head.revision:
        raise revision_in_future(min_revision, head.revision)


def resumable(cursor: core_pb2.Cursor, head: Head, field: str) -> int:
    """The revision of a cursor the feed can be resumed from. Raises COMPACTED and what `reached` raises."""
    revision = reached(cursor, head, field)
    if revision < head.compacted:
        raise Refusal(
            Reason.COMPACTED,
            "the feed keeps nothing that old: start from a snapshot",
            metadata={"oldest": str(head.compacted), "revision": str(revision)},
        )
    return revision


def reached(cursor: core_pb2.Cursor, head: Head, field: str) -> int:
    """The revision of a cursor somebody can have. Raises REVISION_FORMAT, EPOCH_CHANGED, REVISION_IN_FUTURE."""
    if cursor.revision < 0:
        raise Refusal(Reason.REVISION_FORMAT, "a revision is not negative", field=f"{field}.revision")
    if cursor.epoch:
        try:
            epoch = UUID(cursor.epoch)
        except ValueError:
            raise Refusal(Reason.REVISION_FORMAT, "an epoch is a UUID", field=f"{field}.epoch") from None
        if epoch != head.epoch:
            raise epoch_changed(head)
    if cursor.revision > head.revision:
        raise revision_in_future(cursor.revision, head.revision)
    return cursor.revision


def epoch_changed(head: Head) -> Refusal:
    return Refusal(
        Reason.EPOCH_CHANGED,
        "the cursor is of another epoch: start from a snapshot",
        metadata={"epoch": str(head.epoch)},
    )
