"""What no single event shows: sequences and amounts, measured against the log's own habits.

Each signal sees the events in order, keeps little, and makes findings at the end. A signal about who did what is here;
those about who
approved what are in `approvals`, those about the log itself (silence, clock, doubles) in `rhythm`.
"""

import ipaddress
from array import array
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Protocol

from ingest.logs.approvals import AfterApproval, OneHand
from ingest.logs.events import Event, Outcome
from ingest.logs.findings import Finding, finding, named
from ingest.logs.rhythm import Bursts, Doubles, Rhythm
from ingest.logs.words import words_of

ENTITIES_MAX = 50_000
"""Actors or sources that a signal keeps apart. A log with more is a scan of the internet, and others are not missed."""

LISTED = 10  # findings of one signal; the rest is said in one

_LOGIN = frozenset("login logon logins signin authentication authenticate auth".split())
_NOT_LOGIN = frozenset("logout logoff signout create update delete policy settings profile mfa factor config".split())
_FAILED = frozenset("failed failure fail denied invalid wrong incorrect".split())
_TAKE = frozenset("export exported download downloaded extract extracted dump print printed copy copied".split())
_READ = frozenset("read view viewed open opened query select fetch access accessed search".split()) | _TAKE


class Signal(Protocol):
    """Sees every event once, in order."""

    def see(self, event: Event) -> None:
        """Take the next event."""
        ...

    def findings(self) -> list[Finding]:
        """What stood out, once all events have been seen."""
        ...


def all_signals() -> list[Signal]:
    """A fresh set for one log."""
    who: list[Signal] = [LogIns(), Refusals(), Amounts(), TwoPlaces(), Unusual()]
    return [*who, AfterApproval(), OneHand(), Rhythm(), Bursts(), Doubles()]


@dataclass(slots=True)
class _Attempts:
    """Failed log-ins from one source."""

    recent: deque[tuple[datetime | None, int, str | None]] = field(default_factory=lambda: deque(maxlen=200))
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    actors: Counter[str] = field(default_factory=Counter)
    peak: int = 0  # failures in the busiest hour
    succeeded: list[tuple[str, list[int]]] = field(default_factory=list)  # (actor, lines of failures and success)


class LogIns:
    """Guessing of passwords, and guessing that worked."""

    _WINDOW = timedelta(hours=1)
    _OWN = 5  # failures of the account that then gets in: more than a person mistypes
    _ANY = 15  # failures of any accounts from the source before one gets in
    _MANY = 10  # failures from one source in an hour: people mistype less, and programs more
    _ACCOUNTS = 4  # accounts that failed from one source: one person has fewer

    def __init__(self) -> None:
        self._sources: dict[str, _Attempts] = {}

    def see(self, event: Event) -> None:
        """Take the next event."""
        verdict = _login(event.action, event.outcome)
        source = event.source or event.actor
        if verdict is None or source is None:
            return
        attempts = self._sources.get(source)
        if attempts is None:
            if verdict or len(self._sources) >= ENTITIES_MAX:
                return
            attempts = self._sources[source] = _Attempts()
        if not verdict:
            attempts.recent.append((event.time, event.lines[0], event.actor))
            attempts.lines.append(event.lines[0])
            attempts.actors[event.actor or "?"] += 1
            attempts.peak = max(attempts.peak, len(self._before(attempts, event)))
            return
        before = self._before(attempts, event)
        own = sum(actor == event.actor for _, actor in before)
        if own >= self._OWN or len(before) >= self._ANY:
            attempts.succeeded.append((event.actor or "?", [*(line for line, _ in before), event.lines[0]]))
        attempts.recent.clear()

    def _before(self, attempts: _Attempts, event: Event) -> list[tuple[int, str | None]]:
        """(line, actor) of the failures in the hour before an event, the oldest first."""
        recent = attempts.recent
        while recent and recent[0][0] and event.time and event.time - recent[0][0] > self._WINDOW:
            recent.popleft()
        return [(line, actor) for _, line, actor in recent]

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


class Refusals:
    """Bursts of denied requests by one actor: a probe, or a program with the wrong rights."""

    _WINDOW = timedelta(minutes=10)
    _BURST = 8  # denials within the window
    _KINDS = 6  # different actions within a burst that make it a search for what is open

    def __init__(self) -> None:
        self._recent: dict[str, deque[tuple[datetime, int, str]]] = {}
        self._bursts: dict[str, dict[int, str]] = defaultdict(dict)  # actor: {line: action}

    def see(self, event: Event) -> None:
        """Take the next event."""
        actor = event.actor or event.source
        if event.outcome != Outcome.DENIED or event.time is None or actor is None:
            return
        recent = self._recent.get(actor)
        if recent is None:
            if len(self._recent) >= ENTITIES_MAX:
                return
            recent = self._recent[actor] = deque(maxlen=1000)
        recent.append((event.time, event.lines[0], event.action or ""))
        while recent and event.time - recent[0][0] > self._WINDOW:
            recent.popleft()
        if len(recent) >= self._BURST:
            self._bursts[actor].update((line, action) for _, line, action in recent)

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

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.action is None or event.actor is None or event.time is None or not _reads(event.action):
            return
        cells = self._cells[event.action]
        cell = (event.actor, int(event.time.timestamp()) // 3600)
        lines = cells.get(cell)
        if lines is None:
            if len(cells) >= ENTITIES_MAX * 10:
                return
            lines = cells[cell] = array("Q")
        lines.append(event.lines[0])

    def findings(self) -> list[Finding]:
        """What stood out."""
        found = []
        for action, cells in self._cells.items():
            taking = not _TAKE.isdisjoint(words_of(action))
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

    _WINDOW = timedelta(minutes=30)
    _TURNS = 2  # changes of place within the window that no walk explains, where one place is outside
    _TURNS_INSIDE = 4  # the same between two sites of one company, where people do change desks
    _PLACES = 6  # an account seen in more places than this moves about by nature
    _HABIT = 0.2  # share of an account's days on which it may do so before it is a habit of a program

    def __init__(self) -> None:
        self._seen: dict[str, _Whereabouts] = {}

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.actor is None or event.source is None or event.time is None:
            return
        if event.outcome in (Outcome.FAILURE, Outcome.DENIED):
            return  # a stranger who fails is not in two places
        place = _place(event.source)
        if place is None:
            return
        seen = self._seen.get(event.actor)
        if seen is None:
            if len(self._seen) >= ENTITIES_MAX:
                return
            seen = self._seen[event.actor] = _Whereabouts()
        day = event.time.toordinal()
        seen.days.add(day)
        if len(seen.places) <= self._PLACES:
            seen.places.add(place)
        moves = seen.moves
        logged_in = _login(event.action, event.outcome) is True
        if moves and moves[-1].place == place:
            moves[-1] = _Move(event.time, place, event.lines[0], logged_in or moves[-1].login)
            return
        moves.append(_Move(event.time, place, event.lines[0], logged_in))
        near = [move for move in moves if event.time - move.time <= self._WINDOW]
        inside = all(_inside(move.place) for move in near)
        turns = len(near) - 1
        both = len(near) > 1 and logged_in and near[-2].login and not inside
        if both or turns >= (self._TURNS_INSIDE if inside else self._TURNS):
            seen.turns.update({move.line: move.place for move in near})
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
        self._logins: dict[str, list[tuple[datetime, str | None, int]]] = {}

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.actor is None or event.time is None or _login(event.action, event.outcome) is not True:
            return
        logins = self._logins.get(event.actor)
        if logins is None:
            if len(self._logins) >= ENTITIES_MAX:
                return
            logins = self._logins[event.actor] = []
        if len(logins) <= self._KEPT:
            logins.append((event.time, _place(event.source) if event.source else None, event.lines[0]))

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

    def _out_of_habit(self, logins: list[tuple[datetime, str | None, int]]) -> list[tuple[int, bool, bool]]:
        """(line, new place, odd hour) of the log-ins that are out of habit."""
        hours = Counter(time.hour for time, _, _ in logins)
        seen: Counter[str | None] = Counter()
        days: set[int] = set()
        found = []
        for index, (time, where, line) in enumerate(logins):
            near = sum(hours[(time.hour + step) % 24] for step in (-1, 0, 1))
            settled = index >= self._LOGINS and len(days) >= self._DAYS and time.toordinal() not in days
            new = where is not None and not _inside(where) and not seen[where] and len(seen) <= self._PLACES
            odd = near <= max(1, self._HOUR_SHARE * len(logins))
            if settled and (new or odd):
                found.append((line, new, odd))
            seen[where] += 1
            if not settled or not (new or odd):
                days.add(time.toordinal())
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


@dataclass(frozen=True, slots=True)
class _Move:
    """The last that was seen of an account before it changed its place."""

    time: datetime
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


@lru_cache(maxsize=8192)
def _login(action: str | None, outcome: str | None) -> bool | None:
    """Whether an event is a log-in that succeeded (True) or failed (False); None if it is no log-in."""
    words = set(words_of(action or ""))
    joined = " ".join(words_of(action or ""))
    is_login = not words.isdisjoint(_LOGIN) or "log in" in joined or "sign in" in joined
    if not is_login or not words.isdisjoint(_NOT_LOGIN):
        return None
    if outcome in (Outcome.FAILURE, Outcome.DENIED) or not words.isdisjoint(_FAILED):
        return False
    return True if outcome in (Outcome.SUCCESS, None) else None


@lru_cache(maxsize=8192)
def _reads(action: str) -> bool:
    words = set(words_of(action))
    return not words.isdisjoint(_READ) or {"get", "object"} <= words


@lru_cache(maxsize=8192)
def _place(source: str) -> str | None:
    """The network an address belongs to, wide enough that one site is one place; None for what is no address."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        return None
    return str(ipaddress.ip_network(f"{address}/{16 if address.version == 4 else 32}", strict=False))


@lru_cache(maxsize=8192)
def _inside(place: str) -> bool:
    """Whether a place lies in a network that no stranger can use."""
    address = ipaddress.ip_network(place).network_address
    return any(address.version == network.version and address in network for network in _INTERNAL)


_INTERNAL = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


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
