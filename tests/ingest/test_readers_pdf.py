"""The PDFs are written here, by reportlab, by pypdf or by hand."""

import contextlib
import io
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import ReadError
from ingest.readers import pdf, pdf_meta, read
from ingest.readers.pdf import normalise
from ingest.types import Document, FileStatus, Heading, Source, SourceFile

PAGES = [["1 Purpose", "This policy protects data."], ["2 Scope", "It holds for all staff."]]


def written(pages: list[list[str]], draw: Callable[[Canvas], None] = lambda canvas: None, **options: Any) -> bytes:
    """A PDF with these lines on its pages; `draw` may add to the first."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842), invariant=True, **options)
    for number, lines in enumerate(pages):
        if number == 0:
            draw(canvas)
        for row, line in enumerate(lines):
            canvas.drawString(72, 770 - 16 * row, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def document_of(folder: Path, data: bytes, name: str = "a.pdf") -> Document:
    (folder / name).write_bytes(data)
    return read(SourceFile(folder, name))


def status_of(folder: Path, data: bytes) -> FileStatus:
    with pytest.raises(ReadError) as raised:
        document_of(folder, data)
    return raised.value.status


def test_pages_are_numbered_from_one_and_hold_their_lines(tmp_path: Path) -> None:
    document = document_of(tmp_path, written(PAGES))
    assert [(page.number, page.text) for page in document.pages] == [
        (1, "1 Purpose\nThis policy protects data."),
        (2, "2 Scope\nIt holds for all staff."),
    ]
    assert document.pages_without_text == ()


def test_a_pdf_under_another_name_is_a_pdf(tmp_path: Path) -> None:
    for name in ("a.txt", "a", "a.bin", "caf\udce9.pdf"):
        assert len(document_of(tmp_path, written(PAGES), name).pages) == 2


def test_a_text_about_pdf_headers_is_a_text(tmp_path: Path) -> None:
    assert document_of(tmp_path, b"A PDF begins with %PDF-1.7.", "a.txt").pages[0].number is None


def test_pages_without_text_are_a_document_all_the_same(tmp_path: Path) -> None:
    box = written([[], []], draw=lambda canvas: canvas.rect(10, 10, 100, 100))
    assert document_of(tmp_path, box).pages_without_text == (1, 2)
    assert document_of(tmp_path, written([["text"], []])).pages_without_text == (2,)


@pytest.mark.parametrize(
    "title",
    [
        "untitled", "(untitled)", "Microsoft Word - a.docx", "scan1.pdf", "  ", "Slide 1", "0001018724-18-000005", "jd",
        "Scan 2026-02-20 08:41", "New Document", "J.D.", "PowerPoint Presentation",
    ],
)  # fmt: skip
def test_titles_that_say_nothing_are_none(title: str) -> None:
    assert pdf_meta.document_title(title) is None


@pytest.mark.parametrize(
    "title", ["ADBE 10K FY15", "TD-SEC-003 Acceptable Use Policy 4.5", "HR FAQ", "规定", "Documents"]
)
def test_titles_that_say_something_are_kept(title: str) -> None:
    assert pdf_meta.document_title(title) == title


def test_a_program_in_front_of_a_title_is_left_out() -> None:
    assert pdf_meta.document_title("Microsoft Word - Travel\x00 policy") == "Travel policy"


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    for strength in (40, 128):
        encryption = StandardEncryption("user", "owner", strength=strength)
        assert status_of(tmp_path, written(PAGES, encrypt=encryption)) is FileStatus.PASSWORD


def outlined(canvas: Canvas) -> None:
    canvas.setTitle("Access policy")
    canvas.bookmarkPage("p1")
    canvas.addOutlineEntry("1 Purpose", "p1", level=0)
    canvas.bookmarkPage("p1.1")
    canvas.addOutlineEntry("1.1 Inner", "p1.1", level=1)


def test_title_and_outline_with_levels(tmp_path: Path) -> None:
    document = document_of(tmp_path, written(PAGES, outlined))
    assert document.title == "Access policy"
    assert document.outline == (Heading("1 Purpose", 1, 1), Heading("1.1 Inner", 1, 2))
    assert document.notes == ()


def test_an_owners_password_does_not_keep_the_text_from_reading(tmp_path: Path) -> None:
    for strength in (40, 128):
        encryption = StandardEncryption("", "owner", canPrint=0, strength=strength)
        document = document_of(tmp_path, written(PAGES, outlined, encrypt=encryption))
        assert document.pages[1].text.startswith("2 Scope")
        assert (document.title, len(document.outline), document.notes) == ("Access policy", 2, ())


def test_where_pypdf_cannot_decrypt_pdfium_gives_title_and_outline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AES needs a package that pypdf does not bring."""

    def refuse(*_args: object, **_more: object) -> None:
        raise pypdf.errors.DependencyError("cryptography>=3.1 is required for AES algorithm")

    monkeypatch.setattr(pypdf, "PdfReader", refuse)
    document = document_of(tmp_path, written(PAGES, outlined))
    assert document.title == "Access policy"
    assert document.outline == (Heading("1 Purpose", 1, 1), Heading("1.1 Inner", 1, 2))
    assert document.notes == ()


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + b"\x00" * 1000,
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF",
        b"%PDF-1.7\ntrailer << /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj "
        b"trailer<</Root 1 0 R>>",
    ],
    ids=["header only", "null bytes", "no pages", "endless chain of tables", "page tree in a circle"],
)
def test_damaged_files_are_damaged(tmp_path: Path, data: bytes) -> None:
    assert status_of(tmp_path, data) is FileStatus.DAMAGED


def test_a_truncated_file_is_read_as_far_as_it_goes_or_damaged(tmp_path: Path) -> None:
    whole = written([[f"Page {number} says so."] for number in range(20)])
    for share in range(1, 10):
        try:
            document = document_of(tmp_path, whole[: len(whole) * share // 10])
        except ReadError as error:
            assert error.status is FileStatus.DAMAGED  # noqa: PT017 - both outcomes are right
        else:
            assert document.pages


def test_a_page_tree_that_claims_billions_of_pages(tmp_path: Path) -> None:
    data = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj "
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 2147483647>>endobj "
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj trailer<</Root 1 0 R>>"
    )
    try:
        document = document_of(tmp_path, data)
    except ReadError as error:
        assert error.status in {FileStatus.DAMAGED, FileStatus.TOO_LARGE}  # noqa: PT017 - as above
    else:
        assert len(document.pages) == 1


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    whole = written(PAGES)
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        data = bytearray(whole)
        data[place] ^= 0x55
        try:
            document_of(tmp_path, bytes(data))
        except ReadError as error:
            assert error.status in {FileStatus.DAMAGED, FileStatus.PASSWORD, FileStatus.UNSUPPORTED}  # noqa: PT017


def test_an_outline_in_a_circle_costs_no_text_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(written(PAGES)))
    first = writer.add_outline_item(title="First", page_number=0)
    second = writer.add_outline_item(title="Second", page_number=1)
    second.get_object()[pypdf.generic.NameObject("/Next")] = first  # type: ignore[index]
    buffer = io.BytesIO()
    writer.write(buffer)
    document = document_of(tmp_path, buffer.getvalue())
    assert len(document.pages) == 2
    assert len(document.outline) <= pdf_meta.MAX_HEADINGS
    assert capfd.readouterr() == ("", "")


def test_an_outline_entry_without_a_page_is_left_out(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(written(PAGES)))
    writer.add_outline_item(title="Nowhere", page_number=None)
    writer.add_outline_item(title="Second", page_number=1)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert document_of(tmp_path, buffer.getvalue()).outline == (Heading("Second", 2, 1),)


def test_pypdf_raising_anything_costs_only_the_outline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(pypdf, "PdfReader", broken)
    document = document_of(tmp_path, written(PAGES))
    assert len(document.pages) == 2
    assert document.notes == ("its title and outline could not be read (RecursionError)",)


def test_pypdf_hanging_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_args: object, **_more: object) -> None:
        while True:
            with contextlib.suppress(Exception):  # as pypdf does in places
                time.sleep(0.001)

    monkeypatch.setattr(pypdf, "PdfReader", endless)
    monkeypatch.setattr(pdf_meta, "SECONDS", 0.2)
    started = time.monotonic()
    document = document_of(tmp_path, written(PAGES))
    assert time.monotonic() - started < 5
    assert len(document.pages) == 2
    assert "given up" in document.notes[0]


def test_too_many_pages_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 1)
    assert status_of(tmp_path, written(PAGES)) is FileStatus.TOO_LARGE


def test_pypdf_says_nothing_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        document_of(tmp_path, written(PAGES).replace(b"startxref", b"startxxxx"))
    assert [record.name for record in caplog.records if record.name.startswith("pypdf")] == []


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("a\x00b\x01c\td", "a b c\td"),
        ("e\u0301", "\u00e9"),
        ("of\ufb01ce \ufb02ow e\ufb03cient", "office flow efficient"),
        ("5\u00a0days", "5 days"),
        ("\uf0b7 item", "• item"),
        ("inci\u00addent and inci\u00ad\r\ndent", "incident and incident"),
        ("a role\ufffebased control", "a role-based control"),
        ("an inci\ufffedent; this incident", "an incident; this incident"),
        ("13a\ufffe15(e)", "13a-15(e)"),
        ("the e\ufffemail or e-mail", "the e-mail or e-mail"),
    ],
)
def test_what_the_stored_text_looks_like(raw: str, text: str) -> None:
    assert normalise([raw]) == [text]


def test_a_hyphen_is_decided_by_the_whole_document() -> None:
    assert normalise(["secu\ufffe", "rity", "secu\uffferity policy", "security"])[2] == "security policy"


@given(st.lists(st.text(), max_size=3))
def test_stored_text_has_one_kind_of_line_end_and_is_stable(pages: list[str]) -> None:
    once = normalise(pages)
    assert len(once) == len(pages)
    assert not any(character in page for page in once for character in "\r\x00\ufffe\ufb01\u00ad")
    assert normalise(once) == once


ENCRYPTED = Path(__file__).parent / "encrypted"
"""A page of "Board risk briefing" that opens with "Kingsmere": written by pypdf and cryptography."""


def locked(folder: Path, data: bytes, passwords: Sequence[str]) -> Document:
    (folder / "a.pdf").write_bytes(data)
    return read(SourceFile(folder, "a.pdf"), passwords)


@pytest.mark.parametrize("strength", [40, 128])
def test_passwords_are_tried_in_order(tmp_path: Path, strength: int) -> None:
    data = written(PAGES, outlined, encrypt=StandardEncryption("user", "owner", strength=strength))
    for passwords in (["user"], ["owner"], ["wrong", "", "\ud800", "user", "never tried"]):
        document = locked(tmp_path, data, passwords)
        assert document.pages[1].text.startswith("2 Scope")
        assert (document.title, len(document.outline), document.notes) == ("Access policy", 2, ())


@pytest.mark.parametrize("name", ["aes-128.pdf", "aes-256.pdf"])
def test_aes_is_opened_too(tmp_path: Path, name: str) -> None:
    data = (ENCRYPTED / name).read_bytes()
    document = locked(tmp_path, data, ["wrong", "Kingsmere"])
    assert (document.title, document.pages[0].text, document.notes) == ("Risks", "Board risk briefing", ())
    source = Source("a.pdf", io.BytesIO(data), len(data), ("wrong", "Kingsmere"))
    assert pdf.render(source, 1, 72).shape == (100, 200)


def test_no_password_is_asked_for_where_none_is_needed(tmp_path: Path) -> None:
    assert len(locked(tmp_path, written(PAGES), ["user"]).pages) == 2


def test_a_password_that_does_not_fit_is_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    data = (ENCRYPTED / "aes-256.pdf").read_bytes()
    passwords = ["hunter" + end for end in ("2", "3\ud800", "")]
    with pytest.raises(ReadError, match="--password-file FILE") as raised:
        locked(tmp_path, data, passwords)
    assert raised.value.status is FileStatus.PASSWORD
    shown = [*traceback.format_exception(raised.value), repr(raised.value), caplog.text]
    assert passwords[-1] not in "".join(shown)
    assert passwords[-1] not in repr(Source("a.pdf", io.BytesIO(data), len(data), tuple(passwords)))


def image(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    canvas.drawImage(ImageReader(Image.new("L", (20, 20), 200)), x, y, width, height)


def test_a_page_that_is_all_image_is_a_scan(tmp_path: Path) -> None:
    document = document_of(tmp_path, written([[], []], lambda canvas: image(canvas, 0, 0, 595, 842)))
    assert (document.scans, document.pages_without_text) == ((1,), (1, 2))


def test_a_scan_under_a_stamp_or_a_header_is_a_scan(tmp_path: Path) -> None:
    stamp = ["FILE COPY 2026-0117", "Received by the registry on 3 March 2026", "Page 4"]
    assert document_of(tmp_path, written([stamp], lambda canvas: image(canvas, 20, 20, 550, 780))).scans == (1,)


def test_a_scan_in_strips_and_inside_forms_is_a_scan(tmp_path: Path) -> None:
    def strips(canvas: Canvas) -> None:
        for row in range(40):
            image(canvas, 0, 21 * row, 595, 21)

    def form(canvas: Canvas) -> None:
        canvas.beginForm("inner", 0, 0, 100, 100)
        image(canvas, 0, 0, 100, 100)
        canvas.endForm()
        canvas.beginForm("outer", 0, 0, 600, 600)
        canvas.scale(6, 8)
        canvas.doForm("inner")
        canvas.endForm()
        canvas.doForm("outer")

    for draw in (strips, form):
        assert document_of(tmp_path, written([["Page 4"]], draw)).scans == (1,)


def test_a_page_of_text_with_a_logo_or_over_a_background_is_no_scan(tmp_path: Path) -> None:
    prose = ["The quick brown fox jumps over the lazy dog, says the policy."] * 9
    assert document_of(tmp_path, written([prose], lambda canvas: image(canvas, 0, 0, 595, 842))).scans == ()
    logo = document_of(
        tmp_path, written([["Travel policy", "Version 2"]], lambda canvas: image(canvas, 500, 800, 60, 20))
    )
    assert logo.scans == ()


def test_letters_drawn_as_outlines_are_recognised_and_frames_are_not(tmp_path: Path) -> None:
    def outlines(canvas: Canvas) -> None:
        for letter in range(30):
            path = canvas.beginPath()
            path.moveTo(20 * letter, 100)
            for step in range(12):
                path.lineTo(20 * letter + step, 100 + step * step % 7)
            canvas.drawPath(path, fill=1)

    assert document_of(tmp_path, written([[]], outlines)).scans == (1,)
    assert document_of(tmp_path, written([[]], lambda canvas: canvas.rect(10, 10, 100, 100))).scans == ()


def test_a_text_layer_of_the_wrong_letters_is_recognised_anew(tmp_path: Path) -> None:
    lines = ["Staff report incidents within one hour to their service desk. " * 2] * 8
    wrong = ["".join(chr(ord(one) - 29) if one.isalpha() else one for one in line) for line in lines]
    assert document_of(tmp_path, written([lines, wrong])).scans == (2,)


def test_pages_that_cannot_be_loaded_have_failed(tmp_path: Path) -> None:
    broken = written(PAGES).replace(b"/Type /Page\n", b"/Type /Pagx\n", 1)
    document = document_of(tmp_path, broken)
    assert (document.failed, document.scans) in {((1,), ()), ((), ())}  # pdfium may mend it
    if document.failed:
        assert "could not be loaded: 1 (1 of 2)" in document.notes[0]


def drawn(data: bytes, number: int = 1, dpi: int = 72) -> tuple[int, ...]:
    return pdf.render(Source("a.pdf", io.BytesIO(data), len(data)), number, dpi).shape


def test_pages_are_drawn_as_they_are_turned_and_as_fine_as_asked() -> None:
    assert drawn(written(PAGES)) == (842, 595)
    assert drawn(written(PAGES), 2, 144) == (1684, 1190)
    assert drawn(written(PAGES).replace(b"/Rotate 0", b"/Rotate 90")) == (595, 842)


@pytest.mark.parametrize("size", [b"14400 14400", b"1000000 1", b"3 1000000"])
def test_a_page_of_any_size_is_drawn_within_limits(size: bytes) -> None:
    height, width = drawn(written(PAGES).replace(b"0 0 595 842", b"0 0 " + size), dpi=200)
    assert height * width <= 1.01 * pdf.MAX_PIXELS
    assert max(height, width) <= 12_001


def test_a_page_that_is_not_there_cannot_be_drawn() -> None:
    with pytest.raises(ReadError, match="page 3 cannot be drawn"):
        drawn(written(PAGES), 3)


def test_a_page_with_thousands_of_objects_is_judged_in_a_moment(tmp_path: Path) -> None:
    def dots(canvas: Canvas) -> None:
        for dot in range(20_000):
            canvas.rect(dot % 500, dot // 500, 1, 1)

    data = written([["Page"]], dots)
    began = time.perf_counter()
    assert document_of(tmp_path, data).scans == ()
    assert time.perf_counter() - began < 2
