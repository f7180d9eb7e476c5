"""Measures lie in 0..1, grow with k, and are what their definitions say."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.types import Chunk
from rag.evaluate import (
    AUROC,
    DEPTH,
    MEASURES,
    Row,
    Run,
    absent,
    auroc,
    counts,
    evaluate,
    examine,
    ndcg,
    recall,
    reciprocal_rank,
    risk_coverage,
    summarise,
)
from rag.judge import Evidence, Question, _question
from rag.types import Answer, Citation, Hit, StoredChunk

RUN = Run("0", "2026-01-01T00:00:00+00:00", "q.jsonl", None, "default", 2, 9, "MiniLM", "reader", None, 0.5)


def question(number: str = "1", kind: str = "fact", patterns: Sequence[str] = ("hour",), *evidence: Any) -> Question:
    """A question whose evidence is given as `(file, page, group)`."""
    items = [{"file": file, "page": page, "group": group} for file, page, group in evidence]
    row = {"id": number, "question": "How soon?", "kind": kind, "answer_patterns": list(patterns), "evidence": items}
    return _question(row)


UNANSWERABLE = question("2", "unanswerable", ())
KNOWN = question("1", "fact", ("hour",), ("a.pdf", 1, 1), ("b.pdf", 2, 2))


def hit(path: str, page: int | None, text: str = "text") -> Hit:
    """A passage of a page."""
    return Hit(StoredChunk(1, Chunk(path, page, None, "", 0, len(text), text), "/", "x", "", False), 0.5, None, None)


def answer(found: bool = True, text: str = "one hour", sure: float = 0.9, *cited: tuple[str, int]) -> Answer:
    """An answer that cites pages, with its own text as the quotation."""
    citations = tuple(
        Citation(number, path, "x", page, "", 0, len(text), text, None, "/", False)
        for number, (path, page) in enumerate(cited, start=1)
    )
    return Answer("How soon?", found, text, "quoted" if found else "refused", sure, citations)


def row(
    asked: Question, hits: Sequence[Hit] = (), given: Answer | None = None, pages: Mapping[str, int] | None = None
) -> Row:
    """What became of a question; without `pages` the index holds all its evidence."""
    held = pages or {item.file: 99 for item in asked.evidence}
    given = given or answer()
    return examine(asked, absent(asked, held), hits, given, given, (1.0, 2.0))


def grouped(ranks: Sequence[int | None]) -> Question:
    """A question with a group for each rank, each on a page of its own."""
    return question("1", "fact", ("x",), *[("a.pdf", number, number) for number in range(1, len(ranks) + 1)])


ranks = st.lists(st.none() | st.integers(1, DEPTH), min_size=1, max_size=6)
places = st.tuples(st.sampled_from(["a.pdf", "b.pdf"]), st.integers(1, 3))


# --- laws -------------------------------------------------------------------------------------------------------------


@given(ranks)
def test_measures_of_ranks_lie_in_0_to_1_and_recall_grows_with_k(found: list[int | None]) -> None:
    shares = [recall(found, k) for k in range(DEPTH + 1)]
    assert shares == sorted(shares)
    assert all(0 <= value <= 1 for value in [*shares, reciprocal_rank(found)])
    assert shares[0] == 0
    assert (shares[DEPTH] == 1) == (None not in found)


@given(
    st.lists(st.tuples(places, st.integers(1, 3)), max_size=6),
    st.lists(places, max_size=12),
    st.lists(places, max_size=3),
    st.booleans(),
    st.sampled_from(["one hour", "two days"]),
    st.floats(0, 1),
)
def test_every_measure_lies_in_0_to_1_and_none_shrinks_with_k(
    evidence: list[Any], hits: list[Any], cited: list[Any], found: bool, text: str, sure: float
) -> None:
    asked = question("1", "fact", ("hour",), *[(file, page, group) for (file, page), group in evidence])
    given_ = answer(found, text, sure, *(cited if found else []))
    measures = row(asked, [hit(*place, text=text) for place in hits], given_).measures
    assert set(measures) == set(MEASURES)
    assert all(value is None or 0 <= value <= 1 for value in measures.values())
    for name, steps in (("recall", (1, 3, 5, 10)), ("answer", (1, 3, 5))):
        values = [measures[f"{name}@{k}"] for k in steps]
        assert values == sorted(values, key=lambda value: value or 0)
    assert (measures["right"] or 0) + (measures["wrong"] or 0) + (measures["refused"] or 0) == 1


scores = st.lists(st.integers(-50, 50), min_size=1, max_size=20)


@given(scores, scores)
def test_auroc_is_the_same_under_any_rising_map_and_turns_round_with_its_kinds(
    positive: list[int], negative: list[int]
) -> None:
    area = auroc(positive, negative)
    assert 0 <= area <= 1
    assert auroc([math.exp(x / 10) for x in positive], [math.exp(x / 10) for x in negative]) == area
    assert auroc([3 * x - 7 for x in positive], [3 * x - 7 for x in negative]) == area
    assert auroc(negative, positive) == pytest.approx(1 - area)


rows = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from(["one hour", "two days"]), st.floats(0, 1)), max_size=12
).map(
    lambda items: [
        row(
            question(str(n), "fact" if known else "unanswerable", ("hour",) if known else ()),
            (),
            answer(found, text, sure),
        )
        for n, (known, found, text, sure) in enumerate(items)
    ]
)


@given(rows)
def test_a_risk_coverage_curve_covers_more_as_confidence_falls(seen: list[Row]) -> None:
    points = list(risk_coverage(seen))
    assert [point.confidence for point in points] == sorted({point.confidence for point in points}, reverse=True)
    coverage = [point.coverage for point in points]
    assert coverage == sorted(set(coverage))
    assert all(0 <= point.risk <= 1 and 0 < point.coverage <= 1 for point in points)


@settings(max_examples=15)  # each draws a hundred thousand resamples
@given(rows.filter(bool))
def test_every_question_is_counted_once_and_every_figure_has_a_meaning(seen: list[Row]) -> None:
    found = counts(seen)
    assert found["answerable"] + found["unanswerable"] + found["not_indexed"] == found["questions"] == len(seen)
    assert (
        found["right"] + found["wrong"] + found["refused"] + found["answered_without_patterns"] == found["answerable"]
    )
    assert found["unanswerable_answered"] + found["unanswerable_refused"] == found["unanswerable"]
    evaluation = summarise(seen, RUN)
    for figure in [*evaluation.figures.values(), *evaluation.recall, *evaluation.answer]:
        assert figure.value is None or 0 <= (figure.low or 0) <= (figure.high or 0) <= 1
    assert sum(evaluation.kinds[kind]["refused"].n for kind in evaluation.kinds) == found["answerable"]
    assert json.loads(json.dumps(evaluation.to_json()))["counts"] == found


# --- definitions ------------------------------------------------------------------------------------------------------


def test_ranks_are_those_of_groups() -> None:
    hits = [hit("z.pdf", 1), hit("b.pdf", 2), hit("b.pdf", 2), hit("a.pdf", 1)]
    seen = row(KNOWN, hits)
    assert seen.ranks == (4, 2)
    assert [seen.measures[f"recall@{k}"] for k in (1, 3, 5)] == [0, 0.5, 1]
    assert seen.measures["mrr"] == 0.5
    assert seen.first is not None
    assert seen.first.path == "z.pdf"


def test_passages_behind_the_tenth_do_not_count() -> None:
    seen = row(KNOWN, [hit("z.pdf", 1)] * DEPTH + [hit("a.pdf", 1)])
    assert seen.ranks == (None, None)
    assert seen.failure == "not found"


def test_ndcg_of_the_best_order_is_1() -> None:
    assert ndcg([1], grouped([1])) == 1
    assert ndcg([2, 1], grouped([1, 2])) == 1
    assert ndcg([2], grouped([1])) == pytest.approx(1 / math.log2(3))
    assert ndcg([None], grouped([1])) == 0


def test_a_page_that_serves_two_groups_is_needed_once() -> None:
    both = question("1", "fact", ("x",), ("a.pdf", 1, 1), ("a.pdf", 1, 2))
    assert ndcg([1, 1], both) == 1
    assert ndcg([2, 2], both) == pytest.approx(1 / math.log2(3))


def test_precision_and_recall_of_pages_cited() -> None:
    seen = row(KNOWN, [], answer(True, "one hour", 0.9, ("a.pdf", 1), ("a.pdf", 7), ("z.pdf", 1)))
    assert seen.measures["page_precision"] == pytest.approx(1 / 3)
    assert seen.measures["page_recall"] == 0.5


def test_the_first_quotation_is_looked_at_even_of_an_answer_kept_back() -> None:
    kept = answer(True, "one hour", 0.2, ("a.pdf", 1))
    seen = examine(KNOWN, {}, [], answer(False, "no", 0.2), kept, (1.0, 1.0))
    assert (seen.verdict, seen.if_answered) == ("refused", "right")
    assert seen.measures["quotation"] == 1
    assert seen.measures["page_precision"] is None, "nothing was cited"


@pytest.mark.parametrize(
    ("asked", "hits", "given", "failure"),
    [
        (KNOWN, [hit("a.pdf", 1), hit("b.pdf", 2)], answer(), None),
        (KNOWN, [hit("a.pdf", 1)], answer(), "not found"),
        (KNOWN, [hit("a.pdf", 1), hit("b.pdf", 2)], answer(text="two days"), "wrong"),
        (KNOWN, [hit("a.pdf", 1), hit("b.pdf", 2)], answer(found=False), "refused"),
        (UNANSWERABLE, [hit("a.pdf", 1)], answer(), "answered"),
        (UNANSWERABLE, [], answer(found=False), None),
    ],
)
def test_what_to_look_at(asked: Question, hits: list[Hit], given: Answer, failure: str | None) -> None:
    assert row(asked, hits, given).failure == failure


# --- evidence that the index does not hold ----------------------------------------------------------------------------


def test_a_question_on_a_file_that_is_not_indexed_is_no_miss() -> None:
    seen = row(KNOWN, [], answer(False), {"a.pdf": 3})
    assert (seen.absent, seen.apart, seen.failure) == (("b.pdf",), True, None)
    assert set(seen.measures.values()) == {None}
    assert counts([seen]) == dict.fromkeys(counts([seen]), 0) | {"questions": 1, "not_indexed": 1}
    assert summarise([seen], RUN).absent == {"b.pdf": 1}


def test_an_alternative_in_the_index_is_enough() -> None:
    asked = question("1", "fact", ("hour",), ("a.pdf", 1, 1), ("b.pdf", 2, 1))
    seen = row(asked, [hit("a.pdf", 1)], answer(), {"a.pdf": 3})
    assert (seen.absent, seen.apart, seen.ranks) == (("b.pdf",), False, (1,))


def test_a_page_behind_the_last_is_named() -> None:
    asked = question("1", "fact", ("hour",), ("a.pdf", 7, 1))
    assert list(absent(asked, {"a.pdf": 3}).values()) == ["a.pdf, page 7"]
    assert absent(asked, {"a.pdf": 7}) == {}
    assert absent(question("1", "fact", ("x",), ("notes.txt", None, 1)), {"notes.txt": 1}) == {}


# --- the loop ---------------------------------------------------------------------------------------------------------


def test_every_question_is_searched_and_asked_and_a_refusal_is_pressed() -> None:
    calls: list[str] = []

    def call(name: str, result: Any) -> Any:
        return lambda text: (calls.append(name), result)[1]

    seen = list(
        evaluate(
            [KNOWN, UNANSWERABLE],
            {"a.pdf": 1, "b.pdf": 2},
            call("search", [hit("a.pdf", 1)]),
            call("ask", answer(False, "no", 0.4)),
            call("insist", answer(True, "one hour", 0.4)),
        )
    )
    assert calls == ["search", *["search", "ask", "insist"] * 2]
    assert [(row.id, row.verdict, row.if_answered) for row in seen] == [
        ("1", "refused", "right"),
        ("2", "refused", "answered"),
    ]
    assert all(row.search_ms >= 0 and row.ask_ms >= 0 for row in seen)
    assert summarise(seen, RUN).figures[AUROC].value == 0.5


def test_what_is_kept_of_a_long_text_is_short() -> None:
    seen = row(KNOWN, [hit("a.pdf", 1, "word " * 500)], answer(text="hour " * 500))
    assert seen.first is not None
    assert len(seen.first.text) <= 240
    assert seen.answer.endswith(" …")
    assert isinstance(seen.evidence[0], Evidence)
