"""The finding: what stands out in a log, with its lines. Knows neither rules nor statistics."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

SEVERITIES = ("low", "medium", "high", "critical")

NAMED = 3  # actors that a finding names; the others are counted


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an auditor should look at."""

    severity: str  # of SEVERITIES
    title: str
    why: str  # why it matters, and who it was
    count: int  # events
    lines: "array[int]"  # where they begin, ascending, each once
    technique: tuple[str, ...] = ()  # of MITRE ATT&CK, where known: "T1110"
    check: str = ""  # what an auditor looks at next


def finding(
    severity: str, title: str, why: str, lines: Iterable[int], *, check: str = "", technique: tuple[str, ...] = ()
) -> Finding:
    """A finding about the events that begin on `lines`, in any order; one for each event."""
    all_lines = list(lines)
    return Finding(severity, title, why, len(all_lines), array("Q", sorted(set(all_lines))), technique, check)


def named(actors: Counter[str]) -> str:
    """ " By ann (3), bob (1) and 2 others." or nothing."""
    if not actors:
        return ""
    ranked = sorted(actors.items(), key=lambda pair: (-pair[1], pair[0]))
    names = ", ".join(f"{actor} ({count:,})" for actor, count in ranked[:NAMED])
    more = len(ranked) - NAMED
    return f" By {names}" + (f" and {more:,} others." if more > 0 else ".")
