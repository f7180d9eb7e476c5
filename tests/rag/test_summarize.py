"""A document to a few statements, each with its place; the model may reword, and only truly."""

import pytest

from ingest.types import Document, Heading, Page
from rag.summarize import PARTS, summarize
from tests.fakes import ScriptedGenerator, WordCountEmbedder


SENTENCE = "Laptops of section {} must be encrypted by the Service Desk within 30 minutes."
OTHERS = (
    "Backup tapes leave the house in sealed boxes and come back after a year.",
    "Visitors are met at the reception, and they wear a badge as long as they stay.",
    "The laboratory keeps its samples at four degrees and writes down each opening of the door.",
    "Suppliers are asked every spring who of their people may enter which building.",
    "Whoever hears of a complaint tells the quality manager before the day is over.",
)


def section(number: int, sentence: str) -> str:
    """A page: lines that came again on every page would be taken for its header or footer."""
    others = [OTHERS[(number * step) % len(OTHERS)] for step in range(1, number % 4 + 2)]
    return "\n\n".join([f"{number} Section {number}", *dict.fromkeys(others), sentence]) + "\n"


def document(sections: int, *, outline: bool = True) -> Document:
    """A page for each section."""
    numbers = range(1, sections + 1)
    pages = tuple(Page("policy.pdf", number, section(number, SENTENCE.format(number))) for number in numbers)
    headings = tuple(Heading(f"{number} Section {number}", number, 1) for number in numbers)
    return Document("policy.pdf", "The Policy", pages, headings if outline else ())


def test_every_statement_is_a_span_of_its_page() -> None:
    whole = document(5)
    summary = summarize(whole, WordCountEmbedder(), None)
    assert summary.statements
    for statement in summary.statements:
        text = whole.pages[(statement.page or 0) - 1].text
        assert text[statement.start : statement.end] == statement.quote
        assert not statement.written
    assert [statement.page for statement in summary.statements] == sorted(
        statement.page or 0 for statement in summary.statements
    )


def test_long_documents_are_summarised_by_parts_of_all_of_it() -> None:
    summary = summarize(document(30), WordCountEmbedder(), None)
    assert 1 < len(summary.statements) <= PARTS
    assert summary.parts <= PARTS
    assert (summary.statements[-1].page or 0) > 20
    assert summary.pages == 30


@pytest.mark.xfail(strict=True, reason="a document without headings is one part, however long it is")
def test_long_documents_without_headings_are_summarised_by_parts_too() -> None:
    assert len(summarize(document(30, outline=False), WordCountEmbedder(), None).statements) > 1


def test_the_model_may_reword_truly() -> None:
    generator = ScriptedGenerator("Laptops must be encrypted within 30 minutes.")
    summary = summarize(document(1), WordCountEmbedder(), generator)
    if "30 minutes" not in summary.statements[0].quote:
        pytest.skip("another sentence was the central one")
    assert summary.statements[0].text == "Laptops must be encrypted within 30 minutes."
    assert summary.statements[0].written


@pytest.mark.parametrize(
    "reply", ["Laptops must be encrypted within 3 days.", "Laptops must be", "", "Nothing of the kind is required."]
)
def test_what_is_not_true_gives_way_to_the_documents_own_words(reply: str) -> None:
    summary = summarize(document(1), WordCountEmbedder(), ScriptedGenerator(reply))
    statement = summary.statements[0]
    assert statement.text == " ".join(statement.quote.split())
    assert not statement.written
    assert summary.dropped_sentences == len(summary.statements)


def test_pages_without_text_are_named() -> None:
    pages = (Page("scan.pdf", 1, ""), Page("scan.pdf", 2, " \n"))
    summary = summarize(Document("scan.pdf", None, pages), WordCountEmbedder(), None)
    assert (summary.statements, summary.pages_without_text, summary.title) == ((), (1, 2), "scan.pdf")


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    summary = summarize(document(3), WordCountEmbedder(), None, lambda done, parts: told.append((done, parts)))
    assert told == [(number, summary.parts) for number in range(1, summary.parts + 1)]
