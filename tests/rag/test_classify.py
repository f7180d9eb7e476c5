"""Texts go to the label that fits, with probabilities, or to none; a head learns from examples."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.classify import LEAST, classify, macro_f1
from rag.labels import Label
from tests.fakes import WordCountEmbedder

SOUP = Label("Soup", "Onions, leeks, carrots and celery cooked in water with salt.")
TIDES = Label("Tides", "High and low water at the bridge, the moon, currents and boats.")
MONEY = Label("Money", "Invoices, budgets, bank transfers and receipts of the office.")
LABELS = [SOUP, TIDES, MONEY]

embed = WordCountEmbedder().embed


def test_a_text_goes_to_the_label_that_shares_its_words() -> None:
    texts = [["Leeks and carrots are cooked.", "Add celery and salt."], ["Boats wait for high water at the bridge."]]
    found = classify(texts, LABELS, embed).texts
    assert [one.label for one in found] == ["Soup", "Tides"]
    assert all(one.confidence == one.shares[0][1] > one.none for one in found)


def test_what_fits_nothing_is_none_of_these_or_unsure() -> None:
    many = [
        Label(f"{n}", f"{word} and nothing else at all") for n, word in enumerate("ab cd ef gh ij kl mn op".split())
    ]
    (found,) = classify([["Quartz xylophones vex jumping zebras quickly."]], many, embed).texts
    assert found.label is None
    assert found.confidence < LEAST
    assert found.unsure


def test_few_labels_are_no_reason_to_take_one_of_them() -> None:
    strange = ["Quartz xylophones vex jumping zebras.", "Wizards fax bold glyphs to judges."]
    (found,) = classify([strange], LABELS, embed).texts
    assert found.label is None
    assert found.none > found.confidence


def test_a_text_without_sentences_is_none_of_these() -> None:
    empty, full = classify([[], ["Carrots are cooked with celery and leeks."]], LABELS, embed).texts
    assert (empty.label, empty.confidence, empty.none, empty.deciding) == (None, 0.0, 1.0, ())
    assert full.label == "Soup"


def test_deciding_sentences_are_those_of_the_label_in_order() -> None:
    text = [
        "Soup",
        "A mere remark on nothing special here.",
        "Leeks and carrots are cooked.",
        "Onions are cooked in water.",
    ]
    (found,) = classify([text], LABELS, embed).texts
    assert set(found.deciding) >= {2, 3}
    assert list(found.deciding) == sorted(found.deciding)


def test_a_head_learns_what_descriptions_do_not_say() -> None:
    def taught(label: Label, words: str) -> Label:
        first, second = words.split()
        examples = tuple(
            f"{first} {second} {filler}" for filler in "one two three four five six seven eight nine".split()
        )
        return Label(label.name, label.description, examples)

    labels = [taught(SOUP, "zig zag"), taught(TIDES, "flip flop"), taught(MONEY, "tick tock")]
    outcome = classify([["flip flop today"], ["tick tock today"]], labels, embed, train=True)
    assert [one.shares[0][0] for one in outcome.texts] == ["Tides", "Money"]
    assert outcome.trained is not None
    assert outcome.trained.examples == 27
    assert outcome.trained.macro_f1 > outcome.trained.described


@given(
    st.lists(
        st.lists(st.sampled_from(["Leeks.", "The moon rises.", "x", "Pay it."]), max_size=3), min_size=1, max_size=30
    )
)
def test_shares_are_probabilities_and_the_same_each_time(texts: list[list[str]]) -> None:
    found = classify(texts, LABELS, embed).texts
    assert found == classify(texts, LABELS, embed).texts
    for one in found:
        assert abs(sum(share for _, share in one.shares) + one.none - 1) < 1e-9
        assert sorted(name for name, _ in one.shares) == ["Money", "Soup", "Tides"]


def test_macro_f1() -> None:
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 0, 1]), 2) == 1.0
    assert macro_f1(np.array([0, 0, 0]), np.array([0, 0, 1]), 2) == 0.4
