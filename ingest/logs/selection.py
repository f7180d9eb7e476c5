"""Which events of a log are looked at: a period and actors. Events outside are counted as left out."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from ingest.errors import UsageError
from ingest.logs.events import Event

_AGO = re.compile(r"(\d{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True, slots=True)
class Selection:
    """What to look at. None: no limit."""

    since: datetime | None = None  # aware; included
    until: datetime | None = None  # aware; not included
    actor: str | None = None  # a name, or a pattern with * and ?; case does not matter

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def takes(self, event: Event) -> bool:
        """Whether to look at an event. One without a time is in no period."""
        if self.actor is not None and not fnmatchcase((event.actor or "").lower(), self.actor.lower()):
            return False
        if self.since is None and self.until is None:
            return True
        if event.time is None:
            return False
        return (self.since is None or event.time >= self.since) and (self.until is None or event.time < self.until)

    def words(self) -> str:
        """The selection for people: "since … until … by …"."""
        parts = []
        if self.since is not None:
            parts.append(f"since {self.since.isoformat()}")
        if self.until is not None:
            parts.append(f"until {self.until.isoformat()}")
        if self.actor is not None:
            parts.append(f"by {self.actor}")
        return " ".join(parts)


def moment(text: str, option: str, now: datetime) -> datetime:
    """The moment that an option names, aware: a date, a date and time, or how long ago. Without a zone it is UTC.

    How long ago goes back to the beginning of that hour, or of that day in UTC, so that a run that was cut off can be
    taken up with the same moment.

    Raises UsageError, which names the option.
    """
    text = text.strip()
    try:
        if ago := _AGO.fullmatch(text.lower()):
            when = now - timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
            return when.replace(hour=when.hour if ago[2] == "h" else 0, minute=0, second=0, microsecond=0)
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text!r} is no time; write 2026-03-02, 2026-03-02T09:00+01:00 (UTC if no zone is named), "
            "or 12h, 7d, 4w for a time ago."
        ) from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when
