"""The plain way: what most people's script does, on the same models. The peer that Strongroom is measured against.

    python benchmarks/peer_plain.py ingest FOLDER --store DIR
    python benchmarks/peer_plain.py ask "Who approves exceptions?" --store DIR
    python benchmarks/peer_plain.py ask --batch QUESTIONS.jsonl --store DIR

PDFs page by page through pypdf, pieces of 1,000 characters with 200 of overlap, sentence-transformers on the processor,
Chroma with the texts in it; then the four nearest pieces in one prompt, streamed from llama.cpp. Frameworks default to
these choices, and this script makes them without a framework's own cost.

It is not made slow on purpose. Where a default would be a handicap (llama-cpp-python's thread count is half the cores,
LangChain's batch for reading prompts is 8 tokens), the better value is taken and named. Not in it, because it is not in
such scripts: telling changed files from unchanged ones, checks, refusals, anything about what could not be read; a
damaged or password-protected PDF ends it with a traceback.

`ingest` prints one JSON object with counts and seconds; `ask` streams the answer and prints its time marks as a JSON
object on stderr, in seconds since the script began; `--batch` prints a JSON line for each question. Imports stand where
they are first needed, so that neither command pays for the other's. Its settings are those of the
frameworks' scripts, in `peers/common.py`.
"""

import argparse
import json
import os
import sys
import time

STARTED = time.perf_counter()

from collections.abc import Iterator, Sequence  # noqa: E402 - the clock starts first
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from peers.common import (  # noqa: E402 - standard library only
    COLLECTION,
    CONTEXT,
    CORES,
    EMBEDDER,
    MAX_TOKENS,
    NEAREST,
    OVERLAP,
    PIECE,
    PROMPT,
    REPEAT_PENALTY,
    WEIGHTS,
    keep_off_tiles,
)

SEPARATORS = ("\n\n", "\n", " ", "")  # paragraphs, lines, words, characters
BATCH = 32  # texts embedded at a time: sentence-transformers' default

Piece = dict[str, Any]  # "text", "path" relative to the folder, "page" (1-based)


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    ingest_parser = commands.add_parser("ingest", help="read a folder of PDFs into a new store")
    ingest_parser.add_argument("folder", type=Path)
    ask_parser = commands.add_parser("ask", help="answer a question, or a file of questions")
    ask_parser.add_argument("question", nargs="?")
    ask_parser.add_argument("--batch", type=Path, help='JSON Lines {"id", "question"}')
    for command in (ingest_parser, ask_parser):
        command.add_argument("--store", type=Path, required=True, help="the folder of the Chroma store")
    options = parser.parse_args()
    # Everything is on this machine; without these switches the libraries would look for newer versions of it first.
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "ANONYMIZED_TELEMETRY": "False"}
    if options.command == "ingest":
        print(json.dumps(ingest(options.folder, options.store)))
    elif (options.question is None) == (options.batch is None):
        ask_parser.error("ask one question, or name a file with --batch")
    elif options.batch is not None:
        ask_all(options.batch, options.store)
    else:
        ask_one(options.question, options.store)


# --- ingest -----------------------------------------------------------------------------------------------------------


def ingest(folder: Path, store: Path) -> dict[str, Any]:
    """Read every PDF below `folder` into a store made anew.

    Returns:
        Counts (`files`, `pages`, `chunks`, `text_bytes` of the pages in UTF-8) and the `seconds` of each stage.
    """
    clock = time.perf_counter
    marks = [clock()]
    files = sorted(folder.rglob("*.pdf"))
    pages = [page for path in files for page in read(path, folder)]
    marks.append(clock())
    pieces = [{**page, "text": text} for page in pages for text in split(page["text"])]
    marks.append(clock())
    model = load_embedder()
    marks.append(clock())
    vectors = model.encode([piece["text"] for piece in pieces], batch_size=BATCH, show_progress_bar=False)
    marks.append(clock())
    save(pieces, vectors, store)
    marks.append(clock())
    stages = ("read", "split", "load_embedder", "embed", "store")
    return {
        "files": len(files),
        "pages": len(pages),
        "chunks": len(pieces),
        "text_bytes": sum(len(page["text"].encode(errors="replace")) for page in pages),
        "seconds": {name: round(end - begin, 3) for name, begin, end in zip(stages, marks, marks[1:], strict=False)},
    }


def read(path: Path, folder: Path) -> Iterator[Piece]:
    """The pages of a PDF, as LangChain's PyPDFLoader reads them."""
    from pypdf import PdfReader

    for number, page in enumerate(PdfReader(path).pages, start=1):
        yield {"text": page.extract_text(), "path": str(path.relative_to(folder)), "page": number}


def split(text: str, separators: Sequence[str] = SEPARATORS) -> list[str]:
    """Pieces of at most PIECE characters that overlap by at most OVERLAP, cut where the text is least hurt.

    Behaves like LangChain's RecursiveCharacterTextSplitter: cut at the first separator that occurs, cut what is still
    too long at the next one, and join neighbours again as far as they fit.
    """
    separator = next(mark for mark in separators if mark in text)
    finer = separators[separators.index(separator) + 1 :]
    pieces: list[str] = []
    short: list[str] = []
    for part in _parts(text, separator):
        if len(part) < PIECE or not finer:
            short.append(part)
            continue
        pieces += _joined(short)
        short = []
        pieces += split(part, finer)
    return pieces + _joined(short)


def _parts(text: str, separator: str) -> list[str]:
    """`text` cut before each separator, so that nothing of it is lost; into characters by the empty separator."""
    if not separator:
        return list(text)
    first, *rest = text.split(separator)
    return [part for part in (first, *(separator + part for part in rest)) if part]


def _joined(parts: Sequence[str]) -> list[str]:
    """Neighbouring parts joined up to PIECE characters; each piece begins with the end of the one before."""
    pieces: list[str] = []
    held: list[str] = []
    length = 0
    for part in parts:
        if held and length + len(part) > PIECE:
            pieces.append("".join(held).strip())
            while held and (length > OVERLAP or length + len(part) > PIECE):
                length -= len(held.pop(0))
        held.append(part)
        length += len(part)
    pieces.append("".join(held).strip())
    return [piece for piece in pieces if piece]


def load_embedder() -> Any:
    """MiniLM through sentence-transformers, as it comes."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(EMBEDDER), device="cpu")


def open_collection(store: Path, *, anew: bool = False) -> tuple[Any, Any]:
    """Chroma's client and the collection in `store`, with Chroma's own defaults."""
    import chromadb

    client = chromadb.PersistentClient(str(store), settings=chromadb.Settings(anonymized_telemetry=False))
    if anew and any(found.name == COLLECTION for found in client.list_collections()):
        client.delete_collection(COLLECTION)
    return client, client.get_or_create_collection(COLLECTION, embedding_function=None)


def save(pieces: Sequence[Piece], vectors: Any, store: Path) -> None:
    """Write texts and `vectors` (n, 384) to a new collection, in batches as large as Chroma takes them."""
    client, collection = open_collection(store, anew=True)
    size = client.get_max_batch_size()
    for first in range(0, len(pieces), size):
        part = pieces[first : first + size]
        collection.add(
            ids=[str(first + index) for index in range(len(part))],
            embeddings=vectors[first : first + size],
            documents=[piece["text"] for piece in part],
            metadatas=[{"path": piece["path"], "page": piece["page"]} for piece in part],
        )


# --- ask --------------------------------------------------------------------------------------------------------------


class Assistant:
    """Both models and the store, loaded once."""

    def __init__(self, store: Path) -> None:
        self._embedder = load_embedder()
        self._client, self._collection = open_collection(store)
        self._model = load_model()

    def nearest(self, question: str) -> list[Piece]:
        """The NEAREST pieces, nearest first."""
        found = self._collection.query(query_embeddings=self._embedder.encode([question]), n_results=NEAREST)
        rows = zip(found["documents"][0], found["metadatas"][0], strict=True)
        return [{**place, "text": text} for text, place in rows]

    def answer(self, question: str, pieces: Sequence[Piece]) -> Iterator[str]:
        """Stream the model's answer. Pieces that do not fit into its context are left out, the farthest first."""
        for count in range(len(pieces), 0, -1):
            context = "\n\n".join(piece["text"] for piece in pieces[:count])
            prompt = PROMPT.format(context=context, question=question)
            if len(self._model.tokenize(prompt.encode())) < CONTEXT - MAX_TOKENS - 50:  # 50: the chat template
                break
        # Temperature 0, not LangChain's 0.8, so that runs can be compared; it is the better choice for facts, too.
        for part in self._model.create_chat_completion(
            [{"role": "user", "content": prompt}],
            max_tokens=MAX_TOKENS,
            temperature=0.0,
            repeat_penalty=REPEAT_PENALTY,
            stream=True,
        ):
            if text := part["choices"][0]["delta"].get("content"):
                yield text


def load_model() -> Any:
    """SmolLM2 as packaged, on all cores."""
    from llama_cpp import Llama

    keep_off_tiles()
    # n_threads is half the cores by default; n_batch 512 is llama-cpp-python's own default (LangChain says 8).
    return Llama(str(WEIGHTS), n_ctx=CONTEXT, n_batch=512, n_threads=CORES, n_threads_batch=CORES, verbose=False)


def ask_one(question: str, store: Path) -> None:
    """Stream one answer to stdout; time marks, in seconds since the script began, go to stderr as JSON."""
    marks: dict[str, float] = {}

    def mark(name: str) -> None:
        marks.setdefault(name, round(time.perf_counter() - STARTED, 3))

    assistant = Assistant(store)
    mark("loaded")
    pieces = assistant.nearest(question)
    mark("passages")
    for text in assistant.answer(question, pieces):
        mark("first_token")
        print(text, end="", flush=True)
    print()
    mark("total")
    print(json.dumps(marks), file=sys.stderr)


def ask_all(batch: Path, store: Path) -> None:
    """Print `{"id", "answer", "sources"}` for each question; `sources` are the pages of the pieces in the prompt."""
    assistant = Assistant(store)
    for line in batch.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        row = json.loads(line)
        pieces = assistant.nearest(row["question"])
        answer = "".join(assistant.answer(row["question"], pieces)).strip()
        sources = [{"path": piece["path"], "page": piece["page"]} for piece in pieces]
        print(json.dumps({"id": row["id"], "answer": answer, "sources": sources}), flush=True)


if __name__ == "__main__":
    main()
