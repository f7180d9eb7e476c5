"""Reads OpenDocument texts (.odt): one Page without a number, since the writer decides where pages end.

Read are paragraphs, headings and lists with the labels their styles give them, tables with their header in each row,
text boxes, sections, tracked insertions; and at the end, under headings of their own, notes, comments, page headers and
footers. Not read are tracked deletions, hidden text, pictures and their descriptions, formulas, charts, embedded files
and macros; embedded objects are noted, pictures where there is hardly any text.

Not on odfdo (3.27): its text and its Markdown leave out the labels of lists and numbered headings, page headers, and
the headers and merged values of rows; and a file of 700 bytes that claims 100,000 empty cells keeps it busy for 5 s,
one that claims 4 million for over a minute.
"""

import re
from collections import Counter

from ingest.errors import ReadError
from ingest.readers import rows
from ingest.readers.drawing import Left
from ingest.readers.flow import Flow
from ingest.readers.labels import bullet, numeral
from ingest.readers.package import Package, opened
from ingest.readers.pdf_meta import document_title
from ingest.readers.xml import Element, child, children, descendants, local, value, whole
from ingest.types import Document, FileStatus, Page, Source

_SKIPPED = frozenset(
    {"tracked-changes", "change", "sequence-decls", "variable-decls", "user-field-decls", "forms", "hidden-text",
     "hidden-paragraph", "title", "desc", "bibliography-mark-source", "table-of-content-source", "ruby-text"}
)  # fmt: skip
_BLANKS = re.compile(r"[ \t\n\r]+")
_MAX_REPEATED = 1000  # cells or rows that a file may claim to be the same; empty ones claim millions
_MAX_SPACES = 1000
_LAYOUT_CELL = 1500  # characters of a cell; a table with longer ones is there for the layout, not for its rows


def read(source: Source) -> Document:
    """Read an OpenDocument text. Raises ReadError: DAMAGED, EMPTY, TOO_LARGE, PASSWORD."""
    with opened(source, "OpenDocument text") as package:
        manifest = package.tree_or_none("META-INF/manifest.xml")
        if next(descendants(manifest, "encryption-data"), None) is not None:
            raise ReadError(FileStatus.PASSWORD, "a password is needed to open it; save a copy without one")
        return _Text(package).document(source.path)


class _Text:
    """One text while it is read."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.content = package.tree("content.xml")
        self.style_sheet = package.tree_or_none("styles.xml")
        self.flow = Flow()
        self.left = Left()
        self.lists: dict[str, dict[int, Element]] = {}  # list style → level, from 1 → its definition
        self.style_lists: dict[str, str] = {}  # paragraph style → list style
        self.title_styles = {"Title"}
        for root in (self.style_sheet, self.content):
            for style in descendants(root, "list-style"):
                self.lists[value(style, "name") or ""] = _levels(style)
            for style in descendants(root, "style"):
                if named := value(style, "list-style-name"):
                    self.style_lists[value(style, "name") or ""] = named
                if value(style, "parent-style-name") == "Title":
                    self.title_styles.add(value(style, "name") or "")
        outline = next(descendants(self.style_sheet, "outline-style"), None)
        self.outline_levels = {} if outline is None else _levels(outline)
        self.heading_counts: dict[int, int] = {}
        self.list_counts: dict[str, dict[int, int]] = {}  # list style → level → the last number
        self.boxes: list[Element] = []
        self.note_counts: Counter[str] = Counter()
        self.notes: list[tuple[str, Element]] = []
        self.comments: list[Element] = []
        self.title: str | None = None

    def document(self, path: str) -> Document:
        body = child(self.content, "body", "text")
        if body is None:
            raise ReadError(FileStatus.DAMAGED, "it holds no text document; open it and save it anew")
        self._blocks(body)
        self._at_the_end()
        text = self.flow.text
        if not text and not self.left.images and not self.left.embedded:
            raise ReadError(FileStatus.EMPTY, "the document holds no text")
        named = next((entry.text for entry in descendants(self.package.tree_or_none("meta.xml"), "title")), None)
        title = document_title(named) or document_title(self.title)
        return Document(
            path, title, (Page(path, None, text),), tuple(self.flow.outline), tuple(self.left.notes(len(text)))
        )

    def _blocks(self, container: Element) -> None:
        for entry in container:
            name = local(entry)
            if name in ("p", "h"):
                self._paragraph(entry)
            elif name == "list":
                self._list(entry, 1, None)
            elif name == "table":
                self._table(entry)
            elif name in ("frame", "custom-shape", "rect", "g", "line", "ellipse"):
                self._frame(entry)
                self._empty_boxes()
            elif name not in _SKIPPED and name:
                self._blocks(entry)

    def _paragraph(self, element: Element, label: str = "", depth: int = 0) -> None:
        boxes, self.boxes = self.boxes, []
        text = self._inline(element)
        style = value(element, "style-name") or ""
        if local(element) == "h" and text.strip():
            level = max(1, min(whole(value(element, "outline-level"), 1), 10))
            label = label or self._heading_label(element, level)
            self.title = self.title or (text.strip() if level == 1 else None)
            self.flow.heading(f"{label} {text}" if label else text, level)
        elif style in self.title_styles and text.strip():
            self.title = text.strip()
            self.flow.heading(text, 1)
        elif label or depth:
            self.flow.item(text, label, max(0, depth - 1))
        elif re.search(r"\t *\d+ *$", text):
            self.flow.item(re.sub(r"\t+(?= *\d+ *$)", " .... ", text), "")  # an entry of a table of contents
        else:
            self.flow.paragraph(text)
        self._empty_boxes()
        self.boxes = boxes

    def _empty_boxes(self) -> None:
        inner, self.boxes = self.boxes, []
        for box in inner:
            self._blocks(box)

    def _heading_label(self, element: Element, level: int) -> str:
        if value(element, "is-list-header") == "true":
            return ""
        self.heading_counts = {other: count for other, count in self.heading_counts.items() if other <= level}
        return _label(self.outline_levels, self.heading_counts, level)

    def _list(self, element: Element, level: int, outer: str | None) -> None:
        style = value(element, "style-name") or outer or ""
        if level == 1 and not style:
            first = next(descendants(element, "p"), None)
            style = self.style_lists.get(value(first, "style-name") or "", "")
        counts = self.list_counts.setdefault(style, {})
        if level == 1 and value(element, "continue-numbering") != "true" and value(element, "continue-list") is None:
            counts.clear()
        for entry in element:
            if local(entry) not in ("list-item", "list-header"):
                continue
            for inner in [other for other in counts if other > level]:
                del counts[inner]
            if (start := value(entry, "start-value")) is not None:
                counts[level] = whole(start, 1) - 1
            label: str | None = None
            for part in entry:
                name = local(part)
                if name == "list":
                    self._list(part, level + 1, style)
                elif name in ("p", "h"):
                    if label is None and local(entry) == "list-item":
                        label = _label(self.lists.get(style, {}), counts, level)
                        self._paragraph(part, label, level)
                    else:
                        self._paragraph(part, "", level)
                elif name:
                    self._blocks([part])

    def _inline(self, element: Element) -> str:
        # Line ends and runs of blanks in the file mean one blank (OpenDocument 1.2, 6.1.2).
        parts = [_BLANKS.sub(" ", element.text or "")]
        for entry in element:
            name = local(entry)
            if name == "s":
                parts.append(" " * max(1, min(whole(value(entry, "c"), 1), _MAX_SPACES)))
            elif name == "tab":
                parts.append("\t")
            elif name == "line-break":
                parts.append("\n")
            elif name == "note":
                parts.append(self._mark(entry))
            elif name == "annotation":
                self.comments.append(entry)
            elif name in ("frame", "custom-shape", "rect", "g"):
                self._frame(entry)
            elif name not in _SKIPPED and name:
                parts.append(self._inline(entry))
            parts.append(_BLANKS.sub(" ", entry.tail or ""))
        return "".join(parts)

    def _mark(self, note: Element) -> str:
        body = child(note, "note-body")
        kind = value(note, "note-class") or "footnote"
        self.note_counts[kind] += 1
        number = self.note_counts[kind]
        mark = f"[{numeral(number, 'i') if kind == 'endnote' else number}]"
        if body is not None:
            self.notes.append((mark, body))
        return mark

    def _frame(self, frame: Element) -> None:
        """A frame may hold a text box, a picture, an object; a shape holds paragraphs."""
        for entry in frame:
            name = local(entry)
            if name == "text-box":
                self.boxes.append(entry)
            elif name == "image":
                self.left.images += 1
            elif name in ("object", "object-ole"):
                self.left.embedded.append((value(entry, "href") or "object").lstrip("./"))
            elif name in ("p", "list"):
                self.boxes.append([entry])
            elif name in ("g", "frame", "custom-shape", "rect"):
                self._frame(entry)

    def _table(self, table: Element) -> None:
        lines = _rows_of(table)
        cells = [(head, [cell for cell in row if local(cell) == "table-cell"], row) for head, row in lines]
        size = max((sum(1 for _ in row) for _head, row in lines), default=0)
        long = any(len("".join(cell.itertext())) > _LAYOUT_CELL for _head, inner, _row in cells for cell in inner)
        nested = next(descendants(table, "table"), None) is not None
        if size < 2 or long or nested:
            for _head, inner, _row in cells:
                for cell in inner:
                    self._blocks(cell)
            return
        grid: list[list[rows.Cell]] = []
        header = 0
        for head, inner, row in cells:
            line: list[rows.Cell] = []
            for cell in inner:
                made = rows.Cell(
                    self._cell(cell),
                    whole(value(cell, "number-columns-spanned"), 1),
                    whole(value(cell, "number-rows-spanned"), 1),
                )
                line += [made] * max(1, min(whole(value(cell, "number-columns-repeated"), 1), _MAX_REPEATED))
            repeated = whole(value(row, "number-rows-repeated"), 1) if any(cell.text for cell in line) else 1
            grid += [line] * max(1, min(repeated, _MAX_REPEATED))
            header += head
        header = header if header < len(grid) else 0
        if not header:
            header = int(rows.names_columns(rows.spread(grid)))
        self.flow.rows(rows.written(rows.spread(grid, header), header))

    def _cell(self, element: Element) -> str:
        outer, self.flow = self.flow, Flow()
        try:
            self._blocks(element)
            return rows.joined(self.flow.text)
        finally:
            self.flow = outer

    def _at_the_end(self) -> None:
        if self.notes:
            self.flow.heading("Notes", 1)
        for mark, body in self.notes[:]:
            self.flow.paragraph(f"{mark} {self._cell(body)}")
        comments = [(child(entry, "creator"), self._cell(_without(entry))) for entry in self.comments]
        if any(text for _creator, text in comments):
            self.flow.heading("Comments", 1)
        for creator, text in comments:
            name = (creator.text if creator is not None else None) or "unknown"
            self.flow.paragraph(f"{name}: {text}" if text else "")
        for kind, title in (("header", "Page headers"), ("footer", "Page footers")):
            told = dict.fromkeys(
                text
                for page in descendants(self.style_sheet, "master-page")
                for entry in children(page, kind)
                if re.search(r"[^\W\d_]{2}", text := self._cell(entry))
            )
            if told:
                self.flow.heading(title, 1)
            for text in told:
                self.flow.paragraph(text)


def _without(comment: Element) -> list[Element]:
    """What a comment says, without who said it and when."""
    return [entry for entry in comment if local(entry) in ("p", "list")]


def _levels(style: Element) -> dict[int, Element]:
    return {whole(value(entry, "level"), 1): entry for entry in style if value(entry, "level")}


def _label(levels: dict[int, Element], counts: dict[int, int], level: int) -> str:
    """The label of the next heading or item on a level; "" where it has none. Counts it."""
    entry = levels.get(level)
    counts[level] = counts.get(level, whole(value(entry, "start-value"), 1) - 1) + 1
    if entry is None:
        return ""
    if local(entry) != "list-level-style-number" and local(entry) != "outline-level-style":
        return bullet(value(entry, "bullet-char"))
    style = value(entry, "num-format")
    if not style:
        return ""
    first = max(1, level - max(1, min(whole(value(entry, "display-levels"), 1), level)) + 1)
    numbers = [
        numeral(counts.get(other, 1), value(levels.get(other), "num-format") or "1")
        for other in range(first, level + 1)
    ]
    return f"{value(entry, 'num-prefix') or ''}{'.'.join(numbers)}{value(entry, 'num-suffix') or ''}".strip()


def _rows_of(table: Element) -> list[tuple[bool, Element]]:
    """The rows of a table, without those of tables inside: whether it is a header row, and the row."""
    found: list[tuple[bool, Element]] = []
    for entry in table:
        name = local(entry)
        if name == "table-row":
            found.append((False, entry))
        elif name == "table-header-rows":
            found += [(True, row) for row in children(entry, "table-row")]
        elif name in ("table-rows", "table-row-group"):
            found += _rows_of(entry)
    return found
