"""Readable stand-ins: vectors made of word counts, a pool without processes, a model that follows a script, a diary."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest import work
from ingest.types import FileReport

DIMENSIONS = 64
_WORD = re.compile(r"\w+")


class WordTokenizer:
    """A word is a token. Satisfies `ingest.types.Tokenizer`."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Spans of the words of `text`."""
        return [match.span() for match in _WORD.finditer(text)]


class WordCountEmbedder:
    """A text's vector counts its words, each in a place that its hash chooses. Equal words, equal vectors."""

    name = "word counts"
    sha256 = "0" * 64
    tokenizer: Any = WordTokenizer()
    question = None

    def __init__(self) -> None:
        self.texts: list[str] = []  # everything it was asked for, in order

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), DIMENSIONS)`, unit rows."""
        self.texts += texts
        vectors = np.full((len(texts), DIMENSIONS), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row[hashlib.md5(word.encode()).digest()[0] % DIMENSIONS] += 1
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_question(self, question: str) -> NDArray[np.float32]:
        """float32 `(DIMENSIONS,)`, of unit length."""
        return self.embed([question])[0]


class Inline:
    """Runs everything in this process, one thing at a time, without limits. Satisfies `ingest.sandbox.Pool`."""

    workers = 1

    def __init__(self) -> None:
        work.equip(WordTokenizer())
        self._turn = Lock()  # PDFium is for one thread at a time

    def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        """The result of `function(*args)`."""
        with self._turn:
            return function(*args)


class ScriptedGenerator:
    """Gives the replies of its script one after the other, in pieces of three characters. A word is a token."""

    name = "script"
    sha256: str | None = "1" * 64
    host = ""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.prompts: list[str] = []  # what it was asked, roles left out
        self.unread = 0  # pieces nobody took

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """The next reply; the last one again when the script is over."""
        self.prompts.append("\n".join(message["content"] for message in messages))
        reply = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        pieces = [reply[start : start + 3] for start in range(0, len(reply), 3)]
        self.unread = len(pieces)
        for piece in pieces:
            self.unread -= 1
            yield piece

    def count(self, text: str) -> int:
        """Words of `text`."""
        return len(text.split())


@dataclass(slots=True)
class Diary:
    """Writes down what the pipeline told its watcher. Satisfies `ingest.pipeline.Watcher`."""

    read: list[str] = field(default_factory=list)
    done: list[FileReport] = field(default_factory=list)
    ocr: list[tuple[str, int]] = field(default_factory=list)
    chunks: int = 0
    files: int = 0

    def found(self, files: int, size: int) -> None:
        """So many files are to be looked at."""
        self.files += files

    def reading(self, path: str) -> None:
        """This file is read now."""
        self.read.append(path)

    def recognised(self, path: str, page: int) -> None:
        """This page was read by OCR."""
        self.ocr.append((path, page))

    def embedded(self, chunks: int) -> None:
        """So many more chunks have their vectors."""
        self.chunks += chunks

    def finished(self, report: FileReport, size: int) -> None:
        """This file is done."""
        self.done.append(report)
