"""What holds for every format: the same policy comes out of each, and no bytes raise anything but a ReadError."""

import contextlib
import io
import re
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.types import FileStatus
from tests.documents import HEADING, MADE, ROW, SECTION, SENTENCE, document_of, packed
from tests.fakes import WordTokenizer

ORIGINALS = {suffix: make() for suffix, make in MADE.items()}
WITH_SECTIONS = sorted(set(MADE) - {"csv", "tsv", "xlsx"})
PACKED = sorted(suffix for suffix, data in ORIGINALS.items() if data.startswith(b"PK"))


@pytest.mark.parametrize("suffix", MADE)
def test_the_same_text_comes_out_of_every_format(suffix: str) -> None:
    text = "\n".join(page.text for page in document_of(f"a.{suffix}", ORIGINALS[suffix]).pages)
    assert re.search(rf"^(?:• )?{re.escape(SENTENCE)}$", text, re.M)
    assert ROW in text.split("\n")


@pytest.mark.parametrize("suffix", WITH_SECTIONS)
def test_headings_become_sections(suffix: str) -> None:
    made = chunks(document_of(f"a.{suffix}", ORIGINALS[suffix]), WordTokenizer())
    sections = {chunk.section for chunk in made if ROW in chunk.text}
    assert sections == ({SECTION} if suffix == "pptx" else {f"{HEADING} › {SECTION}"})


def test_the_name_of_a_sheet_is_its_section() -> None:
    made = chunks(document_of("a.xlsx", ORIGINALS["xlsx"]), WordTokenizer())
    assert {chunk.section for chunk in made} == {SECTION}


@pytest.mark.parametrize("suffix", MADE)
@pytest.mark.parametrize("max_tokens", [180, 9, 1])
def test_passages_are_spans_of_their_pages(suffix: str, max_tokens: int) -> None:
    document = document_of(f"a.{suffix}", ORIGINALS[suffix])
    pages = {(page.number, page.record): page.text for page in document.pages}
    made = chunks(document, WordTokenizer(), max_tokens)
    assert made
    for chunk in made:
        assert pages[chunk.page, chunk.record][chunk.start : chunk.end] == chunk.text
    assert len("".join("".join(chunk.text.split()) for chunk in made)) == len("".join("".join(pages.values()).split()))


@pytest.mark.parametrize("suffix", MADE)
def test_a_cut_falls_between_rows(suffix: str) -> None:
    """A row has ten words here, and its header among them."""
    made = chunks(document_of(f"a.{suffix}", ORIGINALS[suffix]), WordTokenizer(), 14)
    assert [chunk for chunk in made if ROW in chunk.text]


@pytest.mark.parametrize("suffix", PACKED)
def test_content_goes_before_the_name(suffix: str) -> None:
    here = document_of(f"a.{suffix}", ORIGINALS[suffix])
    for name in ("a.txt", "a", "a.docx", "a.xlsx", "a.DAT"):
        there = document_of(name, ORIGINALS[suffix])
        assert [page.text for page in there.pages] == [page.text for page in here.pages]


@pytest.mark.parametrize("name", ["a.doc", "a.docx", "a.xls", "a"])
def test_web_pages_and_rich_text_under_the_names_of_office_files(name: str) -> None:
    assert document_of(name, " <!DOCTYPE html><html><body>Words</body></html>").pages[0].text == "Words"
    assert document_of(name, r"{\rtf1 Words}").pages[0].text == "Words"


def test_a_text_that_is_html_stays_a_text() -> None:
    assert document_of("a.txt", "<html>Words</html>").pages[0].text == "<html>Words</html>"


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("stream", "status", "words"),
    [
        ("EncryptedPackage", FileStatus.PASSWORD, "a password is needed"),
        ("WordDocument", FileStatus.UNSUPPORTED, "save it as .docx"),
        ("Workbook", FileStatus.UNSUPPORTED, "save it as .xlsx"),
        ("PowerPoint Document", FileStatus.UNSUPPORTED, "save it as .pptx"),
        ("__substg1.0_0037001F", FileStatus.UNSUPPORTED, "save it as .eml"),
        ("Other", FileStatus.UNSUPPORTED, "old Office"),
    ],
)
@pytest.mark.parametrize("name", ["a.docx", "a.doc", "a.xlsx", "a.txt"])
def test_old_and_encrypted_office_files_are_told_apart(name: str, stream: str, status: FileStatus, words: str) -> None:
    data = OLE + bytes(1_048_000) + stream.encode("utf-16-le") + bytes(512)  # across the border of two reads
    with pytest.raises(ReadError, match=words) as raised:
        document_of(name, data)
    assert raised.value.status is status


@pytest.mark.parametrize("suffix", [*PACKED, "rtf", "eml"])
@pytest.mark.parametrize("data", [b"just words, no format", b"PK\x03\x04....", bytes(range(256))])
def test_other_content_is_damaged(suffix: str, data: bytes) -> None:
    with pytest.raises(ReadError) as raised:
        document_of(f"a.{suffix}", data)
    assert raised.value.status in (FileStatus.DAMAGED, FileStatus.UNSUPPORTED)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_package_that_is_cut_off_is_damaged(suffix: str) -> None:
    data = ORIGINALS[suffix]
    for length in (30, len(data) // 2, len(data) - 5):
        with pytest.raises(ReadError, match="cut off") as raised:
            document_of(f"a.{suffix}", data[:length])
        assert raised.value.status is FileStatus.DAMAGED


PIECES = st.sampled_from(
    [b"99999999999", b"-1", b"<", b"{", b"}", b"\\u-1 ", b'"', b"\x00", b"\xff\xfe", b"=?", b";", b""]
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=4)
RANDOMLY = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def changed(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """`data` with some bytes taken out and others put in their place."""
    for share, count, piece in changes:
        place = int(share * len(data))
        data = data[:place] + piece + data[place + count :]
    return data


@pytest.mark.parametrize("suffix", MADE)
@RANDOMLY
@given(changes=CHANGES)
def test_changed_bytes_are_read_or_refused(suffix: str, changes: list[tuple[float, int, bytes]]) -> None:
    with contextlib.suppress(ReadError):
        document_of(f"a.{suffix}", changed(ORIGINALS[suffix], changes))


@pytest.mark.parametrize("suffix", PACKED)
@RANDOMLY
@given(
    which=st.floats(0, 0.999),
    token=st.floats(0, 0.999),
    value=st.sampled_from([b'"-1"', b'"99999999999"', b'""', b'"x"']),
)
def test_changed_attributes_inside_a_package_are_read_or_refused(
    suffix: str, which: float, token: float, value: bytes
) -> None:
    with zipfile.ZipFile(io.BytesIO(ORIGINALS[suffix])) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    names = [name for name in parts if name.endswith((".xml", ".rels"))]
    name = names[int(which * len(names))]
    part = bytes(parts[name])  # type: ignore[arg-type]
    found = re.findall(rb'"[^"]*"', part)
    if found:
        parts[name] = part.replace(found[int(token * len(found))], value)
    with contextlib.suppress(ReadError):
        document_of(f"a.{suffix}", packed(parts))
