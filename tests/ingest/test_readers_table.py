import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.types import FileStatus
from tests.documents import document_of, text_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    data = "\n".join(delimiter.join(cells) for cells in (["Name", "Note, kept; as it is"], ["a", "x"], ["b", "y"]))
    if delimiter in ",;":
        data = data.replace("Note, kept; as it is", '"Note, kept; as it is"')
    assert text_of("a.csv", data).split("\n")[1] == "Name: a | Note, kept; as it is: x"


def test_excels_own_first_line_names_the_delimiter() -> None:
    assert text_of("a.csv", "sep=;\r\nName;City\r\na;b,c\r\n") == "Name | City\nName: a | City: b,c"


def test_quoted_line_ends_marks_and_empty_cells() -> None:
    data = '\ufeffName,Note,More\r\n"a ""b""","one\ntwo",\r\n,,\r\nc,,d\r\n'
    assert text_of("a.csv", data).split("\n") == [
        "Name | Note | More",
        'Name: a "b" | Note: one two',
        "Name: c | More: d",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("1,2\n3,4\n", "1 | 2\n3 | 4"),
        ("2024-03-31,login\n2024-04-01,logout\n", "2024-03-31 | login\n2024-04-01 | logout"),
        ("a@b.de,yes\nc@d.de,no\n", "a@b.de | yes\nc@d.de | no"),
        ("Jane,yes\nBob,yes\n", "Jane | yes\nBob | yes"),  # a value stands in its column again
        ("a,a\nb,c\n", "a | a\nb | c"),
        ("one\ntwo\n", "one\ntwo"),
        ("only,header\n", "only | header"),
        ("Total: ,Sum\nx,y\n", "Total: | Sum\nTotal: x | Sum: y"),
    ],
)
def test_a_first_row_of_data_is_no_header(data: str, expected: str) -> None:
    assert text_of("a.csv", data) == expected


def test_a_title_above_the_table_is_kept_apart() -> None:
    assert text_of("a.csv", "Register of vendors\n\nName,City\na,b\nc,d\n").split("\n\n")[0] == "Register of vendors"


def test_ragged_rows_are_noted_and_long_ones_get_no_header() -> None:
    document = document_of("a.csv", "Name,City\na,b\nc,d,e\nf\ng,h\n")
    assert document.pages[0].text.split("\n")[2:] == ["c | d | e", "Name: f", "Name: g | City: h"]
    assert document.notes == ("2 rows have more or fewer cells than the others; lines: 3, 4",)


def test_a_quotation_mark_that_is_never_closed_swallows_nothing() -> None:
    document = document_of("a.csv", 'Name,City\na,"b\nc,d\n')
    assert document.pages[0].text.split("\n")[1:] == ['Name: a | City: "b', "Name: c | City: d"]
    assert "never closed" in document.notes[0]


def test_other_encodings_are_noted() -> None:
    document = document_of("a.csv", "Name,Ort\nä,ö\n".encode("cp1252"))
    assert document.pages[0].text.endswith("Name: ä | Ort: ö")
    assert "Windows-1252" in document.notes[0]


def test_a_huge_cell() -> None:
    assert len(text_of("a.csv", 'Name,Text\na,"' + "x" * 500_000 + '"\n')) > 500_000


@pytest.mark.parametrize("data", [b" \n", b",,\n,\n", b"\xef\xbb\xbf", b"sep=,\n"])
def test_a_table_without_text_is_empty(data: bytes) -> None:
    with pytest.raises(ReadError) as raised:
        document_of("a.csv", data)
    assert raised.value.status is FileStatus.EMPTY


@pytest.mark.parametrize("sign", ['"', " ", "\t", "x"])
def test_any_delimiter_may_be_claimed(sign: str) -> None:
    assert text_of("a.csv", f"sep={sign}\nwords\n") == "words"


def test_twenty_thousand_rows_take_a_moment() -> None:
    rows = "".join(f"Acme {number},2024-03-31,{number},Berlin\n" for number in range(20_000))
    began = time.monotonic()
    assert text_of("a.csv", f"Vendor,Due,Amount,City\n{rows}").count("\n") == 20_000
    assert time.monotonic() - began < 10  # 0.3 s on the machine this was measured on


CELLS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Zs", "Mn", "Co"), exclude_characters="|"),
    max_size=8,
)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6))
def test_every_cell_is_in_the_text(table: list[list[str]]) -> None:
    import unicodedata

    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows(table)
    cells = [unicodedata.normalize("NFC", cell) for line in table for cell in line if cell.strip()]
    if cells:
        text = text_of("a.csv", buffer.getvalue())
        assert [cell for cell in cells if cell not in text] == []
    else:
        with pytest.raises(ReadError):
            document_of("a.csv", buffer.getvalue())


def test_the_table_of_a_log_is_left_to_rag_logs() -> None:
    with pytest.raises(ReadError, match="rag logs") as caught:
        text_of("log.csv", "timestamp,user,action,result\n" + "2026-03-02T07:58:11Z,jdoe,LOGIN,ok\n" * 5)
    assert caught.value.status is FileStatus.UNSUPPORTED
    register = "date,owner,status,action\n" + "2026-03-02,J. Doe,open,Renew the contract\n" * 5
    assert "Renew the contract" in text_of("register.csv", register)
