"""Many documents to one digest: shared statements told once, rules at odds shown together, terms with every meaning."""

import tracemalloc
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from ingest.readers import read
from ingest.types import Document, Page, SourceFile
from rag.digest import Digest, Digester
from rag.summarize import PAGE
from tests.fakes import WordCountEmbedder

SHARED = "Every member of staff must wear the badge of the company on all floors at all times."
LAPTOPS = "A worker who loses a managed device must report this to the Service Desk within {}."
OTHER = "The canteen serves lunch between noon and two in the afternoon on working days."


def document(name: str, *paragraphs: str) -> Document:
    """A Markdown file with a section for each paragraph."""
    text = "\n\n".join(f"# {number} Part\n\n{paragraph}" for number, paragraph in enumerate(paragraphs, start=1))
    return Document(name, name, (Page(name, None, text),))


def digest(*documents: Document, words: int = 100) -> Digest:
    """The digest of documents, in their own words."""
    digester = Digester(WordCountEmbedder(), None, words)
    for one in documents:
        digester.add(one)
    return digester.finish()


def test_what_several_documents_say_is_told_once_and_cites_all() -> None:
    found = digest(document("a.md", SHARED), document("b.md", OTHER), document("c.md", SHARED))
    assert [said.text for said in found.statements] == [SHARED, OTHER]
    shared, alone = found.statements
    assert shared.sources == (0, 2)
    assert [place.quote for place in shared.places] == [SHARED, SHARED]
    assert alone.sources == (1,)
    assert not found.at_odds


def test_a_shared_statement_cites_documents_whose_summary_does_not_tell_it() -> None:
    found = digest(document("a.md", SHARED), document("b.md", SHARED, OTHER), words=20)
    assert {said.text: said.sources for said in found.statements}[SHARED] == (0, 1)


def test_rules_at_odds_stand_together_with_what_differs() -> None:
    found = digest(
        document("v1.md", LAPTOPS.format("24 hours"), OTHER), document("v2.md", LAPTOPS.format("two hours"), OTHER)
    )
    (odd,) = found.at_odds
    assert odd.differ == "“24 hours” / “two hours”" or "24 hours" in odd.differ
    assert [place.source for place in (*odd.one, *odd.other)] == [0, 1]
    assert "24 hours" in odd.one[0].quote
    assert "two hours" in odd.other[0].quote


def test_one_document_is_not_at_odds_with_itself() -> None:
    found = digest(document("a.md", LAPTOPS.format("24 hours"), LAPTOPS.format("two hours")))
    assert not found.at_odds


def test_other_numbers_of_clauses_and_forms_are_not_at_odds() -> None:
    text = "Details on how the committee votes in such cases stand in section {} of the handbook of the company."
    assert not digest(document("a.md", text.format(3)), document("b.md", text.format(4))).at_odds


def test_terms_are_told_once_and_conflicting_meanings_are_marked() -> None:
    found = digest(
        document("a.md", "An incident is defined as any event that harms information of the company.", OTHER),
        document("b.md", "An incident is defined as a fault of a machine that lasts for a day.", OTHER),
        document("c.md", "A tape is defined as a medium on which copies of data are kept.", OTHER),
        document("d.md", "A tape is defined as a medium on which copies of data are kept.", OTHER),
    )
    terms = {entry.term: entry for entry in found.terms}
    assert terms["incident"].conflicting
    assert [place.source for meaning in terms["incident"].meanings for place in meaning.places] == [0, 1]
    assert not terms["tape"].conflicting
    assert [place.source for place in terms["tape"].meanings[0].places] == [2, 3]


def test_every_section_of_more_than_a_page_is_heard_however_short_the_digest() -> None:
    long = " ".join(f"Laptop {number} must be encrypted by the Service Desk at once." for number in range(60))
    assert len(long) > PAGE
    found = digest(document("a.md", long, OTHER, long), words=1)
    covered = {part.section: part.statements for part in found.sources[0].coverage}
    assert covered["1 Part"]
    assert covered["3 Part"]


def test_a_long_pdf_takes_some_kilobytes_of_memory_a_page(tmp_path: Path) -> None:
    peaks = []
    for pages in (10, 40):
        path = tmp_path / f"{pages}.pdf"
        canvas = Canvas(str(path))
        for page in range(pages):
            for line in range(20):
                text = f"Workers of team {page} must check machine {line} within {page + line + 2} hours of a fault."
                canvas.drawString(60, 800 - 30 * line, text)
            canvas.showPage()
        canvas.save()
        digester = Digester(WordCountEmbedder(), None, 400)
        tracemalloc.start()
        try:
            digester.add(read(SourceFile(path, path.name)))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        (source,) = digester.finish().sources
        assert (source.pages, source.heard) == (pages, source.parts)
    assert (peaks[1] - peaks[0]) / 30 < 150_000, "bytes a page, at most"


@given(
    st.lists(
        st.lists(
            st.sampled_from([SHARED, OTHER, LAPTOPS.format("24 hours"), LAPTOPS.format("two hours"), "x", "Short."]),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_place_is_a_span_of_its_page(parts: list[list[str]]) -> None:
    documents = [document(f"{number}.md", *paragraphs) for number, paragraphs in enumerate(parts)]
    found = digest(*documents)
    places = [place for said in found.statements for place in said.places]
    places += [place for odd in found.at_odds for place in (*odd.one, *odd.other)]
    places += [place for entry in found.terms for meaning in entry.meanings for place in meaning.places]
    for place in places:
        assert documents[place.source].pages[0].text[place.start : place.end] == place.quote
    assert len({said.text for said in found.statements}) == len(found.statements)
