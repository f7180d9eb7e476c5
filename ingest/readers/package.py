"""Opens the zip packages that .docx, .pptx, .xlsx and .odt files are, and says what a file of that family really is.

Sizes are checked before anything is unpacked. Knows parts and the relations between them, and nothing of their content.
"""

import lzma
import posixpath
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO

from ingest.errors import ReadError
from ingest.readers.xml import Element, children, local, parsed, value
from ingest.types import FileStatus, Source

MAX_UNPACKED = 512 * 1024**2
"""Bytes of all parts together. The largest real workbook we know of has 300 MB of XML."""
MAX_RATIO, RATIO_FROM = 250, 64 * 1024**2
"""Packed tables reach 100 : 1. A file beyond that which also unpacks to more than RATIO_FROM bytes is a bomb."""
MAX_PART = 96 * 1024**2
"""Bytes of a part that is read as a tree, which takes about ten times its size in memory."""
MAX_PARTS = 50_000

_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, KeyError, NotImplementedError,
    OverflowError, UnicodeError, ValueError,
)  # fmt: skip
"""What zipfile raises for archives that are cut off or made to hurt."""

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of the container that old and encrypted Office files are ([MS-CFB] 2.2)."""
_STREAMS: tuple[tuple[str, FileStatus, str], ...] = (
    ("EncryptedPackage", FileStatus.PASSWORD, "a password is needed to open it; save a copy without one"),
    ("__substg1.0_", FileStatus.UNSUPPORTED, "an Outlook message (.msg) is not read; save it as .eml or .txt"),
    ("WordDocument", FileStatus.UNSUPPORTED, "an old Word document (.doc) is not read; save it as .docx"),
    ("PowerPoint Document", FileStatus.UNSUPPORTED, "an old PowerPoint file (.ppt) is not read; save it as .pptx"),
    ("Workbook", FileStatus.UNSUPPORTED, "an old Excel workbook (.xls) is not read; save it as .xlsx"),
)  # names of streams in an OLE container, and what they tell
_ODT = b"application/vnd.oasis.opendocument.text"
_STRICT = b"purl.oclc.org/ooxml"
"""The beginning of names in Office's second variant of its formats, in which libraries find no text at all."""
_BLOCK = 1 << 20  # bytes a read


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another part refers to."""

    kind: str  # the last word of its type: "styles", "slide", "image"
    target: str  # the name of the part, or an address outside


class Package:
    """An open package. Every failure is a ReadError."""

    def __init__(self, size: int, archive: zipfile.ZipFile, what: str) -> None:
        self.what = what  # "Word document"
        self._archive = archive
        self._names = {info.filename.lower(): info for info in archive.infolist()}
        _check_sizes(archive.infolist(), size)

    def has(self, name: str) -> bool:
        """Whether there is such a part; names are the same in capitals and small letters."""
        return name.lower() in self._names

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A part as a stream. Raises ReadError DAMAGED where it is missing or broken, also while it is read."""
        try:
            info = self._names[name.lower()]
            if info.flag_bits & 1:
                raise ReadError(FileStatus.PASSWORD, "it is packed with a password; save a copy without one")
            with self._archive.open(info) as part:
                yield part
        except _BROKEN as error:
            raise ReadError(
                FileStatus.DAMAGED, f"its part {name!r} is missing or damaged; open it in its program and save it anew"
            ) from error

    def tree(self, name: str) -> Element:
        """A part as XML. Raises ReadError DAMAGED, TOO_LARGE."""
        info = self._names.get(name.lower())
        if info is not None:
            _check_tree(info)
        with self.open(name) as part:
            data = part.read()
        return parsed(data, f"its part {name!r}")

    def check_usual(self) -> None:
        """Look whether a library knows the names in it. Raises ReadError UNSUPPORTED."""
        with self.open("_rels/.rels") as part:
            if _STRICT in part.read(MAX_PART):
                raise ReadError(
                    FileStatus.UNSUPPORTED, f'a "strict" {self.what} is not read; save it in the usual form'
                )

    def check_trees(self) -> None:
        """Look whether a library may read all parts of XML as trees. Raises ReadError TOO_LARGE."""
        for info in self._names.values():
            if info.filename.endswith((".xml", ".rels")):
                _check_tree(info)

    def tree_or_none(self, name: str | None) -> Element | None:
        """A part as XML, None where there is no such part."""
        return self.tree(name) if name and self.has(name) else None

    def relations(self, name: str = "") -> dict[str, Relation]:
        """What a part refers to, by the ids that it uses; of the package itself where no part is named."""
        folder, file = posixpath.split(name)
        root = self.tree_or_none(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for entry in children(root, "Relationship"):
            target = value(entry, "Target") or ""
            if value(entry, "TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            kind = (value(entry, "Type") or "").rpartition("/")[2]
            found[value(entry, "Id") or ""] = Relation(kind, target)
        return found

    def main(self) -> str:
        """The name of the part that everything else hangs on. Raises ReadError DAMAGED."""
        for relation in self.relations().values():
            if relation.kind == "officeDocument" and self.has(relation.target):
                return relation.target
        raise ReadError(FileStatus.DAMAGED, f"it is no {self.what}, or its main part is lost; save it anew")

    def title(self) -> str | None:
        """The title in the document's properties (Dublin Core)."""
        root = self.tree_or_none("docProps/core.xml")
        return next((entry.text for entry in root if local(entry) == "title"), None) if root is not None else None


@contextmanager
def opened(source: Source, what: str) -> Iterator[Package]:
    """The package that a file is. Raises ReadError DAMAGED, TOO_LARGE."""
    try:
        archive = zipfile.ZipFile(source.file)
    except _BROKEN as error:
        raise ReadError(
            FileStatus.DAMAGED, f"it is no valid {what}, or cut off; get a new copy, or open it and save it anew"
        ) from error
    with archive:
        yield Package(source.size, archive, what)


@contextmanager
def library(what: str) -> Iterator[None]:
    """A library reads a file that may be hostile: whatever it raises is a ReadError DAMAGED, and its warnings are kept.

    Libraries for these formats are written for files that are well made, and fail in any way on others.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ReadError, MemoryError, RecursionError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno:
                raise  # of the disk, not of the file
            why = f"{type(error).__name__}: {error}".replace("\n", " ")[:120]
            raise ReadError(
                FileStatus.DAMAGED,
                f"it is no valid {what}, or damaged ({why}); open it in its program and save it anew",
            ) from error


def suffix_of(file: BinaryIO) -> str | None:
    """The suffix that an open package should have: ".docx", ".pptx", ".xlsx" or ".odt"; None for anything else."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.lower() for name in archive.namelist()[:MAX_PARTS]}
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                kind = archive.read("mimetype").strip()
                if kind in (_ODT, _ODT + b"-template"):
                    return ".odt"
    except (*_BROKEN, RuntimeError):
        return None
    finally:
        file.seek(0)
    folders = {name.split("/", 1)[0] for name in names if "/" in name} if "[content_types].xml" in names else set()
    found = [suffix for folder, suffix in (("word", ".docx"), ("ppt", ".pptx"), ("xl", ".xlsx")) if folder in folders]
    return found[0] if len(found) == 1 else None


def ole_error(file: BinaryIO) -> ReadError:
    """What to say about an OLE container: an encrypted Office file, an old one, or something else."""
    marks = [(name.encode("utf-16-le"), status, detail) for name, status, detail in _STREAMS]
    seen: set[bytes] = set()
    tail = b""
    while block := file.read(_BLOCK):
        seen |= {mark for mark, _status, _detail in marks if mark in tail + block}
        tail = block[-64:]
    for mark, status, detail in marks:
        if mark in seen:
            return ReadError(status, detail)
    return ReadError(FileStatus.UNSUPPORTED, "an old Office document is not read; save it as .docx, .pptx or .xlsx")


def _check_tree(part: zipfile.ZipInfo) -> None:
    if part.file_size > MAX_PART:
        raise ReadError(
            FileStatus.TOO_LARGE, f"its part {part.filename!r} has {part.file_size:,} bytes; the limit is {MAX_PART:,}"
        )


def _check_sizes(parts: list[zipfile.ZipInfo], size: int) -> None:
    # What a part says about its size holds: zipfile hands out no byte more.
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS:
        raise ReadError(FileStatus.TOO_LARGE, f"it is packed of {len(parts):,} parts; the limit is {MAX_PARTS:,}")
    if unpacked > MAX_UNPACKED:
        raise ReadError(
            FileStatus.TOO_LARGE, f"it unpacks to {unpacked:,} bytes; the limit is {MAX_UNPACKED:,}; split it"
        )
    if unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(size, 1):
        raise ReadError(
            FileStatus.TOO_LARGE,
            f"it unpacks to {unpacked // max(size, 1):,} times its size, which looks like a trap (a zip bomb)",
        )
