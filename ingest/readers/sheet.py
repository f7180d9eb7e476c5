"""Reads Excel workbooks (.xlsx): one Page a sheet, numbered and titled as the sheets are, a line for each row.

Each row carries the header of its table: the one that a table, a filter or a frozen pane marks, else a first row of
names above data. Numbers and dates are shown as their formats say, formulas as the value stored with them. Comments
and text boxes come at the end of their sheet. Hidden sheets, rows and columns are read; hidden sheets are noted. Not
read are pictures and charts (noted), pivot caches, page headers, data connections, macros, embedded files (noted).

Cells come from openpyxl, row by row: 500,000 of them take 50 MB, where its other mode takes 250 and fills every cell
of a merged area. What that mode alone would tell (tables, filters, panes, merged cells, comments) is looked up in the
parts themselves. Knows nothing of how values are stored. The one door to openpyxl.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from ingest.errors import ReadError
from ingest.readers import drawing, rows
from ingest.readers.flow import MAX_CHARACTERS, Flow
from ingest.readers.number_format import shown
from ingest.readers.package import Package, Relation, library, opened
from ingest.readers.pdf_meta import document_title
from ingest.readers.xml import child, children, descendants, local, streamed, value, whole
from ingest.types import Document, FileStatus, Page, Source

_MAX_ROW = 1_048_576
_MAX_MERGED = 2_000_000  # cells that get their value from the merged cell above; more are a trap
_THREAD = re.compile(r"^\[Threaded comment\].*?Comment: ?")  # Excel's words to older versions of itself
_SAME_TABLE = 0.6  # of the header's columns: a row below a gap that fills so many belongs to the same table


@dataclass(frozen=True, slots=True)
class _Area:
    """Cells from a corner to the opposite one, counted from 0, both included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class _Sheet:
    """What was found in a sheet."""

    filled: list[tuple[int, rows.Row]] = field(default_factory=list)  # number from 0, cells; empty rows left out
    merged: list[_Area] = field(default_factory=list)
    headers: dict[int, int] = field(default_factory=dict)  # row that a table, filter or pane marks → its table's last
    unknown: int = 0  # formulas without a stored value


def read(source: Source) -> Document:
    """Read a workbook. Raises ReadError: DAMAGED, EMPTY, TOO_LARGE, PASSWORD, UNSUPPORTED."""
    with opened(source, "Excel workbook") as package:
        if package.has("xl/workbook.bin"):
            raise ReadError(FileStatus.UNSUPPORTED, "a binary workbook (.xlsb) is not read; save it as .xlsx")
        package.check_usual()
        return _Workbook(package, source).document(source.path)


class _Workbook:
    """One workbook while it is read."""

    def __init__(self, package: Package, source: Source) -> None:
        import openpyxl  # late: 0.3 s to import, and only for files of its kind

        self.package = package
        self.main = package.main()
        self.relations = package.relations(self.main)
        self.root = package.tree(self.main)
        with library("Excel workbook"):
            self.book = openpyxl.load_workbook(source.file, read_only=True, data_only=True, keep_links=False)
        self.left = drawing.Left()

    def document(self, path: str) -> Document:
        pages: list[Page] = []
        notes: list[str] = []
        hidden = []
        for number, entry in enumerate(children(child(self.root, "sheets"), "sheet"), start=1):
            name = value(entry, "name") or f"Sheet {number}"
            relation = self.relations.get(next((text for key, text in entry.attrib.items() if key.endswith("}id")), ""))
            text = ""
            if relation is None or relation.kind != "worksheet" or name not in self.book.sheetnames:
                notes.append(
                    f"sheet {name!r} is no table of cells ({relation.kind if relation else 'missing'}); not read"
                )
            else:
                text, unknown = self._page(self.book[name], relation.target, number)
                if unknown:
                    notes.append(
                        f"{unknown} formulas of sheet {name!r} have no stored value; "
                        f"open the file in a spreadsheet program and save it"
                    )
            if value(entry, "state") in ("hidden", "veryHidden"):
                hidden.append(name)
            pages.append(Page(path, number, text, title=name))
        if hidden:
            notes.insert(0, f"hidden sheets were read too: {', '.join(map(repr, hidden[:20]))}")
        characters = sum(len(page.text) for page in pages)
        notes += self.left.notes(characters)
        if not characters and not self.left.images and not any("formulas" in note for note in notes):
            raise ReadError(FileStatus.EMPTY, "no cell of the workbook holds text or a number")
        return Document(path, document_title(self.package.title()), tuple(pages), notes=tuple(notes))

    def _page(self, cells: Any, name: str, number: int) -> tuple[str, int]:
        """The text of a sheet, and how many formulas have no value; `name` is that of its part."""
        relations = self.package.relations(name)
        sheet = self._look(name)
        with library("Excel workbook"):
            sheet.filled = list(_filled(cells))
        for relation in relations.values():
            if relation.kind == "table":
                root = self.package.tree_or_none(relation.target)
                area = _area(value(root, "ref"))
                if area and whole(value(root, "headerRowCount"), 1):
                    sheet.headers[area.top] = area.bottom
        _fill_merged(sheet)
        flow = Flow(number)
        _write(sheet, flow)
        for relation in relations.values():
            if relation.kind == "comments":
                self._comments(relation, flow)
            elif relation.kind == "drawing":
                self._drawing(relation, flow)
            elif relation.kind in ("oleObject", "package"):
                self.left.embedded.append(relation.target.rpartition("/")[2])
        return flow.text, sheet.unknown

    def _look(self, name: str) -> _Sheet:
        """What a sheet says about its cells: which are merged, which are headers, which formulas have no value.

        Raises ReadError DAMAGED for rows and cells out of order, which openpyxl drops in silence.
        """
        sheet = _Sheet()
        number, before = 0, (0, "")  # of the last row; the last cell of the row, its shorter names first
        with self.package.open(name) as part:
            for element in streamed(part, {"c", "row", "mergeCell", "autoFilter", "pane"}, f"its part {name!r}"):
                kind, reference = local(element), element.get("r") or ""
                if kind == "row":
                    above, number, before = number, whole(reference, number + 1), (0, "")
                    if not above < number <= _MAX_ROW:
                        raise ReadError(FileStatus.DAMAGED, f"row {number} is out of order; open it and save it anew")
                elif kind == "c":
                    left, before = before, (len(reference), reference)
                    if reference and before <= left:
                        raise ReadError(
                            FileStatus.DAMAGED, f"cell {reference} is out of order; open it and save it anew"
                        )
                    inner = {local(entry): entry.text for entry in element}
                    sheet.unknown += "f" in inner and not inner.get("v") and element.get("t") != "str"
                elif kind == "pane":
                    frozen = whole((element.get("ySplit") or "").partition(".")[0], 0)
                    if frozen and element.get("state") in ("frozen", "frozenSplit"):
                        sheet.headers.setdefault(frozen - 1, -1)
                elif area := _area(element.get("ref")):
                    if kind == "mergeCell":
                        sheet.merged.append(area)
                    else:
                        sheet.headers[area.top] = area.bottom
        return sheet

    def _comments(self, relation: Relation, flow: Flow) -> None:
        for comment in descendants(self.package.tree_or_none(relation.target), "comment"):
            text = "".join(part.text or "" for part in descendants(child(comment, "text"), "t"))
            text = _THREAD.sub("", rows.joined(text))
            if text:
                flow.paragraph(f"Comment on {value(comment, 'ref')}: {text}")

    def _drawing(self, relation: Relation, flow: Flow) -> None:
        root = self.package.tree_or_none(relation.target)
        if root is None:
            return
        targets = {name: inner.target for name, inner in self.package.relations(relation.target).items()}
        self.left.look(root, targets)
        for body in descendants(root, "txBody"):
            flow.paragraph("\n".join(drawing.paragraph_text(paragraph) for paragraph in children(body, "p")))
        for line in drawing.diagram(root, lambda name: self.package.tree_or_none(targets.get(name))):
            flow.paragraph(line)


def _filled(cells: Any) -> Iterator[tuple[int, rows.Row]]:
    """The rows of a sheet that hold anything, with their numbers from 0. Raises ReadError TOO_LARGE."""
    characters = 0
    cells.reset_dimensions()  # what a sheet claims would be filled with empty cells
    for index, line in enumerate(cells.iter_rows(max_row=_MAX_ROW)):
        row = {cell.column - 1: text for cell in line if cell.value is not None and (text := rows.joined(_text(cell)))}
        if row:
            characters += sum(map(len, row.values()))
            yield index, row
        if characters > MAX_CHARACTERS:
            raise ReadError(FileStatus.TOO_LARGE, f"a sheet has more than {MAX_CHARACTERS:,} characters")


def _text(cell: Any) -> str:
    """A cell as it is shown; dates and times in ISO form."""
    from openpyxl.utils.escape import unescape

    found = cell.value
    if isinstance(found, str):
        return str(unescape(found)) if "_x" in found else found
    if isinstance(found, bool):
        return str(found).upper()
    if isinstance(found, datetime) and found.time() == time():
        return str(found.date())
    if isinstance(found, datetime | time):
        text = found.isoformat(" ", "seconds") if isinstance(found, datetime) else found.isoformat("seconds")
        return text.removesuffix(":00") if text.count(":") == 2 else text
    if isinstance(found, timedelta):
        minutes, seconds = divmod(round(found.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    return str(found) if isinstance(found, date) else shown(found, cell.number_format)


def _write(sheet: _Sheet, flow: Flow) -> None:
    """Titles, tables and what else stands in the rows, with headers where there are any."""
    header: rows.Row = {}
    until = -1  # the last row that the header is declared for
    table: list[rows.Row] = []

    def close() -> None:
        if table:
            flow.rows(rows.written(table, int(table[0] is header)))
            table.clear()

    last = -2
    for place, (index, row) in enumerate(sheet.filled):
        fresh = not table or index > last + 1
        last = index
        if fresh and len(row) == 1 and index > until:
            close()
            header = {}
            flow.paragraph(next(iter(row.values())))
            continue
        marked = len(row) > 1 and index in sheet.headers
        if marked or (fresh and index > until):
            block = [row, *_block(sheet, place)]
            if (marked and (sheet.headers[index] >= 0 or rows.names_columns(block, likely=True))) or (
                rows.names_columns(block)
            ):
                close()
                header, until = row, sheet.headers.get(index, -1)
            elif not (len(header) > 2 and len(row.keys() & header.keys()) >= max(3, _SAME_TABLE * len(header))):
                close()
                header = {}
            elif not table:
                table.append(header)
        table.append(row)
    close()


def _block(sheet: _Sheet, place: int) -> Iterator[rows.Row]:
    """The rows that follow one without a gap; enough of them to tell what it is."""
    for step, (index, row) in enumerate(sheet.filled[place + 1 : place + 200], start=1):
        if index != sheet.filled[place][0] + step:
            return
        yield row


def _fill_merged(sheet: _Sheet) -> None:
    """Give the value of a merged cell to every row that it spans and that holds anything else."""
    numbers = [index for index, _row in sheet.filled]
    work = 0
    for area in sheet.merged:
        first = bisect_left(numbers, area.top)
        if area.bottom == area.top or first >= len(numbers) or numbers[first] != area.top:
            continue
        text = sheet.filled[first][1].get(area.left)
        if not text or len(text) > 300:
            continue
        for place in range(first + 1, len(numbers)):
            work += 1
            if numbers[place] > area.bottom or work > _MAX_MERGED:
                break
            row = sheet.filled[place][1]
            row.setdefault(area.left, text)
            sheet.filled[place] = (numbers[place], dict(sorted(row.items())))


def _area(reference: str | None) -> _Area | None:
    from openpyxl.utils import range_boundaries

    try:
        left, top, right, bottom = range_boundaries(reference or "")
        return _Area(top - 1, left - 1, bottom - 1, right - 1)
    except (TypeError, ValueError):  # no area, or one of whole columns or rows
        return None
