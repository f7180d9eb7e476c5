"""The LangChain script that guides teach: PyPDFLoader, recursive splitter, sentence-transformers, Chroma, LlamaCpp.

Settings stand in `common.py`, with the reason where one is not the framework's own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import (
    BATCH,
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
    Mark,
    client,
    keep_off_tiles,
    main,
    text_bytes,
)


def ingest(folder: Path, store: Path) -> dict[str, int]:
    """Read every PDF into a new store."""
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    files = sorted(folder.rglob("*.pdf"))
    pages = [page for path in files for page in PyPDFLoader(str(path)).load()]
    pieces = RecursiveCharacterTextSplitter(chunk_size=PIECE, chunk_overlap=OVERLAP).split_documents(pages)
    Chroma.from_documents(pieces, _embedder(), client=client(store), collection_name=COLLECTION)
    texts = [page.page_content for page in pages]
    return {"files": len(files), "pages": len(pages), "chunks": len(pieces), "text_bytes": text_bytes(texts)}


def ask(question: str, store: Path, mark: Mark) -> Iterator[str]:
    """Stream an answer."""
    from langchain_chroma import Chroma
    from langchain_community.llms import LlamaCpp

    keep_off_tiles()
    found = Chroma(COLLECTION, _embedder(), client=client(store))
    model = LlamaCpp(
        model_path=str(WEIGHTS),
        n_ctx=CONTEXT,
        n_batch=BATCH,
        n_threads=CORES,
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        repeat_penalty=REPEAT_PENALTY,
        verbose=False,
    )
    mark("loaded")
    pieces = found.as_retriever(search_kwargs={"k": NEAREST}).invoke(question)
    mark("passages")
    for count in range(len(pieces), 0, -1):  # a prompt beyond the context is an error
        context = "\n\n".join(piece.page_content for piece in pieces[:count])
        prompt = PROMPT.format(context=context, question=question)
        if model.get_num_tokens(prompt) < CONTEXT - MAX_TOKENS:
            break
    yield from model.stream(prompt)


def _embedder() -> Any:
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(model_name=str(EMBEDDER), model_kwargs={"device": "cpu"})


if __name__ == "__main__":
    main(ingest, ask, __doc__)
