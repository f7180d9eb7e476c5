"""What no single event shows: sequences and amounts, measured against the log's own habits.

Each signal says which deeds matter to it, sees their events in order, keeps little, and makes findings at the end.
Those about who did what are here, those about who approved what in `approvals`, those about the log itself (silence,
clock, doubles) in `rhythm`.
"""

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import NamedTuple, Protocol

from ingest.logs.approvals import AfterApproval, OneHand
from ingest.logs.clock import DAY, HOUR, MINUTE, NO_TIME
from ingest.logs.deeds import TAKE, inside, login, place_of, reads
from ingest.logs.events import TRIED, Deed, Outcome
from ingest.logs.findings import Finding, finding, named
from ingest.logs.rhythm import Bursts, Doubles, Rhythm
from ingest.logs.stretch import Stretch
from ingest.logs.words import words_of

ENTITIES_MAX = 50_000
"""Actors or sources that a signal keeps apart. A log with more is a scan of the internet, and others are not missed."""

LISTED = 10  # findings of one signal; the rest is said in one


class Signal(Protocol):
    """Sees the events that matter to it once, in order."""

    def wants(self, deed: Deed, /) -> bool:
        """Whether it has to see what does this. The answer never changes."""
        ...

    def follow(self, stretch: Stretch) -> None:
        """Take the next events: those whose deed it wants."""
        ...

    def findings(self) -> list[Finding]:
        """What stood out, once all events have been seen."""
        ...


def all_signals(by_hour: Mapping[int, int]) -> list[Signal]:
    """A fresh set for one log. `by_hour`: of all its events, as `Stretch.by_hour`, once they have been seen."""
    who: list[Signal] = [LogIns(), Refusals(), Amounts(), TwoPlaces(), Unusual()]
    return [*who, AfterApproval(by_hour), OneHand(), Rhythm(by_hour), Bursts(by_hour), Doubles()]


@dataclass(slots=True)
class _Attempts:
    """Failed log-ins from one source."""

    recent: deque[tuple[int, int, str | None]] = field(default_factory=lambda: deque(maxlen=200))  # time, line, actor
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    actors: Counter[str] = field(default_factory=Counter)
    peak: int = 0  # failures in the busiest hour
    succeeded: list[tuple[str, list[int]]] = field(default_factory=list)  # (actor, lines of failures and success)

    def forget(self, time: int, window: int) -> None:
        """Drop the failures that lie more than `window` microseconds before a time."""
        recent = self.recent
        while recent and recent[0][0] != NO_TIME and time != NO_TIME and time - recent[0][0] > window:
            recent.popleft()


class LogIns:
    """Guessing of passwords, and guessing that worked."""

    _WINDOW = HOUR
    _OWN = 5  # failures of the account that then gets in: more than a person mistypes
    _ANY = 15  # failures of any accounts from the source before one gets in
    _MANY = 10  # failures from one source in an hour: people mistype less, and programs more
    _ACCOUNTS = 4  # accounts that failed from one source: one person has fewer

    def __init__(self) -> None:
        self._sources: dict[str, _Attempts] = {}

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return login(deed.action, deed.outcome) is not None and (deed.source or deed.actor) is not None

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.rows():
            source = deed.source or deed.actor
            assert source is not None  # `wants` has seen to it
            attempts = self._sources.get(source)
            succeeded = login(deed.action, deed.outcome)
            if attempts is None:
                if succeeded or len(self._sources) >= ENTITIES_MAX:
                    continue
                attempts = self._sources[source] = _Attempts()
            if succeeded:
                attempts.forget(time, self._WINDOW)
                self._judge(attempts, deed.actor, line)
                continue
            attempts.recent.append((time, line, deed.actor))
            attempts.forget(time, self._WINDOW)
            attempts.lines.append(line)
            attempts.actors[deed.actor or "?"] += 1
            attempts.peak = max(attempts.peak, len(attempts.recent))

    def _judge(self, attempts: _Attempts, actor: str | None, line: int) -> None:
        """Look at the failures before a log-in that succeeded on `line`."""
        own = sum(tried == actor for _, _, tried in attempts.recent)
        if own >= self._OWN or len(attempts.recent) >= self._ANY:
            attempts.succeeded.append((actor or "?", [*(failed for _, failed, _ in attempts.recent), line]))
        attempts.recent.clear()

    def findings(self) -> list[Finding]:
        """What stood out."""
        found: list[Finding] = []
        guessing: list[tuple[str, _Attempts]] = []
        for source, attempts in self._sources.items():
            for actor, lines in attempts.succeeded:
                found.append(
                    finding(
                        "high",
                        f"A log-in of {actor} from {source} succeeded after {len(lines) - 1:,} failures",
                        "Somebody guessed until the password was right, or a person had forgotten it.",
                        lines,
                        check="Ask the person; if in doubt, change the password and look at what the session did.",
                        technique=("T1110", "T1078"),
                    )
                )
            sprayed = len(attempts.actors) >= self._ACCOUNTS and len(attempts.lines) >= self._MANY
            many = attempts.peak >= self._MANY or sprayed
            if many and not attempts.succeeded:
                guessing.append((source, attempts))
        guessing.sort(key=lambda pair: -len(pair[1].lines))
        for source, attempts in guessing[:LISTED]:
            accounts = len(attempts.actors)
            whom = f"{accounts:,} accounts" if accounts > 1 else next(iter(attempts.actors))
            found.append(
                finding(
                    "medium",
                    f"{len(attempts.lines):,} failed log-ins from {source}",
                    f"Somebody guesses passwords of {whom}; none was right.",
                    attempts.lines,
                    check="Block the address if it is not your own.",
                    technique=("T1110",),
                )
            )
        if len(guessing) > LISTED:
            rest = [line for _, attempts in guessing[LISTED:] for line in attempts.lines]
            found.append(
                finding(
                    "medium",
                    f"{len(rest):,} failed log-ins from {len(guessing) - LISTED:,} more sources",
                    "Guessing from many addresses at once is the background noise of the internet, or one attacker "
                    "with many machines.",
                    rest,
                    check="Look for the accounts that were tried most, and whether any of them got in.",
                    technique=("T1110",),
                )
            )
        return found


@dataclass(slots=True)
class _Denials:
    """What was refused to one actor within the window."""

    recent: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=1000))  # time, line, action
    fresh: int = 0  # how many were refused since the last burst, which holds those before


class Refusals:
    """Bursts of denied requests by one actor: a probe, or a program with the wrong rights."""

    _WINDOW = 10 * MINUTE
    _BURST = 8  # denials within the window
    _KINDS = 6  # different actions within a burst that make it a search for what is open

    def __init__(self) -> None:
        self._denials: dict[str, _Denials] = {}  # by actor
        self._bursts: dict[str, dict[int, str]] = defaultdict(dict)  # actor: {line: action}

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return deed.outcome == Outcome.DENIED and (deed.actor or deed.source) is not None

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.timed().rows():
            actor = deed.actor or deed.source
            assert actor is not None  # `wants` has seen to it
            denials = self._denials.get(actor)
            if denials is None:
                if len(self._denials) >= ENTITIES_MAX:
                    continue
                denials = self._denials[actor] = _Denials()
            recent = denials.recent
            recent.append((time, line, deed.action or ""))
            denials.fresh += 1
            while time - recent[0][0] > self._WINDOW:
                recent.popleft()
            if len(recent) >= self._BURST:
                fresh = islice(recent, max(0, len(recent) - denials.fresh), None)
                self._bursts[actor].update((line, action) for _, line, action in fresh)
                denials.fresh = 0

    def findings(self) -> list[Finding]:
        """What stood out."""
        found = []
        ranked = sorted(self._bursts.items(), key=lambda pair: -len(pair[1]))
        for actor, lines in ranked[:LISTED]:
            kinds = len(set(lines.values()))
            found.append(
                finding(
                    "high" if kinds >= self._KINDS else "medium",
                    f"{len(lines):,} refusals to {actor} in quick succession",
                    f"{kinds:,} different actions were refused. Many kinds mean that somebody tries what is "
                    "open, one kind mostly a program with the wrong rights.",
                    lines,
                    check="Ask the account's owner what it was doing, and see what was not refused.",
                    technique=("T1526", "T1087") if kinds >= self._KINDS else (),
                )
            )
        if len(ranked) > LISTED:
            rest = [line for _, lines in ranked[LISTED:] for line in lines]
            found.append(
                finding("medium", f"Bursts of refusals to {len(ranked) - LISTED:,} more actors", "As above.", rest)
            )
        return found


class Amounts:
    """Far more reads or exports by one actor in an hour than is usual for that action."""

    _LEAST = 25  # reads an hour: below, nobody would call it a mass
    _LEAST_TAKEN = 8  # exports and downloads, of which one can hold everything
    _TIMES = 5  # how many times the usual busy hour
    _CELLS = 5  # (actor, hour) pairs that it takes to know what is usual

    def __init__(self) -> None:
        self._cells: dict[str, dict[tuple[str, int], array[int]]] = defaultdict(dict)

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return deed.action is not None and deed.actor is not None and reads(deed.action)

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.timed().rows():
            assert deed.action is not None  # `wants` has seen to it
            assert deed.actor is not None
            cells = self._cells[deed.action]
            cell = (deed.actor, time // HOUR)
            lines = cells.get(cell)
            if lines is None:
                if len(cells) >= ENTITIES_MAX * 10:
                    continue
                lines = cells[cell] = array("Q")
            lines.append(line)

    def findings(self) -> list[Finding]:
        """What stood out."""
        found = []
        for action, cells in self._cells.items():
            taking = not TAKE.isdisjoint(words_of(action))
            by_actor: dict[str, list[array[int]]] = defaultdict(list)
            for (actor, _), lines in cells.items():
                by_actor[actor].append(lines)
            everybody = sorted(map(len, cells.values()))
            for actor, hours in by_actor.items():
                others = _without(everybody, sorted(map(len, hours)))
                if len(others) < self._CELLS and len(hours) < self._CELLS:
                    continue  # nothing to measure against
                usual = _high(others)
                own = median(map(len, hours)) if len(hours) >= self._CELLS else 0.0
                limit = max(self._LEAST_TAKEN if taking else self._LEAST, self._TIMES * max(usual, own))
                many = [lines for lines in hours if len(lines) >= limit]
                if not many:
                    continue
                taken = [line for lines in many for line in lines]
                found.append(
                    finding(
                        "high" if taking and len(taken) >= 2 * limit else "medium",
                        f"{actor} did {action} {len(taken):,} times in {_hours(len(many))}",
                        f"In a busy hour others do it {_times(round(usual))}.",
                        taken,
                        check="Ask what the data was for and where it went.",
                        technique=("T1530",),
                    )
                )
        return sorted(found, key=lambda f: -f.count)[: 2 * LISTED]


class TwoPlaces:
    """One account that is used from two networks in turn, or logs in from both within minutes."""

    _WINDOW = 30 * MINUTE
    _TURNS = 2  # changes of place within the window that no walk explains, where one place is outside
    _TURNS_INSIDE = 4  # the same between two sites of one company, where people do change desks
    _PLACES = 6  # an account seen in more places than this moves about by nature
    _HABIT = 0.2  # share of an account's days on which it may do so before it is a habit of a program

    def __init__(self) -> None:
        self._seen: dict[str, _Whereabouts] = {}

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this. A stranger who fails is not in two places."""
        if deed.actor is None or deed.source is None or deed.outcome in TRIED:
            return False
        return place_of(deed.source) is not None

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.timed().rows():
            assert deed.actor is not None  # `wants` has seen to it
            assert deed.source is not None
            place = place_of(deed.source)
            assert place is not None
            seen = self._seen.get(deed.actor)
            if seen is None:
                if len(self._seen) >= ENTITIES_MAX:
                    continue
                seen = self._seen[deed.actor] = _Whereabouts()
            self._see(seen, _Move(time, place, line, login(deed.action, deed.outcome) is True))

    def _see(self, seen: "_Whereabouts", move: "_Move") -> None:
        day = move.time // DAY
        seen.days.add(day)
        if len(seen.places) <= self._PLACES:
            seen.places.add(move.place)
        moves = seen.moves
        if moves and moves[-1].place == move.place:
            moves[-1] = move._replace(login=move.login or moves[-1].login)
            return
        moves.append(move)
        near = [one for one in moves if move.time - one.time <= self._WINDOW]
        within = all(inside(one.place) for one in near)
        turns = len(near) - 1
        both = len(near) > 1 and move.login and near[-2].login and not within
        if both or turns >= (self._TURNS_INSIDE if within else self._TURNS):
            seen.turns.update({one.line: one.place for one in near})
            seen.turning_days.add(day)

    def findings(self) -> list[Finding]:
        """What stood out."""
        found = []
        for actor, seen in sorted(self._seen.items()):
            habit = len(seen.turning_days) > max(1, self._HABIT * len(seen.days))
            if not seen.turns or habit or len(seen.places) > self._PLACES:
                continue
            where = " and ".join(sorted(set(seen.turns.values()))[:3])
            found.append(
                finding(
                    "medium",
                    f"{actor} was active in two places at once",
                    f"Within half an hour from {where}. One person with two connections, or a shared or stolen "
                    "credential.",
                    seen.turns,
                    check="Ask the person.",
                    technique=("T1078",),
                )
            )
        return found[: 2 * LISTED]


class Unusual:
    """Log-ins from a place, or at an hour, that an account with settled habits has never had."""

    _LOGINS = 20  # log-ins before one that can be out of habit
    _DAYS = 5  # days that they are spread over
    _PLACES = 3  # an account that comes from more places has no habit
    _HOUR_SHARE = 0.02  # share of the account's log-ins within an hour of the day, either way, that makes it an odd one
    _KEPT = 5000  # log-ins of one account that are looked at; programs have more, and no habits of people

    def __init__(self) -> None:
        self._logins: dict[str, list[tuple[int, str | None, int]]] = {}  # actor: (time, place, line)

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return deed.actor is not None and login(deed.action, deed.outcome) is True

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, time, line in stretch.timed().rows():
            assert deed.actor is not None  # `wants` has seen to it
            logins = self._logins.get(deed.actor)
            if logins is None:
                if len(self._logins) >= ENTITIES_MAX:
                    continue
                logins = self._logins[deed.actor] = []
            if len(logins) <= self._KEPT:
                logins.append((time, place_of(deed.source) if deed.source else None, line))

    def findings(self) -> list[Finding]:
        """What stood out."""
        both: list[tuple[str, int]] = []
        place: list[tuple[str, int]] = []
        hour: list[tuple[str, int]] = []
        for actor, logins in self._logins.items():
            if not self._LOGINS < len(logins) <= self._KEPT:
                continue
            for line, new, odd in self._out_of_habit(logins):
                (both if new and odd else place if new else hour).append((actor, line))
        return [
            *self._told(both, "medium", "a place and at an hour that are new for the account"),
            *self._told(place, "low", "a place that is new for the account"),
            *self._told(hour, "low", "its usual place at an hour that is new for the account"),
        ]

    def _out_of_habit(self, logins: list[tuple[int, str | None, int]]) -> list[tuple[int, bool, bool]]:
        """(line, new place, odd hour) of the log-ins that are out of habit."""
        hours = Counter(time // HOUR % 24 for time, _, _ in logins)
        seen: Counter[str | None] = Counter()
        days: set[int] = set()
        found = []
        for index, (time, where, line) in enumerate(logins):
            near = sum(hours[(time // HOUR + step) % 24] for step in (-1, 0, 1))
            settled = index >= self._LOGINS and len(days) >= self._DAYS and time // DAY not in days
            new = where is not None and not inside(where) and not seen[where] and len(seen) <= self._PLACES
            odd = near <= max(1, self._HOUR_SHARE * len(logins))
            if settled and (new or odd):
                found.append((line, new, odd))
            seen[where] += 1
            if not settled or not (new or odd):
                days.add(time // DAY)
        return found

    def _told(self, logins: list[tuple[str, int]], severity: str, what: str) -> list[Finding]:
        if not logins:
            return []
        return [
            finding(
                severity,
                f"Log-ins from {what}",
                "Before, the account had come from few networks and at its own hours for days."
                + named(Counter(actor for actor, _ in logins)),
                (line for _, line in logins),
                check="Ask the person whether it was they, and look at what the session did.",
                technique=("T1078",),
            )
        ]


class _Move(NamedTuple):
    """The last that was seen of an account before it changed its place."""

    time: int
    place: str
    line: int
    login: bool


@dataclass(slots=True)
class _Whereabouts:
    """Where one account has been."""

    moves: deque[_Move] = field(default_factory=lambda: deque(maxlen=8))
    places: set[str] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    turning_days: set[int] = field(default_factory=set)
    turns: dict[int, str] = field(default_factory=dict)  # line: place


def _high(ascending: list[int]) -> float:
    """The 95th percentile: a busy hour, not the busiest."""
    return float(ascending[int(0.95 * (len(ascending) - 1))]) if ascending else 0.0


def _without(ascending: list[int], some: list[int]) -> list[int]:
    """What is left of numbers without some of them; both ascend. Where one actor is most of it, all stay."""
    if len(some) * 2 > len(ascending):
        left = Counter(ascending)
        left.subtract(some)
        return sorted(left.elements())
    return ascending if len(ascending) > 5000 else sorted((Counter(ascending) - Counter(some)).elements())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _hours(count: int) -> str:
    return "one hour" if count == 1 else f"{count:,} hours"
