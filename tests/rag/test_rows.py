"""Rows of tables, found in text that has only lines."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rag.evidence import spans
from rag.rows import rows

RETENTION = """7.3 Security and systems
Table 3. Security and system records
Class of record Period Trigger Disposal
Door audit trail 30 years Date of entry Review, then
delete
System and security logs 13 months Date of entry Overwrite
Badge records of doors 9 months Date of entry Overwrite
Video surveillance 21 days Date of recording Overwrite
7.4 Whoever destroys a record must write down when and how, and keep the note for two years after the day of the
destruction.
"""
OUTAGES = """Activity Maximum tolerable
outage
Blood transfusion support 1 hour 30 minutes 2 scientists, 1
assistant
Emergency chemistry and
haematology
2 hours 1 hour 3 scientists, 2
assistants
Over 20 failed log-ins from one address in ten minutes,
followed by a success
Critical 15 minutes
Histology 3 days 2 days 3 scientists, 1
consultant
"""
PARAGRAPH = """The laboratory keeps 3 copies of each of the 40 forms, of which at least 2 lie in a second
building. Of 100 forms that were looked at in March 2025 the inspectors found 97 complete and 3
without a date. Those 3 were sent back within 24 hours.
"""


def said(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in rows(text)]


def test_a_row_is_what_stands_in_a_line_and_its_wrapped_rest() -> None:
    assert said(RETENTION) == [
        "Table 3. Security and system records Class of record Period Trigger Disposal Door audit trail 30 years "
        "Date of entry Review, then delete",
        "System and security logs 13 months Date of entry Overwrite",
        "Badge records of doors 9 months Date of entry Overwrite",
        "Video surveillance 21 days Date of recording Overwrite",
    ]


def test_lines_that_begin_small_or_with_a_figure_or_are_a_rest_belong_to_the_row_before() -> None:
    assert said(OUTAGES)[1:] == [
        "Emergency chemistry and haematology 2 hours 1 hour 3 scientists, 2 assistants",
        "Over 20 failed log-ins from one address in ten minutes, followed by a success Critical 15 minutes",
        "Histology 3 days 2 days 3 scientists, 1 consultant",
    ]


def test_rows_may_begin_with_numbers_where_most_do() -> None:
    text = "1 to 4 Low System owner\n5 to 9 Moderate Head of Security\n10 to 16 High Security Forum\n"
    assert said(text) == text.splitlines()


def test_rows_with_bars_between_their_cells_need_no_figure() -> None:
    text = "Vendor: Acme | State: open\nVendor: Birch | State: closed.\nVendor: Cole | State: open\n"
    assert said(text) == text.splitlines()


def test_a_paragraph_full_of_figures_is_no_table() -> None:
    assert rows(PARAGRAPH) == []


def test_two_rows_are_no_table() -> None:
    assert rows("Sodium 120 155\nPotassium 2.5 6.5\n") == []


def test_a_quotation_is_one_row_and_a_sentence_is_none_of_its_table() -> None:
    found = [" ".join(RETENTION[start:end].split()) for start, end in spans(RETENTION)]
    assert found[0].startswith("7.3 Security and systems Table 3.")  # a heading alone says nothing
    assert "Video surveillance 21 days Date of recording Overwrite" in found
    assert found[-1].startswith("7.4 Whoever destroys a record must write down")
    words = "Information without a mark must be treated as internal by everybody, wherever it was found.\n"
    text = f"{words}Table 3. Levels\nLevel Examples\nPublished Press releases\nInternal Notes\n"
    assert next(text[start:end] for start, end in spans(text)) == words.strip()


lines = st.sampled_from([*RETENTION.splitlines(), *OUTAGES.splitlines(), *PARAGRAPH.splitlines(), "", "a | b", "• 3"])


@given(st.lists(lines | st.text(max_size=30), max_size=25).map("\n".join))
def test_rows_and_spans_are_in_order_without_overlap_and_nothing_that_is_written_is_lost(text: str) -> None:
    for found in (rows(text), spans(text)):
        assert all(0 <= start < end <= len(text) for start, end in found)
        assert all(first[1] <= second[0] for first, second in pairwise(found))
    covered = set[int]().union(*(range(start, end) for start, end in spans(text)))
    left = [number for number, letter in enumerate(text) if not letter.isspace() and number not in covered]
    assert "." in text or "…" in text or "_" in text or not left  # but for lines of a table of contents
