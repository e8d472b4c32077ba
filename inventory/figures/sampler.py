"""Looks at the event loop a few times a second: how late it comes round."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from inventory.figures.histogram import SECONDS, Histogram

PERIOD_S = 0.25
LOOKS_A_SECOND = round(1 / PERIOD_S)
LAGS_KEPT = 10 * LOOKS_A_SECOND


class Sampler:
    """`lag`: how much later than asked for the loop came round, in seconds, of all looks."""

    def __init__(self, each_second: Callable[[], None] = lambda: None) -> None:
        self.lag = Histogram(SECONDS)
        self._last: deque[float] = deque([0.0], maxlen=LAGS_KEPT)
        self._each_second = each_second

    @property
    def lag_max_s(self) -> float:
        """The worst of the last ten seconds."""
        return max(self._last)

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        looks = 0
        while True:
            began = perf_counter()
            await asyncio.sleep(PERIOD_S)
            late = max(perf_counter() - began - PERIOD_S, 0.0)
            self.lag.add(late)
            self._last.append(late)
            looks += 1
            if looks % LOOKS_A_SECOND == 0:
                self._each_second()
