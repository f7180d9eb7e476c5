import io
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.readers.number_format import plain, shown
from ingest.types import FileStatus
from tests.documents import OFFICE, document_of, packed, relations, sheet, text_of
from tests.fakes import WordTokenizer


def row(*cells: object, number: int | None = None) -> str:
    """A row of texts and numbers; None is an empty cell."""
    made = "".join(
        "<c/>" if cell is None else f"<c><v>{cell}</v></c>" if isinstance(cell, int | float) else text(str(cell))
        for cell in cells
    )
    return f"<row>{made}</row>" if number is None else f'<row r="{number}">{made}</row>'


def text(value: str, reference: str = "") -> str:
    place = f'r="{reference}" ' if reference else ""
    return f'<c {place}t="inlineStr"><is><t>{value}</t></is></c>'


NAMES = row("Vendor", "Due", "Class")


def test_titles_table_and_what_follows_it() -> None:
    data = (
        row("Register 2024", number=1) + row("Vendor", "Due", "Amount", number=3) + row("Acme", "soon", 5, number=4)
        + row("Beta", "now", 6, number=5) + row("Gamma", "later", 7, number=7) + row("Approved by", "Jane", number=9)
    )  # fmt: skip
    assert text_of("a.xlsx", sheet(data)).split("\n") == [
        "Register 2024",
        "",
        "Vendor | Due | Amount",
        "Vendor: Acme | Due: soon | Amount: 5",
        "Vendor: Beta | Due: now | Amount: 6",
        "Vendor: Gamma | Due: later | Amount: 7",  # behind a gap, but as wide as the table
        "",
        "Approved by | Jane",
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"after": '<autoFilter ref="A1:B2"/>'},
        {"table": '<table ref="A1:B2" headerRowCount="1"/>'},
    ],
)
def test_a_header_that_the_file_marks_is_one(more: dict[str, str]) -> None:
    data = row("2023", "2024") + row("a", "b")
    assert text_of("a.xlsx", sheet(data)) == "2023 | 2024\na | b"
    assert text_of("a.xlsx", sheet(data, **more)) == "2023 | 2024\n2023: a | 2024: b"


def test_a_frozen_row_speaks_for_a_header() -> None:
    pane = '<pane ySplit="1" state="frozen"/>'
    data = row("Key", "Value") + row("a", "b")
    assert text_of("a.xlsx", sheet(data)) == "Key | Value\na | b"
    # The pane stands before the data in real files.
    assert text_of("a.xlsx", sheet(f"{data}", pane)) == "Key | Value\nKey: a | Value: b"


def test_merged_cells_belong_to_every_row_they_span() -> None:
    data = NAMES + row("Acme", "2023", "A") + row(None, "2024", "B")
    assert text_of("a.xlsx", sheet(data, '<mergeCells><mergeCell ref="A2:A3"/></mergeCells>')).split("\n")[2] == (
        "Vendor: Acme | Due: 2024 | Class: B"
    )


def test_every_kind_of_cell() -> None:
    data = (
        '<row><c t="s"><v>0</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>made</v></c>'
        '<c t="d"><v>2024-03-31T00:00:00</v></c><c><v>1.2000000000000002</v></c>'
        "</row>"
    )
    strings = "<si><r><t>rich </t></r><r><t>te_x0041_xt</t></r><rPh sb='0' eb='1'><t>guide</t></rPh></si>"
    assert text_of("a.xlsx", sheet(data, strings=strings)) == ("rich teAxt | TRUE | #N/A | made | 2024-03-31 | 1.2")


def test_styles_choose_the_format() -> None:
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="#,##0.00\\ &quot;EUR&quot;"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="10"/></cellXfs>'
    )
    data = '<row><c s="1"><v>45382</v></c><c s="2"><v>1200.5</v></c><c s="3"><v>0.125</v></c></row>'
    assert text_of("a.xlsx", sheet(data, styles=styles)) == "2024-03-31 | 1,200.50 EUR | 12.50%"


def test_formulas_without_a_value_are_noted() -> None:
    document = document_of("a.xlsx", sheet("<row><c><f>SUM(A1)</f></c><c><v>1</v></c></row>"))
    assert document.pages[0].text == "1"
    assert "1 formulas of sheet 'One' have no stored value" in document.notes[0]


def test_hidden_sheets_are_read_and_noted() -> None:
    document = document_of("a.xlsx", sheet(row("words"), state="veryHidden"))
    assert (document.pages[0].text, document.pages[0].title) == ("words", "One")
    assert document.notes == ("hidden sheets were read too: 'One'",)


def test_comments_and_text_boxes_come_at_the_end() -> None:
    threaded = "[Threaded comment]\n\nYour version of Excel …\n\nComment:\n    Look here"
    more = {
        "comments": f'<comments><comment ref="B2"><text><t>{threaded}</t></text></comment></comments>',
        "drawing": "<wsDr><sp><txBody><p><r><t>In a box</t></r></p></txBody></sp></wsDr>",
    }
    assert text_of("a.xlsx", sheet(row("words"), **more)) == "words\n\nComment on B2: Look here\n\nIn a box"


def test_what_is_far_away_takes_no_room() -> None:
    data = f"{row('a')}<row r='1048576'>{text('far', 'XFD1048576')}</row>"
    dimension = '<dimension ref="A1:XFD1048576"/>'
    assert text_of("a.xlsx", sheet(data, dimension)) == "a\n\nfar"


def test_a_million_empty_rows_and_columns_without_end() -> None:
    began = time.monotonic()
    with pytest.raises(ReadError) as raised:
        document_of("a.xlsx", sheet("<row/>" * 200_000))
    assert raised.value.status is FileStatus.EMPTY
    assert text_of("a.xlsx", sheet(f"<row>{'<c><v>1</v></c>' * 50_000}</row>")).count("1") == 50_000
    assert time.monotonic() - began < 20


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20 if n else "ha" * 50}">' for n in range(9))


@pytest.mark.parametrize(
    "data",
    [
        '<row><c t="s"><v>99</v></c></row>',  # no such string
        '<row><c s="77"><v>1</v></c></row>',  # no such style
        "<row><c><v>x</v></c></row>",
        "<row><c></row>",
        f"<row>{'<c>' * 100_000}{'</c>' * 100_000}</row>",
        f"<row>{text('words', 'ZZZZ1')}</row>",
        row("second", number=2) + row("first", number=1),
        f"<row>{text('b', 'B1')}{text('a', 'A1')}</row>",
        f"<row r='999999999'>{text('far', 'A999999999')}</row>",
    ],
)
def test_broken_and_hostile_sheets(data: str) -> None:
    began = time.monotonic()
    with pytest.raises(ReadError) as raised:
        document_of("a.xlsx", sheet(data))
    assert raised.value.status is FileStatus.DAMAGED
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("part", ["xl/sheet.xml", "xl/strings.xml", "xl/workbook.xml"])
@pytest.mark.parametrize("entities", [LAUGHS, '<!ENTITY a8 SYSTEM "file:///etc/hostname">'])
def test_entities_are_not_expanded(part: str, entities: str) -> None:
    good = sheet("<row><c t='s'><v>0</v></c></row>", strings="<si><t>&lt;</t></si>")
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    root = str(parts[part], "utf-8")  # type: ignore[arg-type]
    parts[part] = f"<!DOCTYPE x [{entities}]>" + root.replace("&lt;", "&a8;")
    with pytest.raises(ReadError) as raised:
        document_of("a.xlsx", packed(parts))
    assert raised.value.status is FileStatus.DAMAGED


def test_a_cell_in_every_corner_takes_a_moment() -> None:
    began = time.monotonic()
    rows = "".join(f"<row r='{n}'>{text('x', f'XFD{n}')}</row>" for n in range(1, 2_000))
    assert text_of("a.xlsx", sheet(rows)).count("x") == 1_999
    assert time.monotonic() - began < 20  # 1 s on the machine this was measured on


def test_other_variants_of_the_format_are_named() -> None:
    parts = {"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>"}
    strict = relations(officeDocument="xl/workbook.xml").replace(OFFICE, "http://purl.oclc.org/ooxml/officeDocument")
    with pytest.raises(ReadError, match="strict") as raised:
        document_of("a.xlsx", packed({**parts, "_rels/.rels": strict}))
    assert raised.value.status is FileStatus.UNSUPPORTED
    with pytest.raises(ReadError, match="xlsb") as raised:
        document_of("a.xlsb", packed({**parts, "xl/workbook.bin": "x"}))
    assert raised.value.status is FileStatus.UNSUPPORTED


def test_strings_that_are_repeated_without_end_are_too_large() -> None:
    data = '<row><c t="s"><v>0</v></c></row>' * 5_000
    with pytest.raises(ReadError) as raised:
        document_of("a.xlsx", sheet(data, strings=f"<si><t>{'x' * 32_000}</t></si>"))
    assert raised.value.status is FileStatus.TOO_LARGE


def test_rows_that_are_alike_on_every_sheet_are_kept() -> None:
    import openpyxl

    workbook = openpyxl.Workbook()
    for number in range(1, 7):
        month = workbook.create_sheet(f"Month {number}")
        for line in (["Vendor", "Fee", "Class"], ["Acme", 100, "A"], ["Beta", number * 7919 % 100, "B"]):
            month.append(line)
    buffer = io.BytesIO()
    workbook.save(buffer)
    made = chunks(document_of("a.xlsx", buffer.getvalue()), WordTokenizer())
    assert sum("Vendor: Acme | Fee: 100 | Class: A" in chunk.text for chunk in made) == 6
    assert [chunk.section for chunk in made] == [f"Month {number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ("45382", "yyyy-mm-dd", "2024-03-31"),
        ("45382.604166666664", "d/m/yy h:mm", "2024-03-31 14:30"),
        ("0.604166666", "h:mm AM/PM", "14:30"),
        ("0.5", "mm:ss", "12:00"),
        ("1.125", "[h]:mm", "27:00"),
        ("59", "d.m.yyyy", "1900-02-28"),
        ("61", "d.m.yyyy", "1900-03-01"),
        ("45382", "[$-407]d. mmmm yyyy", "2024-03-31"),
        ("1e12", "yyyy-mm-dd", "#VALUE!"),  # as Excel shows it
        ("0.125", "0.0%", "12.5%"),
    ],
)
def test_dates_are_shown_in_iso_form(value: str, form: str, expected: str) -> None:
    styles = (
        f'<numFmts><numFmt numFmtId="170" formatCode="{form}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
    )
    assert text_of("a.xlsx", sheet(f'<row><c s="1"><v>{value}</v></c></row>', styles=styles)) == expected


@pytest.mark.parametrize(
    ("number", "form", "expected"),
    [
        (0.125, "0%", "13%"),
        (0.125, "0.0%", "12.5%"),
        (1200.5, "#,##0.00", "1,200.50"),
        (1234567, "#,##0,", "1,235"),
        (1200, "[$€-407] #,##0", "€ 1,200"),
        (1200, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "1,200.00 €"),
        (-1200, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "-1,200.00 €"),
        (-5, "#,##0;[Red](#,##0)", "(5)"),
        (-5, "0.0", "-5.0"),
        (-0.001, "0.0", "0.0"),
        (0, '0;-0;"none"', "none"),
        (7, "000", "007"),
        (1.5, "0.###", "1.5"),
        (2, "0.###", "2"),
        (12345.678, "0.00E+00", "12345.678"),
        (float("inf"), "0.00", "inf"),
        (3, "General", "3"),
        (1.2000000000000002, "General", "1.2"),
        (5, '"Day "0', "Day 5"),
        (5, "@", "5"),
        (0.5, "# ?/?", "0.5"),
        (5, ";;;", "5"),
        (123456789, "000-00-0000", "123456789"),
        (2.675, "0.00", "2.68"),
    ],
)
def test_numbers_are_shown_as_their_format_says(number: float, form: str, expected: str) -> None:
    assert shown(number, form) == expected


@given(st.floats(), st.text(max_size=30) | st.from_regex(r'[#0?.,;%E+"$ymdhs\[\]-]{0,12}', fullmatch=True))
def test_any_format_shows_something(number: float, form: str) -> None:
    assert isinstance(shown(number, form), str)


@given(st.floats(-1e300, 1e300))
def test_a_plain_number_is_the_number(number: float) -> None:
    assert float(plain(number)) == pytest.approx(number, rel=1e-14)
