"""What was done to approved records, and by whom: the order of enter, approve and change on each object.

Laboratories, accounts departments and document systems share this order; the words for it are in the tables below.
"""

import re
from collections import Counter
from functools import lru_cache

from ingest.logs.events import Event, Outcome
from ingest.logs.findings import Finding, finding
from ingest.logs.words import words_of

OBJECTS_MAX = 500_000  # objects that are remembered, about 100 MB

_APPROVE = frozenset(
    "approve approved authorise authorised authorize authorized sign signed release released finalise finalised "
    "finalize finalized lock locked certify certified verify verified".split()
)
_ALTER = frozenset(
    "edit edited modify modified update updated change changed amend amended alter altered overwrite overwritten "
    "correct corrected delete deleted revise revised reopen reopened unlock unlocked".split()
)
_ENTER = frozenset("enter entered create created submit submitted add added record recorded draft prepare".split())
_ACCESS = frozenset("in security ingress egress access key token session url policy user login".split())
"""Words beside which "authorize" or "sign" is about access, not about a record."""

_APPROVED = re.compile(
    r"(?i)\b(?:status|state)\b\W{1,5}(?:approved|authori[sz]ed|signed|released|finali[sz]ed|final|locked|certified)\b"
)
_QUIET = 0.01  # share of the log's events below which hardly anybody works at an hour of the day
_QUIET_EVENTS = 200  # events that it takes to know such hours


class AfterApproval:
    """Objects that were changed after somebody had approved, signed or released them."""

    def __init__(self) -> None:
        self._approved: dict[str, None] = {}
        self._changes: list[tuple[int, int, str]] = []  # line, hour (-1 unknown), actor
        self._hours = [0] * 24  # events of the whole log

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.time is not None:
            self._hours[event.time.hour] += 1
        kind = _kind(event)
        if kind == "approve" and event.object is not None:
            if len(self._approved) < OBJECTS_MAX:
                self._approved[event.object] = None
        elif kind == "alter" and (event.object in self._approved or _APPROVED.search(event.detail)):
            self._changes.append((event.lines[0], event.time.hour if event.time else -1, event.actor or "?"))

    def findings(self) -> list[Finding]:
        """What stood out."""
        total = sum(self._hours)
        quiet = {hour for hour, count in enumerate(self._hours) if total >= _QUIET_EVENTS and count < _QUIET * total}
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

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.object is None or event.actor is None:
            return
        kind = _kind(event)
        if kind == "enter" and len(self._authors) < OBJECTS_MAX:
            self._authors[event.object] = (event.actor, event.lines[0])
        elif kind == "approve" and event.object in self._authors:
            author, line = self._authors[event.object]
            self._known += 1
            if author == event.actor:
                self._own.append((line, event.lines[0], event.actor))

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


def _kind(event: Event) -> str | None:
    """`approve`, `alter` or `enter` for what has been done to a record."""
    if event.action is None or event.outcome in (Outcome.FAILURE, Outcome.DENIED):
        return None
    return _kind_of(event.action)


@lru_cache(maxsize=8192)
def _kind_of(action: str) -> str | None:
    words = set(words_of(action))
    for kind, verbs in (("approve", _APPROVE), ("alter", _ALTER), ("enter", _ENTER)):
        if not words.isdisjoint(verbs):
            return kind if words.isdisjoint(_ACCESS) else None
    return None


def _who(changes: list[tuple[int, int, str]]) -> str:
    ranked = Counter(actor for _, _, actor in changes).most_common(3)
    return ", ".join(f"{actor} ({count:,})" for actor, count in ranked)
