import io
import zipfile

import pytest

from ingest.errors import ReadError
from ingest.types import FileStatus, Heading
from tests.documents import OFFICE, WORD, content_types, document_of, packed, relations, text_of, word

HEADINGS = (
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Clause"/><w:basedOn w:val="berschrift1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Level"><w:name w:val="Rule"/>'
    '<w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>'
)


def p(text: str, style: str = "", more: str = "") -> str:
    """A paragraph."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{more}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def item(text: str, level: int = 0, name: int = 1) -> str:
    return p(text, more=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{name}"/></w:numPr>')


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def test_styles_make_headings_whatever_they_are_called() -> None:
    body = p("Policy", "T") + p("Purpose", "berschrift1") + p("Scope", "Own") + p("Staff", "Level") + p("Text.")
    document = document_of("a.docx", word(body, styles=HEADINGS))
    assert document.outline == (
        Heading("Policy", None, 1),
        Heading("Purpose", None, 1),
        Heading("Scope", None, 1),
        Heading("Staff", None, 2),
    )
    assert document.title == "Policy"
    assert document.pages[0].text == "Policy\n\nPurpose\n\nScope\n\nStaff\n\nText."


def test_the_entries_of_a_table_of_contents_have_leaders_and_are_no_headings() -> None:
    entry = '<w:p><w:pPr><w:pStyle w:val="TOC1"/></w:pPr><w:r><w:t>Purpose</w:t><w:tab/><w:t>3</w:t></w:r></w:p>'
    document = document_of("a.docx", word(entry + p("Purpose", "berschrift1"), styles=HEADINGS))
    assert document.pages[0].text == "Purpose .... 3\n\nPurpose"
    assert len(document.outline) == 1


LEVELS = (
    '<w:abstractNum w:abstractNumId="7">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:pStyle w:val="Own"/>'
    '<w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>'
    '<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%3)"/></w:lvl>'
    '<w:lvl w:ilvl="3"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xF0B7;"/></w:lvl>'
    "</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="7"/>'
    '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
)


def test_the_numbers_that_word_computes() -> None:
    levels = [("one", 0), ("inner", 1), ("inner", 1), ("letter", 2), ("dot", 3), ("two", 0), ("inner", 1)]
    body = "".join(item(text, level) for text, level in levels)
    body += item("five", 0, 2) + item("six", 0, 2) + item("unknown list", 0, 9)
    assert text_of("a.docx", word(body, numbering=LEVELS)).split("\n") == [
        "1. one",
        "  1.1 inner",
        "  1.2 inner",
        "    (a) letter",
        "      • dot",
        "2. two",
        "  2.1 inner",
        "5. five",
        "6. six",
        "",
        "unknown list",
    ]


def test_headings_carry_the_numbers_of_their_style() -> None:
    styles = HEADINGS.replace(
        '<w:basedOn w:val="berschrift1"/>',
        '<w:basedOn w:val="berschrift1"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>',
    )
    document = document_of("a.docx", word(p("Purpose", "Own") + p("Scope", "Own"), styles=styles, numbering=LEVELS))
    assert [heading.title for heading in document.outline] == ["1. Purpose", "2. Scope"]


def test_insertions_are_read_and_deletions_are_not() -> None:
    deleted = "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
    body = f"<w:p>{run('kept ')}<w:ins>{run('inserted')}</w:ins>{deleted}</w:p>"
    body += f"<w:p><w:moveFrom>{run('from')}</w:moveFrom><w:moveTo>{run('to')}</w:moveTo></w:p>"
    assert text_of("a.docx", word(body)) == "kept inserted\n\nto"


def test_whatever_wraps_text_is_opened() -> None:
    body = (
        f"<w:p><w:hyperlink>{run('link')}</w:hyperlink><w:smartTag>{run(' tag')}</w:smartTag>"
        f"<w:fldSimple>{run(' field')}</w:fldSimple>"
        f"<w:sdt><w:sdtPr/><w:sdtContent>{run(' inline')}</w:sdtContent></w:sdt>"
        "<w:r><w:instrText>HYPERLINK</w:instrText><w:noBreakHyphen/><w:softHyphen/><w:t>x</w:t><w:br/><w:t>y</w:t></w:r></w:p>"
        f"<w:sdt><w:sdtPr><w:alias w:val='no'/></w:sdtPr><w:sdtContent>{p('block')}</w:sdtContent></w:sdt>"
    )
    assert text_of("a.docx", word(body)) == "link tag field inline-x\ny\n\nblock"


def test_typography_is_searchable() -> None:
    raised = run("5", '<w:vertAlign w:val="superscript"/>')
    body = f"<w:p>{run('“soft&#xAD;ware”&#xA0;§&#xA0;1, 10')}{raised}</w:p>"
    assert text_of("a.docx", word(body)) == "“software” § 1, 10⁵"


def test_hidden_text_is_left_out_and_noted() -> None:
    document = document_of("a.docx", word(f"<w:p>{run('seen')}{run('hidden', '<w:vanish/>')}</w:p>"))
    assert (document.pages[0].text, document.notes) == ("seen", ("1 pieces of hidden text are not read",))


def test_a_text_box_comes_after_its_paragraph_and_once() -> None:
    box = f"<w:drawing><w:txbxContent>{p('in the box')}</w:txbxContent></w:drawing>"
    old = f"<w:pict><w:txbxContent>{p('in the box')}</w:txbxContent></w:pict>"
    both = f"<w:AlternateContent><w:Choice>{box}</w:Choice><w:Fallback>{old}</w:Fallback></w:AlternateContent>"
    assert text_of("a.docx", word(f"<w:p>{run('before')}<w:r>{both}</w:r></w:p>{p('after')}")) == (
        "before\n\nin the box\n\nafter"
    )


def test_notes_comments_and_margins_come_at_the_end() -> None:
    body = (
        f"<w:p>{run('Text')}<w:r><w:footnoteReference w:id='2'/></w:r><w:r><w:endnoteReference w:id='1'/></w:r></w:p>"
    )
    document = document_of(
        "a.docx",
        word(
            body,
            footnotes=f"<w:footnote w:id='0'>{p('separator')}</w:footnote>"
            f"<w:footnote w:id='2'>{p('Seven years.')}</w:footnote>",
            endnotes=f"<w:endnote w:id='1'>{p('Law of 2020.')}</w:endnote>",
            comments=f"<w:comment w:id='0' w:author='Jane'>{p('Check this.')}</w:comment>",
            header=p("Version 3.2"),
            footer=p("Page 1 of 3"),
        ),
    )
    assert document.pages[0].text.split("\n\n") == [
        "Text[1][i]", "Footnotes", "[1] Seven years.", "Endnotes", "[i] Law of 2020.", "Comments", "Jane: Check this.",
        "Page headers", "Version 3.2",
    ]  # fmt: skip


def test_merged_cells_belong_to_every_row_they_span() -> None:
    head = "<w:trPr><w:tblHeader/></w:trPr>"
    body = table(
        head + cell("Vendor") + cell("Costs", '<w:gridSpan w:val="2"/>'),
        head + cell("") + cell("2023") + cell("2024"),
        cell("Acme", '<w:vMerge w:val="restart"/>') + cell("1") + cell("2"),
        cell("", "<w:vMerge/>") + cell("3") + cell(""),
        cell("All vendors", '<w:gridSpan w:val="3"/>'),
    )
    assert text_of("a.docx", word(body)).split("\n") == [
        "Vendor | Costs",
        "2023 | 2024",
        "Vendor: Acme | Costs 2023: 1 | Costs 2024: 2",
        "Vendor: Acme | Costs 2023: 3",
        "All vendors",
    ]


def test_a_form_is_no_table_with_a_header() -> None:
    body = table(cell("Owner") + cell("J. Smith"), cell("Version") + cell("3.2"), cell("Class") + cell("internal"))
    assert text_of("a.docx", word(body)) == "Owner | J. Smith\nVersion | 3.2\nClass | internal"


def test_tables_that_only_arrange_are_text() -> None:
    inner = table(
        cell("Vendor") + cell("Due") + cell("Id"),
        cell("Acme") + cell("soon") + cell("1"),
        cell("B") + cell("now") + cell("2"),
    )
    assert text_of("a.docx", word(table(cell("One column"), cell("only")))) == "One column\n\nonly"
    assert text_of("a.docx", word(table(f"<w:tc>{p('Left')}{inner}</w:tc>" + cell("Right")))).split("\n\n") == [
        "Left", "Vendor | Due | Id\nVendor: Acme | Due: soon | Id: 1\nVendor: B | Due: now | Id: 2", "Right",
    ]  # fmt: skip


def test_a_deleted_row_is_left_out() -> None:
    body = table(cell("a") + cell("b"), "<w:trPr><w:del/></w:trPr>" + cell("gone") + cell("gone"))
    assert text_of("a.docx", word(body)) == "a | b"


def test_embedded_files_and_pictures_are_noted() -> None:
    embedded = "<w:object><w:OLEObject w:ProgID='Excel.Sheet.12'/></w:object>"
    body = f"<w:p><w:r>{embedded}<w:drawing><w:blip/></w:drawing></w:r></w:p>"
    document = document_of("a.docx", word(body))
    assert document.pages[0].text == ""
    assert "Excel.Sheet.12" in document.notes[0]
    assert "1 pictures and hardly any text" in document.notes[1]


def test_a_reference_to_a_part_that_is_gone_does_no_harm() -> None:
    parts = {
        "[Content_Types].xml": content_types(word__document="wordprocessingml.document.main"),
        "_rels/.rels": relations(officeDocument="word/document.xml"),
        "word/document.xml": f"<w:document {WORD}><w:body>{p('words')}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(image="../NULL"),
    }
    assert text_of("a.docx", packed(parts)) == "words"


def test_the_strict_variant_is_the_same() -> None:
    with zipfile.ZipFile(io.BytesIO(word(p("words")))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changed = {
        name: part.replace(OFFICE.encode(), b"http://purl.oclc.org/ooxml/officeDocument").replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        )
        for name, part in parts.items()
    }
    assert text_of("a.docx", packed(changed)) == "words"


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
FETCH = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("main", "status", "words"),
    [
        ("<document><body/></document>", FileStatus.EMPTY, "no text"),
        ("<document/>", FileStatus.DAMAGED, "without a body"),
        ("<document><body><p></document>", FileStatus.DAMAGED, "not valid XML"),
        ("<document><body>" + "<sdt>" * 5000 + "</sdt>" * 5000 + "</body></document>", FileStatus.DAMAGED, "depth"),
        (LAUGHS + "<document><body>&b;</body></document>", FileStatus.DAMAGED, "entities"),
        (FETCH + "<document><body>&a;</body></document>", FileStatus.DAMAGED, "entities"),
    ],
)
def test_hostile_and_broken_documents(main: str, status: FileStatus, words: str) -> None:
    parts = {"[Content_Types].xml": "", "_rels/.rels": relations(officeDocument="word/document.xml")}
    with pytest.raises(ReadError, match=words) as raised:
        document_of("a.docx", packed({**parts, "word/document.xml": main}))
    assert raised.value.status is status


def test_a_package_without_its_main_part_is_damaged() -> None:
    with pytest.raises(ReadError, match="no Word document") as raised:
        document_of("a.docx", packed({"word/other.xml": "<x/>"}))
    assert raised.value.status is FileStatus.DAMAGED


@pytest.mark.parametrize("ring", ["A", "B"])
def test_styles_that_are_based_on_each_other_end(ring: str) -> None:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{a}"><w:name w:val="x"/><w:basedOn w:val="{b}"/></w:style>'
        for a, b in (("A", "B"), ("B", "A"))
    )
    assert text_of("a.docx", word(p("Text.", ring), styles=styles)) == "Text."
