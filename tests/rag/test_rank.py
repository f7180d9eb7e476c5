"""The reader's judgement joins the first stage's; nothing is lost or made up on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ingest.types import Chunk
from rag.models.reader import Reading
from rag.rank import READ, context, rerank
from rag.types import Hit, Parts, StoredChunk


@dataclass
class Scripted:
    """A reader that gives each passage the relevance that stands in its text."""

    name: str = "scripted"
    sha256: str = "0" * 64
    asked: list[tuple[str, str]] = field(default_factory=list)

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """A reading for each `(context, text)`."""
        self.asked += passages
        return [Reading(float(text), float(text), None) for _, text in passages]


def hit(number: int, relevance: float, score: float) -> Hit:
    """A passage whose text says how relevant it is."""
    chunk = Chunk("a.pdf", 1, None, "3 Reporting", 0, 9, str(relevance))
    stored = StoredChunk(number, chunk, "/office", "x", "Incident policy", False)
    return Hit(stored, score, score, score, Parts(words=0.3 * score, meaning=0.7 * score))


SCORES = st.lists(st.tuples(st.floats(-9, 9), st.floats(0, 1)), max_size=40)


@given(SCORES)
def test_every_hit_comes_back_once_in_order_with_a_score_in_0_1(values: list[tuple[float, float]]) -> None:
    hits = [hit(number, *value) for number, value in enumerate(sorted(values, key=lambda value: -value[1]))]
    found = rerank("?", hits, Scripted())
    assert sorted(item.stored.id for item in found) == [item.stored.id for item in hits]
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert all(0 <= item.score <= 1 for item in found)
    assert sum(item.reading is not None for item in found) == min(len(hits), READ)


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(0, 1))
def test_of_two_alike_the_more_relevant_one_comes_first(one: float, other: float, score: float) -> None:
    first = rerank("?", [hit(1, one, score), hit(2, other, score)], Scripted())[0]
    assert float(first.stored.chunk.text) >= max(one, other) - 1e-9


def test_hits_that_were_not_read_keep_their_order_behind_the_others() -> None:
    hits = [hit(number, -5.0, 1 - number / 100) for number in range(READ + 5)]
    assert [item.stored.id for item in rerank("?", hits, Scripted())] == list(range(READ + 5))


def test_the_reader_is_told_title_and_section() -> None:
    reader = Scripted()
    rerank("?", [hit(1, 1.0, 1.0)], reader)
    assert reader.asked == [("Incident policy › 3 Reporting", "1.0")]
    assert context(hit(1, 1.0, 1.0).stored) == "Incident policy › 3 Reporting"
