"""Alarms in the log, for who has nothing else."""

from collections.abc import Iterable

import structlog

from inventory.domain.alarm import AlarmEvent, Severity
from inventory.postgres.alarms import Told

log = structlog.get_logger(__name__)
LINES_MAX = 20
"""A file with new thresholds may open thousands at once."""


def say(told: Iterable[Told]) -> None:
    """What this server has opened and closed."""
    happened = list(told)
    for event, alarm, revision in happened[:LINES_MAX]:
        loud = event is AlarmEvent.OPENED and alarm.severity > Severity.NOTICE
        (log.warning if loud else log.info)(
            f"an alarm was {event.name.lower()}",
            kind=alarm.kind.name,
            subject=dict(alarm.subject),
            summary=alarm.summary,
            revision=revision,
        )
    if len(happened) > LINES_MAX:
        log.info("more alarms were opened or closed", alarms=len(happened) - LINES_MAX)
