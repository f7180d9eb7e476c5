"""Two saved runs over the same questions: what differs, and is it more than chance?

Questions are paired by id. A measure is compared over the questions for which both runs have a value.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import UsageError
from rag.bootstrap import Difference, difference, difference_of_pairs, median, wins
from rag.evaluate import AUROC, FORMAT, MEASURES, Place, Row, Run, confidences
from rag.judge import Evidence

CHANCE = 0.05  # a p below this is called more than chance

SIDES: dict[str, Callable[[Row], bool]] = {
    "evidence among the first 10 passages": lambda row: row.measures["recall@10"] == 1,
    "answered rightly": lambda row: row.measures["right"] == 1,
    "unanswerable, refused": lambda row: row.measures["unanswerable_refused"] == 1,
}
"""What a question is or is not, where one looks for those that changed sides."""

LATENCIES = ("search_ms", "ask_ms")


@dataclass(frozen=True, slots=True)
class Saved:
    """A run read back from the JSON that `rag eval --json` printed."""

    name: str  # of the file
    run: Run
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure in both runs, over the questions that both have it for."""

    first: float
    second: float
    difference: Difference  # positive where the second run is higher


@dataclass(frozen=True, slots=True)
class Change:
    """Questions that changed sides."""

    gained: tuple[Row, ...]  # so in the second run alone, as they are there
    lost: tuple[Row, ...]  # so in the first run alone, as they are in the second


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two runs."""

    first: Saved
    second: Saved
    measures: Mapping[str, Compared]  # by MEASURES and AUROC; those without questions to compare are left out
    latency_ms: Mapping[str, Compared]  # medians, by LATENCIES
    changes: Mapping[str, Change]  # by SIDES

    def to_json(self) -> dict[str, Any]:
        """What `rag eval --compare --json` prints."""
        return {
            "a": self.first.name,
            "b": self.second.name,
            "questions": len(self.first.rows),
            "settings": self.settings(),
            "measures": {name: _entry(compared) for name, compared in self.measures.items()},
            "latency_ms": {name: _entry(compared) for name, compared in self.latency_ms.items()},
            "changes": {
                name: {"gained": [row.id for row in change.gained], "lost": [row.id for row in change.lost]}
                for name, change in self.changes.items()
            },
        }

    def settings(self) -> dict[str, tuple[Any, Any]]:
        """What was set differently, or what was searched; dates left out."""
        pairs = {
            field.name: (getattr(self.first.run, field.name), getattr(self.second.run, field.name))
            for field in fields(Run)
        }
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and name != "date"}


def _entry(compared: Compared) -> dict[str, Any]:
    seen = compared.difference
    return {
        "a": compared.first,
        "b": compared.second,
        "difference": seen.value,
        "low": seen.low,
        "high": seen.high,
        "p": seen.p,
        "n": seen.n,
        "more_than_chance": seen.p < CHANCE,
    }


def read_run(path: Path) -> Saved:
    """A run as it was saved.

    Raises:
        UsageError: the file cannot be read, or does not hold what `rag eval --json` prints.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["format"] != FORMAT:
            raise ValueError(f"its format is {saved['format']}, this program writes {FORMAT}")
        rows = tuple(map(_row, saved["rows"]))
        if not rows:
            raise ValueError("it holds no questions")
        return Saved(path.name, Run(**saved["run"]), rows)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name a file.") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not a saved run ({type(error).__name__}: {error}); make one with "
            "`rag eval QUESTIONS.jsonl --json > FILE`."
        ) from error


def _row(saved: Mapping[str, Any]) -> Row:
    row = Row(
        **dict(saved)
        | {
            "evidence": tuple(Evidence(**item) for item in saved["evidence"]),
            "citations": tuple(Place(**item) for item in saved["citations"]),
            "first": Place(**saved["first"]) if saved["first"] else None,
        }
    )
    numbers = [*row.measures.values(), row.confidence, row.search_ms, row.ask_ms]
    if set(row.measures) != set(MEASURES) or not all(
        value is None or isinstance(value, int | float) for value in numbers
    ):
        raise ValueError(f"question {row.id!r} lacks a measure")
    return row


def compare(first: Saved, second: Saved) -> Comparison:
    """All that differs between two runs.

    Raises:
        UsageError: the runs are not over the same questions.
    """
    pairs = _pairs(first.rows, second.rows)
    measures = {name: compared for name in MEASURES if (compared := _compared(pairs, name)) is not None}
    if (whole := _compared_auroc(pairs)) is not None:
        measures[AUROC] = whole
    return Comparison(
        first=first,
        second=second,
        measures=measures,
        latency_ms={name: _compared_latency(pairs, name) for name in LATENCIES},
        changes={
            name: Change(
                gained=tuple(b for a, b in pairs if side(b) and not side(a)),
                lost=tuple(b for a, b in pairs if side(a) and not side(b)),
            )
            for name, side in SIDES.items()
        },
    )


def _pairs(first: Sequence[Row], second: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The rows of both runs by id, in the first run's order. Raises UsageError where the questions are not the same."""
    others = {row.id: row for row in second}
    ids = [row.id for row in first]
    differ = set(ids) ^ set(others)
    differ |= {row.id for row in first if row.id in others and _asked(row) != _asked(others[row.id])}
    if differ:
        some = ", ".join(sorted(differ)[:5]) + (" …" if len(differ) > 5 else "")
        raise UsageError(
            f"The runs are not over the same questions: {len(differ)} differ or are in one of them only ({some}); "
            "run both on one file."
        )
    return [(row, others[row.id]) for row in first]


def _asked(row: Row) -> tuple[Any, ...]:
    """What has to be the same for two rows to be one question."""
    return row.question, row.kind, row.answerable, row.evidence


def _compared(pairs: Sequence[tuple[Row, Row]], name: str) -> Compared | None:
    values = [
        (a.measures[name], b.measures[name])
        for a, b in pairs
        if a.measures[name] is not None and b.measures[name] is not None
    ]
    if not values:
        return None
    first, second = np.array(values, dtype=float).T
    return Compared(float(first.mean()), float(second.mean()), difference(first, second))


def _compared_auroc(pairs: Sequence[tuple[Row, Row]]) -> Compared | None:
    both = [(a, b) for a, b in pairs if not a.apart and not b.apart]
    first, second = (wins(*confidences([pair[which] for pair in both])) for which in (0, 1))
    if not first.size:
        return None
    return Compared(float(first.mean()), float(second.mean()), difference_of_pairs(first, second))


def _compared_latency(pairs: Sequence[tuple[Row, Row]], name: str) -> Compared:
    first, second = np.array([(getattr(a, name), getattr(b, name)) for a, b in pairs], dtype=float).T
    return Compared(float(np.median(first)), float(np.median(second)), difference(first, second, median))
