"""How much may be promised beyond the shelf: a message, and a number that may be unset."""

from inventory.domain.limits import QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import OVERSELL_UNLIMITED
from inventory.rpc.parse import quantity_between
from inventory.v1 import core_pb2


def parse_oversell(message: core_pb2.OversellPolicy, path: str) -> int:
    """`path` is that of the policy's own field. Raises FIELD_REQUIRED, QUANTITY_OUT_OF_RANGE."""
    policy = message.WhichOneof("policy")
    if policy == "limit":
        return quantity_between(message.limit, f"{path}.limit", 1, QUANTITY_MAX)
    if policy is None or not getattr(message, policy):
        raise Refusal(
            Reason.FIELD_REQUIRED, "say deny = true, a limit, or allow = true", field=f"{path}.{policy or 'policy'}"
        )
    return OVERSELL_UNLIMITED if policy == "allow" else 0


def format_oversell(limit: int | None) -> core_pb2.OversellPolicy | None:
    """None: no policy is set."""
    if limit is None:
        return None
    if limit == 0:
        return core_pb2.OversellPolicy(deny=True)
    if limit >= OVERSELL_UNLIMITED:
        return core_pb2.OversellPolicy(allow=True)
    return core_pb2.OversellPolicy(limit=limit)
