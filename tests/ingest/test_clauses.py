"""A document's clauses: their numbers, their sentences as exact spans, over page breaks and without running headers."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.clauses import CLAUSE, HEADING, ITEM, Clause, clauses, located, plain
from ingest.types import Document, Page


def document(*pages: str, path: str = "policy.pdf") -> Document:
    return Document(path, None, tuple(Page(path, number, text) for number, text in enumerate(pages, start=1)))


def found(*pages: str) -> list[tuple[str, str, str]]:
    return [(clause.kind, clause.number, clause.text) for clause in clauses(document(*pages))]


POLICY = """3 Devices
3.1 Laptops
3.1.1 Laptops must be encrypted before they are given to anybody who works outside the building.
They are returned on the last day:
(a) with their power supply, and
(b) without stickers.
3.1.2 A lost laptop must be reported at once."""


def test_clauses_items_and_headings_have_their_numbers() -> None:
    assert found(POLICY) == [
        (HEADING, "3", "Devices"),
        (HEADING, "3.1", "Laptops"),
        (CLAUSE, "3.1.1", "Laptops must be encrypted before they are given to anybody who works outside the building. "
         "They are returned on the last day:"),
        (ITEM, "3.1.1(a)", "with their power supply, and"),
        (ITEM, "3.1.1(b)", "without stickers."),
        (CLAUSE, "3.1.2", "A lost laptop must be reported at once."),
    ]  # fmt: skip


def test_a_clause_goes_on_over_a_page_break() -> None:
    (clause,) = clauses(document("1.1 The line manager must request access before it is", "needed by the person."))
    assert clause.text == "The line manager must request access before it is needed by the person."
    assert [piece.page for piece in clause.sentences[0].pieces] == [0, 1]


def test_running_headers_and_contents_belong_to_no_clause() -> None:
    pages = [f"Acme Ltd Rules\n{body}\nPage {number} of 3" for number, body in enumerate(("", "", ""), start=1)]
    pages[0] = (
        "Acme Ltd Rules\n1 Scope . . . . . . . . 2\n2 Duties . . . . . . . . 3\n3 End . . . . . . . . 3\nPage 1 of 3"
    )
    pages[1] = "Acme Ltd Rules\n1.1 These rules bind all staff.\nPage 2 of 3"
    pages[2] = "Acme Ltd Rules\n2.1 Staff must wear a badge.\nPage 3 of 3"
    assert [text for _, _, text in found(*pages)] == ["These rules bind all staff.", "Staff must wear a badge."]


def test_the_header_of_a_document_of_two_pages_belongs_to_no_clause() -> None:
    pages = [
        f"Acme Ltd Rules\nVersion 3.1\n{text}\nPage {number} of 2"
        for number, text in enumerate(("1.1 All staff wear a badge that is", "visible to everybody."), start=1)
    ]
    assert [text for _, _, text in found(*pages)] == ["All staff wear a badge that is visible to everybody."]


def test_a_number_at_the_start_of_a_wrapped_line_is_no_label() -> None:
    text = """4.2 An incident that touches the correctness of patient results is never below Severity
2. The Laboratory Director must be told within 30 minutes of such a classification by the
duty officer. The time limit is governed by the Data Protection Policy and there by clause
8.3. Hospitals must be telephoned.
4.3 The next clause."""
    assert [number for _, number, _ in found(text)] == ["4.2", "4.3"]


def test_a_short_clause_of_figures_is_no_row() -> None:
    assert found("1.2 It meets ISO 15189.") == [(CLAUSE, "1.2", "It meets ISO 15189.")]


def test_controls_keep_their_names() -> None:
    text = "MP-6(1) – Media Sanitization | Review and Approve\nFor High Systems:\n1) Review media sanitization actions."
    assert [number for _, number, _ in found(text)] == ["MP-6(1)", "MP-6(1)", "MP-6(1)(1)"]


def test_words_broken_at_line_ends_are_whole_and_compounds_are_not_joined() -> None:
    assert plain("the infor-\nmation of the\nWPA2-\n3 set") == "the information of the WPA2- 3 set"


def test_nothing_gives_nothing() -> None:
    assert clauses(document("", "  \n ")) == []


@given(st.lists(st.text(alphabet="ab1.2)(•\n -A", max_size=80), max_size=4))
def test_sentences_are_exact_spans_of_pages_in_order(pages: list[str]) -> None:
    made = document(*pages)
    last = (0, 0)
    for sentence in (sentence for clause in clauses(made) for sentence in clause.sentences):
        quoted = [made.pages[piece.page].text[piece.start : piece.end] for piece in sentence.pieces]
        assert plain("\n".join(quoted)) == sentence.text
        for start in range(len(sentence.text)):
            for page in {piece.page for piece in located(made, sentence, start, len(sentence.text))}:
                assert 0 <= page < len(pages)
            if places := located(made, sentence, start, start + 1):
                letter = made.pages[places[0].page].text[places[0].start : places[0].end]
                assert letter == sentence.text[start] or (letter.isspace() and sentence.text[start] == " ")
        for piece in sentence.pieces:
            assert (piece.page, piece.start) >= last
            assert piece.start < piece.end
            last = (piece.page, piece.end)


def test_a_clause_says_all_its_sentences() -> None:
    clause: Clause = clauses(document("1.1 First. Second."))[0]
    assert [sentence.text for sentence in clause.sentences] == ["First.", "Second."]
