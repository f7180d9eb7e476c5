"""A misspelled word meets the words that are meant, within the edits that are forgiven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.typos import Spelling, edits, spellings

STEMS = ["incid", "polici", "manag", "report", "encrypt", "ship", "au", "secur", "prufung"]


def words(found: list[Spelling]) -> list[str]:
    return [spelling.word for spelling in found]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("incidnet", "incident"),
        ("insident", "incident"),
        ("plicy", "policy"),
        ("managment", "management"),
        ("reprot", "report"),
        ("reportt", "report"),
        ("encyrption", "encryption"),
        ("ecnryption", "encryption"),
    ],
)
def test_a_typo_is_mended(typo: str, meant: str) -> None:
    found = spellings(typo, STEMS)
    assert meant in words(found)[:3]
    assert found[0].edits == 1


@pytest.mark.parametrize("word", ["au6", "800", "au", "rep", "pol1cy", "sha256", "x-ray", ""])
def test_short_words_and_those_with_digits_are_left_alone(word: str) -> None:
    assert edits(word) == 0
    assert spellings(word, [*STEMS, word]) == []


def test_longer_words_are_forgiven_more() -> None:
    assert [edits(word) for word in ("abcd", "abcdefghi", "abcdefghij")] == [1, 1, 2]
    assert "report" not in words(spellings("reqqrt", STEMS))
    assert "encryption" in words(spellings("emcrypxion", STEMS))
    assert "encryption" not in words(spellings("emcrypxiom", STEMS))


@given(st.text("abcdefghij", min_size=4, max_size=14), st.data())
def test_one_edit_is_always_mended(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    dropped = word[:place] + word[place + 1 :]
    for typo in (swapped, dropped, f"{word}x"):
        if edits(typo) and typo != word:
            assert word in words(spellings(typo, [word]))
