"""What a reader learns from: a question with its candidate passages. Knows no store and no file."""

from dataclasses import dataclass

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage for a question."""

    text: str
    span: tuple[int, int] | None  # of the answer, half-open code points of `text`
    answerable: int  # 1: the answer stands in it; 0: it does not; UNKNOWN
    relevant: int  # 1: it should rank above the others of its group; 0: below; UNKNOWN
    context: str = ""  # what the program puts before the passage: the document's title and the section


@dataclass(frozen=True, slots=True)
class Group:
    """A question with passages, the best first."""

    source: str
    fold: int  # 0..99, a hash of the text: equal texts share it
    question: str
    candidates: tuple[Candidate, ...]
