"""Questions with known answers to figures: asks each one, judges what came, sums up. Knows no model and no store.

Passages are counted as `rag search` shows them: recall@k looks at the first k, and a passage on a page of evidence
reaches that page's group. Each measure is one value a question; a figure is their mean, with its interval.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import Any, Literal

import numpy as np

from rag.bootstrap import Figure, figure, figure_of_pairs, wins
from rag.judge import Evidence, Question, Verdict, groups_at, holds_answer, verdict
from rag.types import Answer, Hit

FORMAT = 1  # of a saved run; another one is not compared
DEPTH = 10  # passages looked at
PREVIEW = 240  # characters of a passage or an answer kept for people

MEASURES = {
    "recall@1": "recall@1 of evidence pages",
    "recall@3": "recall@3 of evidence pages",
    "recall@5": "recall@5 of evidence pages",
    "recall@10": "recall@10 of evidence pages",
    "mrr": "MRR of the first evidence page",
    "ndcg@10": "nDCG@10 of evidence pages",
    "answer@1": "answer in the first passage",
    "answer@3": "answer in the first 3 passages",
    "answer@5": "answer in the first 5 passages",
    "quotation": "answer in the first quotation",
    "right": "answerable: answered rightly",
    "wrong": "answerable: answered wrongly",
    "refused": "answerable: refused",
    "unanswerable_refused": "unanswerable: refused",
    "page_precision": "page precision of the citations",
    "page_recall": "page recall of the citations",
}
"""One value in 0..1 for each question, None where it says nothing; in words."""

LOWER_IS_BETTER = frozenset({"wrong", "refused"})
AUROC = "auroc"  # answerable or not, by the confidence: a measure of all questions together

Failure = Literal["not found", "wrong", "refused", "answered"]

FAILURES: dict[Failure, str] = {
    "not found": f"Evidence not among the first {DEPTH} passages",
    "wrong": "Evidence found, answer wrong",
    "refused": "Evidence found, answer refused",
    "answered": "Answered, though the documents do not say",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage or a citation stands, and how its text begins."""

    path: str
    page: int | None
    record: str | None
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one question."""

    id: str
    question: str
    kind: str
    answerable: bool
    expected: str  # the known answer, for people
    evidence: tuple[Evidence, ...]
    absent: tuple[str, ...]  # evidence that the index does not hold
    apart: bool  # so much is absent that the question cannot be judged; it has no measures
    ranks: tuple[int | None, ...]  # for each group, the first passage (from 1) on a page of it; None: not in DEPTH
    answer_rank: int | None  # how many of the first passages hold the answer; None: more than DEPTH
    first: Place | None  # the passage that came first
    verdict: Verdict
    if_answered: Verdict  # what the verdict would be without a threshold
    answer: str
    citations: tuple[Place, ...]
    confidence: float  # 0..1
    measures: Mapping[str, float | None]
    failure: Failure | None
    search_ms: float
    ask_ms: float


@dataclass(frozen=True, slots=True)
class Run:
    """What was evaluated. Two runs can be compared whatever differs here; it is shown beside the figures."""

    version: str
    date: str  # ISO 8601
    questions: str  # the file's name
    split: str | None
    collection: str
    files: int  # with text
    passages: int
    embedding_model: str
    reader_model: str | None  # None: words and meaning alone
    language_model: str | None  # None: quotations alone
    answer_threshold: float


@dataclass(frozen=True, slots=True)
class Point:
    """Of a risk-coverage curve: what answering everything of at least this confidence would mean."""

    confidence: float
    coverage: float  # 0..1: share of questions answered
    risk: float  # 0..1: share of these answered wrongly, or answered though unanswerable


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a run."""

    run: Run
    rows: tuple[Row, ...]
    figures: Mapping[str, Figure]  # by MEASURES, and AUROC
    kinds: Mapping[str, Mapping[str, Figure]]  # the same by kind of question
    recall: tuple[Figure, ...]  # recall@k for k from 1 to DEPTH
    answer: tuple[Figure, ...]  # answer@k for k from 1 to DEPTH
    risk_coverage: tuple[Point, ...]  # from the highest confidence down
    latency_ms: Mapping[str, Mapping[str, float]]  # of "search" and "ask": p50, p95
    absent: Mapping[str, int]  # evidence that the index does not hold, and how many questions name it

    def to_json(self) -> dict[str, Any]:
        """The run as it is saved."""
        return {"format": FORMAT, "counts": counts(self.rows)} | asdict(self)


# --- one question -----------------------------------------------------------------------------------------------------


def evaluate(
    questions: Sequence[Question],
    pages: Mapping[str, int],
    search: Callable[[str], Sequence[Hit]],
    ask: Callable[[str], Answer],
    insist: Callable[[str], Answer],
) -> Iterator[Row]:
    """Ask every question and yield what became of it.

    Args:
        pages: how many pages each file of the index has, by its path.
        search: the first DEPTH passages.
        ask: the answer as a user gets it, refusals included.
        insist: the same without a threshold, to see what a refusal kept back.
    """
    search(questions[0].question)  # the first search of a process also loads; it is not timed
    for question in questions:
        started = time.perf_counter()
        hits = search(question.question)
        searched = time.perf_counter()
        answer = ask(question.question)
        answered = time.perf_counter()
        insisted = answer if answer.found else insist(question.question)
        times = ((searched - started) * 1000, (answered - searched) * 1000)
        yield examine(question, absent(question, pages), hits, answer, insisted, times)


def absent(question: Question, pages: Mapping[str, int]) -> dict[Evidence, str]:
    """Evidence that the index does not hold, in words."""
    return {
        item: item.file if item.file not in pages else f"{item.file}, page {item.page}"
        for item in question.evidence
        if (item.page or 1) > pages.get(item.file, 0)
    }


def examine(
    question: Question,
    absent: Mapping[Evidence, str],
    hits: Sequence[Hit],
    answer: Answer,
    insisted: Answer,
    times: tuple[float, float],
) -> Row:
    """Judge what a question found and what was answered. `times` are milliseconds of the search and of the answer."""
    chunks = [hit.stored.chunk for hit in hits[:DEPTH]]
    reached = [
        groups_at(question, chunk.path, chunk.page, chunk.record, hit.stored.also)
        for hit, chunk in zip(hits, chunks, strict=False)
    ]
    ranks = tuple(
        next((rank for rank, groups in enumerate(reached, start=1) if group in groups), None)
        for group in question.groups
    )
    texts = [chunk.text for chunk in chunks]
    answer_rank = next((k for k in range(1, len(texts) + 1) if holds_answer(question, texts[:k])), None)
    judged = verdict(question, answer.found, answer.answer)
    apart = any(all(item in absent for item in question.evidence if item.group == group) for group in question.groups)
    measures = dict.fromkeys(MEASURES, None) | (
        {} if apart else _measures(question, ranks, answer_rank, judged, answer, insisted)
    )
    return Row(
        id=question.id,
        question=question.question,
        kind=question.kind,
        answerable=question.answerable,
        expected=question.answer,
        evidence=question.evidence,
        absent=tuple(dict.fromkeys(absent.values())),
        apart=apart,
        ranks=ranks,
        answer_rank=answer_rank,
        first=next((_place(chunk, chunk.text) for chunk in chunks), None),
        verdict=judged,
        if_answered=verdict(question, insisted.found, insisted.answer),
        answer=shorten(answer.answer, PREVIEW, placeholder=" …"),
        citations=tuple(_place(citation, citation.quote) for citation in answer.citations),
        confidence=answer.confidence,
        measures=measures,
        failure=None if apart else _failure(question, ranks, judged),
        search_ms=round(times[0], 1),
        ask_ms=round(times[1], 1),
    )


def _measures(
    question: Question,
    ranks: Sequence[int | None],
    answer_rank: int | None,
    judged: Verdict,
    answer: Answer,
    insisted: Answer,
) -> dict[str, float | None]:
    if not question.answerable:
        return {"unanswerable_refused": float(judged == "refused")}
    measures: dict[str, float | None] = {"refused": float(judged == "refused")}
    if question.evidence:
        measures |= {f"recall@{k}": recall(ranks, k) for k in (1, 3, 5, 10)}
        measures |= {"mrr": reciprocal_rank(ranks), f"ndcg@{DEPTH}": ndcg(ranks, question)}
        cited = [groups_at(question, place.path, place.page, place.record, place.also) for place in answer.citations]
        if cited:
            measures["page_precision"] = sum(map(bool, cited)) / len(cited)
            measures["page_recall"] = len(frozenset().union(*cited)) / len(question.groups)
    if question.patterns:
        measures |= {f"answer@{k}": float((answer_rank or math.inf) <= k) for k in (1, 3, 5)}
        first = [citation.quote for citation in insisted.citations[:1]]
        measures |= {"quotation": float(holds_answer(question, first))}
        measures |= {name: float(judged == name) for name in ("right", "wrong")}
    return measures


def recall(ranks: Sequence[int | None], k: int) -> float:
    """Share (0..1) of the groups of evidence that the first k passages reach."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None]) -> float:
    """1 / rank of the first passage on a page of evidence; 0 where there is none."""
    return 1 / min((rank for rank in ranks if rank is not None), default=math.inf)


def ndcg(ranks: Sequence[int | None], question: Question) -> float:
    """nDCG (0..1) over groups: each counts 1 / log2(1 + rank) where it is first reached, against the best order.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; that only the first passage of a
    group gains is the α-nDCG of Clarke et al., 2008, with α = 1.
    """
    gained = sum(1 / math.log2(1 + rank) for rank in ranks if rank is not None)
    return min(gained / _best_gain(question), 1.0)  # the greedy order below is the best but for contrived evidence


def _best_gain(question: Question) -> float:
    """What is gained if at each rank stands the page with most groups that no page before it had."""
    pages: dict[tuple[str, int | None, str | None], set[int | str]] = {}
    for item in question.evidence:
        pages.setdefault((item.file, item.page, item.record), set()).add(item.group)
    gain, rank, left = 0.0, 0, set(question.groups)
    while left:
        rank += 1
        best = max(pages.values(), key=lambda groups: len(groups & left))
        gain += len(best & left) / math.log2(1 + rank)
        left -= best
    return gain


def _failure(question: Question, ranks: Sequence[int | None], judged: Verdict) -> Failure | None:
    if not question.answerable:
        return "answered" if judged == "answered" else None
    if None in ranks:
        return "not found"
    return "wrong" if judged == "wrong" else "refused" if judged == "refused" else None


def _place(where: Any, text: str) -> Place:
    """The place of a chunk or a citation."""
    return Place(where.path, where.page, where.record, where.section, shorten(text, PREVIEW, placeholder=" …"))


# --- all questions ----------------------------------------------------------------------------------------------------


def summarise(rows: Sequence[Row], run: Run) -> Evaluation:
    """All figures of a run."""
    kinds = sorted({row.kind for row in rows}, key=lambda kind: (not _any_answerable(rows, kind), kind))
    found = [row for row in rows if row.measures["recall@1"] is not None]
    judged = [row for row in rows if row.measures["answer@1"] is not None]
    return Evaluation(
        run=run,
        rows=tuple(rows),
        figures=_figures(rows) | {AUROC: figure_of_pairs(wins(*confidences(rows)))},
        kinds={kind: _figures([row for row in rows if row.kind == kind]) for kind in kinds},
        recall=tuple(figure(np.array([recall(row.ranks, k) for row in found])) for k in range(1, DEPTH + 1)),
        answer=tuple(
            figure(np.array([float((row.answer_rank or math.inf) <= k) for row in judged])) for k in range(1, DEPTH + 1)
        ),
        risk_coverage=tuple(risk_coverage(rows)),
        latency_ms={
            name: {f"p{share}": round(float(np.percentile(times, share)), 1) for share in (50, 95)}
            for name, times in (("search", [row.search_ms for row in rows]), ("ask", [row.ask_ms for row in rows]))
        },
        absent=dict(Counter(name for row in rows for name in row.absent)),
    )


def _any_answerable(rows: Sequence[Row], kind: str) -> bool:
    return any(row.answerable for row in rows if row.kind == kind)


def _figures(rows: Sequence[Row]) -> dict[str, Figure]:
    return {name: figure(np.array(values_of(rows, name))) for name in MEASURES}


def values_of(rows: Sequence[Row], measure: str) -> list[float]:
    """The measure's values, of the questions that have one."""
    return [value for row in rows if (value := row.measures[measure]) is not None]


def confidences(rows: Sequence[Row]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], ...]:
    """The confidence of the answerable questions `(n,)`, and of the others `(m,)`."""
    return tuple(
        np.array([row.confidence for row in rows if not row.apart and row.answerable == answerable])
        for answerable in (True, False)
    )


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability (0..1) that a positive scores above a negative, ties count half; nan where either is empty."""
    table = wins(np.array(positive), np.array(negative))
    return float(table.mean()) if table.size else math.nan


def risk_coverage(rows: Sequence[Row]) -> Iterator[Point]:
    """The curve's points, one for each confidence that occurs.

    El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", 2010. Questions that cannot be
    judged are left out.
    """
    judged = [row for row in rows if not row.apart and not (row.answerable and row.measures["right"] is None)]
    ranked = sorted((row for row in judged if row.if_answered != "refused"), key=lambda row: -row.confidence)
    bad = 0
    for number, row in enumerate(ranked, start=1):
        bad += row.if_answered != "right"
        if number == len(ranked) or ranked[number].confidence != row.confidence:
            yield Point(row.confidence, number / len(judged), bad / number)


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many questions of which sort, and what became of them."""
    judged = [row for row in rows if not row.apart]
    known, unknown = ([row for row in judged if row.answerable is answerable] for answerable in (True, False))
    return {
        "questions": len(rows),
        "answerable": len(known),
        "unanswerable": len(unknown),
        "not_indexed": len(rows) - len(judged),
        "right": sum(row.verdict == "right" for row in known),
        "wrong": sum(row.verdict == "wrong" for row in known),
        "answered_without_patterns": sum(row.verdict == "answered" for row in known),
        "refused": sum(row.verdict == "refused" for row in known),
        "unanswerable_answered": sum(row.verdict == "answered" for row in unknown),
        "unanswerable_refused": sum(row.verdict == "refused" for row in unknown),
    }
