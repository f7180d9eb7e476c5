"""Labels are read whole, or refused with what is wrong and what to do."""

from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.labels import Label, read_labels, trains

TWO = """[[label]]
name = "Soup"
description = "Onions, leeks and what is cooked of them."
examples = ["Fry the onions."]

[[label]]
name = "Tides"
description = "High and low water at the bridge."
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.toml"
    path.write_text(text)
    return path


def test_labels_with_examples(tmp_path: Path) -> None:
    soup, tides = read_labels(written(tmp_path, TWO))
    assert soup == Label("Soup", "Onions, leeks and what is cooked of them.", ("Fry the onions.",))
    assert tides.text == "Tides: High and low water at the bridge."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[label", "not valid TOML"),
        ("", "needs two [[label]] entries"),
        (TWO.replace('description = "High and low water at the bridge."', ""), "'Tides' of"),
        (TWO.replace("High and low water at the bridge.", "Water."), "has no description"),
        (TWO.replace("Tides", "Soup"), "two labels named 'Soup'"),
        (TWO.replace('name = "Tides"', ""), "has no name"),
        (TWO + "colour = 1\n", "unknown entry 'colour'"),
        (TWO.replace('["Fry the onions."]', "3"), "have to be a list of texts"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_labels(written(tmp_path, text))
    assert said in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "none.toml")


def test_a_head_needs_examples_of_every_label() -> None:
    enough = tuple(f"Example number {n} of it." for n in range(8))
    assert trains([Label("a", "b"), Label("c", "d")]) is False
    assert trains([Label("a", "b", enough), Label("c", "d", enough)]) is True
    with pytest.raises(UsageError, match="'c' has 0 examples"):
        trains([Label("a", "b", enough), Label("c", "d")])
