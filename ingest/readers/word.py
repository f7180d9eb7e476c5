"""Reads Word documents (.docx): one Page without a number, since Word decides where pages end each time it opens one.

Read are paragraphs, lists and headings with the numbers Word computes for them, tables with their header in each row,
text boxes, SmartArt, content controls, the results of fields, tracked insertions; and at the end, under headings of
their own, footnotes, endnotes, comments, page headers and footers. Not read are tracked deletions, hidden text,
pictures and their descriptions, charts, embedded files, macros and field codes; embedded files, charts and hidden text
are noted, pictures where there is hardly any text.

Not on python-docx: its text leaves out insertions, content controls, text boxes and notes, and it computes no numbers,
so a reader on it came out no shorter than this one (375 lines to 369); and it refuses documents that Word opens: those
saved as "strict", and those that refer to a part which is gone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.errors import ReadError
from ingest.readers import drawing, rows
from ingest.readers.flow import Flow, clean, raised
from ingest.readers.labels import BULLET, numeral
from ingest.readers.numbering import Numbering
from ingest.readers.package import Package, opened
from ingest.readers.pdf_meta import document_title
from ingest.readers.xml import Element, child, children, descendants, local, value, whole
from ingest.types import Document, FileStatus, Page, Source

_SKIPPED = frozenset(
    {"del", "moveFrom", "instrText", "delInstrText", "delText", "pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "trPr",
     "tcPr", "rt", "fldData", "rubyPr"}
)  # fmt: skip
_DRAWINGS = frozenset({"drawing", "pict", "object"})
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"toc [1-9]|table of figures", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"\W*(?:page|seite)?\W*\d*\W*(?:of|von|/)?\W*\d*\W*", re.IGNORECASE)
_LAYOUT_CELL = 1500  # characters of a cell; a table with longer ones is there for the layout, not for its rows
_MAX_STYLES = 40  # steps from a style to what it is based on; Word stops at 11


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style says about its paragraphs, with what it is based on."""

    level: int = 0  # of a heading; 0: none
    title: bool = False
    contents: bool = False  # an entry of a table of contents
    list_id: str | None = None
    list_level: int | None = None


def read(source: Source) -> Document:
    """Read a Word document. Raises ReadError: DAMAGED, EMPTY, TOO_LARGE, PASSWORD."""
    with opened(source, "Word document") as package:
        return _Word(package).document(source.path)


class _Word:
    """One document while it is read."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.main = package.main()
        self.relations = package.relations(self.main)
        self.styles = _styles(package.tree_or_none(self._part("styles")))
        lists = {name: style.list_id for name, style in self.styles.items() if style.list_id}
        self.numbering = Numbering(package.tree_or_none(self._part("numbering")), lists)
        self.flow = Flow()
        self.left = drawing.Left()
        self.boxes: list[Element] = []  # text boxes and diagrams met in the paragraph that is being read
        self.marks: dict[str, dict[str, str]] = {"footnotes": {}, "endnotes": {}}  # id of a note → its mark
        self.title: str | None = None
        self.notes: list[str] = []

    def document(self, path: str) -> Document:
        body = child(self.package.tree(self.main), "body")
        if body is None:
            raise ReadError(FileStatus.DAMAGED, "it is a Word document without a body; open it and save it anew")
        self._blocks(body)
        self._notes("footnotes", "Footnotes")
        self._notes("endnotes", "Endnotes")
        self._comments()
        self._margins()
        text = self.flow.text
        if not text and not self.left.images and not self.left.embedded:
            raise ReadError(FileStatus.EMPTY, "the document holds no text")
        title = document_title(self.package.title()) or document_title(self.title)
        notes = (*self.notes, *self.left.notes(len(text)))
        return Document(path, title, (Page(path, None, text),), tuple(self.flow.outline), notes)

    def _part(self, kind: str) -> str | None:
        return next((entry.target for entry in self.relations.values() if entry.kind == kind), None)

    def _blocks(self, container: Element) -> None:
        """Paragraphs and tables, through whatever wraps them."""
        for entry in container:
            name = local(entry)
            if name == "p":
                self._paragraph(entry)
            elif name == "tbl":
                self._table(entry)
            elif name == "altChunk":
                self.left.embedded.append("a document inserted as a whole")
            elif name == "AlternateContent":
                self._blocks(_alternative(entry))
            elif name not in _SKIPPED:
                self._blocks(entry)

    def _paragraph(self, paragraph: Element) -> None:
        boxes, self.boxes = self.boxes, []
        text = self._inline(paragraph)
        properties = child(paragraph, "pPr")
        style_name = value(child(properties, "pStyle"))
        style = self.styles.get(style_name or "", self.styles.get("", _Style()))
        label, depth = self._label(properties, style, style_name)
        outline = value(child(properties, "outlineLvl"))
        level = (whole(outline, 9) + 1) % 10 if outline is not None else style.level
        if style.contents:
            self.flow.item(re.sub(r"\t+(?=[\divxlc]+\s*$)", " .... ", text), label)
        elif (level or style.title) and text.strip():
            self.title = self.title or (clean(text).strip() if style.title or level == 1 else None)
            self.flow.heading(f"{label} {text}" if label and label != BULLET else text, level or 1)
        elif label:
            self.flow.item(text, label, depth)
        else:
            self.flow.paragraph(text)
        inner, self.boxes = self.boxes, boxes
        for box in inner:
            if local(box) == "txbxContent":
                self._blocks(box)
            else:
                for line in drawing.diagram(box, self._target):
                    self.flow.item(line, BULLET)

    def _label(self, properties: Element | None, style: _Style, style_name: str | None) -> tuple[str, int]:
        """The label of a paragraph in a list, and its level."""
        own = child(properties, "numPr")
        name = value(child(own, "numId")) or style.list_id
        if name in (None, "0"):
            return "", 0
        level = value(child(own, "ilvl"))
        if level is not None:
            depth = whole(level, 0)
        elif style.list_level is not None:
            depth = style.list_level
        else:
            depth = self.numbering.level(name, style_name)
        return self.numbering.label(name, depth), depth

    def _inline(self, element: Element) -> str:
        """The text of what stands in a line; text boxes on the way are put aside."""
        parts: list[str] = []
        for entry in element:
            name = local(entry)
            if name == "t":
                parts.append(entry.text or "")
            elif name in ("tab", "ptab"):
                parts.append("\t")
            elif name in ("br", "cr"):
                parts.append(" " if value(entry, "type") == "page" else "\n")
            elif name == "noBreakHyphen":
                parts.append("-")
            elif name == "sym":
                parts.append(_sign(value(entry, "char")))
            elif name in ("footnoteReference", "endnoteReference"):
                parts.append(self._mark(name, value(entry, "id") or ""))
            elif name in _DRAWINGS:
                self._drawing(entry)
            elif name == "AlternateContent":
                parts.append(self._inline(_alternative(entry)))
            elif name == "r" and _is_on(child(entry, "rPr", "vanish")):
                self.left.hidden += any((text.text or "").strip() for text in descendants(entry, "t"))
            elif name == "r" and value(child(entry, "rPr", "vertAlign")) == "superscript":
                parts.append(raised(self._inline(entry)))
            elif name not in _SKIPPED:
                parts.append(self._inline(entry))
        return "".join(parts)

    def _drawing(self, element: Element) -> None:
        self.left.look(element, {name: relation.target for name, relation in self.relations.items()})
        self.boxes += _outermost(element, {"txbxContent", "relIds"})

    def _target(self, name: str) -> Element | None:
        relation = self.relations.get(name)
        return self.package.tree_or_none(relation.target) if relation else None

    def _mark(self, reference: str, name: str) -> str:
        """The mark of a note in the text: [1] for footnotes, [i] for endnotes."""
        kind = "footnotes" if reference == "footnoteReference" else "endnotes"
        marks = self.marks[kind]
        marks.setdefault(name, f"[{numeral(len(marks) + 1, 'decimal' if kind == 'footnotes' else 'lowerRoman')}]")
        return marks[name]

    def _table(self, table: Element) -> None:
        found = [row for row in _inner(table, "tr") if child(row, "trPr", "del") is None]
        cells = [_inner(row, "tc") for row in found]
        sizes = [sum(len(text.text or "") for text in descendants(cell, "t")) for row in cells for cell in row]
        long = max(sizes, default=0) > _LAYOUT_CELL
        nested = next(descendants(table, "tbl"), None) is not None
        if long or nested or max(map(len, cells), default=0) < 2:
            for row in cells:
                for cell in row:
                    self._blocks(cell)
            return
        grid: list[list[rows.Cell]] = []
        above: dict[int, str] = {}  # column → text of the cell that is merged downwards
        for row, of_row in zip(found, cells, strict=True):
            skipped = whole(value(child(row, "trPr", "gridBefore")), 0)
            line = [rows.Cell("")] * max(0, min(skipped, 100))
            column = len(line)
            for cell in of_row:
                width = max(1, whole(value(child(cell, "tcPr", "gridSpan")), 1))
                text = self._cell(cell)
                merge = child(cell, "tcPr", "vMerge")
                if merge is None:
                    above.pop(column, None)
                elif value(merge) == "restart":
                    above[column] = text
                else:
                    text = text or above.get(column, "")
                line.append(rows.Cell(text, width))
                column += width
            grid.append(line)
        header = 0
        while header < len(found) - 1 and _is_on(child(found[header], "trPr", "tblHeader")):
            header += 1
        if not header:
            resolved = rows.spread(grid)
            header = int(rows.names_columns(resolved, likely=bool(cells) and all(map(_is_bold, cells[0]))))
        self.flow.rows(rows.written(rows.spread(grid, header), header))

    def _cell(self, cell: Element) -> str:
        outer, self.flow = self.flow, Flow()
        try:
            self._blocks(cell)
            return rows.joined(self.flow.text)
        finally:
            self.flow = outer

    def _notes(self, kind: str, title: str) -> None:
        """Footnotes or endnotes, in the order of their marks."""
        marks = self.marks[kind]
        part = self._part(kind)
        root = self.package.tree_or_none(part) if marks else None
        if root is None or part is None:
            return
        notes = {value(entry, "id") or "": entry for entry in root}
        if any(name in notes for name in marks):
            self.flow.heading(title, 1)
        with _RelationsOf(self, part):
            for name, mark in list(marks.items()):
                if name in notes:
                    self.flow.paragraph(f"{mark} {self._cell(notes[name])}")

    def _comments(self) -> None:
        part = self._part("comments")
        comments = children(self.package.tree_or_none(part), "comment")
        lines = [(value(entry, "author") or "unknown", self._cell(entry)) for entry in comments]
        if any(text for _author, text in lines):
            self.flow.heading("Comments", 1)
        for author, text in lines:
            if text:
                self.flow.paragraph(f"{author}: {text}")

    def _margins(self) -> None:
        """Page headers and footers: they tell version and date. Those with nothing but a page number do not."""
        for kind, title in (("header", "Page headers"), ("footer", "Page footers")):
            texts: dict[str, None] = {}
            for part in dict.fromkeys(entry.target for entry in self.relations.values() if entry.kind == kind):
                root = self.package.tree_or_none(part)
                if root is not None:
                    with _RelationsOf(self, part):
                        texts[self._cell(root)] = None
            told = [text for text in texts if not _PAGE_NUMBER.fullmatch(text)]
            if told:
                self.flow.heading(title, 1)
            for text in told:
                self.flow.paragraph(text)


class _RelationsOf:
    """For a while, ids mean what they mean in another part."""

    def __init__(self, word: _Word, part: str) -> None:
        self.word, self.relations = word, word.package.relations(part)

    def __enter__(self) -> None:
        self.word.relations, self.relations = self.relations, self.word.relations

    def __exit__(self, *_error: object) -> None:
        self.word.relations = self.relations


def _styles(root: Element | None) -> dict[str, _Style]:
    """Paragraph styles by id, what they are based on included; "" is the default."""
    raw = {
        value(entry, "styleId") or "": entry for entry in children(root, "style") if value(entry, "type") == "paragraph"
    }

    def chain(name: str) -> Iterator[Element]:
        for _step in range(_MAX_STYLES):
            if name not in raw:
                return
            yield raw[name]
            name = value(child(raw[name], "basedOn")) or ""

    found = {}
    for name, entry in raw.items():
        found[name] = _style(list(chain(name)))
        if value(entry, "default") in ("1", "true"):
            found[""] = found[name]
    return found


def _style(chain: list[Element]) -> _Style:
    level, list_id, list_level = None, None, None
    title = contents = False
    for entry in chain:
        name = value(child(entry, "name")) or ""
        outline = value(child(entry, "pPr", "outlineLvl"))
        if level is None:
            if outline is not None:
                level = (whole(outline, 9) + 1) % 10  # 9 is the level of text
            elif match := _HEADING.fullmatch(name):
                level = int(match.group(1))
        title = title or name.lower() == "title"
        contents = contents or bool(_CONTENTS.fullmatch(name))
        numbered = child(entry, "pPr", "numPr")
        if list_id is None:
            list_id = value(child(numbered, "numId"))
        if list_level is None and (text := value(child(numbered, "ilvl"))) is not None:
            list_level = whole(text, 0)
    return _Style(level or 0, title, contents, list_id, list_level)


def _inner(element: Element, wanted: str) -> list[Element]:
    """Rows of a table or cells of a row, also those that a content control or an insertion wraps."""
    found = []
    for entry in element:
        name = local(entry)
        if name == wanted:
            found.append(entry)
        elif name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"):
            found += _inner(entry, wanted)
    return found


def _alternative(element: Element) -> Element:
    """One of the ways in which a drawing is stored twice: the new one, else the old one."""
    choice, fallback = child(element, "Choice"), child(element, "Fallback")
    return choice if choice is not None else fallback if fallback is not None else ()


def _outermost(element: Element, names: set[str]) -> list[Element]:
    if local(element) in names:
        return [element]
    inner = _alternative(element) if local(element) == "AlternateContent" else element
    return [found for entry in inner for found in _outermost(entry, names)]


def _is_on(switch: Element | None) -> bool:
    return switch is not None and value(switch) not in ("0", "false", "off")


def _is_bold(cell: Element) -> bool:
    runs = [run for run in descendants(cell, "r") if any((text.text or "").strip() for text in descendants(run, "t"))]
    return bool(runs) and all(_is_on(child(run, "rPr", "b")) for run in runs)


def _sign(code: str | None) -> str:
    """The character of a symbol font, which `clean` turns into one that means something."""
    try:
        number = int(code or "", 16)
    except ValueError:
        return ""
    return (
        chr(number | 0xF000 if number < 0x100 else number) if 0 < number < 0xD800 or 0xE000 <= number < 0xFFFE else ""
    )
