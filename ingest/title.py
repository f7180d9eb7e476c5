"""Makes a document's title of its file name, for documents that name themselves in no way that says something.

Knows names only; what a file says about itself is judged by `readers.pdf_meta.document_title`.
"""

import re
from pathlib import PurePosixPath

_MAX_TITLE = 300  # characters

_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]+")
_IDENTIFIER = re.compile(r"(?:[0-9a-f]{4,}-?){4,}", re.IGNORECASE)  # a UUID, a hash: a name nobody has given
_SEPARATORS = re.compile(r"[\s_+]+|(?<!\d)[-.]+|[-.]+(?!\d)")  # "2026-02-19" and "3.1" stay as they are
_JOINTS = re.compile(
    r"(?<=[a-z]{2})(?=[A-Z][A-Za-z])"  # Access|Control, but iPhone
    r"|(?<=[A-Z])(?=[A-Z][a-z]{2})"  # HR|Policy, but PDFs
    r"|(?<=[A-Za-z]{3})(?=\d{2})"  # ISO|27001, Report|2023, but FY2022 and Q2
    r"|(?<=\d{4})(?=[A-Za-z]{2}|[A-Z]\d)"  # 2023|Q2, but 10K
)
_LETTERS = re.compile(r"[^\W_]{2,}")


def clean(text: str) -> str:
    """`text` on one line, without control characters, of a sane length."""
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()[:_MAX_TITLE]


def from_file_name(path: str) -> str | None:
    """The name of a file as one would say it, or None where it has no words: "3M_2018_10K.pdf" is "3M 2018 10K".

    Args:
        path: as `SourceFile.path`; folders and the suffix are left out.
    """
    stem = PurePosixPath(path).stem
    if _IDENTIFIER.fullmatch(stem):
        return None
    title = clean(_JOINTS.sub(" ", _SEPARATORS.sub(" ", stem.encode(errors="replace").decode())))
    says = any(not word.isdigit() for word in _LETTERS.findall(title))
    return title if says else None
