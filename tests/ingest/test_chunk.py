import random
import re
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import MAX_EMBEDDED, MAX_TOKENS, chunks
from ingest.types import Chunk, Document, Heading, Page
from rag.models.catalogue import EMBEDDING, verify
from rag.models.wordpiece import WordPiece


class Words:
    """A tokenizer whose tokens are words and single signs."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


class Blind:
    """A tokenizer that takes a run without white space for one unknown token, however long."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    """The embedding model's own tokenizer."""
    return WordPiece(verify(EMBEDDING, "tokenizer.json"), MAX_EMBEDDED + 2)


def document(*texts: str, outline: tuple[Heading, ...] = (), path: str = "a.pdf") -> Document:
    numbers = range(1, len(texts) + 1) if path.endswith(".pdf") else [None] * len(texts)
    return Document(
        path, None, tuple(Page(path, number, text) for number, text in zip(numbers, texts, strict=True)), outline
    )


def texts(made: list[Chunk]) -> list[str]:
    return [chunk.text for chunk in made]


def tokens(text: str) -> int:
    return len(Words().offsets(text))


def check_laws(of: Document, made: list[Chunk], max_tokens: int) -> list[str]:
    """Check what holds for every chunk; return the lines that no chunk holds."""
    by_page: dict[tuple[int | None, str | None], list[Chunk]] = defaultdict(list)
    for chunk in made:
        by_page[chunk.page, chunk.record].append(chunk)
    left_out = []
    for page in of.pages:
        last = 0
        for chunk in by_page[page.number, page.record]:
            assert page.text[chunk.start : chunk.end] == chunk.text
            assert chunk.text == chunk.text.strip() != ""
            assert chunk.start >= last
            assert sum(chunk.start <= start < chunk.end for start, _ in Words().offsets(page.text)) <= max_tokens
            left_out += page.text[last : chunk.start].split("\n")
            last = chunk.end
        left_out += page.text[last:].split("\n")
    return [line.strip() for line in left_out if line.strip()]


POLICY = """3. Incident reporting
3.1 Scope
This section applies to all staff of the company and to its contractors.
3.2 Deadlines
Suspected incidents are reported to the service desk within one hour of their discovery.
The service desk informs the security officer without delay.
"""


def test_sections_are_the_path_of_headings() -> None:
    made = chunks(document(POLICY), Words())
    assert [(chunk.section, chunk.text.split("\n")[0]) for chunk in made] == [
        ("3 Incident reporting › 3.1 Scope", "3. Incident reporting"),
        ("3 Incident reporting › 3.2 Deadlines", "3.2 Deadlines"),
    ]
    assert made[1].text.endswith("without delay.")


def test_sections_carry_over_pages_but_not_over_files_and_records() -> None:
    made = chunks(document(POLICY, "The rest of the rule stands on the next page."), Words())
    assert made[-1].section == "3 Incident reporting › 3.2 Deadlines"
    pages = (Page("r.jsonl", None, POLICY, "a", "Rules"), Page("r.jsonl", None, "Another record.", "b", "Other"))
    made = chunks(Document("r.jsonl", None, pages), Words())
    assert (made[0].section, made[0].record) == ("Rules › 3 Incident reporting › 3.1 Scope", "a")
    assert (made[-1].section, made[-1].record) == ("Other", "b")


def test_a_heading_without_text_stays_with_what_follows() -> None:
    assert chunks(document(POLICY), Words())[0].text.startswith("3. Incident reporting\n3.1 Scope\nThis")


def test_a_heading_stays_with_its_text_when_the_section_is_cut() -> None:
    body = " ".join(f"Sentence {number} of this section says something." for number in range(12))
    for limit in range(12, 40):
        first = chunks(document(f"2. SCOPE\n{body}"), Words(), limit)[0]
        assert first.text.startswith("2. SCOPE\nSentence 0")


def test_long_sections_are_cut_between_clauses_and_evenly() -> None:
    items = [
        f"{number}) Staff keep the record number {number} of the year for as long as it is of use."
        for number in range(1, 9)
    ]
    made = chunks(document("4. RECORDS\nThe following holds:\n" + "\n".join(items)), Words(), 60)
    assert all(tokens(chunk.text) <= 60 for chunk in made)
    assert all(re.match(r"4\. RECORDS|\d\) ", chunk.text) for chunk in made)
    assert min(tokens(chunk.text) for chunk in made) > 15


def test_a_passage_knows_the_clauses_that_it_stands_in() -> None:
    starts = [
        "1. One",
        "2. Two",
        "(a) Two a",
        "(b) Two b",
        "• A point",
        "(c) Two c",
        "3. Three",
        "",
        "Text",
        "(a) Other",
    ]
    page = "\n".join(
        f"{start} holds for all of the staff and for all of its guests." if start else "" for start in starts
    )
    made = chunks(document(f"3.2 REPORTING\n{page}"), Words(), 20)
    found = {chunk.text.partition(" holds")[0]: chunk.section.removeprefix("3.2 REPORTING") for chunk in made}
    assert found == {
        "3.2 REPORTING\n1. One": "", "2. Two": "", "(a) Two a": " › 2", "(b) Two b": " › 2", "• A point": " › 2 › b",
        "(c) Two c": " › 2", "3. Three": "", "Text": "", "(a) Other": "",
    }  # fmt: skip


def test_the_rest_of_a_clause_that_is_cut_has_its_label() -> None:
    clause = "(b) " + " ".join(f"Part {n} of the clause says what is to be done." for n in range(9))
    made = chunks(document(f"4. RECORDS\n(a) Short.\n{clause}"), Words(), 50)
    assert len(made) > 1
    assert {chunk.section for chunk in made[1:]} == {"4 RECORDS › b"}
    assert {chunk.section for chunk in chunks(document(clause), Words(), 50)} == {""}  # a label alone is no section


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    of = document("word " * 400)
    made = chunks(of, Words(), 50)
    assert [tokens(text) for text in texts(made)] == [50] * 8
    assert check_laws(of, made, 50) == []


@pytest.mark.parametrize("tokenizer", [Words(), Blind()])
def test_a_string_without_spaces_is_cut_all_the_same(tokenizer: Words | Blind) -> None:
    of = document("x" * 50_000 + " end")
    made = chunks(of, tokenizer)
    assert "".join(texts(made)) == "x" * 50_000 + "end" or "".join(texts(made)).replace(" ", "") == "x" * 50_000 + "end"
    assert max(len(text) for text in texts(made)) <= 12 * MAX_TOKENS


def test_running_headers_and_footers_are_left_out_after_the_first_page() -> None:
    bodies = ["Alpha applies to all.", "Beta applies to some.", "Gamma applies to few.", "Delta applies to none."]
    of = document(*[f"ACME Ltd – Confidential\n{body}\nPage {n} of 4" for n, body in enumerate(bodies, start=1)])
    made = chunks(of, Words())
    assert texts(made) == [f"ACME Ltd – Confidential\n{bodies[0]}\nPage 1 of 4", *bodies[1:]]
    assert len(check_laws(of, made, MAX_TOKENS)) == 6
    assert {chunk.section for chunk in made} == {""}


def test_totals_that_differ_from_page_to_page_are_no_footer() -> None:
    of = document(*[f"Invoice {number * 37 % 101}\nTotal: $ {number * 7919 % 1000}" for number in range(1, 9)])
    assert check_laws(of, chunks(of, Words()), MAX_TOKENS) == []


def test_two_pages_have_no_running_header() -> None:
    of = document("ACME Ltd\nAlpha.", "ACME Ltd\nBeta.")
    assert check_laws(of, chunks(of, Words()), MAX_TOKENS) == []


def test_records_that_begin_alike_keep_their_beginning() -> None:
    pages = tuple(Page("r.jsonl", None, f"Rule of the exchange\nNumber {n} holds.", str(n)) for n in range(9))
    of = Document("r.jsonl", None, pages)
    assert check_laws(of, chunks(of, Words()), MAX_TOKENS) == []


def test_a_table_of_contents_is_kept_apart_and_opens_no_section() -> None:
    contents = "CONTENTS\n1. Purpose ........ 2\n2. Scope ......... 3\n3. Duties ........ 4\n"
    made = chunks(document(contents + "This document was approved by the board.", "It holds from today."), Words())
    assert texts(made)[1] == contents[9:].strip()
    assert [chunk.section for chunk in made] == [""] * 4


def test_controls_and_their_enhancements() -> None:
    page = (
        "6. PROCEDURE\nAC-2 – Account Management\nFor All Systems:\n1) Identify the types of accounts of the system.\n"
        "AC-2(3) – Account Management | Disable Accounts\n1) Disable accounts when they have expired.\n"
        "AC-3(2) – Dual Authorization\n1) Enforce dual authorization for privileged commands.\n"
    )
    assert [chunk.section for chunk in chunks(document(page), Words())] == [
        "6 PROCEDURE › AC-2 – Account Management",
        "6 PROCEDURE › AC-2 – Account Management › AC-2(3) – Account Management | Disable Accounts",
        "6 PROCEDURE › AC-3(2) – Dual Authorization",
    ]


def test_an_outline_finds_headings_that_do_not_look_like_any() -> None:
    text = "how we handle your data\nand for how long\nWe keep it for a year and delete it then."
    outline = (Heading("How we handle your data and for how long", 1, 1),)
    assert chunks(document(text), Words())[0].section == ""
    assert chunks(document(text, outline=outline), Words())[0].section == "how we handle your data and for how long"


def test_markdown_headings() -> None:
    text = "# Travel\nIntro text here.\n\n## Booking ##\nBook early.\n\n# Costs\nKeep receipts.\n"
    made = chunks(document(text, path="a.md"), Words())
    assert [chunk.section for chunk in made] == ["Travel", "Travel › Booking", "Costs"]


def test_many_markdown_headings_with_little_text_are_no_table_of_contents() -> None:
    text = "".join(f"# Rule {n}\nDo part {n}.\n" for n in range(9))
    made = chunks(document(text, path="a.md"), Words())
    assert [chunk.section for chunk in made] == [f"Rule {n}" for n in range(9)]


def styled(text: str, *headings: Heading, record: str | None = None) -> Document:
    """A document whose outline is what its styles say."""
    return Document("a.docx", None, (Page("a.docx", None, text, record),), headings)


def test_styled_headings_are_certain_however_many_and_short_they_are() -> None:
    names = [f"how to do part {n}" for n in range(9)]
    text = "\n\n".join(f"{name}\n\nIt is so." for name in names)
    made = chunks(styled(text, *[Heading(name, None, 1) for name in names]), Words())
    assert [chunk.section for chunk in made] == names


def test_a_contents_page_that_says_the_same_as_the_headings_opens_no_section() -> None:
    names = ["Purpose", "Scope", "Purpose"]
    text = "\n".join(names) + "\n\n" + "\n\n".join(f"{name}\n\nText {n}." for n, name in enumerate(names))
    made = chunks(styled(text, *[Heading(name, None, 1) for name in names]), Words())
    assert [(chunk.section, chunk.text[-7:]) for chunk in made[-3:]] == [
        ("Purpose", "Text 0."), ("Scope", "Text 1."), ("Purpose", "Text 2."),
    ]  # fmt: skip


def test_a_styled_heading_has_the_level_of_its_style_whatever_its_number_says() -> None:
    text = "Section 4 – Retention\n\nKeep it.\n\nAppendix\n\nMore."
    made = chunks(styled(text, Heading("Section 4 – Retention", None, 1), Heading("Appendix", None, 1)), Words())
    assert [chunk.section for chunk in made] == ["Section 4 – Retention", "Appendix"]


def test_headings_belong_to_their_record_only() -> None:
    pages = (Page("a.eml", None, "how it is\n\nIt is so."), Page("a.eml", None, "how it is\n\nIt is so.", "b.docx"))
    of = Document("a.eml", None, pages, (Heading("how it is", None, 1, "b.docx"),))
    assert [chunk.section for chunk in chunks(of, Words())] == ["", "how it is"]


def test_each_attachment_has_its_own_running_headers() -> None:
    def pages(record: str | None, head: str) -> list[Page]:
        return [Page("a.eml", n, f"{head}\nRule {n * 7919 % 101} applies.", record) for n in range(1, 6)]

    body = Page("a.eml", None, "ACME Ltd\nDear all.")
    of = Document("a.eml", None, (body, *pages("a.pdf", "ACME Ltd"), *pages("b.pdf", "Beta Inc")))
    made = [chunk.text for chunk in chunks(of, Words())]
    assert [sum(name in text for text in made) for name in ("ACME Ltd", "Beta Inc")] == [2, 1]


def test_sheets_that_begin_alike_keep_their_beginning() -> None:
    pages = tuple(Page("a.xlsx", n, "Vendor: Acme | Fee: 100", title=f"Month {n}") for n in range(1, 6))
    assert [chunk.section for chunk in chunks(Document("a.xlsx", None, pages), Words())] == [
        f"Month {n}" for n in range(1, 6)
    ]


ROW = "Vendor: Acme Ltd. | Note: It was late. Twice. | Due: 2024-03-31"


def test_rows_of_a_table_are_not_cut_like_prose() -> None:
    of = document("\n".join([ROW] * 5), path="a.csv")
    assert texts(chunks(of, Words(), 25)) == [ROW] * 5
    assert check_laws(of, chunks(of, Words(), 25), 25) == []


def test_a_row_that_is_too_long_is_cut_between_its_cells() -> None:
    row = " | ".join(f"Column {n}: {'word ' * 30}end." for n in range(6))
    of = document(row, path="a.csv")
    made = chunks(of, Words(), 80)
    assert check_laws(of, made, 80) == []
    assert all(re.match(r"Column \d: word", chunk.text) for chunk in made)


def test_section_paths_have_a_sane_length() -> None:
    page = "".join(f"{'1.' * depth}1 {'Very Long Heading ' * 8}\nText of the section.\n" for depth in range(6))
    assert all(len(chunk.section) <= 210 for chunk in chunks(document(page), Words()))


LONG_WORDS = [
    "x" * 1900 + "-" + "y" * 99, "x" * 5000, "é" * 99 + " ", "word " * 300, "q7Z" * 700, "規定" * 300, "ไทย" * 90,
    "🙂" * 120, "3.2 Reporting deadlines", "Antidisestablishmentarianism Heading Of Much Length", "# Mark", "",
]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(LONG_WORDS), max_size=8).map("\n".join) | st.text(max_size=800),
    st.none() | st.sampled_from(LONG_WORDS) | st.text(max_size=400),
    st.sampled_from([60, MAX_TOKENS, 240]),
)
def test_nothing_is_left_out_in_embedding(wordpiece: WordPiece, text: str, title: str | None, max_tokens: int) -> None:
    of = Document("a.md", None, (Page("a.md", None, text, title=title),))
    made = chunks(of, wordpiece, max_tokens)
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in made)
    assert "".join("".join(chunk.text.split()) for chunk in made) == "".join(text.split())
    assert all(len(row) <= MAX_EMBEDDED + 2 for row in wordpiece.encode([chunk.embedded for chunk in made]))
    assert all(len(wordpiece.offsets(chunk.embedded)) <= MAX_EMBEDDED for chunk in made)


def test_a_word_that_is_torn_leaves_its_passage_short_enough(wordpiece: WordPiece) -> None:
    of = document("x" * (12 * MAX_TOKENS) + "y" * 98 + " word" * (MAX_TOKENS - 1))
    made = chunks(of, wordpiece)
    assert max(len(wordpiece.offsets(chunk.embedded)) for chunk in made) <= MAX_EMBEDDED


def test_of_a_title_that_is_too_long_the_inner_headings_stay(wordpiece: WordPiece) -> None:
    page = Page("a.md", None, "# Scope\nIt holds for all.", title="Title of Many Words " * 40)
    assert [chunk.section for chunk in chunks(Document("a.md", None, (page,)), wordpiece)] == ["Scope"]
    page = Page("a.md", None, "It holds for all.", title="Title of Many Words " * 40)
    (chunk,) = chunks(Document("a.md", None, (page,)), wordpiece)
    assert chunk.section.startswith("Title of Many Words Title")
    assert chunk.section.endswith("…")


@pytest.mark.parametrize("text", ["", " \n \n", "\x0c"])
def test_a_page_without_text_has_no_chunks(text: str) -> None:
    assert chunks(document(text), Words()) == []


def test_a_document_without_pages_has_no_chunks() -> None:
    assert chunks(document(), Words()) == []


LINES = st.sampled_from(
    [
        "1. PURPOSE", "3.2 Reporting deadlines", "AC-2(1) – Disable Accounts", "Section 4 – Retention", "ALL CAPITALS",
        "Title Case Line", "# Mark", "1) Keep the log.", "a) and the key;", "• item", "For All Systems:", "Page 3 of 9",
        "Total 1,234 5,678", "Purpose ........ 3", "", "ACME Ltd", "the line goes on", "It ends here. It begins again.",
        "x" * 90, "word " * 30, "\u2028odd\x0cbreaks\x85", "e.g. the U.S. Government",
        "Vendor: Acme Ltd. | Due: 2024", "a | b", "AC-2(1) – Account | Title", "x | " * 200,
    ]
)  # fmt: skip
PAGES = st.lists(st.lists(LINES, max_size=25).map("\n".join) | st.text(max_size=200), max_size=6)


@settings(deadline=None)
@given(PAGES, st.integers(1, 60), st.sampled_from(["a.pdf", "a.md", "a.txt"]))
def test_laws(pages: list[str], max_tokens: int, path: str) -> None:
    of = document(*pages, path=path)
    if path != "a.pdf":
        of = Document(path, None, of.pages[:1])
    made = chunks(of, Words(), max_tokens)
    left_out = check_laws(of, made, max_tokens)
    assert made == chunks(of, Words(), max_tokens)
    # Whatever is left out stands on an earlier page too, but for its numbers.
    if len(of.pages) < 3:
        assert left_out == []
    everything = {re.sub(r"\d+", "#", line.strip()) for page in of.pages for line in page.text.splitlines()}
    kept = {re.sub(r"\d+", "#", line.strip()) for chunk in made for line in chunk.text.splitlines()}
    assert (
        len(everything) == 0
        or max_tokens < 60
        or all(re.sub(r"\d+", "#", line) in kept for text in left_out for line in text.splitlines())
    )


def test_a_long_document_is_cut_in_seconds() -> None:
    chooser = random.Random(1)
    page = "\n".join(
        " ".join(chooser.choices(["the", "Officer", "reports.", "1)", "12,5", "log"], k=12)) for _ in range(50)
    )
    assert len(chunks(document(*[page] * 200), Words())) > 100
