"""Every limit of what a request may ask for, with its unit."""

from datetime import timedelta

LINES_MAX = 200
"""Lines of one reservation."""
GRANTS_MAX = 10_000
"""Lines that a reservation may come to: bundles taken apart, several places, lots."""
SOURCES_MAX = 50_000
"""Levels that the lines of one request may come from: SKUs times places. As many are locked for it."""
SEEN_MAX = 200_000
"""Levels that one request looks at: SKUs, or what bundles are made of, line by line, times places."""
BULK_ROWS_MAX = 10_000
"""Rows of one bulk command."""
RECEIPT_LINES_MAX = 1_000
"""Rows of one receipt, and of one SetIncoming."""
BATCH_REQUESTS_MAX = 1_000
"""Requests of one BatchReserve or of one message of a ReserveStream."""
RECONCILE_ROWS_MAX = 1_000
"""Rows of one message of a Reconcile."""
RECONCILIATION_ROWS_MAX = 2_000_000
"""Rows of one Reconcile."""
RECONCILIATION_KEPT_MAX = 100_000
"""Answers of one Reconcile that are kept."""
RECONCILED_QUANTITY_MAX = 1_000_000_000_000
"""A number of a channel's, either way, in the SKU's smallest unit."""
KEYS_MAX = 1_000
"""Keys of one BatchGetStock."""
FILTERS_MAX = 1_000
"""Codes of one filter."""
SERIALS_MAX = 10_000
"""Single pieces named in one request."""
COUNT_LINES_MAX = 10_000
"""Lines of one stock count: all of them are posted by one command."""
COUNT_RECORD_LINES_MAX = 1_000
"""Lines of one recording."""
PAGE_ROWS_MAX = 1_000
PAGE_ROWS_DEFAULT = 100

QUANTITY_MAX = 1_000_000_000
"""One line's quantity, one delta, one threshold; in the SKU's smallest unit."""
ON_HAND_MAX = 1_000_000_000_000
"""One level's on_hand, in the SKU's smallest unit."""

CHANNEL_LOCATIONS_MAX = 1_000
"""Locations that one channel names."""
MIN_LIFE_DAYS_MAX = 3_650
"""How long a lot must still last, in days."""

HOLD_TTL_MIN = timedelta(seconds=1)
HOLD_TTL_MAX = timedelta(hours=24)
HEARTBEAT_MIN = timedelta(seconds=1)
HEARTBEAT_MAX = timedelta(hours=1)
HEARTBEAT_DEFAULT = timedelta(seconds=5)

SUBSCRIBERS_PER_CHANNEL_MAX = 100
SUBSCRIBER_DEADLINE_MIN = timedelta(seconds=1)
SUBSCRIBER_DEADLINE_MAX = timedelta(days=31)
SUBSCRIBER_DEADLINE_DEFAULT = timedelta(days=1)
LAG_MIN = timedelta(seconds=1)
LAG_MAX = timedelta(days=31)
LAG_CHANGES_MAX = 1_000_000_000

SILENT_AFTER_MIN = timedelta(seconds=5)
SILENT_AFTER_MAX = timedelta(days=31)

CODE_BYTES_MAX = 64
CHANNEL_CHARS_MAX = 32
OWNER_BYTES_MAX = 128
REFERENCE_BYTES_MAX = 128
REASON_BYTES_MAX = 512
NAME_BYTES_MAX = 512
CATEGORY_BYTES_MAX = 256
UNIT_BYTES_MAX = 16
UNIT_DIGITS_MAX = 6
UNITS_MAX = 20
"""Units of one SKU besides its base unit."""
AMOUNT_CHARS_MAX = 32
"""An amount of some unit as decimal text."""
COMPONENTS_MAX = 50
"""SKUs that one bundle names."""
COMPONENT_QUANTITY_MAX = 1_000_000
"""How much of a component one bundle takes, in the component's smallest unit."""
LEAVES_MAX = 200
"""SKUs that one bundle is made of in the end, with the bundles in it taken apart."""

STREET_BYTES_MAX = 256
POSTAL_CODE_BYTES_MAX = 32
CITY_BYTES_MAX = 128
PRIORITY_MAX = 1_000_000
PRIORITY_DEFAULT = 100
HANDLING_MIN = timedelta(0)
HANDLING_MAX = timedelta(days=30)
CLOSED_DAYS_MAX = 366
"""Days that one location names as closed."""
TRANSIT_DAYS_MAX = 365

BARCODES_MAX = 20
ATTRIBUTES_MAX = 32
ATTRIBUTES_BYTES_MAX = 4096

VIOLATIONS_MAX = 20
"""Violations named in one error: gRPC loses metadata over 8 KiB."""
