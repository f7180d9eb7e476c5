import pytest

from ingest.errors import ReadError
from ingest.types import FileStatus, Heading
from tests.documents import document_of, text_of


def rtf(body: str) -> str:
    return (
        r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 MS;}}"
        r"{\colortbl;\red1\green2\blue3;}"
        r"{\stylesheet{\s0 Normal;}{\s3\outlinelevel0 \'dcberschrift;}{\s4 heading 2;}{\*\cs9 x;}}"
        r"{\info{\title My policy}{\author Nobody}}" + body + "}"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\'93data\'94 \endash  x\emdash y\~z\_w a\-b", "“data” – x—y z-w ab"),
        (r"\u8220 ?a\u8221\'94 \uc0\u8364 5 \uc2\u167 ??1", "“a” €5 §1"),
        (r"\u-10179 ?\u-8704 ?", "\U0001f600"),
        (r"{\f1 \'cf\'f0\'e8}{\f2 \'93\'fa}", "При日"),
        (r"a\par b\line c\tab d", "a\n\nb\nc d"),
        ("a\\\nb", "a\n\nb"),
        (r"kept{\deleted  gone}{\v  hidden}{\*\unknown no}\v0  end", "kept end"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link"),
        (r"a{\bin}b\bin5 {{{{{c", "abc"),
        (r"{\pict\pngblip 89504e47}a{\object{\*\objdata 0105}{\result r}}", "ar"),
        (r"{\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt In a box\par}}}after", "In a box\n\nafter"),
        (r"{\listtext 1.\tab}one\par{\listtext\'b7\tab}dot\par\pard plain", "1. one\n• dot\n\nplain"),
    ],
)
def test_text(body: str, expected: str) -> None:
    assert text_of("a.rtf", rtf(body)) == expected


def test_styles_and_outline_levels_make_headings() -> None:
    document = document_of(
        "a.rtf", rtf(r"\pard\s3 One\par\pard Text.\par\pard\s4 Two\par\pard\outlinelevel2 Three\par")
    )
    assert document.outline == (Heading("One", None, 1), Heading("Two", None, 2), Heading("Three", None, 3))
    assert document.title == "My policy"


def test_a_table_with_merged_cells() -> None:
    body = (
        r"\trowd\trhdr\cellx1\cellx2\pard\intbl Vendor\cell 2024\cell\row"
        r"\trowd\clvmgf\cellx1\cellx2\pard\intbl Acme\cell 1\par 2\cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\pard\intbl\cell 3\cell\row\pard After\par"
    )
    assert text_of("a.rtf", rtf(body)) == "Vendor | 2024\nVendor: Acme | 2024: 1 2\nVendor: Acme | 2024: 3\n\nAfter"


def test_notes_comments_and_margins_come_at_the_end() -> None:
    body = (
        r"{\header Version 3\par}{\footer \chpgn\par}Text{\footnote \chftn Seven years.} more"
        r"{\*\atnid J}{\*\atnauthor Jane}{\*\annotation Check this.}\par"
    )
    assert text_of("a.rtf", rtf(body)).split("\n\n") == [
        "Text[1] more", "Page headers", "Version 3", "Notes", "[1] Seven years.", "Comments", "Jane: Check this.",
    ]  # fmt: skip


def test_a_file_that_is_cut_off_is_read_so_far_and_noted() -> None:
    document = document_of("a.rtf", r"{\rtf1 {\b words")
    assert document.pages[0].text == "words"
    assert "cut off" in document.notes[0]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (r"{\rtf1 }", FileStatus.EMPTY),
        (r"{\rtf1 {\fonttbl", FileStatus.DAMAGED),
        (r"{\rtf1" + "{" * 100_000, FileStatus.DAMAGED),
        (r"{\rtf1 \bin2000000000 x", FileStatus.DAMAGED),
        ("words", FileStatus.DAMAGED),
    ],
)
def test_hostile_and_broken_files(data: str, status: FileStatus) -> None:
    with pytest.raises(ReadError) as raised:
        document_of("a.rtf", data)
    assert raised.value.status is status
