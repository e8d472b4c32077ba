"""Where the shops and the central warehouse are, and how fast they work. The source says nothing of it: it is made up
from their codes, the same in every run."""

import random
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from inventory.v1 import catalog_service_pb2 as catalog
from inventory.v1 import core_pb2
from inventory_client.sourcing import Degrees
from inventory_demo.journey import WAREHOUSE, Location, location_code
from inventory_demo.names import Names

TIME_ZONE = "America/New_York"
CENTRE: Degrees = (39.1, -84.5)
RADIUS_DEGREES = 1.5
AT_HOME_DEGREES = 0.1
"""So far at most a customer lives from their shop, in each direction."""
CENTRAL = Location(location_code(WAREHOUSE), "Central warehouse")


def point(code: str) -> Degrees:
    if code == CENTRAL.code:
        return CENTRE
    return near(CENTRE, RADIUS_DEGREES, random.Random(code))


def near(centre: Degrees, within: float, chance: random.Random) -> Degrees:
    return centre[0] + chance.uniform(-within, within), centre[1] + chance.uniform(-within, within)


def location(place: Location, names: Names, *, active: bool) -> catalog.Location:
    """A shop packs parcels beside its customers, for everything; the warehouse has no counter."""
    central = place.code == CENTRAL.code
    latitude, longitude = point(place.code)
    handling = Duration()
    handling.FromTimedelta(timedelta(hours=4 if central else 8))
    return catalog.Location(
        location=names.location(place.code),
        name=place.name,
        kind=catalog.LOCATION_KIND_WAREHOUSE if central else catalog.LOCATION_KIND_SHOP,
        active=active,
        point=core_pb2.Point(latitude=latitude, longitude=longitude),
        priority=10 if central else 100,
        handling=handling,
        cutoff="18:00" if central else "14:00",
        working_days=range(1, 7),
        time_zone=TIME_ZONE,
        purposes=[core_pb2.PURPOSE_ONLINE, core_pb2.PURPOSE_PICKUP] if central else [],
        transit_days=1 if central else 2,
    )
