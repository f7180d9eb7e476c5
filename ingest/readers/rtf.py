"""Reads Rich Text (.rtf): one Page without a number, since the word processor decides where pages end.

Read are paragraphs, headings (by style or outline level), lists with the labels that the file holds, tables with
their header in each row, text boxes, the results of fields; and at the end, under headings of their own, notes,
comments, page headers and footers. Not read are tracked deletions, hidden text, pictures and embedded objects; objects
are noted, pictures where there is hardly any text. The format is that of the Rich Text Format Specification 1.9.1.

Not on striprtf (0.0.35): it leaves out notes, text boxes, comments, page headers and what styles say of headings, reads
deleted and hidden text as if it stood there, and gets 5 of the 12 texts right that `test_text` asks for.
"""

import re
from dataclasses import dataclass, field, replace

from ingest.errors import ReadError
from ingest.readers import rows
from ingest.readers.drawing import Left
from ingest.readers.flow import Flow
from ingest.readers.labels import BULLET, bullet
from ingest.readers.pdf_meta import document_title
from ingest.types import Document, FileStatus, Page, Source

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?(?P<blank> )?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    r"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n\x00]+)|(?P<other>.)",
    re.DOTALL,
)
_MAX_DEPTH = 5_000  # open groups; word processors write a few dozen
_SIGNS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "softline": "\n", "page": " ", "emdash": "—", "endash": "–", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": BULLET, "emspace": " ", "enspace": " ", "qmspace": " ",
    "nestcell": " ", "nestrow": " ", "zwj": "", "zwnj": "",
}  # fmt: skip
_SKIPPED = frozenset(
    """
    colortbl pict objdata objclass objname filetbl listtable listoverridetable rsidtbl generator revtbl
    latentstyles themedata colorschememapping datastore xmlnstbl fldinst nonshppict sp sn sv bkmkstart bkmkend pnseclvl
    template operator author company userprops falt panose wgrffmtfilter mmathPr ftnsep ftnsepc ftncn aftnsep aftnsepc
    aftncn xe tc rxe txe atrfstart atrfend atndate atnref atntime atnparent atnicn protusertbl pgptbl blipuid picprop
    """.split()
)
_HEADS = frozenset({"fonttbl", "stylesheet", "info"})
_NOTES = {"footnote": "Notes", "annotation": "Comments"}
_MARGINS = {
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "Page headers"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "Page footers"),
}
_KEPT_STARRED = frozenset(
    {"shpinst", "shppict", "shptxt", "annotation", "atnauthor", "pntext", "listtext", "do", "dptxbxtext", "fldrslt"}
)
"""Groups marked with \\* ("leave out what you do not know") that hold text."""
_CHARSETS = {
    0: "cp1252", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_PAGES = {10000: "mac-roman", 65001: "utf-8"}  # code pages that are not called cp and their number
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(slots=True)
class _Sink:
    """Where text goes: the document, a note, a page header, a label."""

    flow: Flow
    line: list[str] = field(default_factory=list)
    label: str = ""
    cells: list[tuple[str, str]] = field(default_factory=list)  # of the row that is open: text, how it is merged
    table: list[list[rows.Cell]] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)  # of the row definition that holds, one for each cell
    heads: list[bool] = field(default_factory=list)  # whether each row of the table is a header
    head: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits and gives back."""

    sink: _Sink
    skipped: bool = False
    hidden: bool = False
    codec: str = "cp1252"
    after_unicode: int = 1  # characters that stand in for a Unicode one, for old readers
    style: int = 0
    level: int = 0  # of the heading that the paragraph is; 0: none
    in_table: bool = False
    kind: str = ""  # of the group that began here: "footnote", "listtext" ...
    within: str = ""  # the table of the file's head that this belongs to: "fonttbl", "stylesheet", "info"


def read(source: Source) -> Document:
    """Read Rich Text. Raises ReadError: DAMAGED, EMPTY, TOO_LARGE."""
    text = source.file.read().decode("latin-1")  # a byte, a character: \bin counts bytes
    if not text.startswith("{\\rtf"):
        raise ReadError(FileStatus.DAMAGED, "it is no Rich Text; open it and save it anew")
    return _Rtf().document(source.path, text)


class _Rtf:
    """One file while it is read."""

    def __init__(self) -> None:
        self.flow = Flow()
        self.state = _State(_Sink(self.flow))
        self.stack: list[_State] = []
        self.bytes = bytearray()  # \'hh one after the other: some code pages need two for a character
        self.codec = "cp1252"
        self.fonts: dict[int, str] = {}
        self.font = 0
        self.styles: dict[int, int] = {}  # number of a style → level of the headings it makes
        self.style = 0
        self.style_name: list[str] = []
        self.name: list[str] = []  # of the document
        self.to_skip = 0  # characters that stand in for the Unicode one before
        self.ends: dict[str, list[str]] = {}  # what comes at the end, by its title
        self.author: list[str] = []
        self.left = Left()

    def document(self, path: str, text: str) -> Document:
        place, starred, complete = 0, False, False
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                break
            place = match.end()
            if match.group("byte"):
                self._byte(int(match.group("byte"), 16))
                continue
            self._flush_bytes()
            word = match.group("word")
            if word == "bin":
                place += max(0, int(match.group("number") or 0))
            elif word:
                self._word(word, int(match.group("number")) if match.group("number") else None, starred)
            elif match.group("brace") == "{":
                self._open()
            elif match.group("brace") == "}":
                if not self.stack:
                    complete = True
                    break
                self._close()
                complete = not self.stack
                if complete:
                    break
            elif match.group("sign"):
                self._sign(match.group("sign"))
            elif match.group("text"):
                self._write(match.group("text"))
            starred = match.group("sign") == "*"
        self._flush_bytes()
        while self.stack:
            self._close()
        return self._finished(path, complete)

    def _finished(self, path: str, complete: bool) -> Document:
        self._paragraph()
        self._end_table()
        for group, texts in self.ends.items():
            self.flow.heading(group, 1)
            for text in texts:
                self.flow.paragraph(text)
        text = self.flow.text
        if not text and not self.left.images and not self.left.embedded:
            if not complete:
                raise ReadError(FileStatus.DAMAGED, "it is cut off before any text; get a new copy")
            raise ReadError(FileStatus.EMPTY, "the document holds no text")
        notes = [] if complete else ["the file is cut off: what it holds up to there was read"]
        first = next((heading.title for heading in self.flow.outline if heading.level == 1), None)
        title = document_title("".join(self.name)) or document_title(first)
        notes += self.left.notes(len(text))
        return Document(path, title, (Page(path, None, text),), tuple(self.flow.outline), tuple(notes))

    def _open(self) -> None:
        if len(self.stack) >= _MAX_DEPTH:
            raise ReadError(
                FileStatus.DAMAGED, f"its groups are nested deeper than {_MAX_DEPTH:,}; no program writes that"
            )
        self.stack.append(self.state)
        if self.state.kind:
            self.state = replace(self.state, kind="")

    def _close(self) -> None:
        closed, self.state = self.state, self.stack.pop()
        kind, sink = closed.kind, closed.sink
        if kind in ("listtext", "pntext"):
            self.state.sink.label = "".join(sink.line).strip()
        elif kind in _NOTES or kind in _MARGINS or kind == "shptxt":
            self._paragraph(closed)
            self._end_table(sink)
            text = sink.flow.text
            if kind == "shptxt":
                self.state.sink.flow.paragraph(text)
            elif text.strip() and (kind in _NOTES or _LETTERS.search(text)):
                if kind == "annotation":
                    text = f"{''.join(self.author).strip() or 'unknown'}: {text}"
                    self.author.clear()
                texts = self.ends.setdefault(_NOTES.get(kind) or _MARGINS[kind], [])
                if kind == "footnote":
                    text = f"[{len(texts) + 1}] {text}"
                    self.state.sink.line.append(f"[{len(texts) + 1}]")
                if kind not in _MARGINS or text not in texts:
                    texts.append(text)
        elif kind == "stylesheet entry":
            name = "".join(self.style_name).strip(" ;")
            self.style_name.clear()
            if match := _HEADING.match(name):
                self.styles.setdefault(self.style, int(match.group(1)))
            elif name.lower() == "title":
                self.styles.setdefault(self.style, 1)

    def _word(self, word: str, number: int | None, starred: bool) -> None:
        state = self.state
        if word == "u" and number is not None:
            self._write(chr(number % 0x10000))
            self.to_skip = self.state.after_unicode
            return
        self.to_skip = 0
        if word == "upr":  # the same text twice, with and without Unicode; the second is in \*\ud
            return
        if state.kind == "" and self.stack and self._group(word, starred):
            return
        if state.within == "fonttbl":
            if word == "f" and number is not None:
                self.font = number
            elif word == "fcharset" and number is not None:
                self.fonts[self.font] = _CHARSETS.get(number, self.codec)
        elif state.within == "stylesheet":
            if word == "s" and number is not None:
                self.style = number
            elif word == "outlinelevel" and number is not None and 0 <= number < 9:
                self.styles[self.style] = number + 1
        if word == "ansicpg" and number is not None:
            self.codec = _PAGES.get(number, f"cp{number}")
            self.state = replace(state, codec=self._known(self.codec))
        elif word == "mac":
            self.state = replace(state, codec="mac-roman")
        elif word == "f" and number in self.fonts:
            self.state = replace(state, codec=self._known(self.fonts[number or 0]))
        elif word == "uc" and number is not None:
            self.state = replace(state, after_unicode=max(0, min(number, 100)))
        elif word in ("v", "deleted"):
            self.state = replace(state, hidden=number != 0)
            self.left.hidden += word == "v" and number != 0 and not state.skipped
        elif word == "plain":
            self.state = replace(state, hidden=False)
        elif state.skipped:
            return
        elif word in _SIGNS:
            self._write(_SIGNS[word])
        else:
            self._layout(word, number)

    def _layout(self, word: str, number: int | None) -> None:
        """Words that end paragraphs and rows, and say what the next are."""
        state = self.state
        sink = state.sink
        if word in ("par", "sect"):
            self._paragraph()
        elif word == "cell":
            merge = sink.merges[len(sink.cells)] if len(sink.cells) < len(sink.merges) else ""
            sink.cells.append((f"{sink.label} {''.join(sink.line)}".strip(), merge))
            sink.line.clear()
            sink.label = ""
        elif word == "row":
            self._row()
        elif word == "trowd":
            sink.merges, sink.head = [], False
        elif word == "trhdr":
            sink.head = True
        elif word in ("clvmrg", "clmrg"):
            sink.merges.append(word)
        elif word == "cellx":
            # A cell's definition ends here; a mark of merging came before, if there was one.
            mark = sink.merges.pop() if sink.merges and sink.merges[-1].startswith("cl") else ""
            sink.merges.append(f"={mark}")
        elif word == "pard":
            self.state = replace(state, style=0, level=0, in_table=False)
        elif word == "intbl":
            self.state = replace(state, in_table=True)
        elif word == "s" and number is not None:
            self.state = replace(state, style=number, level=self.styles.get(number, 0))
        elif word == "outlinelevel" and number is not None:
            self.state = replace(state, level=number + 1 if 0 <= number < 9 else 0)

    def _group(self, word: str, starred: bool) -> bool:
        """Begin the special group that a word opens; whether it does."""
        state = self.state
        if word == "pict" and not state.skipped:
            self.left.images += 1
        elif word == "objdata" and not state.skipped:
            self.left.embedded.append("object")
        if word in _HEADS:
            self.state = replace(state, skipped=True, kind=word, within=word)
        elif word in _SKIPPED:
            self.state = replace(state, skipped=True, kind=word)
        elif self.stack[-1].kind == "stylesheet":
            self.style = 0
            self.state = replace(state, kind="stylesheet entry")
            return False
        elif word == "title" and state.within == "info":
            self.state = replace(state, kind=word)
        elif not state.skipped and (word in _NOTES or word in _MARGINS or word in ("listtext", "pntext", "shptxt")):
            fresh = _State(_Sink(Flow()), codec=state.codec, after_unicode=state.after_unicode, kind=word)
            self.state = fresh
        elif word == "atnauthor":
            self.author.clear()
            self.state = replace(state, skipped=True, kind=word)
        elif starred and word not in _KEPT_STARRED:
            self.state = replace(state, skipped=True, kind=word)
        else:
            return False
        return True

    def _sign(self, sign: str) -> None:
        if sign in "\r\n":
            self._paragraph()
        else:
            self._write({"~": "\u00a0", "-": "", "_": "-", "*": "", "|": "", ":": "", "\t": "\t"}.get(sign, sign))

    def _byte(self, byte: int) -> None:
        if self.to_skip:
            self.to_skip -= 1
        else:
            self.bytes.append(byte)

    def _flush_bytes(self) -> None:
        if self.bytes:
            data, self.bytes = bytes(self.bytes), bytearray()
            self._write(data.decode(self.state.codec, errors="replace"))

    def _write(self, text: str) -> None:
        if self.to_skip and text:
            skip, self.to_skip = self.to_skip, 0
            text = text[skip:]
        state = self.state
        if state.kind == "stylesheet entry":
            self.style_name.append(text)
        elif state.kind == "title":
            self.name.append(text)
        elif state.kind == "atnauthor":
            self.author.append(text)
        elif not state.skipped and not state.hidden:
            state.sink.line.append(text)

    def _paragraph(self, state: _State | None = None) -> None:
        """The paragraph that was open is complete."""
        state = state or self.state
        sink = state.sink
        if state.skipped:
            return
        if state.in_table and (sink.cells or sink.merges):
            sink.line.append(" ")  # a paragraph within a cell
            return
        text = "".join(sink.line)
        sink.line.clear()
        label, sink.label = sink.label, ""
        if not text.strip():
            return
        self._end_table(sink)
        if state.level:
            sink.flow.heading(f"{label} {text}" if label else text, state.level)
        elif label:
            sink.flow.item(text, label if label[0].isalnum() or label[0] in "([" else bullet(label))
        else:
            sink.flow.paragraph(text)

    def _row(self) -> None:
        sink = self.state.sink
        cells: list[rows.Cell] = []
        for column, (text, merge) in enumerate(sink.cells):
            if merge == "=clmrg" and cells:
                cells[-1] = replace(cells[-1], columns=cells[-1].columns + 1)
                continue
            if merge == "=clvmrg" and sink.table and column < len(sink.table[-1]) and not text:
                text = sink.table[-1][column].text
            cells.append(rows.Cell(text))
        sink.cells.clear()
        if cells:
            sink.table.append(cells)
            sink.heads.append(sink.head)

    def _end_table(self, sink: _Sink | None = None) -> None:
        sink = sink or self.state.sink
        if sink.cells:  # a row that never ended
            sink.table.append([rows.Cell(text) for text, _merge in sink.cells])
            sink.heads.append(False)
            sink.cells.clear()
        table, heads = sink.table, sink.heads
        sink.table, sink.heads, sink.merges = [], [], []
        header = 0
        while header < len(table) - 1 and heads[header]:
            header += 1
        if not header:
            header = int(rows.names_columns(rows.spread(table)))
        sink.flow.rows(rows.written(rows.spread(table, header), header))

    @staticmethod
    def _known(codec: str) -> str:
        try:
            "".encode(codec)
        except LookupError:
            return "cp1252"
        return codec
