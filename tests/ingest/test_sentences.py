import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import sentences


def split(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "It is done.|Nobody knows.",
        "Is it done?|Yes!|Good.",
        "Use strong keys, e.g. AES-256, i.e. symmetric ones.|Rotate them.",
        "See Sec. 4 and Art. 5 of Reg. No. 12.|They apply.",
        "The U.S. Government pays.|The U.S.C. is cited.",
        "He works in the U.S.|The office is closed.",
        "Sold to Acme Inc.|The price is $5.",
        "Acme Inc. and Bolt Ltd. merged.|Done.",
        "Logs, keys, etc. must be kept.|Backups, etc.|All of them.",
        "Meet at 5 p.m. Monday.|We start at 9 a.m.|The doors open.",
        "Dr. J. R. Smith vs. Mr. Jones.|It ended.",
        "Version 3.2 is current.|Section 3.1 The rest.|End.",
        "It costs 1.5 million.|2 of 3 agree.",
        "On Jan. 5 it began.|On Feb. 6 it ended.",
        "She said “Stop.”|He stopped.",
        "They agreed (see above).|Then they left.",
        "(They agreed.)|Then they left.",
        "Wait...|Then go.",
        "Keep the systems.5|The note is below.",
        "The answer is no.|Nothing follows.",
        "The answer is No. 5 on the list.|Next.",
        "Visit www.example.org.|Write to a.b@example.org now.",
        "所有员工必须报告。|期限为一小时。",
        "§ 4 applies.|§ 5 does not.",
    ],
)
def test_where_sentences_end(text: str) -> None:
    assert split(text.replace("|", " ")) == text.split("|")


def test_wrapped_lines_are_one_sentence() -> None:
    text = (
        "The purpose of this procedure is to facilitate the implementation of\n"
        "Security Controls for the agency. It applies to the Office of Mission\n"
        "Support and to contractors."
    )
    assert split(text) == [
        "The purpose of this procedure is to facilitate the implementation of Security Controls for the agency.",
        "It applies to the Office of Mission Support and to contractors.",
    ]


def test_windows_line_ends_are_line_ends() -> None:
    assert split("One line here.\r\nAnother line\r\n\r\nLast.") == ["One line here.", "Another line", "Last."]


def test_headings_labels_and_list_items_stand_alone() -> None:
    text = (
        "3. INCIDENT REPORTING\n"
        "For All Systems:\n"
        "1) Report suspected incidents to the service desk within one hour of their\n"
        "discovery, by telephone:\n"
        "a) During working hours; and\n"
        "(ii) After working hours. The desk answers.\n"
        "• Keep the evidence\n"
        "- Do not switch off"
    )
    assert split(text) == [
        "3. INCIDENT REPORTING",
        "For All Systems:",
        "1) Report suspected incidents to the service desk within one hour of their discovery, by telephone:",
        "a) During working hours; and",
        "(ii) After working hours.",
        "The desk answers.",
        "• Keep the evidence",
        "- Do not switch off",
    ]


def test_the_label_of_a_clause_is_no_sentence() -> None:
    assert split("3.2. The officer decides. He signs.") == ["3.2. The officer decides.", "He signs."]
    assert split("a. Report it.\niv. Keep it.\n12. Close it.") == ["a. Report it.", "iv. Keep it.", "12. Close it."]
    assert split("ITEM 1. BUSINESS\nSection 4. Retention of records") == [
        "ITEM 1. BUSINESS",
        "Section 4. Retention of records",
    ]


def test_rows_of_a_table_are_spans_of_their_own() -> None:
    text = "Notes $ 2,326.0 $ 75.3\nLeases 370.5 43.5\nTotal $ 2,696.5 $ 118.8\nThe notes are due in 2020."
    assert split(text) == text.split("\n")


def test_a_date_that_wraps_is_no_row_and_no_item() -> None:
    text = "The interest rate swaps convert the fixed rate to a floating one through February\n1, 2020. They end then."
    assert split(text)[0].endswith("February 1, 2020.")
    text = "These statements speak only as of the date of this Report on Form 10-\nK. We undertake no obligation."
    assert split(text)[0].endswith("Form 10- K. We undertake no obligation.")


def test_entries_of_a_table_of_contents_stand_alone() -> None:
    text = "1. Purpose .......... 3\n2. Scope ............ 4\n"
    assert split(text) == ["1. Purpose .......... 3", "2. Scope ............ 4"]


@pytest.mark.parametrize("text", ["", " \n\t\n ", "\x0c"])
def test_nothing_has_no_sentences(text: str) -> None:
    assert sentences(text) == []


@given(st.text() | st.text(alphabet="aB1. \n)(•-;:?é。\r\x0c\u2028'\"%"))
def test_spans_are_in_order_and_hold_everything_but_white_space(text: str) -> None:
    last = 0
    for start, end in sentences(text):
        assert last <= start < end <= len(text)
        assert not text[last:start].strip()
        assert text[start:end] == text[start:end].strip()
        last = end
    assert not text[last:].strip()


@given(st.lists(st.sampled_from(["The desk answers.", "Report it.", "Is it so?", "Keep logs."]), min_size=1))
def test_plain_sentences_come_apart_as_they_were_joined(parts: list[str]) -> None:
    assert split(" ".join(parts)) == parts


def test_a_long_line_is_split_in_linear_time() -> None:
    assert len(sentences("Keep the log. " * 50_000)) == 50_000
