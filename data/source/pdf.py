"""Sets parsed documents as PDF in the company's house style.

Knows nothing about where the text comes from. The same document gives the same bytes every time: ReportLab's
`invariant` fixes dates and identifiers, and only the standard PDF fonts are used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab import rl_config  # type: ignore[import-untyped]
from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_LEFT  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]

rl_config.invariant = 1  # before pdfencrypt is imported: it picks its source of salts at import

from reportlab.lib.pdfencrypt import StandardEncryption  # type: ignore[import-untyped]  # noqa: E402
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: E402
from reportlab.platypus import (  # type: ignore[import-untyped]  # noqa: E402
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents  # type: ignore[import-untyped]  # noqa: E402

from source.markup import Block, Document  # noqa: E402

COMPANY = "Tarnholt Diagnostics"
INK = colors.HexColor("#1d2b36")
ACCENT = colors.HexColor("#0b5563")
RULE = colors.HexColor("#9fb4bb")
SHADE = colors.HexColor("#e8f0f2")
MARGIN = 24 * mm
TEXT_WIDTH = A4[0] - 2 * MARGIN


def _style(name: str, **options: Any) -> ParagraphStyle:
    base: dict[str, Any] = {
        "bulletFontName": options.get("fontName", "Helvetica"),
        "bulletFontSize": options.get("fontSize", 10.3),
        "fontName": "Helvetica",
        "fontSize": 10.3,
        "leading": 15,
        "textColor": INK,
        "alignment": TA_LEFT,
        "spaceAfter": 6.5,
    }
    return ParagraphStyle(name, **(base | options))


BODY = _style("body")
CLAUSE = _style("clause", leftIndent=40, bulletIndent=0)
ITEM = _style("item", leftIndent=60, bulletIndent=40, spaceAfter=3)
NOTE = _style("note", fontName="Helvetica-Oblique", fontSize=9.5, leading=13, spaceAfter=0)
CAPTION = _style("caption", fontName="Helvetica-Bold", fontSize=9, leading=12, spaceBefore=5, keepWithNext=1)
CELL = _style("cell", fontSize=9.2, leading=12.2, spaceAfter=0)
CELL_HEAD = _style("cell-head", fontSize=9.2, leading=12.2, spaceAfter=0, fontName="Helvetica-Bold")
SECTION = _style(
    "section",
    fontName="Helvetica-Bold",
    fontSize=13.5,
    leading=17,
    textColor=ACCENT,
    spaceBefore=13,
    spaceAfter=6,
    leftIndent=40,
    bulletIndent=0,
    keepWithNext=1,
)
SUBSECTION = _style(
    "subsection",
    fontName="Helvetica-Bold",
    fontSize=11,
    leading=15,
    spaceBefore=7,
    spaceAfter=4,
    leftIndent=40,
    bulletIndent=0,
    keepWithNext=1,
)
TITLE = _style("title", fontName="Helvetica-Bold", fontSize=23, leading=28, textColor=ACCENT, spaceAfter=4)
SUBTITLE = _style("subtitle", fontSize=11.5, leading=16, spaceAfter=12)
CONTENTS_HEAD = _style(
    "contents-head", fontName="Helvetica-Bold", fontSize=11, leading=15, textColor=ACCENT, spaceBefore=12
)
CONTENTS = _style("contents", fontSize=9.5, leading=13.5, spaceAfter=0)


class _NumberedCanvas(Canvas):  # type: ignore[misc]
    """Holds finished pages back until their number is known, so that a footer can say "Page 2 of 7"."""

    footer_text = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 (ReportLab's name)
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for page in self._pages:
            self.__dict__.update(page)
            self.setFont("Helvetica", 8)
            self.setFillColor(INK)
            self.drawRightString(A4[0] - MARGIN, 11 * mm, f"Page {self._pageNumber} of {len(self._pages)}")
            super().showPage()
        super().save()


class _Template(BaseDocTemplate):  # type: ignore[misc]
    """Tells the table of contents and the outline about each section as it is placed."""

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 (ReportLab's name)
        title = getattr(flowable, "section_title", None)
        if title is None:
            return
        key = f"section-{self.seq.nextf('section')}-{self.page}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(title, key, 0, False)
        self.notify("TOCEntry", (0, escape(title), self.page, key))


def _paragraph(text: str, style: ParagraphStyle, number: str = "") -> Paragraph:
    return Paragraph(escape(text), style, bulletText=number or None)


def _table(rows: tuple[tuple[str, ...], ...], widths: tuple[float, ...], *, head: bool = True) -> Table:
    total = sum(widths)
    cells = [
        [
            Paragraph(escape(cell), CELL_HEAD if (head and index == 0) or (not head and column == 0) else CELL)
            for column, cell in enumerate(row)
        ]
        for index, row in enumerate(rows)
    ]
    style = [
        ("GRID", (0, 0), (-1, -1), 0.5, RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
        ("BACKGROUND", (0, 0), (-1, 0) if head else (0, -1), SHADE),
    ]
    return Table(
        cells,
        colWidths=[TEXT_WIDTH * width / total for width in widths],
        repeatRows=1 if head else 0,
        style=TableStyle(style),
        spaceBefore=2,
        spaceAfter=9,
    )


def _note(text: str) -> Table:
    box = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), SHADE),
            ("LINEBEFORE", (0, 0), (0, -1), 3, ACCENT),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
        ]
    )
    return Table([[_paragraph(text, NOTE)]], colWidths=[TEXT_WIDTH], style=box, spaceBefore=3, spaceAfter=9)


def _flow(block: Block) -> list[Flowable]:
    if block.kind == "section":
        heading = _paragraph(block.text, SECTION, block.number)
        heading.section_title = f"{block.number} {block.text}".strip()
        return [heading]
    if block.kind == "subsection":
        return [_paragraph(block.text, SUBSECTION, block.number)]
    if block.kind == "clause":
        return [_paragraph(block.text, CLAUSE, block.number)]
    if block.kind == "item":
        return [_paragraph(block.text, ITEM, block.number)]
    if block.kind == "note":
        return [_note(block.text)]
    if block.kind == "table":
        return [_paragraph(f"{block.number}. {block.text}", CAPTION), _table(block.rows, block.widths)]
    return [_paragraph(block.text, BODY)]


def _front(document: Document) -> list[Flowable]:
    """Return the first page: title, control table, revisions (`history: v date what; v date what`), contents."""
    meta = document.meta
    control = [
        ("Document number", meta["number"]),
        ("Version", meta["version"]),
        ("Document owner", meta["owner"]),
        ("Approved by", meta["approver"]),
        ("Effective date", meta["effective"]),
        ("Next review", meta["review"]),
        ("Classification", meta["classification"]),
    ]
    if "supersedes" in meta:
        control.append(("Supersedes", meta["supersedes"]))
    history = [("Version", "Date", "Summary of change")]
    for entry in meta["history"].split("; "):
        version, date, change = entry.split(" ", 2)
        history.append((version, date, change))
    contents = TableOfContents(levelStyles=[CONTENTS], dotsMinLevel=0)
    return [
        _paragraph(meta["title"], TITLE),
        _paragraph(meta["subtitle"], SUBTITLE),
        _table(tuple(control), (3, 7), head=False),
        _paragraph("Revision history", CONTENTS_HEAD),
        _table(tuple(history), (1.3, 1.7, 7)),
        _paragraph("Contents", CONTENTS_HEAD),
        contents,
        PageBreak(),
    ]


def write_pdf(document: Document, path: Path, *, password: str | None = None) -> None:
    """Write one document to `path`; with a password, readers must give it before they see anything.

    The encryption is RC4 with 128 bits: weak, but it needs no random salt, so the file stays the same when remade.
    """
    meta = document.meta

    def furniture(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(INK)
        canvas.drawString(MARGIN, A4[1] - 13 * mm, COMPANY)
        canvas.drawRightString(A4[0] - MARGIN, A4[1] - 13 * mm, meta["title"])
        canvas.drawString(MARGIN, 11 * mm, f"{meta['number']}  Version {meta['version']}  {meta['classification']}")
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.line(MARGIN, A4[1] - 15 * mm, A4[0] - MARGIN, A4[1] - 15 * mm)
        canvas.line(MARGIN, 15 * mm, A4[0] - MARGIN, 15 * mm)
        canvas.restoreState()

    encryption = StandardEncryption(password, ownerPassword=f"owner {password}", strength=128) if password else None
    template = _Template(
        str(path),
        pagesize=A4,
        title=f"{meta['number']} {meta['title']} {meta['version']}",
        author=COMPANY,
        subject=meta["subtitle"],
        invariant=1,
        encrypt=encryption,
    )
    frame = Frame(MARGIN, 18 * mm, TEXT_WIDTH, A4[1] - 37 * mm, leftPadding=0, rightPadding=0)
    template.addPageTemplates([PageTemplate(frames=[frame], onPage=furniture)])
    story = _front(document)
    for block in document.blocks:
        story.extend(_flow(block))
    template.multiBuild(story, canvasmaker=_NumberedCanvas)
