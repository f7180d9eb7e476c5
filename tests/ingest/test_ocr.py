"""The recogniser itself, on pages made here: reportlab writes text, pdfium draws it, a PDF holds the picture."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest import ocr
from ingest.errors import ModelError, ReadError
from ingest.ocr import engine
from ingest.readers import pdf
from ingest.types import FileStatus, Source
from tests.running import ROOT

LINES = ["4 Reporting", "Staff report each incident within one hour.", "Call the service desk on extension 4711."]


def source_of(data: bytes, name: str = "scan.pdf") -> Source:
    return Source(name, io.BytesIO(data), len(data))


def picture(lines: list[str] = LINES, turns: int = 0) -> Image.Image:
    """A small page with these lines, as a scanner sees it, lying turned counter-clockwise."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(420, 200), invariant=True)
    for row, line in enumerate(lines):
        canvas.drawString(40, 150 - 24 * row, line)
    canvas.save()
    return Image.fromarray(np.rot90(pdf.render(source_of(buffer.getvalue()), 1, 200), turns).copy())


def scanned(image: Image.Image, rotate: int = 0) -> bytes:
    """A PDF whose page is this image and nothing else."""
    buffer = io.BytesIO()
    width, height = image.width * 0.36, image.height * 0.36  # points; 200 dpi
    canvas = Canvas(buffer, pagesize=(width, height), invariant=True)
    canvas.drawImage(ImageReader(image), 0, 0, width, height)
    canvas.showPage()
    canvas.save()
    if not rotate:
        return buffer.getvalue()
    writer = pypdf.PdfWriter(clone_from=buffer)
    writer.pages[0].rotation = rotate
    turned = io.BytesIO()
    writer.write(turned)
    return turned.getvalue()
    return buffer.getvalue()


def test_a_scanned_page_is_found_and_recognised() -> None:
    source = source_of(scanned(picture()))
    assert pdf.read(source).scans == (1,)
    assert ocr.recognise(source, 1) == "\n".join(LINES)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_may_lie_on_its_side_or_upside_down(turns: int) -> None:
    assert ocr.recognise(source_of(scanned(picture(turns=turns))), 1) == "\n".join(LINES)


def test_the_rotation_that_a_pdf_declares_is_followed() -> None:
    assert ocr.recognise(source_of(scanned(picture(turns=1), rotate=90)), 1) == "\n".join(LINES)


def test_an_image_file_is_recognised() -> None:
    buffer = io.BytesIO()
    picture().save(buffer, "TIFF")
    assert ocr.recognise(source_of(buffer.getvalue(), "scan.tif"), 1) == "\n".join(LINES)


def test_a_page_without_letters_is_empty_text() -> None:
    assert ocr.recognise(source_of(scanned(Image.new("L", (400, 300), 255))), 1) == ""
    assert ocr.recognise(source_of(scanned(Image.effect_noise((400, 300), 80))), 1).strip() == ""


def test_words_broken_at_a_line_end_are_joined_as_the_page_has_them() -> None:
    text = ocr.recognise(source_of(scanned(picture(["Security matters. It is the secu-", "rity of the house."]))), 1)
    assert text == "Security matters. It is the security of the house."


def test_a_file_that_cannot_be_drawn_is_a_read_error() -> None:
    with pytest.raises(ReadError) as raised:
        ocr.recognise(source_of(b"%PDF-1.7\n"), 1)
    assert raised.value.status is FileStatus.DAMAGED
    with pytest.raises(ReadError) as raised:
        ocr.recognise(source_of(scanned(picture())), 2)
    assert raised.value.status is FileStatus.FAILED


def test_a_changed_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.MODELS, "PP-OCRv6_det_small.onnx", "0" * 64)
    with pytest.raises(ModelError, match="PP-OCRv6_det_small"):
        engine.Engine()


def test_a_missing_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MODELS", {"none.onnx": "0" * 64})
    with pytest.raises(ModelError, match=r"none\.onnx"):
        engine.Engine()


def test_it_works_in_a_worker_behind_the_guard_and_says_nothing(tmp_path: Path) -> None:
    """No network, no files written, 4 GiB of address space, and nothing on stdout or stderr."""
    (tmp_path / "scan.pdf").write_bytes(scanned(picture()))
    program = """
import resource, sys
from pathlib import Path
from rag import offline
from ingest import ocr
from ingest.types import Source
offline.engage()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
path = Path(sys.argv[1])
with path.open("rb") as file:
    text = ocr.recognise(Source(path.name, file, 1), 1)
assert text.startswith("4 Reporting"), text
assert offline.attempts() == (), offline.attempts()
"""
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path / "scan.pdf")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
