"""Copies are merged into the best of them, numbers keep passages apart, and no hit is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.types import Chunk
from rag.duplicates import merge
from rag.types import Hit, StoredChunk

RULE = "Any suspected incident must be reported to the security office by telephone within 10 days of its discovery."


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(
            StoredChunk(number, Chunk(f"{number}.txt", number, None, "", 0, len(text), text), "/", "", "", False),
            0,
            0,
            0,
        )
        for number, text in enumerate(texts, start=1)
    ]


@pytest.mark.parametrize(
    ("other", "merged"),
    [
        (RULE, True),
        (RULE.upper().replace(" ", "\n"), True),
        (f"3.2 Reporting. {RULE} This rule applies to all staff.", True),
        (RULE.replace("10", "30"), False),
        (RULE.replace("must", "need not"), False),
        ("Any suspected incident", False),
        ("", False),
    ],
)
def test_what_is_a_copy(other: str, merged: bool) -> None:
    kept = merge(hits(RULE, other), 10)
    assert len(kept) == (1 if merged else 2)
    assert [similar.path for similar in kept[0].similar] == (["2.txt"] if merged else [])


def test_one_word_that_turns_the_meaning_keeps_long_passages_apart() -> None:
    long = " ".join(f"word{letter}{other}" for letter in "abcdefghij" for other in "klmnopqrst")
    assert len(merge(hits(f"{long} must report", f"{long} may report"), 2)) == 2
    assert len(merge(hits(f"{long} the report", f"{long} a report"), 2)) == 1


def test_as_many_as_asked_for_come_back_and_copies_are_named_from_below_too() -> None:
    kept = merge(hits("one", "one", "two", "three", "one"), 2)
    assert [hit.stored.chunk.text for hit in kept] == ["one", "two"]
    assert [similar.id for similar in kept[0].similar] == [2, 5]
    assert (kept[0].similar[0].page, kept[0].similar[0].record) == (2, None)


@given(st.lists(st.lists(st.sampled_from(["must", "report", "10", "30", "days", "監査"]), max_size=14).map(" ".join)))
def test_every_passage_is_a_hit_or_named_by_one(texts: list[str]) -> None:
    kept = merge(hits(*texts), len(texts))
    assert sorted([hit.stored.id for hit in kept] + [other.id for hit in kept for other in hit.similar]) == list(
        range(1, len(texts) + 1)
    )
    assert [hit.stored.id for hit in kept] == sorted(hit.stored.id for hit in kept)
