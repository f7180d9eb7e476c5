"""Timestamps of all kinds to aware UTC datetimes. Knows no log format.

ISO 8601 and its looser relatives go through `datetime.fromisoformat`; the rest through a table of strptime formats.
"""

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_FORMATS = (
    "%d/%b/%Y:%H:%M:%S %z",  # Apache and nginx access
    "%a %b %d %H:%M:%S.%f %Y",  # Apache error
    "%a %b %d %H:%M:%S %Y",  # C's ctime
    "%a %b %d %H:%M:%S %Y UTC",
    "%a %b %d %H:%M:%S %Z %Y",  # date(1)
    "%a, %d %b %Y %H:%M:%S %z",  # RFC 5322
    "%a, %d %b %Y %H:%M:%S GMT",
    "%Y/%m/%d %H:%M:%S",
    "%y/%m/%d %H:%M:%S",
    "%y%m%d %H%M%S",
    "%Y-%m-%d-%H.%M.%S.%f",
    "%Y%m%d-%H:%M:%S:%f",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",  # US, as Windows prints it
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
)

_NO_YEAR = ("%b %d %H:%M:%S", "%m-%d %H:%M:%S.%f", "%m-%d %H:%M:%S", "%m.%d %H:%M:%S")

_ZONE_AT_END = re.compile(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\)?$")
_BARE = re.compile(r"\d{9,19}(?:\.\d+)?$")
_LONGEST = 64  # characters; no timestamp is longer, and hostile values are

_EARLIEST, _LATEST = 1e8, 7.3e9
"""Seconds since 1970 between 1973 and 2201: what a bare number may be to count as a time."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

NO_TIME = -(1 << 63)  # among microseconds since 1970: an event without a time

SECOND = 1_000_000  # microseconds
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH_HOURS = EPOCH.toordinal() * 24  # from 1 January of year 1 to 1970


@lru_cache(maxsize=8192)  # neighbouring lines share their second
def parse_time(text: str) -> datetime | None:
    """The moment a timestamp names, in UTC; None if it is none. One without a zone is taken for UTC (`has_zone`)."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if text[4:5] != "-" and _BARE.match(text):
        return from_epoch(float(text))
    if text.endswith(" UTC"):
        text = text[:-4] + "+00:00"
    try:
        return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        pass  # not ISO 8601: the table decides
    for form in _FORMATS:
        try:
            return _in_utc(datetime.strptime(text, form))
        except (ValueError, OverflowError):
            continue
    return None


def from_epoch(number: float) -> datetime | None:
    """The moment of a Unix time in seconds, milli-, micro- or nanoseconds; None if it lies beyond 1973 to 2201."""
    for unit in (1.0, 1e3, 1e6, 1e9):
        seconds = number / unit
        if _EARLIEST <= seconds <= _LATEST:
            return datetime.fromtimestamp(seconds, UTC)
    return None


def has_zone(text: str) -> bool:
    """Whether a timestamp says which zone it is in. Unix times do: they are UTC."""
    text = text.strip()
    return text.endswith("Z") or bool(_ZONE_AT_END.search(text) or _BARE.match(text))


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, with fractions only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def microseconds(moment: datetime | None) -> int:
    """Since 1970; `NO_TIME` for None."""
    return NO_TIME if moment is None else (moment - EPOCH) // MICROSECOND


def moment_at(time: int) -> datetime:
    """The moment that lies so many microseconds after 1970, in UTC."""
    return EPOCH + time * MICROSECOND


def moment_of(hour: int) -> datetime:
    """The beginning of an hour, counted from 1 January of year 1, in UTC."""
    return datetime.fromordinal(hour // 24).replace(hour=hour % 24, tzinfo=UTC)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


ClockState = tuple[int | None, datetime | None]
"""What a `YearlessClock` remembers: the year, and the last moment that it read."""


class YearlessClock:
    """Reads timestamps without a year, as RFC 3164 has them.

    The first line gets the latest year in which it does not lie after the file's last change. From there on a jump
    back by more than half a year is a New Year.
    """

    def __init__(self, changed: datetime) -> None:
        self._changed = changed + timedelta(days=1)  # the log's zone is not known
        self._year: int | None = None
        self._last: datetime | None = None
        self._cached: tuple[str, datetime | None] = ("", None)
        self._day: tuple[str, datetime] = ("", EPOCH)  # the text of the last one up to its hour, and its midnight

    @property
    def state(self) -> ClockState:
        """What it remembers. May be set, to go on where another clock has ended."""
        return self._year, self._last

    @state.setter
    def state(self, state: ClockState) -> None:
        self._year, self._last = state
        self._cached, self._day = ("", None), ("", EPOCH)

    def parse(self, text: str) -> datetime | None:
        """The moment, taken for UTC; None if the text is no timestamp."""
        if text == self._cached[0]:
            return self._cached[1]
        moment: datetime | None
        day, begun = self._day
        if text[:7] == day and (into := _into_day(text[7:])) is not None:
            moment = self._last = begun + into  # no year has passed since: lines of one day follow each other
        else:
            moment = self._read(text)
        self._cached = (text, moment)
        return moment

    def _read(self, text: str) -> datetime | None:
        self._day = ("", EPOCH)
        if self._year is None:
            first = _with_year(text, self._changed.year)
            self._year = self._changed.year - (1 if first and first > self._changed else 0)
        moment = _with_year(text, self._year)
        if moment is None:
            return None
        if self._last and self._last - moment > timedelta(days=183):
            self._year += 1
            moment = _with_year(text, self._year) or moment
        elif self._last and moment - self._last > timedelta(days=183) and self._last.month == 1:
            return _with_year(text, self._year - 1)  # a straggler from before New Year
        self._last = moment
        if len(text) == 15 and text[:3] in _MONTHS and moment.year == self._year:
            self._day = (text[:7], moment.replace(hour=0, minute=0, second=0))
        return moment


_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_MINUTES = {
    f"{hour:02}:{minute:02}:": timedelta(hours=hour, minutes=minute) for hour in range(24) for minute in range(60)
}
_SECONDS = {f"{number:02}": timedelta(seconds=number) for number in range(60)}


def _into_day(text: str) -> timedelta | None:
    """How long after midnight "00:17:01" is; None for what is written otherwise."""
    minutes, seconds = _MINUTES.get(text[:6]), _SECONDS.get(text[6:])
    return None if minutes is None or seconds is None else minutes + seconds


def _with_year(text: str, year: int) -> datetime | None:
    month = _MONTHS.get(text[:3])
    if month and len(text) == 15:  # "Mar  1 00:17:01", ten times as fast as strptime
        try:
            return datetime(year, month, int(text[4:6]), int(text[7:9]), int(text[10:12]), int(text[13:15]), tzinfo=UTC)
        except ValueError:
            return None
    stamp = f"{year} {' '.join(text.split())}"
    for form in _NO_YEAR:
        try:
            return datetime.strptime(stamp, f"%Y {form}").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
