"""Who looks at product pages, and what each of them has not been told yet: never more than the SKUs of their page."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VIEWERS_MAX = 1_000


class TooManyViewers(Exception):
    """There are `VIEWERS_MAX` already."""


class Viewer:
    """One open page. It is told which SKUs have changed, however often, once; what they are now it reads itself."""

    def __init__(self, skus: Sequence[str]) -> None:
        self._changed = dict.fromkeys(skus)
        self._woken = asyncio.Event()
        self._woken.set()
        self.ended = False

    def tell(self, sku: str) -> None:
        self._changed[sku] = None
        self._woken.set()

    def end(self) -> None:
        self.ended = True
        self._woken.set()

    async def changed(self, timeout_s: float) -> list[str]:
        """SKUs that changed since the last call, all of them at first; empty after `timeout_s` without any."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return []
        self._woken.clear()
        changed = list(self._changed)
        self._changed.clear()
        return changed


class Viewers:
    def __init__(self) -> None:
        self._by_sku: dict[str, set[Viewer]] = defaultdict(set)
        self._all: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def are_full(self) -> bool:
        return len(self._all) >= VIEWERS_MAX

    @contextmanager
    def one_more(self, skus: Sequence[str]) -> Iterator[Viewer]:
        """A viewer of these SKUs for the length of the block. Raises `TooManyViewers`."""
        if self.are_full:
            raise TooManyViewers
        viewer = Viewer(skus)
        self._all.add(viewer)
        for sku in skus:
            self._by_sku[sku].add(viewer)
        try:
            yield viewer
        finally:
            self._all.discard(viewer)
            for sku in skus:
                self._by_sku[sku].discard(viewer)
                if not self._by_sku[sku]:
                    del self._by_sku[sku]

    def tell(self, sku: str) -> None:
        """Its stock has changed."""
        for viewer in self._by_sku.get(sku, ()):
            viewer.tell(sku)

    def end(self) -> None:
        """The shop closes: every page's stream ends."""
        for viewer in self._all:
            viewer.end()
