"""From which confidence on to answer: chosen on questions with known answers, and what it does on those left out.

A threshold is worth what it does for both kinds of question: the mean of the share of answerable ones that are answered
rightly and the share of the others that are refused. So neither answering everything nor refusing everything is best,
however many there are of each kind.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from ingest.errors import UsageError
from rag.evaluate import Row

FOLDS = 5
FEWEST = 5  # questions of each kind; fewer say nothing about others


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold does to the questions; shares in 0..1."""

    right: float  # of the answerable ones: answered rightly
    wrong: float  # of the answerable ones: answered wrongly
    refused: float  # of the unanswerable ones: refused

    @property
    def worth(self) -> float:
        """What is made as large as possible."""
        return (self.right + self.refused) / 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold that was chosen, beside the one that was in force."""

    answerable: int
    unanswerable: int
    before: float
    outcome_before: Outcome
    threshold: float
    outcome: Outcome  # on the very questions it was chosen by
    held_out: Outcome  # of thresholds chosen in the same way without the questions they are tried on

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def calibrate(rows: Sequence[Row], before: float) -> Calibration:
    """The threshold of highest worth for these questions, and five-fold what such a choice is worth on others.

    Raises:
        UsageError: there are too few questions of a kind.
    """
    known = [row for row in rows if not row.apart and row.answerable and row.measures["right"] is not None]
    unknown = [row for row in rows if not row.apart and not row.answerable]
    if min(len(known), len(unknown)) < FEWEST:
        raise UsageError(
            f"{len(known)} answerable questions with patterns and {len(unknown)} unanswerable ones can be judged; "
            f"--calibrate needs {FEWEST} of each. Add some, the unanswerable ones near to what the documents treat."
        )
    chosen = _best([*known, *unknown])
    folds = [_Fold(known[fold::FOLDS], unknown[fold::FOLDS]) for fold in range(FOLDS)]
    parts = [
        (fold, _best([row for other in folds if other is not fold for row in (*other.known, *other.unknown)]))
        for fold in folds
    ]
    right = sum(_answered(fold.known, limit, "right") for fold, limit in parts) / len(known)
    wrong = sum(_answered(fold.known, limit, "wrong") for fold, limit in parts) / len(known)
    refused = sum(sum(row.confidence < limit for row in fold.unknown) for fold, limit in parts) / len(unknown)
    return Calibration(
        answerable=len(known),
        unanswerable=len(unknown),
        before=before,
        outcome_before=outcome([*known, *unknown], before),
        threshold=chosen,
        outcome=outcome([*known, *unknown], chosen),
        held_out=Outcome(right, wrong, refused),
    )


@dataclass(frozen=True, slots=True)
class _Fold:
    known: Sequence[Row]
    unknown: Sequence[Row]


def outcome(rows: Sequence[Row], threshold: float) -> Outcome:
    """What answering from `threshold` on does; both kinds of question must be there."""
    known, unknown = ([row for row in rows if row.answerable is kind] for kind in (True, False))
    return Outcome(
        _answered(known, threshold, "right") / len(known),
        _answered(known, threshold, "wrong") / len(known),
        sum(row.confidence < threshold for row in unknown) / len(unknown),
    )


def _answered(rows: Sequence[Row], threshold: float, verdict: str) -> int:
    return sum(row.confidence >= threshold and row.if_answered == verdict for row in rows)


def _best(rows: Sequence[Row]) -> float:
    """Midway between two confidences, where worth is highest; of equals the one in the widest gap."""
    marks = sorted({0.0, 1.0, *(row.confidence for row in rows)})
    gaps = [(0.0, 0.0), *((high - low, _between(low, high)) for low, high in pairwise(marks))]
    return max(gaps, key=lambda gap: (outcome(rows, gap[1]).worth, gap[0]))[1]


def _between(low: float, high: float) -> float:
    """Above `low`, at most `high`, short where there is room."""
    middle = (low + high) / 2
    return next((value for value in (round(middle, 2), round(middle, 3), middle) if low < value <= high), high)
