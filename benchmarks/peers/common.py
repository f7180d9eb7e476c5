"""What the scripts of frameworks share: their command line, their settings, and the clock. Knows no framework.

    SCRIPT ingest FOLDER --store DIR
    SCRIPT ask QUESTION --store DIR

`ingest` prints one JSON object with counts; `ask` streams the answer and prints its time marks as a JSON object on
stderr, in seconds since the script began. A script calls `main` with two functions, and imports its framework inside
them, so that neither command pays for the other's.
"""

import argparse
import json
import os
import sys
import time

STARTED = time.perf_counter()

from collections.abc import Callable, Iterator  # noqa: E402 - the clock starts first
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from rag.models.catalogue import EMBEDDING, LANGUAGE, locate  # noqa: E402 - standard library only

PIECE, OVERLAP = 1000, 200  # characters: what LangChain's own guide takes
NEAREST = 4  # pieces in the prompt: the usual k of a vector store's retriever
CONTEXT = 2048  # tokens; four pieces of prose are about 1,000
MAX_TOKENS = 256  # of an answer: the default of LangChain's LlamaCpp
BATCH = 512  # tokens of the prompt at a time: llama-cpp-python's default; LangChain's is 8, which would be a handicap
REPEAT_PENALTY = 1.1
COLLECTION = "documents"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
EMBEDDER = locate(EMBEDDING)
WEIGHTS = locate(LANGUAGE) / next(iter(LANGUAGE.files))

PROMPT = """\
Use the following pieces of context to answer the question at the end. If you don't know the answer, just say that you \
don't know, don't try to make up an answer.

{context}

Question: {question}
Helpful Answer:"""

Mark = Callable[[str], None]


def main(
    ingest: Callable[[Path, Path], dict[str, int]], ask: Callable[[str, Path, Mark], Iterator[str]], about: str | None
) -> None:
    """Run one command.

    Args:
        ingest: `(folder, store)`: read every PDF below the folder into a store made anew; returns `files`, `pages`,
            `chunks` and `text_bytes`.
        ask: `(question, store, mark)`: stream the answer; `mark` is told "loaded" and "passages".
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    ingest_parser = commands.add_parser("ingest")
    ingest_parser.add_argument("folder", type=Path)
    ask_parser = commands.add_parser("ask")
    ask_parser.add_argument("question")
    for command in (ingest_parser, ask_parser):
        command.add_argument("--store", type=Path, required=True)
    options = parser.parse_args()
    # Everything is on this machine; without these switches the libraries would look for newer versions of it first.
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "ANONYMIZED_TELEMETRY": "False"}
    if options.command == "ingest":
        print(json.dumps(ingest(options.folder, options.store)))
        return
    marks: dict[str, float] = {}

    def mark(name: str) -> None:
        marks.setdefault(name, round(time.perf_counter() - STARTED, 3))

    for text in ask(options.question, options.store, mark):
        mark("first_token")
        print(text, end="", flush=True)
    print()
    mark("total")
    print(json.dumps(marks), file=sys.stderr)


def text_bytes(texts: list[str]) -> int:
    """UTF-8."""
    return sum(len(text.encode(errors="replace")) for text in texts)


def client(store: Path) -> Any:
    """Chroma's client for a folder."""
    import chromadb

    return chromadb.PersistentClient(str(store), settings=chromadb.Settings(anonymized_telemetry=False))


def keep_off_tiles() -> None:
    """Let llama.cpp run where a processor's matrix tiles (AMX) are an illegal instruction to it, as ours does."""
    from rag.models.llama import _library

    _library()
