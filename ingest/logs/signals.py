"""What no single event shows: sequences and amounts, measured against the log's own habits.

Each signal sees the events in order, keeps little, and makes findings at the end. A signal about who did what is here;
those about the log itself (silence, clock, doubles) are in `rhythm`.
"""

import ipaddress
from array import array
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Protocol

from ingest.logs.events import Event, Outcome
from ingest.logs.findings import Finding, finding
from ingest.logs.rhythm import Doubles, Rhythm
from ingest.logs.rules import words_of

ENTITIES_MAX = 50_000
"""Actors or sources that a signal keeps apart. A log with more is a scan of the internet, and others are not missed."""

LISTED = 10  # findings of one signal; the rest is said in one

_LOGIN = frozenset("login logon logins signin authentication authenticate auth".split())
_NOT_LOGIN = frozenset("logout logoff signout create update delete policy settings profile mfa factor config".split())
_FAILED = frozenset("failed failure fail denied invalid wrong incorrect".split())
_TAKE = frozenset("export exported download downloaded extract extracted dump print printed copy copied".split())
_READ = frozenset("read view viewed open opened query select fetch access accessed search".split()) | _TAKE
_APPROVE = frozenset(
    "approve approved authorise authorised authorize authorized sign signed release released finalise finalised "
    "finalize finalized lock locked certify certified verify verified".split()
)
_ALTER = frozenset(
    "edit edited modify modified update updated change changed amend amended alter altered overwrite overwritten "
    "correct corrected delete deleted revise revised reopen reopened unlock unlocked".split()
)
_ACCESS = frozenset("in security ingress egress access key token session url policy".split())


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
    return [LogIns(), Refusals(), Amounts(), AfterApproval(), TwoPlaces(), Rhythm(), Doubles()]


@dataclass(slots=True)
class _Attempts:
    """Failed log-ins from one source."""

    recent: deque[tuple[datetime | None, int, str | None]] = field(default_factory=lambda: deque(maxlen=200))
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    actors: Counter[str] = field(default_factory=Counter)
    succeeded: list[tuple[str, list[int]]] = field(default_factory=list)  # (actor, lines of failures and success)


class LogIns:
    """Guessing of passwords, and guessing that worked."""

    _WINDOW = timedelta(hours=1)
    _OWN = 5  # failures of the account that then gets in: more than a person mistypes
    _ANY = 15  # failures of any accounts from the source before one gets in
    _MANY = 10  # failures from one source that are worth a line in a report

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
            return
        before = [
            (line, actor)
            for time, line, actor in attempts.recent
            if time is None or event.time is None or event.time - time <= self._WINDOW
        ]
        own = sum(actor == event.actor for _, actor in before)
        if own >= self._OWN or len(before) >= self._ANY:
            attempts.succeeded.append((event.actor or "?", [*(line for line, _ in before), event.lines[0]]))
        attempts.recent.clear()

    def findings(self) -> list[Finding]:
        """What stood out."""
        found, guessing = [], []
        for source, attempts in self._sources.items():
            for actor, lines in attempts.succeeded:
                found.append(
                    finding(
                        "high",
                        f"A log-in of {actor} from {source} succeeded after {len(lines) - 1:,} failures",
                        "Somebody guessed until the password was right, or a person had forgotten it. Ask the person; "
                        "if in doubt, change the password and look at what the session did.",
                        lines,
                    )
                )
            if len(attempts.lines) >= self._MANY and not attempts.succeeded:
                guessing.append((source, attempts))
        guessing.sort(key=lambda pair: -len(pair[1].lines))
        for source, attempts in guessing[:LISTED]:
            accounts = len(attempts.actors)
            whom = f"{accounts:,} accounts" if accounts > 1 else next(iter(attempts.actors))
            found.append(
                finding(
                    "medium",
                    f"{len(attempts.lines):,} failed log-ins from {source}",
                    f"Somebody guesses passwords of {whom}; none was right. Block the address if it is not your own.",
                    attempts.lines,
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

    _LEAST = 25  # events an hour: below, nobody would call it a mass
    _TIMES = 5  # how many times the usual busy hour
    _CELLS = 8  # (actor, hour) pairs that it takes to know what is usual

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
            by_actor: dict[str, dict[int, array[int]]] = defaultdict(dict)
            for (actor, hour), lines in cells.items():
                by_actor[actor][hour] = lines
            sizes = sorted(map(len, cells.values()))
            for actor, hours in by_actor.items():
                others = [len(lines) for (other, _), lines in cells.items() if other != actor] if len(cells) < 5000 else sizes
                usual = _high(others)
                own = median(map(len, hours.values())) if len(hours) >= self._CELLS else 0.0
                limit = max(self._LEAST, self._TIMES * max(usual, own))
                many = [lines for lines in hours.values() if len(lines) >= limit]
                if not many or (len(others) < self._CELLS and len(hours) < self._CELLS):
                    continue
                taken = [line for lines in many for line in lines]
                found.append(
                    finding(
                        "high" if not _TAKE.isdisjoint(words_of(action)) and len(taken) >= 2 * limit else "medium",
                        f"{actor} did {action} {len(taken):,} times in {_hours(len(many))}",
                        f"In a busy hour others do it {round(usual):,} times. Ask what the data was for and where it "
                        "went.",
                        taken,
                    )
                )
        return sorted(found, key=lambda f: -f.count)[: 2 * LISTED]


class AfterApproval:
    """Objects that were changed after somebody had approved, signed or released them."""

    def __init__(self) -> None:
        self._approved: dict[str, None] = {}
        self._changes: list[tuple[int, int, str]] = []  # line, hour, actor
        self._hours = [0] * 24  # events of the whole log

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.time is not None:
            self._hours[event.time.hour] += 1
        if event.action is None or event.object is None or event.outcome in (Outcome.FAILURE, Outcome.DENIED):
            return
        kind = _approval(event.action)
        if kind == "approve":
            if len(self._approved) < ENTITIES_MAX * 10:
                self._approved[event.object] = None
        elif kind == "alter" and event.object in self._approved:
            self._changes.append((event.lines[0], event.time.hour if event.time else -1, event.actor or "?"))

    def findings(self) -> list[Finding]:
        """What stood out."""
        total = sum(self._hours)
        quiet = {hour for hour, count in enumerate(self._hours) if total >= 200 and count < total / 100}
        odd = [change for change in self._changes if change[1] in quiet]
        rest = [change for change in self._changes if change[1] not in quiet]
        found = []
        if odd:
            found.append(
                finding(
                    "high",
                    "Approved records were changed at hours when hardly anybody works",
                    f"Who approved them relied on what they said then. Changed by {_who(odd)}. Compare old and new "
                    "values and ask for the reason.",
                    (line for line, _, _ in odd),
                )
            )
        if rest:
            found.append(
                finding(
                    "low",
                    "Records were changed after they had been approved",
                    f"Corrections happen, but each needs a reason and a new approval. Changed by {_who(rest)}.",
                    (line for line, _, _ in rest),
                )
            )
        return found


class TwoPlaces:
    """One account that is used from two networks in turn within minutes."""

    _WINDOW = timedelta(minutes=30)
    _PLACES = 6  # an account seen in more places than this moves about by nature

    def __init__(self) -> None:
        self._last: dict[str, deque[tuple[datetime, str, int]]] = {}
        self._places: dict[str, set[str]] = defaultdict(set)
        self._both: dict[str, dict[int, str]] = defaultdict(dict)  # actor: {line: place}

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.actor is None or event.source is None or event.time is None:
            return
        if event.outcome in (Outcome.FAILURE, Outcome.DENIED):
            return  # a stranger who fails is not in two places
        place = _place(event.source)
        if place is None:
            return
        last = self._last.get(event.actor)
        if last is None:
            if len(self._last) >= ENTITIES_MAX:
                return
            last = self._last[event.actor] = deque(maxlen=3)
        places = self._places[event.actor]
        if len(places) <= self._PLACES:
            places.add(place)
        if last and last[-1][1] == place:
            last[-1] = (event.time, place, event.lines[0])
            return
        last.append((event.time, place, event.lines[0]))
        if len(last) == 3 and last[0][1] == place and abs(event.time - last[0][0]) <= self._WINDOW:
            self._both[event.actor].update((line, where) for _, where, line in last)

    def findings(self) -> list[Finding]:
        """What stood out."""
        found = []
        for actor, lines in sorted(self._both.items()):
            if len(self._places[actor]) > self._PLACES:
                continue
            where = " and ".join(sorted(set(lines.values()))[:3])
            found.append(
                finding(
                    "medium",
                    f"{actor} was active from two networks in turn",
                    f"Within half an hour from {where}. One person with two connections, or a shared or stolen "
                    "credential: ask the person.",
                    lines,
                )
            )
        return found[: 2 * LISTED]


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
def _approval(action: str) -> str | None:
    words = set(words_of(action))
    if not words.isdisjoint(_APPROVE) and words.isdisjoint(_ACCESS):
        return "approve"
    return "alter" if not words.isdisjoint(_ALTER) else None


@lru_cache(maxsize=8192)
def _place(source: str) -> str | None:
    """The network an address belongs to, wide enough that one office is one place; None for what is no address."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        if any(address in network for network in _INTERNAL):
            return "the internal network"
        return str(ipaddress.ip_network(f"{address}/16", strict=False))
    if address.is_link_local or address in _INTERNAL_6:
        return "the internal network"
    return str(ipaddress.ip_network(f"{address}/32", strict=False))


_INTERNAL = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_INTERNAL_6 = ipaddress.IPv6Network("fc00::/7")


def _high(sizes: list[int]) -> float:
    """The 95th percentile: a busy hour, not the busiest."""
    return float(sorted(sizes)[int(0.95 * (len(sizes) - 1))]) if sizes else 0.0


def _hours(count: int) -> str:
    return "one hour" if count == 1 else f"{count:,} hours"


def _who(changes: list[tuple[int, int, str]]) -> str:
    ranked = Counter(actor for _, _, actor in changes).most_common(3)
    return ", ".join(f"{actor} ({count:,})" for actor, count in ranked)
