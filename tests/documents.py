"""One small file of each format, with the same policy in it: a heading, a paragraph, a section below and a table."""

import io
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage

from ingest.readers import read_open
from ingest.types import Document, Source

HEADING, SECTION = "Incident reporting", "Deadlines"
SENTENCE = "Suspected incidents are reported within one hour."
TABLE = [["Vendor", "Due", "Amount"], ["Acme Ltd", "2024-03-31", "1,200 EUR"], ["Beta; Inc.", "2024-04-30", "5 EUR"]]
ROW = "Vendor: Acme Ltd | Due: 2024-03-31 | Amount: 1,200 EUR"

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
SHEET = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{OFFICE}/relationships"'
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ODT = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {
        "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing", "meta": "meta",
    }.items()
)  # fmt: skip


def document_of(name: str, data: bytes | str) -> Document:
    """What the readers make of these bytes under this name."""
    data = data.encode() if isinstance(data, str) else data
    return read_open(Source(name, io.BytesIO(data), len(data)))


def text_of(name: str, data: bytes | str) -> str:
    """The text of a document of one page."""
    (page,) = document_of(name, data).pages
    return page.text


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip package with these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def relations(**targets: str) -> str:
    """A part of relations: kind="target". The id of a relation is its kind; "__" in a kind begins a number."""
    entries = "".join(
        f'<Relationship Id="{kind}" Type="{OFFICE}/relationships/{kind.partition("__")[0]}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{entries}</Relationships>'


def content_types(**parts: str) -> str:
    """The part that says what the others are: by their names without a suffix, "/" written as "__"."""
    entries = "".join(
        f'<Override PartName="/{name.replace("__", "/")}.xml" '
        f'ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'
        for name, kind in parts.items()
    )
    default = '<Default Extension="xml" ContentType="application/xml"/>'
    default += '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{PACKAGE}/content-types">{default}{entries}</Types>'


def word(body: str, **parts: str) -> bytes:
    """A .docx with this body, written by hand; parts are styles="<w:style>…", numbering=…, footnotes=…"""
    kinds = {f"word__{name}": f"wordprocessingml.{name}" for name in parts}
    roots = {name: {"header": "hdr", "footer": "ftr"}.get(name, name) for name in parts}
    return packed(
        {
            "[Content_Types].xml": content_types(word__document="wordprocessingml.document.main", **kinds),
            "_rels/.rels": relations(officeDocument="word/document.xml"),
            "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(**{name: f"{name}.xml" for name in parts}),
            **{f"word/{name}.xml": f"<w:{roots[name]} {WORD}>{part}</w:{roots[name]}>" for name, part in parts.items()},
        }
    )


def sheet(data: str, after: str = "", *, strings: str = "", styles: str = "", state: str = "", **more: str) -> bytes:
    """An .xlsx with one sheet, written by hand; `more` are parts beside the sheet, by the kind of their relation."""
    named = f'<sheet name="One" sheetId="1" state="{state or "visible"}" r:id="worksheet"/>'
    return packed(
        {
            "[Content_Types].xml": content_types(
                xl__workbook="spreadsheetml.sheet.main",
                xl__sheet="spreadsheetml.worksheet",
                xl__strings="spreadsheetml.sharedStrings",
                xl__styles="spreadsheetml.styles",
            ),
            "_rels/.rels": relations(officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": f"<workbook {SHEET}><sheets>{named}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                worksheet="sheet.xml", sharedStrings="strings.xml", styles="styles.xml"
            ),
            "xl/sheet.xml": f"<worksheet {SHEET}><sheetData>{data}</sheetData>{after}</worksheet>",
            "xl/_rels/sheet.xml.rels": relations(**{kind: f"{kind}.xml" for kind in more}),
            "xl/strings.xml": f"<sst {SHEET}>{strings}</sst>",
            "xl/styles.xml": f"<styleSheet {SHEET}>{styles}</styleSheet>",
            **{f"xl/{kind}.xml": part for kind, part in more.items()},
        }
    )


def odt(body: str, styles: str = "", page_styles: str = "") -> bytes:
    """An .odt with this body, written by hand."""
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {ODT}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {ODT}>{page_styles}</office:document-styles>",
        }
    )


def _docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading(HEADING, 1)
    document.add_paragraph("It holds for all staff.")
    document.add_heading(SECTION, 2)
    document.add_paragraph(SENTENCE)
    table = document.add_table(rows=0, cols=3)
    for number, row in enumerate(TABLE):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.paragraphs[0].add_run(text).bold = number == 0
    return _saved(document.save)


def _pptx() -> bytes:
    import pptx

    presentation = pptx.Presentation()
    for title, text in ((HEADING, "It holds for all staff."), (SECTION, SENTENCE)):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text_frame.text = text
    table = slide.shapes.add_table(3, 3, 0, 0, 5_000_000, 1_000_000).table
    for number, row in enumerate(TABLE):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    return _saved(presentation.save)


def _xlsx() -> bytes:
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.active.title = SECTION
    for row in [[HEADING], [SENTENCE], [], *TABLE]:
        workbook.active.append(row)
    return _saved(workbook.save)


def _odt() -> bytes:
    rows = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{cell}</text:p></table:table-cell>' for cell in row)}"
        "</table:table-row>"
        for row in TABLE
    )
    return odt(
        f'<text:h text:outline-level="1">{HEADING}</text:h><text:p>It holds for all staff.</text:p>'
        f'<text:h text:outline-level="2">{SECTION}</text:h><text:p>{SENTENCE}</text:p><table:table>{rows}</table:table>'
    )


def _html() -> bytes:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in TABLE)
    return (
        f"<!DOCTYPE html><title>Policy</title><h1>{HEADING}</h1><p>It holds for all staff.</p>"
        f"<h2>{SECTION}</h2><p>{SENTENCE}</p><table>{rows}</table>"
    ).encode()


def _rtf() -> bytes:
    rows = "".join(
        rf"\trowd\cellx1000\cellx2000\cellx3000\pard\intbl {row[0]}\cell {row[1]}\cell {row[2]}\cell\row"
        for row in TABLE
    )
    return (
        r"{\rtf1\ansi{\stylesheet{\s1 heading 1;}{\s2 heading 2;}}"
        rf"\pard\s1 {HEADING}\par\pard It holds for all staff.\par"
        rf"\pard\s2 {SECTION}\par\pard {SENTENCE}\par{rows}\pard\par}}"
    ).encode()


def _csv() -> bytes:
    lines = [",".join(f'"{cell}"' for cell in row) for row in TABLE]
    return "\r\n".join([f'"{SENTENCE}"', *lines]).encode()


def _eml() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Jane <jane@example.org>", "all@example.org", HEADING
    mail.set_content(f"Dear all,\n\n{SENTENCE}\n")
    mail.add_attachment(_docx(), maintype="application", subtype="octet-stream", filename="policy.docx")
    return mail.as_bytes()


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


MADE: dict[str, Callable[[], bytes]] = {
    "csv": _csv, "docx": _docx, "eml": _eml, "html": _html, "odt": _odt, "pptx": _pptx, "rtf": _rtf,
    "tsv": lambda: _csv().replace(b'","', b'"\t"'), "xlsx": _xlsx,
}  # fmt: skip
"""A file of each format, by its suffix."""
