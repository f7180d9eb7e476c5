"""Makes a PDF that looks scanned: page images, slightly turned and grainy, without any text layer.

Knows nothing about the rest of the office. The grain comes from a seeded generator, so the same library versions give
the same bytes; another Pillow may compress the JPEG differently.
"""

from __future__ import annotations

import io
import random
import tomllib
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped, unused-ignore]
from PIL import Image, ImageChops, ImageFilter
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

DPI = 130  # an office scanner's "text" setting; OCR still reads 9-point type at this resolution
SEED = 20260219
JPEG_QUALITY = 42  # keeps a page near 150 kB
COLUMNS = (56.0, 92.0, 318.0, 372.0, 540.0)  # left edges of the table's columns, and its right edge, in points


def _signature(canvas: Canvas, x: float, y: float, rng: random.Random) -> None:
    """Draw a stroke that could be a signature, about 110 points wide."""
    path = canvas.beginPath()
    path.moveTo(x, y)
    for step in range(7):
        left = x + 16 * step
        path.curveTo(
            left + 4, y + rng.uniform(6, 24), left + 10, y - rng.uniform(2, 14), left + 16, y + rng.uniform(-3, 6)
        )
    canvas.setLineWidth(1.1)
    canvas.drawPath(path)
    canvas.setLineWidth(0.6)


def _print_form(form: dict[str, Any], rng: random.Random) -> bytes:
    """Return the filled form as an ordinary PDF, before it goes through the scanner."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    pages = form["page"]
    for index, page in enumerate(pages):
        y = A4[1] - 60
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(56, y, form["title"])
        canvas.setFont("Helvetica", 9)
        canvas.drawRightString(540, y, f"Tarnholt Diagnostics   {form['form']}   Page {index + 1} of {len(pages)}")
        canvas.setLineWidth(0.6)
        canvas.line(56, y - 8, 540, y - 8)
        y -= 40
        if index == 0:
            for label, value in form["fields"]:
                canvas.setFont("Helvetica", 10)
                canvas.drawString(56, y, label)
                canvas.setFont("Courier", 11)
                canvas.drawString(190, y, value)
                canvas.line(188, y - 4, 540, y - 4)
                y -= 26
            y -= 14
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(56, y, page["heading"])
        y -= 14
        top = y
        for row in [page["columns"], *page["rows"]]:
            y -= 34
            canvas.line(COLUMNS[0], y, COLUMNS[-1], y)
            canvas.setFont("Helvetica", 9.5)
            canvas.drawString(COLUMNS[0] + 5, y + 13, row[0])
            canvas.drawString(COLUMNS[1] + 5, y + 13, row[1])
            canvas.setFont("Courier-Bold", 9.5)
            canvas.drawString(COLUMNS[2] + 5, y + 13, row[2])
            canvas.setFont("Courier", 8.8)
            words, line, lines = row[3].split(), "", []
            for word in words:
                if len(line) + len(word) > 29:
                    lines.append(line)
                    line = ""
                line = f"{line} {word}".strip()
            lines.append(line)
            for offset, text in enumerate(lines):
                canvas.drawString(COLUMNS[3] + 5, y + 20 - 11 * offset, text)
        canvas.line(COLUMNS[0], top, COLUMNS[-1], top)
        for edge in COLUMNS:
            canvas.line(edge, top, edge, y)
        y -= 40
        if "remark" in page:
            canvas.setFont("Helvetica", 10)
            canvas.drawString(56, y, "Remarks")
            canvas.setFont("Courier", 9)
            canvas.drawString(56, y - 18, page["remark"])
            y -= 90
        for offset, (name, role, date) in enumerate(page.get("signatures", [])):
            x = 70 + 250 * offset
            _signature(canvas, x, y, rng)
            canvas.line(x - 10, y - 16, x + 180, y - 16)
            canvas.setFont("Helvetica", 9)
            canvas.drawString(x - 10, y - 28, f"{name}, {role}")
            canvas.setFont("Courier", 9)
            canvas.drawString(x - 10, y - 41, date)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _scan(image: Image.Image, rng: random.Random) -> bytes:
    """Return one page image as a scanner would give it: greyscale JPEG, turned by under a degree, grainy."""
    grey = image.convert("L").rotate(
        rng.uniform(0.35, 0.8) * rng.choice((-1, 1)), resample=Image.Resampling.BICUBIC, fillcolor=255
    )
    grain = Image.frombytes("L", grey.size, rng.randbytes(grey.width * grey.height))
    paper = grain.filter(ImageFilter.GaussianBlur(1.2)).point(lambda value: min(255, 214 + value // 5))
    buffer = io.BytesIO()
    ImageChops.multiply(grey.filter(ImageFilter.GaussianBlur(0.5)), paper).save(
        buffer, "JPEG", quality=JPEG_QUALITY, dpi=(DPI, DPI)
    )
    return buffer.getvalue()


def write_scan(source: Path, path: Path) -> None:
    """Write the form described in `source` (TOML) to `path` as a PDF of page images."""
    rng = random.Random(SEED)
    form = tomllib.loads(source.read_text(encoding="utf-8"))
    printed = pypdfium2.PdfDocument(_print_form(form, rng))
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.setTitle("Scan 2026-02-20 08:41")
    for page in printed:
        jpeg = _scan(page.render(scale=DPI / 72).to_pil(), rng)
        canvas.drawImage(ImageReader(io.BytesIO(jpeg)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    printed.close()
