"""Reads PowerPoint presentations (.pptx): one Page a slide, numbered as the slides are, with the slide's title.

Read are the title first, then shapes in the order in which they are stored, grouped ones too: text boxes, lists,
tables with their header in each row, SmartArt; then speaker's notes, marked "Notes:", and comments. Hidden slides are
read and noted. Not read are date, footer and slide number, pictures and their descriptions, charts and embedded files
(both noted), media, and what masters and layouts show. The one door to pptx.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ingest.errors import ReadError
from ingest.readers import drawing, rows
from ingest.readers.flow import Flow
from ingest.readers.labels import BULLET, bullet, numeral
from ingest.readers.package import library, opened
from ingest.readers.pdf_meta import document_title
from ingest.readers.xml import Element, child, children, descendants, parsed, value, whole
from ingest.types import Document, FileStatus, Page, Source

_TITLES = frozenset({"TITLE", "CENTER_TITLE"})
_FURNITURE = frozenset({"DATE", "FOOTER", "HEADER", "SLIDE_NUMBER", "SLIDE_IMAGE"})  # the same on every slide
_BULLETED = frozenset({"BODY", "OBJECT"})  # placeholders whose paragraphs are list items unless they say otherwise
_NUMERALS = {"arabic": "decimal", "alphaLc": "a", "alphaUc": "A", "romanLc": "i", "romanUc": "I"}


def read(source: Source) -> Document:
    """Read a presentation. Raises ReadError: DAMAGED, EMPTY, TOO_LARGE, PASSWORD, UNSUPPORTED."""
    with opened(source, "PowerPoint presentation") as package, library("PowerPoint presentation"):
        package.check_usual()
        package.check_trees()
        from pptx.package import Package  # late: 0.3 s to import, and only for files of its kind

        left = drawing.Left()
        presentation = Package.open(source.file).presentation_part.presentation  # also of templates and slide shows
        slides = [_Slide(slide, number, left) for number, slide in enumerate(presentation.slides, start=1)]
        if not slides:
            raise ReadError(FileStatus.EMPTY, "the presentation has no slides")
        pages = tuple(Page(source.path, slide.number, slide.flow.text, title=slide.title) for slide in slides)
        hidden = [str(slide.number) for slide in slides if slide.hidden]
        notes = [f"hidden slides were read too: {', '.join(hidden)}"] if hidden else []
        notes += left.notes(sum(len(page.text) for page in pages))
        first = next((page.title for page in pages if page.title), None)
        title = document_title(package.title()) or document_title(first)
        outline = dict.fromkeys(heading for slide in slides for heading in slide.flow.outline)
        return Document(source.path, title, pages, tuple(outline), tuple(notes))


class _Slide:
    """One slide while it is read."""

    def __init__(self, slide: Any, number: int, left: drawing.Left) -> None:
        self.number = number
        self.hidden = value(slide.element, "show") in ("0", "false")
        self.flow = Flow(number)
        self.left = left
        self.relations = slide.part.rels
        self.targets = {name: relation.target_ref for name, relation in self.relations.items()}
        shapes = list(_shapes(slide))
        for shape in shapes:
            if _kind(shape) in _TITLES and shape.has_text_frame:
                self.flow.heading(shape.text_frame.text, 1)
        self.title = next((heading.title for heading in self.flow.outline), None)
        for shape in shapes:
            if _kind(shape) not in _TITLES | _FURNITURE:
                self._shape(shape)
        if slide.has_notes_slide:
            self._notes(slide.notes_slide)
        for name, relation in self.relations.items():
            if relation.reltype.endswith("/comments"):
                self._comments(self._tree(name))

    def _tree(self, name: str) -> Element | None:
        """The part that an id means, if there is one."""
        relation = self.relations.get(name)
        if relation is None or relation.is_external:
            return None
        part = relation.target_part
        return parsed(part.blob, f"its part {str(part.partname)!r}")

    def _shape(self, shape: Any) -> None:
        self.left.look(shape.element, self.targets)
        if shape.has_table:
            self._table(shape.table)
            return
        for line in drawing.diagram(shape.element, self._tree):
            self.flow.item(line, BULLET)
        if shape.has_text_frame:
            self._paragraphs(shape.element.txBody.p_lst, _kind(shape) in _BULLETED)

    def _paragraphs(self, paragraphs: Iterable[Any], bulleted: bool) -> None:
        counts: dict[int, int] = {}
        for paragraph in paragraphs:
            properties = paragraph.pPr
            depth = properties.lvl if properties is not None else 0
            counts = {level: count for level, count in counts.items() if level <= depth}
            text = drawing.paragraph_text(paragraph)  # with formulas, which `paragraph.text` leaves out
            if not text.strip():
                continue
            numbered = child(properties, "buAutoNum")
            sign = child(properties, "buChar")
            if numbered is not None:
                counts[depth] = counts.get(depth, whole(value(numbered, "startAt"), 1) - 1) + 1
                self.flow.item(text, _number(counts[depth], value(numbered, "type") or ""), depth)
                continue
            counts.pop(depth, None)
            if sign is not None or (bulleted and child(properties, "buNone") is None):
                self.flow.item(text, bullet(value(sign, "char")), depth)
            else:
                self.flow.paragraph(text)

    def _table(self, table: Any) -> None:
        # A cell that a merged one covers is there all the same, and empty.
        grid = [
            [rows.Cell(cell.text, cell.span_width, cell.span_height) for cell in row.cells if not cell.is_spanned]
            for row in table.rows
        ]
        header = int(rows.names_columns(rows.spread(grid), likely=table.first_row))
        self.flow.rows(rows.written(rows.spread(grid, header), header))

    def _notes(self, notes: Any) -> None:
        shapes = (shape for shape in _shapes(notes) if shape.has_text_frame and _kind(shape) not in _FURNITURE)
        lines = [line.strip() for shape in shapes for line in shape.text_frame.text.split("\n") if line.strip()]
        if lines:
            self.flow.paragraph("\n".join(["Notes:", *lines]))

    def _comments(self, root: Element | None) -> None:
        for comment in descendants(root, "cm", "reply"):
            # Old comments have one text, new ones paragraphs of their own; replies come by themselves.
            old = child(comment, "text")
            text = (old.text or "") if old is not None else ""
            text = text or " ".join(drawing.paragraph_text(line) for line in children(child(comment, "txBody"), "p"))
            if text.strip():
                self.flow.paragraph(f"Comment: {text}")


def _shapes(slide: Any) -> Iterator[Any]:
    """Shapes, tables and diagrams of a slide, in order; groups are opened.

    What is stored in two ways, for new programs and for old ones, python-pptx passes over: the new one takes its place.
    """
    for both in list(descendants(slide.element, "AlternateContent")):
        for entry in list(both)[:1]:  # "Choice" stands before "Fallback"
            for shape in list(entry):
                both.addprevious(shape)
    waiting = list(slide.shapes)
    while waiting:
        shape = waiting.pop(0)
        if shape.element.tag.endswith("}grpSp"):
            waiting[:0] = shape.shapes
        else:
            yield shape


def _kind(shape: Any) -> str | None:
    """The kind of the placeholder that a shape fills: "TITLE", "BODY" ...; None where it fills none."""
    return shape.placeholder_format.type.name if shape.is_placeholder else None


def _number(count: int, style: str) -> str:
    """The label of an automatic number: "arabicPeriod" is 1., "alphaLcParenBoth" (a)."""
    name = next((name for name in _NUMERALS if style.startswith(name)), "arabic")
    text = numeral(count, _NUMERALS[name])
    if style.endswith("ParenBoth"):
        return f"({text})"
    return f"{text})" if style.endswith("ParenR") else f"{text}."
