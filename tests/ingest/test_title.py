"""Titles made of file names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.readers import read
from ingest.title import from_file_name
from ingest.types import SourceFile


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("3M_2018_10K.pdf", "3M 2018 10K"),
        ("filings/AMCOR_2023Q2_10Q.pdf", "AMCOR 2023 Q2 10Q"),
        ("AMCOR_2022_8K_dated-2022-07-01.pdf", "AMCOR 2022 8K dated 2022-07-01"),
        ("AccessControlPolicy_v3.1.docx", "Access Control Policy v3.1"),
        ("HRPolicy2024final.md", "HR Policy 2024 final"),
        ("ISO27001 notes.txt", "ISO 27001 notes"),
        ("iPhone-PDFs--FY2022.txt", "iPhone PDFs FY2022"),
        ("information_security contingency planning _procedure.pdf",
         "information security contingency planning procedure"),
        ("Überwachung-Örtlich.txt", "Überwachung Örtlich"),
        ("规定.txt", "规定"),
        ("b\udcff_policy.txt", "b? policy"),
        ("new\nline\x1b.txt", "new line"),
    ],
)  # fmt: skip
def test_a_file_name_as_one_would_say_it(path: str, title: str) -> None:
    assert from_file_name(path) == title


@pytest.mark.parametrize(
    "path",
    [
        "a.txt",
        "1.jsonl",
        "2024-03-31.csv",
        "_.md",
        "",
        "550e8400-e29b-41d4-a716-446655440000.pdf",
        f"{'0a1b' * 16}.pdf",
    ],
)
def test_names_without_words_are_no_titles(path: str) -> None:
    assert from_file_name(path) is None


@given(st.text(max_size=80))
def test_a_title_keeps_the_letters_and_digits_of_the_name(stem: str) -> None:
    title = from_file_name(f"x{stem}.txt".replace("/", ""))
    if title is not None:
        assert title == " ".join(title.split())
        kept = [character for character in title if character.isalnum()]
        assert kept == [character for character in f"x{stem}" if character.isalnum()]


def test_the_file_name_comes_last(tmp_path: Path) -> None:
    for name in ("travel_policy.md", "travel_costs.md"):
        (tmp_path / name).write_text("# Travel\n\nText." if "policy" in name else "Text.")
    assert read(SourceFile(tmp_path, "travel_policy.md")).title == "Travel"
    assert read(SourceFile(tmp_path, "travel_costs.md")).title == "travel costs"
