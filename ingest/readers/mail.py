"""Reads mails (.eml) with what is attached to them.

The mail itself is a Page without a number: the headers a person reads, then the body, as plain text where the mail
has it, else as its HTML shows it. Each attachment is read by the reader of its format, and its pages follow with its
name as their record, with their own numbers. Mails inside mails work the same way; their attachments are named
"outer.eml › inner.pdf". Knows no other format: the function that reads an attachment is handed in. Not read are
pictures in the body, signatures, and other header lines. What could not be read is noted with the reason, and so are
pages of attachments without text, which are left out, since scans in attachments are not recognised.
"""

import email
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

from ingest.errors import ReadError
from ingest.readers import web
from ingest.readers.flow import MAX_CHARACTERS, Flow, clean
from ingest.readers.pdf_meta import document_title
from ingest.types import Document, FileStatus, Page, Source

MAX_DEPTH = 5
"""Mails within mails that are opened. Forwarded chains of that depth are rare, and a mail may hold millions."""
MAX_ATTACHMENTS = 500

_HEADERS = ("From", "To", "Cc", "Bcc", "Date", "Subject")
_OF_MAILS = frozenset({"from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path"})
_MAX_HEADER = 2_000  # characters; lists of recipients are longer, and say little
_MAX_NAME = 150
_SUFFIXES = {
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "message/rfc822": ".eml",
}
"""For attachments without a name; Office files are known by their content."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")
_SEPARATOR = " › "
_SILENT = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")


@dataclass(slots=True)
class _Parts:
    """What a mail consists of."""

    bodies: list[Message] = field(default_factory=list)
    attachments: list[Message] = field(default_factory=list)
    pictures: int = 0  # shown in the body


def read(source: Source, read_attachment: Callable[[Source], Document]) -> Document:
    """Read a mail and its attachments. Raises ReadError: DAMAGED, EMPTY; `read_attachment` may raise ReadError."""
    message = email.message_from_bytes(source.file.read())
    if not _OF_MAILS & {name.lower() for name in message.keys()}:  # noqa: SIM118 - a Message is no dict
        raise ReadError(FileStatus.DAMAGED, "it has none of the headers that a mail begins with; get a new copy")
    parts = _Parts()
    _sort(message, parts)
    flow = Flow()
    flow.paragraph("\n".join(f"{name}: {text}" for name in _HEADERS if (text := _header(message, name))))
    for body in parts.bodies:
        _write(body, flow)
    subject = _header(message, "Subject") or None
    pages = [Page(source.path, None, flow.text, title=subject)]
    outline = list(flow.outline)
    notes: list[str] = []
    if len(parts.attachments) > MAX_ATTACHMENTS:
        notes.append(f"{len(parts.attachments):,} attachments; the first {MAX_ATTACHMENTS} are read")
    names: set[str] = set()
    size = flow.size
    for number, part in enumerate(parts.attachments[:MAX_ATTACHMENTS], start=1):
        name = _unique(_name(part, number), names)
        try:
            if source.depth >= MAX_DEPTH:
                raise ReadError(FileStatus.TOO_LARGE, f"it lies {MAX_DEPTH + 1} mails deep; save it by itself")
            data = _bytes(part)
            inner = read_attachment(Source(name, io.BytesIO(data), len(data), source.passwords, source.depth + 1))
        except ReadError as error:
            notes.append(f"attachment {name!r} was not read: {error.detail.partition('; read are: ')[0]}")
            continue
        size += sum(len(page.text) for page in inner.pages)
        if size > MAX_CHARACTERS:
            raise ReadError(
                FileStatus.TOO_LARGE,
                f"its attachments have more than {MAX_CHARACTERS:,} characters; save them by themselves",
            )
        notes += [f"{name}: {note}" for note in inner.notes]
        outline += [replace(heading, record=_record(name, heading.record)) for heading in inner.outline]
        for page in inner.pages:
            if page.text.strip():
                pages.append(replace(page, path=source.path, record=_record(name, page.record)))
        if empty := [page.number for page in inner.pages if not page.text.strip()]:
            which = f"pages {', '.join(map(str, empty[:20]))}" if None not in empty and len(inner.pages) > 1 else "it"
            notes.append(f"attachment {name!r}: {which} without text (scans or blanks); save it to have it recognised")
    if parts.pictures and len(flow.text) < 200:
        notes.append(f"its body shows {parts.pictures} pictures, which are not read")
    return Document(source.path, document_title(subject), tuple(pages), tuple(outline), tuple(notes))


def _sort(part: Message, parts: _Parts) -> None:
    """Tell bodies from attachments. Of several forms of one body the plain one is taken, else HTML."""
    kind = part.get_content_type()
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        inner = _Parts()
        for entry in part.get_payload():
            if isinstance(entry, Message):
                _sort(entry, inner)
        if kind == "multipart/alternative":
            plain = [body for body in inner.bodies if body.get_content_type() != "text/html" and _text(body).strip()]
            inner.bodies = plain or inner.bodies
        parts.bodies += inner.bodies
        parts.attachments += inner.attachments
        parts.pictures += inner.pictures
    elif kind in _SILENT:
        return
    elif part.get_content_disposition() == "attachment" or part.get_filename() or kind == "message/rfc822":
        # Pictures that the body shows, logos mostly, have a name too.
        if part.get_content_maintype() == "image" and part.get("Content-ID") and kind != "image/tiff":
            parts.pictures += 1
        else:
            parts.attachments.append(part)
    elif kind.startswith("text/") and kind != "text/calendar":
        parts.bodies.append(part)
    elif kind.startswith("message/"):
        parts.bodies.append(part)  # a delivery report
    elif kind.startswith("image/"):
        parts.pictures += 1
    else:
        parts.attachments.append(part)


def _write(body: Message, flow: Flow) -> None:
    text = _text(body)
    if body.get_content_type() == "text/html":
        web.write(text, flow)
    else:
        for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", clean(text)):
            flow.verbatim(block)


def _text(part: Message) -> str:
    """The text of a body; wrong charsets lose single characters, not the text."""
    if part.is_multipart():
        return "\n".join(str(entry) for entry in part.get_payload())
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return str(part.get_payload())
    charset = (part.get_content_charset() or "utf-8").lower()
    codec = "cp1252" if charset in ("iso-8859-1", "us-ascii", "latin-1") else charset
    for name in (codec, "utf-8"):
        try:
            return data.decode(name).replace("\x00", " ")
        except (LookupError, UnicodeError):
            continue
    return data.decode("cp1252", errors="replace").replace("\x00", " ")


def _bytes(part: Message) -> bytes:
    if part.is_multipart():  # message/rfc822
        inner = part.get_payload(0)
        try:
            return inner.as_bytes() if isinstance(inner, Message) else str(inner).encode("utf-8", "replace")
        except (MessageError, UnicodeError, LookupError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise ReadError(FileStatus.DAMAGED, "the mail in it is damaged") from error
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _header(message: Message, name: str) -> str:
    texts = [_decoded(str(text)) for text in message.get_all(name, [])[:10]]
    return " ".join(clean(", ".join(texts)).split())[:_MAX_HEADER]


def _decoded(text: str) -> str:
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, UnicodeError, ValueError):
        return text


def _name(part: Message, number: int) -> str:
    """The name of an attachment, without a folder and on one line; made up where it has none."""
    name = _decoded(part.get_filename() or "")
    inner = part.get_payload(0) if part.is_multipart() else None
    if not name and isinstance(inner, Message):
        name = _header(inner, "Subject").replace("/", "-").replace("\\", "-")[:_MAX_NAME]
    name = _UNSAFE.sub(" ", clean(re.split(r"[/\\]", name)[-1])).replace(_SEPARATOR, " ").strip()
    name = name or f"attachment {number}"
    suffix = _SUFFIXES.get(part.get_content_type(), "")
    if "." not in name[-8:] or (suffix == ".eml" and not name.lower().endswith(suffix)):
        name += suffix
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 10]}…{name[-8:]}"


def _unique(name: str, names: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    made, count = name, 1
    while made in names:
        count += 1
        made = f"{stem} ({count}){dot}{suffix}" if dot else f"{name} ({count})"
    names.add(made)
    return made


def _record(name: str, record: str | None) -> str:
    return f"{name}{_SEPARATOR}{record}" if record else name
