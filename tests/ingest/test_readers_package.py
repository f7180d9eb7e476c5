"""Packages and the rows of tables: the common ground of the office formats."""

import io
import struct
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.readers import package
from ingest.readers.flow import Flow, clean
from ingest.readers.labels import numeral
from ingest.readers.rows import SEPARATOR, Cell, names_columns, spread, written
from ingest.types import FileStatus, Heading
from tests.documents import MADE, document_of, packed, word


def status_of(name: str, data: bytes) -> tuple[FileStatus, str]:
    with pytest.raises(ReadError) as raised:
        document_of(name, data)
    return raised.value.status, raised.value.detail


def with_part(data: bytes, name: str, part: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts: dict[str, str | bytes] = {inner: archive.read(inner) for inner in archive.namelist()}
    return packed({**parts, name: part})


@pytest.mark.parametrize("suffix", ["docx", "odt", "pptx", "xlsx"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(suffix: str) -> None:
    status, detail = status_of(f"a.{suffix}", with_part(MADE[suffix](), "bomb.xml", bytes(package.RATIO_FROM + 1)))
    assert (status, "zip bomb" in detail) == (FileStatus.TOO_LARGE, True)


@pytest.mark.parametrize("suffix", ["docx", "odt", "pptx", "xlsx"])
def test_a_package_that_claims_too_much(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, data = f"a.{suffix}", MADE[suffix]()
    monkeypatch.setattr(package, "MAX_UNPACKED", 100)
    assert status_of(name, data)[0] is FileStatus.TOO_LARGE
    monkeypatch.setattr(package, "MAX_UNPACKED", 10**9)
    monkeypatch.setattr(package, "MAX_PART", 100)
    assert status_of(name, data)[0] is FileStatus.TOO_LARGE
    monkeypatch.setattr(package, "MAX_PARTS", 1)
    assert "parts" in status_of(name, data)[1]


def test_a_part_cannot_be_larger_than_it_says() -> None:
    data = word("<w:p/>" * 10_000)
    # The size in the directory (offset 24 of its entry) is what is believed; the checksum gives the lie away.
    at = data.rindex(b"word/document.xml") - 46
    lied = data[: at + 24] + struct.pack("<I", 10) + data[at + 28 :]
    assert status_of("a.docx", lied)[0] is FileStatus.DAMAGED


def test_a_package_with_a_password() -> None:
    data = word("<w:p/>")
    at = data.rindex(b"word/document.xml") - 46
    assert status_of("a.docx", data[: at + 8] + b"\x01\x00" + data[at + 10 :])[0] in (
        FileStatus.PASSWORD,
        FileStatus.DAMAGED,
    )


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "C:\\x", "word/\x00", "ü" * 300, "WORD/Styles.XML"]
)
def test_parts_with_strange_names_do_no_harm(name: str) -> None:
    assert document_of("a.docx", with_part(MADE["docx"](), name, b"<x/>")).pages


def test_relations_that_lead_out_are_not_followed() -> None:
    data = word("<w:p><w:r><w:t>words</w:t></w:r></w:p>", styles="")
    links = (
        b'<R><Relationship Id="a" Type="x/styles" Target="../../../etc/passwd"/>'
        b'<Relationship Id="b" Type="x/header" Target="http://x/" TargetMode="External"/></R>'
    )
    assert document_of("a.docx", with_part(data, "word/_rels/document.xml.rels", links)).pages[0].text == "words"


ROWS = st.lists(
    st.lists(st.tuples(st.text(max_size=5), st.integers(-3, 40_000), st.integers(-3, 70_000)), max_size=4), max_size=6
)


@given(ROWS, st.integers(0, 2))
def test_every_cell_is_in_the_lines_of_its_table(table: list[list[tuple[str, int, int]]], header: int) -> None:
    cells = [[Cell(text, columns, rows) for text, columns, rows in row] for row in table]
    lines = "\n".join(written(spread(cells, header), header))
    for row in cells:
        for cell in row:
            assert " ".join(cell.text.split()) in lines


def test_spans_without_end_take_a_moment() -> None:
    began = time.monotonic()
    wide = [[Cell("x", 10**9, 10**9)] * 2_000] * 5 + [[Cell("a")]] * 20_000
    assert len(spread(wide, 3)) == 20_005
    assert time.monotonic() - began < 20  # 2 s on the machine this was measured on


def test_long_merged_cells_are_written_once() -> None:
    lines = list(written(spread([[Cell("x" * 400, rows=3), Cell("a")], [Cell("b")], [Cell("c")]])))
    assert lines == ["x" * 400 + SEPARATOR + "a", "b", "c"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([["Vendor", "Due", "Class"], ["a", "b", "c"], ["d", "e", "f"]], True),
        ([["Quarter", "Sum"], ["Q1", "100"], ["Q2", "1,200.50 €"]], True),
        ([["Owner", "Jane"], ["Version", "3.2"], ["Class", "internal"]], False),
        ([["Vendor", "Due", "Class"]], False),
        ([["Vendor", "2024", "Class"], ["a", "b", "c"], ["d", "e", "f"]], False),
        ([["x" * 90, "Due", "Class"], ["a", "b", "c"], ["d", "e", "f"]], False),
        ([["a", "b", "c"], ["d", "e", "f", "g"], ["h", "i", "j", "k"]], False),
        ([], False),
    ],
)
def test_telling_a_header_from_data(table: list[list[str]], expected: bool) -> None:
    assert names_columns([dict(enumerate(row)) for row in table]) is expected


def test_the_blocks_of_a_flow() -> None:
    flow = Flow(3)
    flow.heading(" A\n title ", 0)
    flow.paragraph("one\u00a0 two\u00ad\r\n\n  three\x07")
    flow.item("x", "1.")
    flow.item("y", "", 1)
    flow.rows(["a | b", "c | d"])
    flow.rows(["e | f"])
    flow.paragraph(" ")
    assert flow.text == "A title\n\none two\nthree\n\n1. x\n  y\n\na | b\nc | d\n\ne | f"
    assert flow.outline == [Heading("A title", 3, 1)]


@given(st.text(st.characters()))
def test_clean_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("number", "style", "expected"),
    [
        (4, "i", "iv"), (1994, "upperRoman", "MCMXCIV"), (27, "a", "aa"), (2, "upperLetter", "B"),
        (7, "decimalZero", "07"),
        (0, "a", "0"), (-1, "i", "-1"), (10**9, "i", "1000000000"), (10**9, "a", "1000000000"), (3, "chicago", "3"),
    ],
)  # fmt: skip
def test_numerals(number: int, style: str, expected: str) -> None:
    assert numeral(number, style) == expected
