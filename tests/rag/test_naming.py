"""Which documents a question names, and that everyday words name none."""

from collections.abc import Sequence
from typing import Any

import pytest

from rag.naming import MOST, Names

FILINGS = ["3M_2018_10K.pdf", "3M_2022_10K.pdf", "BESTBUY_2023_10K.pdf", "AMERICANEXPRESS_2022_10K.pdf"]
POLICIES = ["incident-response-procedure.pdf", "remote-access-policy.pdf", "notes.txt", "travel-policy.pdf"]


class Shelf:
    """A catalog that has names alone."""

    def __init__(self, paths: Sequence[str], titles: Sequence[str] = ()) -> None:
        self._rows = [(number, titles[number] if titles else "", path) for number, path in enumerate(paths)]

    def names(self) -> list[tuple[int, str, str]]:
        """`(document, title, path)`."""
        return self._rows


def named(paths: Sequence[str], question: str, titles: Sequence[str] = ()) -> list[str]:
    shelf: Any = Shelf(paths, titles)
    return [paths[number] for number in Names(shelf).named(question)]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What is the FY2018 capital expenditure of 3M?", "3M_2018_10K.pdf"),
        ("Is 3M capital-intensive, based on FY22 data?", "3M_2022_10K.pdf"),
        ("How did Best Buy's gross margin change in 2023?", "BESTBUY_2023_10K.pdf"),
        ("Which geographies does American Express operate in as of 2022?", "AMERICANEXPRESS_2022_10K.pdf"),
    ],
)
def test_a_filing_is_named_by_company_and_year(question: str, first: str) -> None:
    assert named(FILINGS, question)[0] == first


def test_the_company_alone_names_all_its_filings() -> None:
    others = [f"{company}_{year}_10K.pdf" for company in ("BLOCK", "BOEING", "AMCOR") for year in (2018, 2022)]
    assert set(named(FILINGS[:2] + others, "What does 3M make?")) == set(FILINGS[:2])


@pytest.mark.parametrize(
    "question",
    ["How fast must an incident be reported?", "Who takes notes?", "Who approves travel?", "?!", "", "the of and"],
)
def test_everyday_words_name_no_document(question: str) -> None:
    assert named(POLICIES, question) == []


def test_a_document_is_named_by_its_title_or_by_its_file() -> None:
    titles = ["Responding to incidents", "", "", ""]
    assert named(POLICIES, "What does Responding to Incidents say?", titles)[0] == POLICIES[0]
    assert named(POLICIES, "What does the incident response procedure say?", titles)[0] == POLICIES[0]
    assert named(POLICIES, "WHAT DOES THE REMOTE ACCESS POLICY SAY?")[0] == "remote-access-policy.pdf"


def test_a_question_that_names_a_kind_of_document_names_few() -> None:
    paths = [f"Annual Report {year}.pdf" for year in range(1990, 2020)]
    assert len(named(paths, "What do the Annual Report and its notes say?")) <= MOST
    assert named(paths, "What does the annual report of 2003 say?")[0] == "Annual Report 2003.pdf"


def test_shares_lie_between_a_half_and_one() -> None:
    shelf: Any = Shelf(FILINGS + POLICIES)
    shares = Names(shelf).named("3M 2018 and the remote access policy of Best Buy in 2023").values()
    assert list(shares) == sorted(shares, reverse=True)
    assert all(0.5 <= share <= 1 for share in shares)
