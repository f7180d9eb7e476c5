"""`rag classify`: documents and sections by the user's labels, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import OFFICE, Outcome

Rag = Callable[..., Outcome]

LABELS = """[[label]]
name = "Remote work"
description = "Working from home or abroad: connections, laptops, sign-in from outside."
[[label]]
name = "Expenses"
description = "Travel, hotels, meals, flights, receipts and what is paid back."
[[label]]
name = "Samples"
description = "Taking, labelling, storing and throwing away blood and tissue samples."
"""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.toml"
    path.write_text(LABELS)
    return path


def policy(name: str) -> Path:
    return OFFICE / "policies" / f"{name}.pdf"


CHOSEN = [
    policy(name) for name in ("remote-access-policy-v3.1", "sample-handling-procedure", "travel-and-expenses-policy")
]


def test_policies_go_where_they_belong(rag: Rag, labels: Path) -> None:
    found = rag("classify", *CHOSEN, "--labels", labels, "--json").json
    assert [text["label"] for text in found["texts"]] == ["Remote work", "Samples", "Expenses"]
    for text in found["texts"]:
        assert abs(sum(text["shares"].values()) + text["none"] - 1) < 0.01
        assert text["deciding"]


def test_the_report_names_labels_sentences_and_what_to_look_at(rag: Rag, labels: Path) -> None:
    outcome = rag("classify", *CHOSEN, "--labels", labels, "--by", "section")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0].split()[1] == "sections:"
    assert "remote-access-policy-v3.1.pdf, page 3 · 4 Devices" in outcome.out
    assert "Look at these by hand" in outcome.out


def test_examples_train_a_head_that_says_how_good_it_is(rag: Rag, tmp_path: Path) -> None:
    words = {"Remote work": "gateway", "Expenses": "hotel", "Samples": "tube"}
    entries = [
        f'[[label]]\nname = "{name}"\ndescription = "All that is about the {word} here."\nexamples = '
        + str([f"The {word} is used on day {day} by the staff." for day in range(8)])
        for name, word in words.items()
    ]
    path = tmp_path / "taught.toml"
    path.write_text("\n".join(entries))
    outcome = rag("classify", *CHOSEN, "--labels", path)
    assert "A head was trained on 24 examples. On examples it had not seen: macro-F1 1.00" in outcome.out


def test_labels_without_descriptions_are_refused(rag: Rag, tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text('[[label]]\nname = "a"\n[[label]]\nname = "b"\n')
    outcome = rag("classify", CHOSEN[0], "--labels", path)
    assert outcome.code == 2
    assert "has no description; say in a sentence what belongs there" in outcome.err


def test_files_without_text_are_named(rag: Rag, labels: Path) -> None:
    outcome = rag("classify", OFFICE / "records", "--labels", labels, "--no-ocr")
    assert outcome.code == 3
    assert "scans, left out by --no-ocr" in outcome.err
