"""Reads the text of PDF pages and draws pages; the one door to pypdfium2. Outline and title come from `pdf_meta`.

The text of a page is made here once (`normalise`), stored, shown and quoted; every offset counts in it. Text that
nobody sees is read as well, and known for what it is (`unseen`). pdfium is not thread-safe: one process reads one PDF
at a time. Form fields' values and annotations are not read, and images not here: pages whose text is to be recognised
in their image are named in `Document.scans`.
"""

import itertools
import logging
import math
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import addressof, byref, c_double, c_uint, c_ulong, cast
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.errors import ReadError
from ingest.readers import hidden, layer, pdf_meta, unseen
from ingest.readers.bulk import INTEGER, POINTER, address, called, plain, written
from ingest.title import clean
from ingest.types import Document, FileStatus, Heading, Page, Source

if TYPE_CHECKING:  # numpy takes 0.1 s to import, and most PDFs are never drawn
    import numpy as np
    from numpy.typing import NDArray

MAX_PAGES = 100_000
"""A page tree can claim two billion pages in a few bytes."""
MAX_PIXELS = 12_000_000
"""Of a drawn page: an A3 sheet has 7.7 million at 200 dpi. A page may claim 200 by 200 inches, and is drawn coarser."""
MAX_OBJECTS = 2_000
"""Of a page, that are looked at to tell whether it is a scan. Scans have one to some dozens (strips of an image)."""

HYPHEN = "\ufffe"
"""pdfium's mark for a hyphen at the end of a line; the line end itself is left out."""

_MAX_SIDE = 12_000  # pixels of a drawn page's longer side, however narrow the page is
_SCAN_LETTERS = 300  # letters and digits; a page that is all image and has fewer is a scan with a stamp or a header
_OUTLINES = 100  # path segments that a page without text must have: a letter's outline has 10 to 60, a frame has 5
_MAX_NESTED = 3  # forms within forms
_DRAWN = 0x0590  # pdfium brings fonts for Latin, Greek and Cyrillic letters; those of other scripts come with the file

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels from the upper left corner."""

_Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top, in points of the page, y upwards."""

_Matrix = tuple[float, float, float, float, float, float]  # a b c d e f of ISO 32000-1, 8.3.3
_ERROR_PASSWORD, _ERROR_SECURITY = 4, 5  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY of fpdfview.h

_REPLACEMENTS = {
    "\u00a0": " ",  # no-break space: the same to a reader, not to a search
    "\u00ad": "",  # soft hyphen inside a line: invisible
    "\u200b": "",
    "\ufeff": "",
    "\u2028": "\n",
    "\u2029": "\n",
    "\ufb00": "ff",  # ligatures: nobody types them into a question
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    "\uf0b7": "•",  # bullets of the Symbol and Wingdings fonts, which have no Unicode meaning
    "\uf0a7": "▪",
    "\uf0d8": "➢",
    "\uf0fc": "✓",
    "\uf076": "❖",
}
# Other control characters are noise of broken fonts; a space instead of nothing, so that no two words grow together.
_TABLE = str.maketrans({chr(code): " " for code in range(32) if chr(code) not in "\t\n\f"} | _REPLACEMENTS)
_LINE_HYPHEN = re.compile(rf"([^\W\d_]*){HYPHEN}([^\W\d_]*)")
_SOFT_HYPHEN_LINE = re.compile("\u00ad[ \t]*\n")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def read(source: Source) -> Document:
    """Read a PDF. Raises ReadError: PASSWORD, DAMAGED, TOO_LARGE; OSError where the file cannot be read."""
    notes: list[str] = []
    document, locked = _open(source)
    try:
        raw, failed, scans = _page_texts(document, notes)
        outline, title = _pdfium_meta(document)
    finally:
        document.close()
    if not locked:  # pypdf is given no password: it needs one more package for AES, and pdfium has read both already
        meta = pdf_meta.read(source.file)
        if not meta.failed:
            outline, title = meta.outline, meta.title
        elif not outline and not title:
            notes += meta.notes
    texts = normalise(raw)
    pages = tuple(
        Page(source.path, number, text, hidden=spans)
        for number, (text, spans) in enumerate(map(hidden.taken_out, texts), start=1)
    )
    outline = tuple(heading for heading in outline if heading.page in range(1, len(pages) + 1))
    return Document(source.path, title, pages, outline, tuple(notes), failed, scans)


def render(source: Source, number: int, dpi: int) -> "NDArray[np.uint8]":
    """Draw page `number` (1-based) in grey, turned as the file says it is to be shown.

    Args:
        dpi: dots an inch; fewer are drawn where the page would have more than MAX_PIXELS.

    Returns:
        uint8 `(height, width)`, 255 is white.

    Raises:
        ReadError: as `read` does, and FAILED where this page cannot be drawn.
    """
    with _drawn(source, number, dpi) as (_, bitmap):
        return _pixels(bitmap)


def render_with(
    source: Source, number: int, dpi: int, text: str, span: tuple[int, int]
) -> "tuple[NDArray[np.uint8], list[Box]]":
    """The page as `render` draws it, and where `text[span]` stands on it: a box for each line, [] if it is not found.

    Args:
        text: of the page, as it is stored. Compared by letters and digits alone: white space, hyphens and ligatures
            are others in it than in the file.

    Raises:
        ReadError: as `render` does.
    """
    with _drawn(source, number, dpi) as (page, bitmap):
        return _pixels(bitmap), _located(page, bitmap, text, span)


def _pixels(bitmap: Any) -> "NDArray[np.uint8]":
    pixels: NDArray[np.uint8] = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
    return pixels


def _located(page: Any, bitmap: Any, text: str, span: tuple[int, int]) -> list[Box]:
    textpage = page.get_textpage()
    try:
        letters = [
            (letter, index)
            for index in range(textpage.count_chars())
            for letter in _bare(textpage.get_text_range(index, 1, errors="ignore"))
        ]
        wanted, before = _bare(text[slice(*span)]), len(_bare(text[: span[0]]))
        whole = "".join(letter for letter, _ in letters)
        places = [match.start() for match in re.finditer(f"(?={re.escape(wanted)})", whole)] if wanted else []
        if not places:
            return []
        first = min(places, key=lambda place: abs(place - before))
        position = bitmap.get_posconv(page)
        boxes: list[Box] = []
        for index in dict.fromkeys(index for _, index in letters[first : first + len(wanted)]):
            left, bottom, right, top = textpage.get_charbox(index, loose=True)
            corners = (position.to_bitmap(left, top), position.to_bitmap(right, bottom))
            xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
            _grow(boxes, (xs[0], ys[0], xs[1], ys[1]))
        return boxes
    finally:
        textpage.close()


def _bare(text: str) -> str:
    """Letters and digits alone, in lower case, compatibility forms resolved."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).lower() if letter.isalnum())


def _grow(boxes: list[Box], letter: Box) -> None:
    """Take a letter into the last box where it stands on its line, else begin another one."""
    if boxes:
        left, top, right, bottom = boxes[-1]
        if letter[1] < bottom and letter[3] > top and letter[0] >= left:
            boxes[-1] = (left, min(top, letter[1]), max(right, letter[2]), max(bottom, letter[3]))
            return
    boxes.append(letter)


@contextmanager
def _drawn(source: Source, number: int, dpi: int) -> Iterator[tuple[Any, Any]]:
    """`(page, bitmap)` of a page, open until the block ends."""
    import pypdfium2  # late, as below

    document, _ = _open(source)
    try:
        page = document[number - 1]
        width, height = page.get_size()  # points
        if not (math.isfinite(width * height) and width > 0 and height > 0):
            raise ReadError(FileStatus.FAILED, f"page {number} claims a size that cannot be drawn")
        scale = min(dpi / 72, math.sqrt(MAX_PIXELS / (width * height)), _MAX_SIDE / max(width, height))
        bitmap = page.render(scale=scale, grayscale=True)
        yield page, bitmap
        bitmap.close()
        page.close()
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise ReadError(FileStatus.FAILED, f"page {number} cannot be drawn") from error
    finally:
        document.close()


def normalise(pages: list[str]) -> list[str]:
    """The stored text of pages: LF line ends, no control characters, NFC, ligatures spelled out, hyphens resolved.

    A word that was broken at a line end is joined again, with its hyphen or without as the rest of the document has it
    more often. Where the document does not tell, the hyphen stays: in 33 business documents with 583 such places, the
    spelling with hyphen was the right one nearly always ("role-based", "13a-15").
    """
    cleaned = [_clean(page) for page in pages]
    if not any(HYPHEN in page for page in cleaned):
        return cleaned
    words: Counter[str] = Counter()
    for page in cleaned:
        words.update(match.group().lower() for match in _WORD.finditer(page))

    def resolve(match: re.Match[str]) -> str:
        before, after = match.group(1), match.group(2)
        joined, hyphened = f"{before}{after}".lower(), f"{before}-{after}".lower()
        together = before and after and words[joined] > words[hyphened]
        return f"{before}{'' if together else '-'}{after}"

    return [_LINE_HYPHEN.sub(resolve, page) if HYPHEN in page else page for page in cleaned]


def _clean(page: str) -> str:
    page = page.replace("\r\n", "\n").replace("\r", "\n").replace("\x02", HYPHEN)
    return unicodedata.normalize("NFC", _SOFT_HYPHEN_LINE.sub("", page).translate(_TABLE))


def _open(source: Source) -> tuple[Any, bool]:
    """The open document, and whether it took one of the source's passwords. Raises ReadError."""
    import pypdfium2  # late: its native library takes 0.05 s to load, and most commands read no PDF

    # pypdfium2 logs oddities as warnings, and Python prints those to stderr when nobody configured logging.
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL + 1)
    for password in (None, *source.passwords):
        try:
            return pypdfium2.PdfDocument(source.file, password=password), password is not None
        except pypdfium2.PdfiumError as error:
            if error.err_code != _ERROR_PASSWORD:
                raise _load_error(error) from error
        except UnicodeEncodeError:
            continue  # half of a surrogate pair fits no file, and the error would show the password
    tried = f"none of the {len(source.passwords)} passwords given opens it" if source.passwords else "it is locked"
    raise ReadError(FileStatus.PASSWORD, f"{tried}; write its password on a line of FILE and give --password-file FILE")


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page told."""

    text: str  # as pdfium gives it, what nobody sees of it between marks
    scan: bool
    drawn: bool  # whether it could be looked at for text that nobody sees


def _page_texts(document: Any, notes: list[str]) -> tuple[list[str], tuple[int, ...], tuple[int, ...]]:
    """pdfium's text of every page ("" where it cannot be loaded), and the numbers of failed pages and of scans."""
    count = len(document)
    if count == 0:
        raise ReadError(FileStatus.DAMAGED, "the PDF has no pages")
    if count > MAX_PAGES:
        raise ReadError(FileStatus.TOO_LARGE, f"the PDF claims {count:,} pages; the limit is {MAX_PAGES:,}")
    texts: list[str] = []
    failed: list[int] = []
    scans: list[int] = []
    unknown: list[int] = []
    for number in range(1, count + 1):
        page = _page(document, number - 1)
        texts.append(page.text if page else "")
        if page is None:
            failed.append(number)
            continue
        if page.scan:
            scans.append(number)
        if not page.drawn:
            unknown.append(number)
    if len(failed) == count:
        raise ReadError(FileStatus.DAMAGED, f"none of its {count} pages can be loaded")
    if failed:
        notes.append(f"damaged pages could not be loaded: {_listed(failed)} ({len(failed)} of {count})")
    if unknown:
        why = "pages that cannot be drawn, so that hidden text on them is not told"
        notes.append(f"{why}: {_listed(unknown)} ({len(unknown)} of {count})")
    return texts, tuple(failed), tuple(scans)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")


def _page(document: Any, index: int) -> _Read | None:
    import pypdfium2

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            text = hidden.without_marks(textpage.get_text_range())
            spans = _unseen(page, textpage, text)
        finally:
            textpage.close()
        edges = [0, *(edge for start, end, _ in spans or () for edge in (start, end)), len(text)]
        seen = "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
        scan = layer.garbled(text) or _shows_more(page, seen)
        return _Read(hidden.marked(text, spans or ()), scan, drawn=spans is not None)
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()


def _unseen(page: Any, textpage: Any, text: str) -> list[tuple[int, int, unseen.Why]] | None:
    """Spans of a page's text that nobody sees, in order, with the signs behind a last letter.

    None where the page cannot be drawn, so that nobody knows.
    """
    import pypdfium2

    try:
        found = _looked_at(page, textpage)
    except pypdfium2.PdfiumError:
        return None
    if not found:
        return found
    if max(text) > "\uffff":  # pdfium counts such a character twice, as UTF-16 does
        units = text.encode("utf-16-le", "surrogatepass")
        found = [(_place(units, first), _place(units, end), why) for first, end, why in found]
    return [(first, end + _signs(text, end), why) for first, end, why in found]


def _place(units: bytes, count: int) -> int:
    """How many characters the first `count` units of a text in UTF-16 are."""
    return len(units[: 2 * count].decode("utf-16-le", "ignore"))


def _signs(text: str, start: int) -> int:
    """How many characters from `start` on are neither letters nor blanks."""
    return next((at for at, sign in enumerate(text[start:]) if sign.isalnum() or sign.isspace()), len(text) - start)


def _looked_at(page: Any, textpage: Any) -> list[tuple[int, int, unseen.Why]] | None:
    """As `_unseen`, from the first letter of each span to its last, counted in UTF-16 as pdfium counts its text."""
    import numpy as np
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    if not (math.isfinite(width * height) and width > 0 and height > 0):
        return None
    groups = [(holder.of(pdfium.FPDF_PAGEOBJ_TEXT), holder.matrices) for holder in _holders(page)]
    texts = [item for items, _ in groups for item in items]
    if not texts:
        return []
    bounds = [_bounds(items, matrices) for items, matrices in groups]
    boxes, told = np.concatenate([box for box, _ in bounds]), np.concatenate([told for _, told in bounds])
    with _bare_and_shown(page, texts, unseen.COARSE) as (shown, bare, on_picture):
        empty = unseen.suspicious(unseen.difference(shown, bare), on_picture(boxes[told]))
    flat = np.fmin(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])[told] < unseen.FLAT
    places = np.flatnonzero(told).tolist()
    if not _in_doubt(
        textpage,
        {texts[place] for place, doubtful in zip(places, empty.tolist(), strict=True) if doubtful},
        {texts[place] for place, doubtful in zip(places, flat.tolist(), strict=True) if doubtful},
    ):
        return []
    letters, around = _letters(textpage)
    images = np.array(
        [
            box
            for item, kind, matrices in itertools.islice(_objects(page), MAX_OBJECTS)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE and (box := _bound(item, matrices))
        ]
    )
    with _bare_and_shown(page, texts, unseen.FINE) as (shown, bare, on_picture):
        scale = shown.shape[1] / width
        why = unseen.reasons(shown, bare, on_picture(np.array(around)), scale, on_picture(images))
    index = pdfium.FPDFText_GetTextIndexFromCharIndex
    return [
        (index(textpage.raw, first), index(textpage.raw, end - 1) + 1, reason)
        for first, end, reason in unseen.runs(letters, why)
    ]


def _in_doubt(textpage: Any, empty: set[int], flat: set[int]) -> bool:
    """Whether any letter may be hidden: one of the `empty` text objects holds letters, or one of the `flat` tiny ones.

    Most objects without ink hold blanks alone, most narrow ones an "I" of ordinary size.
    """
    if not (empty or flat):
        return False
    calls = _calls()
    text = address(textpage.raw)
    owners = called(calls.text_object, text, range(textpage.count_chars()))
    doubtful = empty | flat
    left, right, bottom, top = c_double(), c_double(), c_double(), c_double()
    for index in [index for index, owner in enumerate(owners) if owner in doubtful]:
        code = calls.unicode(text, index)
        if code > sys.maxunicode or not chr(code).isalnum():
            continue
        if owners[index] in empty:
            return True
        if not calls.char_box(text, index, *map(addressof, (left, right, bottom, top))):
            return True
        if abs((right.value - left.value) * (top.value - bottom.value)) < unseen.SMALL:
            return True
    return False


@contextmanager
def _bare_and_shown(
    page: Any, texts: Sequence[int], dpi: int
) -> "Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], Callable[[NDArray[np.float64]], NDArray[np.float64]]]]":
    """The page as it is shown, the page without these text objects, and what turns boxes of the page into pixels."""
    import numpy as np

    activate = _calls().activate
    width, height = page.get_size()
    scale = min(dpi / 72, math.sqrt(MAX_PIXELS / (width * height)), _MAX_SIDE / max(width, height))
    shown = page.render(scale=scale)
    try:
        for item in texts:
            activate(item, 0)
        bare = page.render(scale=scale)
    finally:
        for item in texts:
            activate(item, 1)
    position, far = shown.get_posconv(page), 10_000  # points; pixels are whole numbers, so near places tell little
    origin, right, up = (np.array(position.to_bitmap(*place)) for place in ((0, 0), (far, 0), (0, far)))

    def on_picture(boxes: "NDArray[np.float64]") -> "NDArray[np.float64]":
        given = boxes.reshape(-1, 4)
        one, other = (
            origin + given[:, [x]] * (right - origin) / far + given[:, [x + 1]] * (up - origin) / far for x in (0, 2)
        )
        return np.hstack([np.minimum(one, other), np.maximum(one, other)])

    try:
        yield shown.to_numpy(), bare.to_numpy(), on_picture
    finally:
        shown.close()
        bare.close()


def _letters(textpage: Any) -> tuple[list[int], list[_Bounds]]:
    """Where letters and digits stand among pdfium's characters of a page, and their boxes on it.

    Left out are letters that pdfium cannot draw here, since their font is neither in the file nor on this machine.
    """
    import pypdfium2.raw as pdfium

    letters: list[int] = []
    boxes: list[_Bounds] = []
    left, right, bottom, top = c_double(), c_double(), c_double(), c_double()
    for index in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(textpage.raw, index)
        if (
            code <= sys.maxunicode
            and chr(code).isalnum()
            and (code < _DRAWN or _is_embedded(textpage, index))
            and pdfium.FPDFText_GetCharBox(textpage.raw, index, byref(left), byref(right), byref(bottom), byref(top))
        ):
            letters.append(index)
            boxes.append((left.value, bottom.value, right.value, top.value))
    return letters, boxes


def _is_embedded(textpage: Any, index: int) -> bool:
    """Whether the file brings the font of a character."""
    import pypdfium2.raw as pdfium

    item = pdfium.FPDFText_GetTextObject(textpage.raw, index)
    return bool(item) and pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(item)) == 1


def _shows_more(page: Any, text: str) -> bool:
    """Whether the page shows clearly more than its text layer says: images, or letters drawn as outlines.

    An image that covers a share of the page would, were it text, hold that share of a page's letters: where the layer
    has far fewer, it is a stamp or a page number over a scan. Nothing is drawn for this; the page's objects tell.
    """
    letters = layer.letters(text)
    if letters >= _SCAN_LETTERS:
        return False
    share, segments = _images_and_outlines(page)
    return letters < _SCAN_LETTERS * share or (letters == 0 and segments >= _OUTLINES)


def _images_and_outlines(page: Any) -> tuple[float, int]:
    """Share of the page that images cover (0..1), and the number of segments of its paths."""
    import pypdfium2.raw as pdfium

    visible = page.get_bbox()
    area, segments = 0.0, 0
    for item, kind, matrices in itertools.islice(_objects(page), MAX_OBJECTS):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            area += _area(item, matrices, visible)
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            segments += max(_calls().segments(item), 0)
    whole = (visible[2] - visible[0]) * (visible[3] - visible[1])
    return min(area / whole, 1.0) if whole > 0 else 0.0, segments


@dataclass(frozen=True, slots=True)
class _Calls:
    """pdfium's functions that are called for each object or character of a page (see `bulk`)."""

    object: Callable[[int, int], int]  # (page, index)
    held: Callable[[int, int], int]  # (form object, index)
    kind: Callable[[int], int]
    activate: Callable[[int, int], int]  # (object, 0 or 1): whether it is drawn
    bounds: Callable[..., int]  # (object, &left, &bottom, &right, &top), floats
    segments: Callable[[int], int]
    text_object: Callable[[int, int], int]  # (text page, index of a character)
    unicode: Callable[[int, int], int]  # likewise
    char_box: Callable[..., int]  # (text page, index, &left, &right, &bottom, &top), doubles


@cache
def _calls() -> _Calls:
    import pypdfium2.raw as pdfium

    return _Calls(
        plain(pdfium.FPDFPage_GetObject, POINTER, POINTER, INTEGER),
        plain(pdfium.FPDFFormObj_GetObject, POINTER, POINTER, c_ulong),
        plain(pdfium.FPDFPageObj_GetType, INTEGER, POINTER),
        plain(pdfium.FPDFPageObj_SetIsActive, INTEGER, POINTER, INTEGER),
        plain(pdfium.FPDFPageObj_GetBounds, INTEGER, POINTER, *[POINTER] * 4),
        plain(pdfium.FPDFPath_CountSegments, INTEGER, POINTER),
        plain(pdfium.FPDFText_GetTextObject, POINTER, POINTER, INTEGER),
        plain(pdfium.FPDFText_GetUnicode, c_uint, POINTER, INTEGER),
        plain(pdfium.FPDFText_GetCharBox, INTEGER, POINTER, INTEGER, *[POINTER] * 4),
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    """The objects of a page, or of a form on it."""

    items: list[int]  # addresses
    kinds: list[int]
    matrices: tuple[_Matrix, ...]  # of the forms it is in, inner first

    def of(self, kind: int) -> list[int]:
        """The objects of one kind."""
        return [item for item, other in zip(self.items, self.kinds, strict=True) if other == kind]


def _holders(page: Any) -> Iterator[_Holder]:
    """The page and the forms on it, in turn."""
    import pypdfium2.raw as pdfium

    calls = _calls()
    count = pdfium.FPDFPage_CountObjects(page.raw)
    pending = [(address(page.raw), count, calls.object, tuple[_Matrix, ...]())]
    while pending:
        place, count, get, matrices = pending.pop()
        items = called(get, place, range(count))
        kinds = list(map(calls.kind, items))
        for item in itertools.compress(items, (kind == pdfium.FPDF_PAGEOBJ_FORM for kind in kinds)):
            form = cast(item, pdfium.FPDF_PAGEOBJECT)
            matrix = pdfium.FS_MATRIX()
            if len(matrices) < _MAX_NESTED and pdfium.FPDFPageObj_GetMatrix(form, matrix):
                inner = (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
                pending.append((item, pdfium.FPDFFormObj_CountObjects(form), calls.held, (inner, *matrices)))
        yield _Holder(items, kinds, matrices)


def _objects(page: Any) -> Iterator[tuple[int, int, tuple[_Matrix, ...]]]:
    """Objects of a page and of the forms on it: (object, its type, the matrices of the forms it is in, inner first)."""
    for holder in _holders(page):
        for item, kind in zip(holder.items, holder.kinds, strict=True):
            yield item, kind, holder.matrices


def _area(item: int, matrices: tuple[_Matrix, ...], visible: _Bounds) -> float:
    """Square points of the visible part of a page that an object's bounds cover."""
    bounds = _bound(item, matrices)
    if bounds is None:
        return 0.0
    width = min(bounds[2], visible[2]) - max(bounds[0], visible[0])
    height = min(bounds[3], visible[3]) - max(bounds[1], visible[1])
    return width * height if width > 0 and height > 0 else 0.0


def _bound(item: int, matrices: tuple[_Matrix, ...]) -> _Bounds | None:
    """Where an object stands on the page; None where it tells none."""
    boxes, told = _bounds([item], matrices)
    left, bottom, right, top = boxes[0].tolist()
    return (left, bottom, right, top) if told[0] else None


def _bounds(items: Sequence[int], matrices: tuple[_Matrix, ...]) -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """Where objects stand on the page, `(n, 4)` as `_Bounds`, and whether each tells it, `(n,)`."""
    import numpy as np

    given, told = written(_calls().bounds, items, 4)
    boxes = given.astype(np.float64)
    if not matrices:
        return boxes, told
    corners = [(boxes[:, x], boxes[:, y]) for x in (0, 2) for y in (1, 3)]
    for a, b, c, d, e, f in matrices:
        corners = [(a * x + c * y + e, b * x + d * y + f) for x, y in corners]
    xs, ys = (np.stack(side) for side in zip(*corners, strict=True))
    return np.stack([xs.min(0), ys.min(0), xs.max(0), ys.max(0)], axis=1), told


def _pdfium_meta(document: Any) -> tuple[tuple[Heading, ...], str | None]:
    """Outline and title as pdfium sees them, for files where pypdf fails (it cannot decrypt AES by itself)."""
    import pypdfium2

    headings: list[Heading] = []
    try:
        for bookmark in document.get_toc(max_depth=pdf_meta.MAX_DEPTH):
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            name = clean(bookmark.get_title())
            if index is not None and name:
                headings.append(Heading(name, index + 1, bookmark.level + 1))
            if len(headings) >= pdf_meta.MAX_HEADINGS:
                break
        title = pdf_meta.document_title(document.get_metadata_value("Title"))
    except pypdfium2.PdfiumError:
        # An outline is a convenience, and pypdf is asked for it as well: the text must not be lost for it.
        return tuple(headings), None
    return tuple(headings), title


def _load_error(error: Any) -> ReadError:
    if error.err_code == _ERROR_SECURITY:
        return ReadError(
            FileStatus.PASSWORD, "it is encrypted in a way that is not supported (for a certificate, perhaps)"
        )
    return ReadError(FileStatus.DAMAGED, "it is not a valid PDF, or damaged beyond repair")
