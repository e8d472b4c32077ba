"""What the demo's SKUs and shops are called on a server that may hold other people's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Prefixes, empty on a server of our own. The run's name is in every owner and reference."""

    run: str
    sku_prefix: str = ""
    location_prefix: str = ""
    channel_prefix: str = ""

    def sku(self, code: str) -> str:
        return self.sku_prefix + code

    def location(self, code: str) -> str:
        return self.location_prefix + code

    def channel(self, code: str) -> str:
        return self.channel_prefix + code
