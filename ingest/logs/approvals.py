"""What was done to approved records, and by whom: the order of enter, approve and change on each object.

Laboratories, accounts departments and document systems share this order; the words for it are in `deeds`.
"""

from collections import Counter
from collections.abc import Mapping

from ingest.logs.clock import HOUR, NO_TIME
from ingest.logs.deeds import of_record
from ingest.logs.events import Deed
from ingest.logs.findings import Finding, finding
from ingest.logs.stretch import Stretch

OBJECTS_MAX = 500_000  # objects that are remembered, about 100 MB

_QUIET = 0.01  # share of the log's events below which hardly anybody works at an hour of the day
_QUIET_EVENTS = 200  # events that it takes to know such hours


class AfterApproval:
    """Objects that were changed after somebody had approved, signed or released them."""

    def __init__(self, by_hour: Mapping[int, int]) -> None:
        """`by_hour`: of the whole log, once it has been seen."""
        self._by_hour = by_hour
        self._approved: dict[str, None] = {}
        self._changes: list[tuple[int, int, str]] = []  # line, hour (-1 unknown), actor

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        return of_record(deed.action, deed.outcome) in ("approve", "alter")

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for (deed, time, line), approved in zip(stretch.rows(), stretch.approved.tolist(), strict=True):
            if of_record(deed.action, deed.outcome) == "alter":
                if approved or deed.object in self._approved:
                    self._changes.append((line, -1 if time == NO_TIME else time // HOUR % 24, deed.actor or "?"))
            elif deed.object is not None and len(self._approved) < OBJECTS_MAX:
                self._approved[deed.object] = None

    def findings(self) -> list[Finding]:
        """What stood out."""
        hours = [0] * 24
        for hour, count in self._by_hour.items():
            hours[hour % 24] += count
        total = sum(hours)
        quiet = {hour for hour, count in enumerate(hours) if total >= _QUIET_EVENTS and count < _QUIET * total}
        found = []
        if odd := [change for change in self._changes if change[1] in quiet]:
            found.append(
                finding(
                    "high",
                    "Approved records were changed at hours when hardly anybody works",
                    f"Who approved them relied on what they said then. Changed by {_who(odd)}.",
                    (line for line, _, _ in odd),
                    check="Compare old and new values and ask for the reason.",
                    technique=("T1565.001",),
                )
            )
        if rest := [change for change in self._changes if change[1] not in quiet]:
            found.append(
                finding(
                    "low",
                    "Records were changed after they had been approved",
                    f"Corrections happen, but each needs a reason and a new approval. Changed by {_who(rest)}.",
                    (line for line, _, _ in rest),
                )
            )
        return found


class OneHand:
    """Objects that one and the same person entered and approved, in a log where that is the exception."""

    _KNOWN = 20  # approvals of objects whose author is known that it takes to know the rule
    _EXCEPTION = 0.1  # share of them up to which it is an exception

    def __init__(self) -> None:
        self._authors: dict[str, tuple[str, int]] = {}  # object: (actor, line)
        self._known = 0
        self._own: list[tuple[int, int, str]] = []  # line of entry, line of approval, actor

    def wants(self, deed: Deed) -> bool:
        """Whether it has to see what does this."""
        if deed.object is None or deed.actor is None:
            return False
        return of_record(deed.action, deed.outcome) in ("enter", "approve")

    def follow(self, stretch: Stretch) -> None:
        """Take the next events."""
        for deed, _, line in stretch.rows():
            assert deed.object is not None  # `wants` has seen to it
            assert deed.actor is not None
            if of_record(deed.action, deed.outcome) == "enter":
                if len(self._authors) < OBJECTS_MAX:
                    self._authors[deed.object] = (deed.actor, line)
            elif deed.object in self._authors:
                author, entered = self._authors[deed.object]
                self._known += 1
                if author == deed.actor:
                    self._own.append((entered, line, deed.actor))

    def findings(self) -> list[Finding]:
        """What stood out."""
        if not self._own or self._known < self._KNOWN or len(self._own) > self._EXCEPTION * self._known:
            return []
        return [
            finding(
                "medium",
                "Records were approved by the person who had entered them",
                f"Of {self._known:,} approvals {self._known - len(self._own):,} came from a second person; these did "
                f"not. By {_who(self._own)}.",
                (line for entry, approval, _ in self._own for line in (entry, approval)),
                check="Check whether the rules demand two persons.",
            )
        ]


def _who(changes: list[tuple[int, int, str]]) -> str:
    ranked = Counter(actor for _, _, actor in changes).most_common(3)
    return ", ".join(f"{actor} ({count:,})" for actor, count in ranked)
