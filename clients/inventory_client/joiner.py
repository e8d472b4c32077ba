"""Puts the pieces of a command's changes together: a consumer gets commands whole or not at all."""

from inventory.v1 import watch_service_pb2 as pb2

CHANGE_BYTES_MAX = 64 * 1024 * 1024


class ChangeTooLarge(Exception):
    """One command's changes are larger than the consumer allowed. Asking again gives the same."""


class Joiner:
    """Takes a stream's messages in order; gives whole changes once a bookmark covers them."""

    def __init__(self, change_bytes_max: int = CHANGE_BYTES_MAX) -> None:
        self._change_bytes_max = change_bytes_max
        self._whole: list[pb2.Change] = []
        self._partial: pb2.Change | None = None
        self._pending_bytes = 0

    def take(self, message: pb2.WatchResponse) -> list[pb2.Change]:
        """What is whole and covered by a bookmark now. Raises `ChangeTooLarge`."""
        if self._partial is None and not self._whole and message.HasField("bookmark") and not _any_fragment(message):
            return list(message.changes)
        for change in message.changes:
            self._pending_bytes += change.ByteSize()
            if self._pending_bytes > self._change_bytes_max:
                raise ChangeTooLarge(f"revision {change.revision} has more than {self._change_bytes_max} bytes")
            if self._partial is None:
                self._partial = change
            else:
                self._partial.MergeFrom(change)
                self._partial.fragment = change.fragment
            if not self._partial.fragment:
                self._whole.append(self._partial)
                self._partial = None
        if not message.HasField("bookmark"):
            return []
        whole, self._whole, self._pending_bytes = self._whole, [], 0
        return whole

    def forget(self) -> None:
        """After a break: what no bookmark covered comes again."""
        self._whole, self._partial, self._pending_bytes = [], None, 0


def _any_fragment(message: pb2.WatchResponse) -> bool:
    return any(change.fragment for change in message.changes)
