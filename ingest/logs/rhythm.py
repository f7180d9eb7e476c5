"""What a log shows about itself: silence, bursts, a clock that jumps back, lines that are there twice.

Silence may be a machine that was off, or lines that somebody took out; only the log's own rhythm can tell which
silence is unusual.
"""

from array import array
from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ingest.logs.clock import EPOCH_HOURS, HOUR, MINUTE, NO_TIME, SECOND, iso, moment_at, moment_of
from ingest.logs.events import TRIED, Deed
from ingest.logs.findings import Finding, finding
from ingest.logs.stretch import NO_MARK, Stretch

_GAPS_KEPT = 200  # the longest gaps of a log; the tenth longest says what is usual
_GAP_LEAST = 30 * MINUTE
_GAP_TIMES = 3.0  # a gap this many times as long as the tenth longest is unusual
_EXPECTED = 0.5  # share of other days on which something was logged at those hours
_EVENTS_LEAST = 200  # events that it takes to know a rhythm

_BACK_LEAST = MINUTE  # writers that run side by side disagree by less
_BACK_MEDIUM = HOUR

_BURST_TIMES = 6  # times as many as in a busy hour of this log
_BURST_LEAST = 50  # failures in an hour: fewer are no burst anywhere
_BURST_HOURS = 48  # hours with events that it takes to know what a busy one is
_BURST_WHO = 5  # sources that they come from: what one source or one account does is told elsewhere
_BURSTS_KEPT = 20  # hours whose lines are kept, those with the most failures

_DOUBLE_WINDOW = 500  # events within which the same record again counts as a double


class Rhythm:
    """Silence and a clock that goes backwards."""

    def __init__(self, by_hour: Mapping[int, int]) -> None:
        """`by_hour`: of the whole log, once it has been seen."""
        self._by_hour = by_hour
        self._latest: tuple[int, int] | None = None  # time and line
        self._previous: int | None = None  # time
        self._gaps: list[tuple[int, int, int, int, int]] = []  # (length, start, end, lines), the longest, unordered
        self._gap_floor = _GAP_LEAST // 10
        self._back: array[int] = array("Q")
        self._back_most = 0

    def wants(self, _: Deed) -> bool:
        """Whether it has to see what does this: anything."""
        return True

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        stretch = stretch.timed()
        times, lines = stretch.times, stretch.lines
        if not len(times):
            return
        before = np.concatenate(([times[0] if self._previous is None else self._previous], times[:-1]))
        self._previous = int(times[-1])
        back = before - times
        self._back.extend(lines[back > _BACK_LEAST].tolist())
        self._back_most = max(self._back_most, int(back.max()))
        self._look_for_gaps(times, lines)

    def _look_for_gaps(self, times: NDArray[np.int64], lines: NDArray[np.uint64]) -> None:
        if self._latest is not None:
            times, lines = np.insert(times, 0, self._latest[0]), np.insert(lines, 0, np.uint64(self._latest[1]))
        latest = np.maximum.accumulate(times)
        rising = np.flatnonzero(times == latest)  # each of them is the latest when it comes
        times, lines = times[rising], lines[rising]
        long = np.flatnonzero(np.diff(times) > self._gap_floor)
        starts, ends = times[long].tolist(), times[long + 1].tolist()
        places = lines[long].tolist(), lines[long + 1].tolist()
        for start, end, before, after in zip(starts, ends, *places, strict=True):
            if end - start > self._gap_floor:
                self._gaps.append((end - start, start, end, before, after))
                if len(self._gaps) > 2 * _GAPS_KEPT:
                    self._gaps = sorted(self._gaps, reverse=True)[:_GAPS_KEPT]
                    self._gap_floor = self._gaps[-1][0]
        self._latest = int(times[-1]), int(lines[-1])

    def findings(self) -> list[Finding]:
        """What stood out."""
        return [*self._silences(), *self._backwards()]

    def _silences(self) -> list[Finding]:
        if sum(self._by_hour.values()) < _EVENTS_LEAST:
            return []
        ranked = sorted(self._gaps, reverse=True)
        usual = ranked[9][0] if len(ranked) > 9 else self._gap_floor
        limit = max(_GAP_LEAST, _GAP_TIMES * usual)
        return [
            finding(
                "medium",
                f"The log is silent for {_span(gap)}",
                f"From {iso(moment_at(start))} to {iso(moment_at(end))}; apart from the nine longest, no pause exceeds "
                f"{_span(usual)}. The machine was off, or lines are missing.",
                (before, after),
                check="Compare with another log of the same time.",
                technique=("T1070",),
            )
            for gap, start, end, before, after in ranked[:9]
            if gap >= limit and self._expected(start, end) >= _EXPECTED
        ]

    def _expected(self, start: int, end: int) -> float:
        """Share of the log's other days, 0..1, that have events at the hours of a gap: nights are silent every day."""
        first, last = min(self._by_hour) // 24, max(self._by_hour) // 24
        begin, stop = EPOCH_HOURS + start // HOUR + 1, EPOCH_HOURS + end // HOUR
        hours = range(begin, min(stop, begin + 168)) or range(begin - 1, begin)  # a week tells as much as a year
        others = last - first
        if not others:
            return 1.0  # one day: nothing but its own rhythm to go by
        days = range(first, last + 1)
        active = sum(day * 24 + hour % 24 in self._by_hour for hour in hours for day in days if day != hour // 24)
        return active / (others * len(hours))

    def _backwards(self) -> list[Finding]:
        # Logs that several writers fill are out of order all over: that is their nature, not a finding.
        if not self._back or len(self._back) > sum(self._by_hour.values()) / 100:
            return []
        return [
            finding(
                "medium" if self._back_most >= _BACK_MEDIUM else "low",
                "The clock goes backwards",
                f"By up to {_span(self._back_most)}. A clock was set, or lines were moved or put in later.",
                self._back,
                check="See who could write to the log, and whether the machine's clock was set.",
                technique=("T1070.006",),
            )
        ]


class Bursts:
    """Hours with far more failures and refusals, from many sides, than this log's busy hours have."""

    def __init__(self, by_hour: Mapping[int, int]) -> None:
        """`by_hour`: of the whole log, once it has been seen."""
        self._by_hour = by_hour
        self._counts: dict[int, int] = {}  # hour: failures
        self._lines: dict[int, array[int]] = {}  # of those with the most
        self._who: dict[int, set[str | None]] = {}  # of the same hours: the first `_BURST_WHO` sources, or actors

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return deed.outcome in TRIED

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.rows():
            if time != NO_TIME:
                self._see(deed, EPOCH_HOURS + time // HOUR, line)

    def _see(self, deed: Deed, hour: int, line: int) -> None:
        count = self._counts.get(hour, 0) + 1
        self._counts[hour] = count
        lines = self._lines.get(hour)
        if lines is None and count == 1:
            lines = self._lines[hour] = array("Q")
            self._who[hour] = set()
            if len(self._lines) > 2 * _BURSTS_KEPT:
                most = sorted(self._lines, key=lambda known: (-self._counts[known], -known))[:_BURSTS_KEPT]
                self._lines = {known: self._lines[known] for known in {*most, hour}}
                self._who = {known: self._who[known] for known in self._lines}
        if lines is not None:
            lines.append(line)
            if len(self._who[hour]) < _BURST_WHO:
                self._who[hour].add(deed.source or deed.actor)

    def findings(self) -> list[Finding]:
        """What stood out."""
        if len(self._by_hour) < _BURST_HOURS:
            return []
        counts = sorted(self._counts.get(hour, 0) for hour in self._by_hour)
        busy = counts[int(0.95 * (len(counts) - 1))]
        limit = max(_BURST_LEAST, _BURST_TIMES * busy)
        many = (hour for hour in self._lines if self._counts[hour] >= limit and len(self._who[hour]) == _BURST_WHO)
        found = sorted(many, key=lambda hour: (-self._counts[hour], hour))
        return [
            finding(
                "medium",
                f"{self._counts[hour]:,} failures and refusals in one hour",
                f"From {iso(moment_of(hour))} on; in a busy hour this log has {busy:,}.",
                self._lines[hour],
                check="See what they have in common, a program, a target or a list, and what succeeded meanwhile.",
                technique=("T1110",),
            )
            for hour in found[:5]
            if len(self._lines[hour]) == self._counts[hour]  # else another hour took its place for a while
        ]


class Doubles:
    """The same record twice, close together."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, int]] = deque()  # time and mark
        self._known: set[tuple[int, int]] = set()
        self._lines: array[int] = array("Q")

    def wants(self, _: Deed) -> bool:
        """Whether it has to see what does this: anything."""
        return True

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        records = stretch.of(stretch.marks != NO_MARK)
        for time, mark, line in zip(
            records.times.tolist(), records.marks.tolist(), records.lines.tolist(), strict=True
        ):
            if (time, mark) in self._known:
                self._lines.append(line)
                continue
            self._known.add((time, mark))
            self._recent.append((time, mark))
            if len(self._recent) > _DOUBLE_WINDOW:
                self._known.discard(self._recent.popleft())

    def findings(self) -> list[Finding]:
        """What stood out."""
        if not self._lines:
            return []
        return [
            finding(
                "low",
                "Records are there twice",
                "The very same record comes again shortly after. It was delivered twice, or somebody put it in.",
                self._lines,
                check="Count such events once.",
            )
        ]


def _span(gap: int) -> str:
    seconds = gap / SECOND
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes:,} minutes"
    hours = seconds / 3600
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
