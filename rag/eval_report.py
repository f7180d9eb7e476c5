"""An evaluation, or a comparison of two, in words and as an HTML page. Whoever shows the words escapes them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rag.bootstrap import LEVEL, Figure
from rag.compare import CHANCE, LATENCIES, Compared, Comparison
from rag.evaluate import (
    AUROC,
    DEPTH,
    FAILURES,
    LOWER_IS_BETTER,
    MEASURES,
    Evaluation,
    Place,
    Row,
    confidences,
    counts,
)
from rag.html import Content, Markup, element, join, page, table
from rag.judge import Evidence
from rag.plot import Axis, Series, histogram, lines, milliseconds, unit, whisker
from rag.term import counted
from rag.types import where

LABELS = MEASURES | {
    AUROC: "AUROC of the confidence",
    "search_ms": "search, median ms",
    "ask_ms": "answer, median ms",
}
"""What a measure is called, by its name."""

BY_KIND = {"recall@1": "recall@1", "recall@5": "recall@5", "answer@3": "answer@3", "right": "right", "wrong": "wrong"}
"""Measures shown for each kind of question, with short names; refusals beside them."""


# --- in words ---------------------------------------------------------------------------------------------------------


def headline(evaluation: Evaluation) -> str:
    """What was asked of what, in a line."""
    run, found = evaluation.run, counts(evaluation.rows)
    how = f"worded by {run.language_model}" if run.language_model else "quotations alone"
    apart = f", {found['not_indexed']} not judged" if found["not_indexed"] else ""
    asked = f"{found['answerable']} answerable, {found['unanswerable']} unanswerable{apart}"
    searched = f"{counted(run.files, 'file')}, {counted(run.passages, 'passage')}"
    return f"{counted(found['questions'], 'question')} ({asked}) on {searched}; {how}"


def outcome(evaluation: Evaluation) -> str:
    """What became of the questions, in a line."""
    found = counts(evaluation.rows)
    plain = found["answered_without_patterns"]
    return (
        f"Answerable: {found['right']} right, {found['wrong']} wrong, {found['refused']} refused"
        + (f", {plain} answered that have no pattern to judge by" if plain else "")
        + f". Unanswerable: {found['unanswerable_refused']} refused, {found['unanswerable_answered']} answered."
    )


def absences(evaluation: Evaluation) -> list[str]:
    """A line for each file or page that questions rest on and the index does not hold."""
    return [
        f"{name} is not in the index; {counted(number, 'question')} {'names' if number == 1 else 'name'} it as evidence"
        for name, number in evaluation.absent.items()
    ]


def kind_rows(evaluation: Evaluation) -> list[list[str]]:
    """A row for each kind of question: its name, how many, BY_KIND, refused."""
    rows = []
    for kind, figures in evaluation.kinds.items():
        number = sum(row.kind == kind for row in evaluation.rows)
        refused = figures["refused"] if figures["refused"].n else figures["unanswerable_refused"]
        rows.append([kind, str(number), *(two(figures[name].value) for name in BY_KIND), two(refused.value)])
    return rows


def failures(evaluation: Evaluation) -> dict[str, list[Row]]:
    """The questions to look at, under what went wrong; the surest first, for a sure mistake misleads most."""
    found = {
        words: sorted((row for row in evaluation.rows if row.failure == kind), key=lambda row: -row.confidence)
        for kind, words in FAILURES.items()
    }
    return {words: rows for words, rows in found.items() if rows}


def explain(row: Row) -> Iterator[tuple[str, str]]:
    """`(label, text)`: what was expected of a question and what came instead."""
    if row.answerable:
        yield "expected", row.expected or "an answer from the evidence"
        for item in row.evidence:
            yield "evidence", _evidence(item) + (f": “{item.quote}”" if item.quote else "")
        yield "found", _ranks(row)
    else:
        yield "expected", "a refusal"
    yield "came first", f"{_where(row.first)}: “{row.first.text}”" if row.first else "nothing"
    said = f"refused, confidence {row.confidence:.2f}"
    if row.verdict != "refused":
        said = f"{row.answer} ({row.verdict}, confidence {row.confidence:.2f})"
    elif row.answerable and row.if_answered in ("right", "wrong"):
        said += f"; the answer kept back is {row.if_answered}"
    yield "said", said


def _ranks(row: Row) -> str:
    if not row.ranks:
        return "no page of evidence is given"
    each = [f"at passage {rank}" if rank else f"not among the first {DEPTH} passages" for rank in row.ranks]
    return each[0] if len(each) == 1 else ", ".join(f"part {part} {rank}" for part, rank in enumerate(each, start=1))


def _evidence(item: Evidence) -> str:
    return where(item.file, item.page, item.record)


def _where(place: Place) -> str:
    return where(place.path, place.page, place.record) + (f" · {place.section}" if place.section else "")


def two(value: float | None) -> str:
    """A figure in 0..1 with two decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def span(figure: Figure) -> str:
    """A figure's interval."""
    return "" if figure.low is None else f"{figure.low:.2f}–{figure.high:.2f}"


def changed(compared: Compared, decimals: int = 2) -> list[str]:
    """Both values, the difference with its interval, p and the number of questions."""
    seen, form = compared.difference, f".{decimals}f"
    return [
        format(compared.first, form),
        format(compared.second, form),
        format(seen.value, f"+{form}"),
        f"{seen.low:+{form}} to {seen.high:+{form}}",
        "<.001" if seen.p < 0.001 else f"{seen.p:.3f}",
        str(seen.n),
    ]


def judgement(name: str, compared: Compared) -> str:
    """Whether a difference is more than chance, in a word."""
    seen = compared.difference
    if seen.p >= CHANCE:
        return "the same" if seen.value == 0 else "may be chance"
    lower = name in LOWER_IS_BETTER or name in LATENCIES
    return "better" if (seen.value > 0) != lower else "worse"


def pairing(comparison: Comparison) -> str:
    """Which runs are compared, in a line."""
    a, b = (f"{saved.name} ({saved.run.date})" for saved in (comparison.first, comparison.second))
    return f"A is {a}, B is {b}; {counted(len(comparison.first.rows), 'question')}, paired"


def set_differently(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Name and both values of each setting that differs."""
    return [(name.replace("_", " "), _setting(a), _setting(b)) for name, (a, b) in comparison.settings().items()]


def _setting(value: str | float | None) -> str:
    return "none" if value is None else str(value)


def caution(comparison: Comparison) -> str:
    """What a reader of so many p values has to know."""
    return (
        "p: how often chance alone gives so large a difference, by paired bootstrap over the n questions that have the "
        f"measure in both runs. Of {len(comparison.measures)} measures one in twenty falls below {CHANCE} by chance. "
        "Times also tell what else the machine did."
    )


# --- as a page --------------------------------------------------------------------------------------------------------


def render_evaluation(evaluation: Evaluation) -> str:
    """The page of one run."""
    run = evaluation.run
    settings = {
        "questions": run.questions + (f", split {run.split}" if run.split else ""),
        "date": run.date,
        "collection": run.collection,
        "embedding model": run.embedding_model,
        "reader": run.reader_model or "none",
        "language model": run.language_model or "none, quotations alone",
        "answers from confidence": f"{run.answer_threshold:.2f}",
        "version": run.version,
    }
    return page(
        f"Evaluation: {run.questions}",
        element("h1", "Evaluation"),
        element("p", f"{headline(evaluation)}."),
        element("p", outcome(evaluation)),
        [element("p", f"{line}.", class_="bad") for line in absences(evaluation)],
        element("h2", "Figures"),
        _figures(evaluation.figures, evaluation.latency_ms),
        element("h2", "Plots"),
        element("div", _plots(evaluation), class_="plots"),
        element("h2", "By kind of question"),
        table(["kind", "n", *BY_KIND.values(), "refused"], kind_rows(evaluation)),
        element("h2", "Look at these"),
        _cards(evaluation),
        element("h2", "What was run"),
        element("dl", ([element("dt", name), element("dd", value)] for name, value in settings.items())),
    )


def _figures(figures: Mapping[str, Figure], latency: Mapping[str, Mapping[str, float]]) -> Markup:
    rows: list[Sequence[Content]] = []
    for name in (*MEASURES, AUROC):
        figure = figures[name]
        drawn = (
            None
            if figure.value is None or figure.low is None or figure.high is None
            else whisker(figure.value, figure.low, figure.high)
        )
        lower = element("span", " (lower is better)", class_="quiet") if name in LOWER_IS_BETTER else None
        rows.append([join(LABELS[name], lower), two(figure.value), span(figure), drawn, figure.n])
    times = [
        f"{words} {values['p50']:,.0f} ms, 95 % within {values['p95']:,.0f} ms"
        for words, values in (("search: median", latency["search"]), ("answer: median", latency["ask"]))
    ]
    return join(
        table(["measure", "value", f"{LEVEL:.0%} interval", "", "n"], rows),
        element("p", f"Time, {'; '.join(times)}.", class_="quiet"),
    )


def _plots(evaluation: Evaluation) -> Iterator[Markup]:
    threshold = evaluation.run.answer_threshold
    here = f"threshold {threshold:.2f}"
    found = [_recall("evidence page", evaluation.recall), _recall("answer", evaluation.answer)]
    if found := [series for series in found if series.points]:
        yield lines(
            "Recall by number of passages",
            "How much of the evidence, and of the answers, stands in the first k passages. Shaded: 95 % interval.",
            Axis("first k passages", [(float(k), str(k)) for k in range(1, DEPTH + 1)], 1.0, float(DEPTH)),
            unit("share of questions"),
            found,
        )
    if points := evaluation.risk_coverage:
        coverage = max((point.coverage for point in points if point.confidence >= threshold), default=0.0)
        yield lines(
            "Risk and coverage",
            "What a higher or lower threshold would do: questions are answered from the surest to the least sure. "
            "Wrong is also every answer to an unanswerable question.",
            unit("share of questions answered"),
            unit("share of these wrong"),
            [Series("risk", [(point.coverage, point.risk) for point in points], dots=len(points) <= 60)],
            (coverage, here),
        )
    known, unknown = (values.tolist() for values in confidences(evaluation.rows))
    yield histogram(
        "Confidence",
        "The further apart the two lie, the better a threshold can tell them.",
        unit("confidence"),
        "questions",
        [("answerable", known), ("unanswerable", unknown)],
        (threshold, here),
    )
    searches, answers = [row.search_ms for row in evaluation.rows], [row.ask_ms for row in evaluation.rows]
    yield lines(
        "Latency",
        "How many searches and answers took at most so long. An answer has a search of its own inside.",
        milliseconds("milliseconds", searches + answers),
        unit("share of questions within"),
        [_within("search", searches), _within("answer", answers)],
    )


def _recall(name: str, figures: Sequence[Figure]) -> Series:
    drawn = [(k, figure) for k, figure in enumerate(figures, start=1) if figure.value is not None]
    return Series(
        name,
        [(k, figure.value or 0.0) for k, figure in drawn],
        [(k, figure.low or 0.0, figure.high or 0.0) for k, figure in drawn],
        dots=True,
    )


def _within(name: str, times: Sequence[float]) -> Series:
    """The share of times that lie at or below each time: a step for each."""
    points, below = [], 0.0
    for number, time in enumerate(np.sort(times).tolist(), start=1):
        points += [(time, below), (time, number / len(times))]
        below = number / len(times)
    return Series(name, points)


def _cards(evaluation: Evaluation) -> Iterator[Markup]:
    found = failures(evaluation)
    if not found:
        yield element("p", "No question failed.")
    for words, rows in found.items():
        yield element("h3", f"{words} ({len(rows)})")
        yield from map(_card, rows)


def _card(row: Row) -> Markup:
    return element(
        "article",
        element("p", element("b", row.id), row.question, element("span", f" {row.kind}", class_="quiet")),
        element("dl", ([element("dt", label), element("dd", text)] for label, text in explain(row))),
    )


def render_comparison(comparison: Comparison) -> str:
    """The page of two runs."""
    rows: list[Sequence[Content]] = []
    for name, compared in [*comparison.measures.items(), *comparison.latency_ms.items()]:
        words = judgement(name, compared)
        colour = {"better": "good", "worse": "bad"}.get(words, "quiet")
        decimals = 0 if name in comparison.latency_ms else 2
        rows.append([LABELS[name], *changed(compared, decimals), element("span", words, class_=colour)])
    settings = set_differently(comparison)
    return page(
        "Comparison of two runs",
        element("h1", "Comparison of two runs"),
        element("p", f"{pairing(comparison)}."),
        table(["set differently", "A", "B"], settings) if settings else element("p", "Nothing was set differently."),
        element("h2", "Figures"),
        table(["measure", "A", "B", "B − A", f"{LEVEL:.0%} interval", "p", "n", ""], rows),
        element("p", caution(comparison), class_="quiet"),
        element("h2", "Questions that changed sides"),
        [
            [
                element("h3", f"{name[0].upper()}{name[1:]}"),
                [_changed("Now", change.gained), _changed("No longer", change.lost)]
                if change.gained or change.lost
                else element("p", "None.", class_="quiet"),
            ]
            for name, change in comparison.changes.items()
        ],
    )


def _changed(words: str, rows: Sequence[Row]) -> list[Markup]:
    if not rows:
        return []
    return [element("p", f"{words} ({len(rows)}):"), *map(_card, rows)]
