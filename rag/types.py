"""The records that flow from a question to an answer, and the Protocol of a language model.

Imports nothing heavy. Offsets are half-open and count Unicode code points, as in `ingest.types`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from ingest.types import Chunk, Hidden

if TYPE_CHECKING:
    from rag.models.reader import Reading

Mode = Literal["written", "quoted", "refused"]


class Generator(Protocol):
    """A language model that continues a conversation."""

    name: str
    sha256: str | None  # of its weights; None: it runs elsewhere, and nobody here can tell
    host: str  # of the user's network, which gets what the model is told; "": this machine

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """Stream the reply to `messages` (`{"role", "content"}`) in pieces of text, greedily, at most `max_tokens`."""
        ...

    def count(self, text: str) -> int:
        """How many tokens of this model `text` has."""
        ...


def where(path: str, page: int | None, record: str | None, lines: Sequence[int] = ()) -> str:
    """A place as people read it: "policy.pdf, page 3", "register.jsonl, record C-12", "auth.log:7-9", "notes.md"."""
    if lines:
        return f"{path}:{lines[0]}" + (f"-{lines[-1]}" if len(lines) > 1 else "")
    return f"{path}, page {page}" if page else f"{path}, record {record}" if record else path


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as the catalog knows it: with its file's identity, and the same file's other names."""

    id: int
    chunk: Chunk
    root: str
    sha256: str
    title: str  # the document's title; "" where none is known
    ocr: bool
    also: tuple[str, ...] = ()  # other paths of files with the very same bytes


@dataclass(frozen=True, slots=True)
class Similar:
    """Where a near-duplicate of a hit stands."""

    id: int
    path: str
    page: int | None
    record: str | None


class Parts(NamedTuple):
    """What the ways of retrieving give to a score; 0 or more each, at most 1 together."""

    words: float = 0.0  # of the passage
    page: float = 0.0  # the words of the page around it
    phrases: float = 0.0  # the query's neighbouring words on that page
    meaning: float = 0.0
    named: float = 0.0  # the question names its document


NO_PARTS = Parts()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a query found."""

    stored: StoredChunk
    score: float  # fused relevance in 0..1, higher is better; comparable within one query only
    cosine: float | None  # similarity of meaning in -1..1; None if the vector index did not name it
    bm25: float | None  # word score, 0 or more, higher is better; None if no word matched
    parts: Parts = NO_PARTS  # what makes up the score of the first stage, their sum
    reading: "Reading | None" = None  # what the reader makes of it; None where it was not read
    similar: tuple[Similar, ...] = ()  # near-duplicates that it stands for, best first


@dataclass(frozen=True, slots=True)
class Quote:
    """An exact span of a hit's page, picked because it may answer the question."""

    hit: Hit
    start: int  # into the page's text
    end: int
    text: str
    score: float  # how well it fits the question, 0..1, higher is better
    hidden: tuple[Hidden, ...] = ()  # what nobody sees of its passage, in order; offsets into the page's text

    @property
    def unseen(self) -> str:
        """Why nobody sees a part of the quotation itself, in words; "" where all of it is seen."""
        return next((span.why for span in self.hidden if span.start < self.end and span.end > self.start), "")


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered quotation under an answer. `quote` equals the page's text at `start:end`, unless it is `redacted`."""

    number: int
    path: str
    sha256: str
    page: int | None
    section: str
    start: int
    end: int
    quote: str
    record: str | None
    root: str
    ocr: bool
    also: tuple[str, ...] = ()  # other paths of files with the very same bytes
    lines: tuple[int, ...] = ()  # 1-based line numbers, for logs
    words: tuple[int, int] | None = None  # where in the page's text the answering words stand, as far as a reader tells
    hidden: str = ""  # why nobody who looks at the document sees a part of it, in words; "" where all of it is seen
    redacted: bool = False  # personal data in `quote` is masked: it is not the page's text at `start:end`


@dataclass(frozen=True, slots=True)
class Sentence:
    """One written sentence that passed the check, with the numbers of the citations it rests on."""

    text: str
    citations: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.text} {''.join(f'[{number}]' for number in self.citations)}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that the model wrote, with what the checks said of it, shown or not."""

    text: str
    failures: tuple[str, ...]  # in words; empty where it agrees with its quotations
    rests_on: tuple[int, ...]  # quotations, by their place in the evidence, from 0
    responsive: bool  # it speaks of what was asked; not looked at, and False, where there are failures


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model wrote."""

    name: str
    sha256: str | None  # None: it runs on another host, which its name tells


@dataclass(frozen=True, slots=True)
class CountedIn:
    """The events that were counted in one log."""

    path: str
    root: str
    events: int
    lines: tuple[int, ...]  # 1-based, where they begin, ascending, each once; the first `rag.events.answer.LISTED`


@dataclass(frozen=True, slots=True)
class Counted:
    """What an answer from logs rests on: every event that fits the conditions, and none else."""

    conditions: tuple[str, ...]  # in words; all of them hold
    events: int
    logs: tuple[CountedIn, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets. `found` is False exactly when `mode` is "refused"; then there are no citations."""

    question: str
    found: bool
    answer: str
    mode: Mode
    confidence: float  # 0..1, higher is surer that the documents answer the question
    citations: tuple[Citation, ...]
    missing: tuple[str, ...] = ()  # words of the question that no citation touches
    warnings: tuple[str, ...] = ()
    dropped_sentences: int = 0  # written, and not shown because the check failed
    unreadable: tuple[str, ...] = ()  # files or pages whose text could not be searched
    searched: int = 0  # files whose text the answer could have rested on
    nearest: tuple[Citation, ...] = ()  # of a refusal: what came nearest, and does not answer
    model: ModelInfo | None = None
    search_adapter: ModelInfo | None = None  # what `rag tune` has taught the search; None: it is as it ships
    counted: Counted | None = None  # where the answer was counted in logs, by the program; no model took part
    timings_ms: Mapping[str, float | None] = field(default_factory=dict)  # since the question was asked
