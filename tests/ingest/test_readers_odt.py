import pytest

from ingest.errors import ReadError
from ingest.types import FileStatus, Heading
from tests.documents import document_of, odt, packed, text_of

LIST = (
    '<text:list-style style:name="L">'
    '<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/>'
    '<text:list-level-style-bullet text:level="3" text:bullet-char="&#xF0B7;"/></text:list-style>'
)


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def cells(*texts: str) -> str:
    return "".join(f"<table:table-cell>{p(text)}</table:table-cell>" for text in texts)


def test_white_space_is_what_the_format_says() -> None:
    body = p('a\n   b<text:s text:c="3"/>c<text:tab/>d<text:line-break/>e <text:span>f</text:span>g')
    assert text_of("a.odt", odt(body)) == "a b c d\ne fg"


def test_headings_have_their_numbers_and_levels() -> None:
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>'
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/></text:outline-style>'
    )
    body = "".join(
        f'<text:h text:outline-level="{level}">{title}</text:h>'
        for level, title in ((1, "A"), (2, "B"), (1, "C"), (2, "D"))
    )
    assert document_of("a.odt", odt(body, page_styles=outline)).outline == (
        Heading("1 A", None, 1), Heading("1.1 B", None, 2), Heading("2 C", None, 1), Heading("2.1 D", None, 2),
    )  # fmt: skip


def test_lists_within_lists() -> None:
    def item(*parts: str) -> str:
        return f"<text:list-item>{''.join(parts)}</text:list-item>"

    deepest = f"<text:list>{item(p('dot'))}</text:list>"
    inner = f"<text:list>{item(p('letter'), deepest)}{item(p('next'))}</text:list>"
    body = f'<text:list text:style-name="L">{item(p("one"), p("still one"), inner)}{item(p("two"))}</text:list>'
    body += f'<text:list text:style-name="L">{item(p("anew"))}</text:list>'
    assert text_of("a.odt", odt(body, LIST)).split("\n") == [
        "1. one", "still one", "  a) letter", "    • dot", "  b) next", "2. two", "1. anew",
    ]  # fmt: skip


def test_a_table_with_header_rows_merged_and_repeated_cells() -> None:
    body = (
        f"<table:table><table:table-header-rows><table:table-row>{cells('Vendor', '2023', '2024')}</table:table-row>"
        "</table:table-header-rows><table:table-row><table:table-cell table:number-rows-spanned='2'>"
        f"{p('Acme')}</table:table-cell>"
        f"<table:table-cell table:number-columns-repeated='2'>{p('5')}</table:table-cell></table:table-row>"
        f"<table:table-row><table:covered-table-cell/>{cells('6', '7')}</table:table-row>"
        "<table:table-row table:number-rows-repeated='1048576'>"
        "<table:table-cell table:number-columns-repeated='16384'/>"
        "</table:table-row></table:table>"
    )
    assert text_of("a.odt", odt(body)).split("\n") == [
        "Vendor | 2023 | 2024",
        "Vendor: Acme | 2023: 5 | 2024: 5",
        "Vendor: Acme | 2023: 6 | 2024: 7",
    ]


def test_notes_comments_boxes_and_margins() -> None:
    body = (
        f"<text:tracked-changes>{p('deleted')}</text:tracked-changes>"
        '<text:p>Text<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body>{p('Seven years.')}</text:note-body></text:note>"
        f"<office:annotation>{p('Check this.')}</office:annotation> end"
        f"<draw:frame><draw:text-box>{p('In a box')}</draw:text-box></draw:frame></text:p>"
    )
    margin = f"<style:master-page><style:header>{p('Version 3')}</style:header></style:master-page>"
    assert text_of("a.odt", odt(body, page_styles=margin)).split("\n\n") == [
        "Text[1] end", "In a box", "Notes", "[1] Seven years.", "Comments", "unknown: Check this.",
        "Page headers", "Version 3",
    ]  # fmt: skip


def test_an_encrypted_text_needs_a_password() -> None:
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "META-INF/manifest.xml": manifest,
        "content.xml": "\x00",
    }
    with pytest.raises(ReadError, match="password") as raised:
        document_of("a.odt", packed(parts))
    assert raised.value.status is FileStatus.PASSWORD


@pytest.mark.parametrize(
    ("content", "status"),
    [("<x/>", FileStatus.DAMAGED), ("<x><body><text/></body></x>", FileStatus.EMPTY), ("<x", FileStatus.DAMAGED)],
)
def test_broken_and_empty_texts(content: str, status: FileStatus) -> None:
    with pytest.raises(ReadError) as raised:
        document_of("a.odt", packed({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}))
    assert raised.value.status is status


def test_pictures_without_text_are_noted() -> None:
    document = document_of("a.odt", odt("<text:p><draw:frame><draw:image/></draw:frame></text:p>"))
    assert (document.pages[0].text, len(document.notes)) == ("", 1)
