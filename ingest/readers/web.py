"""Reads web pages (.html, .htm): one Page without a number, with the text that a browser shows.

Read are headings, paragraphs, lists with their labels, tables with their header in each row, preformatted text,
navigation. Not read are scripts, styles, templates, what is hidden or struck out, form fields' values, pictures and
their descriptions, frames. Nothing is ever fetched. Tables that only arrange a page are read as plain text.
"""

import re

from ingest.errors import ReadError
from ingest.readers import rows
from ingest.readers.flow import Flow, raised
from ingest.readers.labels import BULLET, numeral
from ingest.readers.pdf_meta import document_title
from ingest.readers.text import decode
from ingest.readers.xml import Element, children, local, parsed_html, walked, whole
from ingest.types import Document, FileStatus, Page, Source

_SKIPPED = frozenset(
    """
    script style template noscript head iframe frame object embed applet canvas audio video svg map datalist
    del s strike
    """.split()
)
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer
    form frameset header hgroup hr legend li main nav ol optgroup option p pre section select summary table tbody td
    tfoot th thead title tr ul menu dir h1 h2 h3 h4 h5 h6
    """.split()
)
_HEADING = re.compile(r"h([1-6])")
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_PAGE_PARTS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "table", "form", "nav", "section", "article"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"""<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_CHARSETS = re.compile(
    r"(?:utf-?8|us-ascii|iso-?8859-\d+|windows-\d+|cp\d+|latin\d|gb\w+|big5\w*|shift_?jis|sjis|euc-\w+|koi8-\w|mac\w+)",
    re.IGNORECASE,
)
_CHARSET_BYTES = 4096  # browsers look at 1024; Outlook writes its meta element later
_SPACES = re.compile(r"[ \t\n\r\f]+")


def read(source: Source) -> Document:
    """Read a web page. Raises ReadError: DAMAGED, EMPTY, and what `decode` raises."""
    text, notes = _decoded(source.file.read())
    flow = Flow()
    title = write(text, flow)
    if not flow.text:
        raise ReadError(
            FileStatus.EMPTY, "the page shows no text; if a script writes it, save it from the browser as PDF"
        )
    first = next((heading.title for heading in flow.outline if heading.level == 1), None)
    title = document_title(title) or document_title(first)
    return Document(source.path, title, (Page(source.path, None, flow.text),), tuple(flow.outline), notes)


def write(text: str, flow: Flow) -> str | None:
    """Add what HTML shows to `flow`; return the page's title. Raises ReadError DAMAGED."""
    root = parsed_html(text)
    if root is None:
        return None
    _Page(flow).read(root)
    return next((str(entry.text) for entry in root.iter("title") if entry.text), None)


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    declared = _CHARSET.search(data[:_CHARSET_BYTES])
    name = declared.group(1).decode("ascii") if declared else ""
    if _CHARSETS.fullmatch(name) and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        # Pages that say Latin-1 mean Windows-1252; so says the standard (Encoding, 4.2).
        codec = "cp1252" if name.lower() in ("iso-8859-1", "latin1", "us-ascii", "iso8859-1") else name
        try:
            text = data.decode(codec)
        except (UnicodeDecodeError, LookupError):
            pass
        else:
            if "\x00" not in text:
                return text, ()
    return decode(data)


class _Page:
    """A page while it is read."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.line: list[str] = []  # text of the block that is open
        self.lists: list[tuple[str, int, int]] = []  # open lists: style, the last number, step
        self.label: str | None = None  # of the item whose text comes next; "" for its further paragraphs
        self.level = 0  # of the heading that is open
        self.verbatim = 0  # open <pre>

    def read(self, root: Element) -> None:
        steps = walked(root)
        done: Element | None = None  # what was dealt with at its start
        for event, element in steps:
            name = local(element)
            if event == "end":
                if name in _BLOCKS and element is not done:
                    self._leave(name)
                self._text(element.tail)
            elif name in _SKIPPED or _is_hidden(element):
                done = element
                steps.skip_subtree()
            elif name == "table" and _is_data(element):
                self._flush()
                self._table(element)
                done = element
                steps.skip_subtree()
            elif name == "sup" and not len(element):
                self._text(raised((element.text or "").strip()))
            else:
                self._enter(name, element)
                self._text(element.text)
        self._flush()

    def _text(self, text: str | None) -> None:
        if text:
            self.line.append(text if self.verbatim else _SPACES.sub(" ", text))

    def _enter(self, name: str, element: Element) -> None:
        if name == "br":
            self.line.append("\n")
        if name not in _BLOCKS:
            return
        self._flush()
        if match := _HEADING.fullmatch(name):
            self.level = int(match.group(1))
        elif name == "pre":
            self.verbatim += 1
        elif name in _LISTS:
            step = -1 if element.get("reversed") is not None else 1
            first = whole(element.get("start"), len(children(element, "li")) if step < 0 else 1)
            self.lists.append((element.get("type", "1") if name == "ol" else "", first - step, step))
        elif name == "li":
            self.label = BULLET
            if self.lists and self.lists[-1][0]:
                style, number, step = self.lists[-1]
                number = whole(element.get("value"), number + step)
                self.lists[-1] = (style, number, step)
                self.label = f"{numeral(number, style)}."

    def _leave(self, name: str) -> None:
        self._flush()
        if _HEADING.fullmatch(name):
            self.level = 0
        elif name == "pre":
            self.verbatim = max(0, self.verbatim - 1)
        elif name in _LISTS and self.lists:
            self.lists.pop()
            self.label = "" if self.lists else None
        elif name == "li":
            self.label = None

    def _flush(self) -> None:
        text = "".join(self.line)
        self.line.clear()
        if not text.strip():
            return
        if self.level:
            self.flow.heading(text, self.level)
        elif self.label is not None:
            self.flow.item(text, self.label, max(0, len(self.lists) - 1))
            self.label = ""
        elif self.verbatim:
            self.flow.verbatim(text)
        else:
            self.flow.paragraph(text)

    def _table(self, table: Element) -> None:
        lines = _rows_of(table)
        grid = [
            [
                rows.Cell(
                    _cell_text(cell),
                    whole(cell.get("colspan"), 1),
                    len(lines) if cell.get("rowspan") == "0" else whole(cell.get("rowspan"), 1),
                )
                for cell in cells
            ]
            for _head, cells in lines
        ]
        header = 0
        while header < len(lines) - 1 and (lines[header][0] or all(local(cell) == "th" for cell in lines[header][1])):
            header += 1
        if not header:
            header = int(rows.names_columns(rows.spread(grid)))
        for caption in children(table, "caption"):
            self.flow.paragraph(_cell_text(caption))
        self.flow.rows(rows.written(rows.spread(grid, header), header))


def _is_hidden(element: Element) -> bool:
    return (
        element.get("hidden") is not None
        or bool(_HIDDEN.search(element.get("style") or ""))
        or element.get("type") == "hidden"
    )


def _rows_of(table: Element) -> list[tuple[bool, list[Element]]]:
    """The rows of a table, without those of tables inside: whether it stands in the head, and its cells."""
    found = []
    for entry in table:
        name = local(entry)
        if name in ("thead", "tbody", "tfoot"):
            lines = [(name == "thead", line) for line in children(entry, "tr")]
        else:
            lines = [(False, entry)] if name == "tr" else []
        for head, line in lines:
            if not _is_hidden(line):
                cells = [cell for cell in line if local(cell) in ("td", "th") and not _is_hidden(cell)]
                found.append((head, cells))
    return [(head, cells) for head, cells in found if cells]


def _is_data(table: Element) -> bool:
    """Whether a table holds rows of data, and does not only arrange what stands on the page."""
    if table.get("role") in ("presentation", "none"):
        return False
    lines = _rows_of(table)
    if max((len(cells) for _head, cells in lines), default=0) < 2:
        return False
    if any(local(entry) in _PAGE_PARTS for entry in table.iterdescendants()):
        return False
    # A single row is no table of data, unless it is marked as one.
    return len(lines) > 1 or next(table.iter("th"), None) is not None


def _cell_text(cell: Element) -> str:
    parts: list[str] = []
    steps = walked(cell)
    for event, element in steps:
        name = local(element)
        if event == "start":
            if name in _SKIPPED or (element is not cell and _is_hidden(element)):
                steps.skip_subtree()
                continue
            if name in _BLOCKS or name == "br":
                parts.append(" ")
            if name == "li":
                parts.append(f"{BULLET} ")
            text = element.text or ""
            parts.append(raised(text.strip()) if name == "sup" else text)
        else:
            parts.append(" " if name in _BLOCKS else "")
            if element is not cell:
                parts.append(element.tail or "")
    return "".join(parts)
